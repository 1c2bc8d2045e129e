"""Privacy notices and terms of use, by version: which one holds at a school, and what the school must accept first.

A version's text is part of the program and never changes: a changed text is a new version. One that changes nothing
material holds at once. A material one is announced to the school, at its own address too where it has set one, and
holds from the moment at which one of its administrators accepts it; until then the one before holds, and nothing that
comes after it does either.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final, Literal

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.database import insert_if_absent
from gateway.db.engine import Database
from gateway.db.tables_rights import notice_states
from gateway.ledger import Event, Ledger
from gateway.policy import POLICY_VERSION, Principal
from gateway.webhooks import outbox

EVENT: Final = "notice.announced"
"""The entry in the ledger, and the message by which a school is told."""
Kind = Literal["privacy", "terms"]
KINDS: Final[tuple[Kind, ...]] = ("privacy", "terms")


@dataclass(frozen=True, slots=True)
class Notice:
    """One version: ``text`` in paragraphs, ``changes`` what is new in it, both sentences for a person.

    ``since``: from this day on it is part of the program. ``material``: it holds only where it was accepted.
    """

    kind: Kind
    version: int
    since: date
    title: str
    text: tuple[str, ...]
    changes: str = ""
    material: bool = False

    @property
    def fingerprint(self) -> str:
        """A hash of what it says, in hexadecimal: accepted is this text, not a number."""
        return hashlib.sha256("\0".join((self.kind, self.title, *self.text)).encode()).hexdigest()


State = Literal["held", "holds", "announced"]


@dataclass(frozen=True, slots=True)
class Standing:
    """A version at a school: it held before, holds now, or is announced. Times in epoch ms.

    ``holds_since``: when it began to hold there. ``acceptable``: it is the next one, and waits for the school.
    """

    notice: Notice
    state: State
    holds_since: int | None
    accepted: int | None
    acceptable: bool


class NotAcceptable(Exception):
    """There is no such version, or it is not the next one that waits for the school."""


class Notices:
    """The notices of all schools."""

    def __init__(self, database: Database, ledger: Ledger, all_of_them: Iterable[Notice]) -> None:
        """ValueError where versions are missing, or the first is said to be material."""
        self._database = database
        self._ledger = ledger
        self._notices = {kind: _ordered(kind, all_of_them) for kind in KINDS}

    async def standing(self, school: str) -> Sequence[Standing]:
        """Every version of every kind, the oldest first."""
        async with self._database.read() as tx:
            accepted = await self._accepted(tx, school)
        return [one for kind in KINDS for one in self._stand(kind, accepted)]

    async def holding(self, school: str) -> Sequence[Standing]:
        """What holds now, one version of each kind."""
        return [one for one in await self.standing(school) if one.state == "holds"]

    async def waiting(self, school: str) -> int:
        """How many versions the school can accept now."""
        return sum(one.acceptable for one in await self.standing(school)) if self._any_material else 0

    @property
    def _any_material(self) -> bool:
        return any(notice.material for kind in KINDS for notice in self._notices[kind])

    def _stand(self, kind: Kind, accepted: Mapping[tuple[str, int, str], int]) -> Sequence[Standing]:
        found: list[Standing] = []
        for notice in self._notices[kind]:
            at = accepted.get((kind, notice.version, notice.fingerprint))
            waits = notice.material and at is None
            blocked = bool(found) and found[-1].state == "announced"
            if waits or blocked:
                found.append(Standing(notice, "announced", None, at, acceptable=not blocked))
                continue
            since = max(_midnight(notice.since), at or 0)
            found = [_replaced(one) for one in found]
            found.append(Standing(notice, "holds", since, at, acceptable=False))
        return found

    async def _accepted(self, tx: AsyncConnection, school: str) -> Mapping[tuple[str, int, str], int]:
        mine = (notice_states.c.school == school) & notice_states.c.accepted.is_not(None)
        rows = await tx.execute(select(notice_states).where(mine))
        return {(row.kind, row.version, row.fingerprint): row.accepted for row in rows}

    async def accept(self, admin: Principal, kind: str, version: int) -> None:
        """The school accepts the version that waits for it. May be repeated. NotAcceptable."""
        standing = {(one.notice.kind, one.notice.version): one for one in await self.standing(admin.school)}
        one = next((one for place, one in standing.items() if place == (kind, version)), None)
        if one is not None and one.accepted is not None:
            return
        if one is None or not one.acceptable:
            raise NotAcceptable
        async with self._database.write() as tx:
            now = await self._database.now(tx)
            await insert_if_absent(tx, notice_states, _row(admin.school, one.notice, now))
            mine = (notice_states.c.school == admin.school) & (notice_states.c.kind == kind)
            this = mine & (notice_states.c.version == version) & notice_states.c.accepted.is_(None)
            values = {"accepted": now, "fingerprint": one.notice.fingerprint}
            if (await tx.execute(update(notice_states).where(this).values(**values))).rowcount == 1:
                told = {"notice": kind, "version": version, "fingerprint": one.notice.fingerprint}
                event = Event("notice.accepted", admin.person, None, None, POLICY_VERSION, told)
                await self._ledger.append(tx, admin.school, event)

    async def announce(self, schools: Callable[[], Iterable[str]]) -> int:
        """Tell every school once of each version that waits for it. How many were told."""
        count = 0
        if self._any_material:
            for school in schools():
                for one in await self.standing(school):
                    if one.state == "announced":
                        count += await self._announce(school, one.notice)
        return count

    async def _announce(self, school: str, notice: Notice) -> bool:
        async with self._database.write() as tx:
            now = await self._database.now(tx)
            new = await insert_if_absent(tx, notice_states, _row(school, notice, now))
            if new:
                one = {"notice": notice.kind, "version": notice.version}
                data = {"school": school, **one}
                await outbox.put(tx, school=school, person="", kind=EVENT, now=now, lasted=outbox.ALWAYS, data=data)
                told = {**one, "fingerprint": notice.fingerprint}
                await self._ledger.tell(tx, school, Event(EVENT, None, None, None, POLICY_VERSION, told))
        return new


def _row(school: str, notice: Notice, now: int) -> Mapping[str, str | int]:
    told: dict[str, str | int] = {"school": school, "kind": notice.kind, "version": notice.version}
    return {**told, "fingerprint": notice.fingerprint, "announced": now}


def _ordered(kind: Kind, all_of_them: Iterable[Notice]) -> Sequence[Notice]:
    found = sorted((one for one in all_of_them if one.kind == kind), key=lambda one: one.version)
    if [one.version for one in found] != list(range(1, len(found) + 1)):
        raise ValueError("the versions of a notice are 1, 2, 3 … without a gap")
    if found and found[0].material:
        raise ValueError("the first version holds from the start")
    return found


def _replaced(one: Standing) -> Standing:
    return Standing(one.notice, "held", one.holds_since, one.accepted, acceptable=False)


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
