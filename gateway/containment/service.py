"""Switches that cut off access at once and can be lifted again: set here, obeyed by the rooms that grant the access.

The state is in the database before anybody is told that it holds, and every process reads it with each use. What a
restored database must not forget, the erasure journal notes right after; the sweep notes what a crash left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

import structlog
from sqlalchemy import ColumnElement, RowMapping, and_, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.database import insert_if_absent
from cache.errors import Missing
from cache.model import KeyVersion, Scope
from cache.vault import Vault
from gateway.books import DEPLOYMENT, Books
from gateway.containment.errors import Already, NoSuchContainment, NoSuchTarget, OwnAccess
from gateway.containment.model import STATES, Containment, Target, Word
from gateway.containment.reasons import Reasons
from gateway.db.engine import Database
from gateway.db.tables_containment import containments
from gateway.db.tables_erasure import signing_keys
from gateway.db.tables_people import accounts, client_grants, persons, schools
from gateway.ids import new_id
from gateway.ledger import Event, Ledger
from gateway.policy import POLICY_VERSION
from gateway.suspended import ACTIVE, Kind

log = structlog.get_logger()

SUSPENDED: Final = "suspended"
RESUMED: Final = "resumed"
_PRESENT: Final = ("active", SUSPENDED)


class Line(Protocol):
    """What is read of an entry of the erasure journal."""

    @property
    def sequence(self) -> int: ...
    @property
    def erasure(self) -> str: ...
    @property
    def school(self) -> str: ...
    @property
    def person(self) -> str: ...
    @property
    def at(self) -> int: ...
    @property
    def note(self) -> str | None: ...


class Journal(Protocol):
    """Where suspensions are noted, so that no restore lifts them."""

    async def note(self, noted: str, school: str, person: str, scope: str, at: int, note: str | None, /) -> int:
        """One entry, durable on return; its sequence. The same one is written once. OSError."""
        ...

    async def seen(self, tx: AsyncConnection, *sequences: int) -> None:
        """What these entries say holds in the database. The last thing in ``tx``."""
        ...


class Containments:
    """The suspensions of all schools. ``journal`` None: another process notes them, as the running gateway's sweep."""

    def __init__(
        self, vault: Vault, database: Database, ledger: Ledger, books: Books, journal: Journal | None = None
    ) -> None:
        self._vault = vault
        self._database = database
        self._ledger = ledger
        self._reasons = Reasons(vault, books)
        self._journal = journal

    async def begin(self, word: Word, target: Target, reason: str, incident: str | None = None) -> Containment:
        """From the return on it is suspended everywhere; a key within a second. NoSuchTarget, Already, OwnAccess."""
        if word.by is not None and target == Target(Kind.PERSON, word.by):
            raise OwnAccess
        made = new_id()
        try:
            async with self._database.write() as tx:
                await self._begin(tx, word, target, reason, made, incident)
        except IntegrityError:
            raise Already from None
        return await self._done(word.school, made)

    async def _begin(
        self, tx: AsyncConnection, word: Word, target: Target, reason: str, made: str, incident: str | None
    ) -> None:
        person = await self._whose(tx, word, target)
        await tx.execute(
            insert(containments).values(
                id=made, school=word.school, kind=target.kind, target=target.text, person=person, incident=incident,
                began=await self._database.now(tx), by=word.by,
            )
        )  # fmt: skip
        await self._reasons.add(tx, made, word.school, _sealed_for(target.kind, person), reason, lifting=False)
        await self._turn(tx, word.school, target, suspended=True)
        await self._tell(tx, word, f"contained.{target.kind}", person, made)

    async def lift(self, word: Word, containment: str, reason: str) -> Containment:
        """Access is as before. NoSuchContainment, Already."""
        async with self._database.write() as tx:
            row = await self._locked(tx, word.school, containment)
            if row["lifted"] is not None:
                raise Already
            target = Target.of(row["kind"], row["target"])
            ended = {"lifted": await self._database.now(tx), "lifted_by": word.by}
            await tx.execute(update(containments).where(containments.c.id == containment).values(**ended))
            whose = _sealed_for(target.kind, row["person"])
            await self._reasons.add(tx, containment, row["school"], whose, reason, lifting=True)
            await self._turn(tx, word.school, target, suspended=False)
            await self._tell(tx, word, f"released.{target.kind}", row["person"], containment)
        return await self._done(word.school, containment)

    async def get(self, school: str, containment: str) -> Containment:
        """One of the school's. NoSuchContainment."""
        mine = (containments.c.id == containment) & (containments.c.school == school)
        async with self._database.read() as tx:
            row = (await tx.execute(select(containments).where(mine))).mappings().one_or_none()
        if row is None:
            raise NoSuchContainment
        return await self._opened(row)

    async def list(
        self, school: str, *, active: bool | None = None, before: tuple[int, str] | None = None, limit: int = 50
    ) -> tuple[Sequence[Containment], tuple[int, str] | None]:
        """The school's, the newest first, and where the next page begins. ``active``: only these, or the others."""
        query = select(containments).where(containments.c.school == school)
        if active is not None:
            query = query.where(ACTIVE if active else containments.c.lifted.is_not(None))
        if before is not None:
            query = query.where(_older(*before))
        query = query.order_by(containments.c.began.desc(), containments.c.id.desc()).limit(limit + 1)
        async with self._database.read() as tx:
            rows = (await tx.execute(query)).mappings().all()
        found = [await self._opened(row) for row in rows[:limit]]
        return found, (found[-1].began, found[-1].id) if len(rows) > limit else None

    async def school_of(self, containment: str) -> str:
        """The school that it is of, for the operator. NoSuchContainment."""
        async with self._database.read() as tx:
            found = await tx.execute(select(containments.c.school).where(containments.c.id == containment))
        school = found.scalar_one_or_none()
        if school is None:
            raise NoSuchContainment
        return str(school)

    async def keys(self, school: str, person: str | None) -> Sequence[KeyVersion]:
        """The versions of the key of a person of the school, or with None of the school. NoSuchTarget."""
        async with self._database.read() as tx:
            found = await self._vault.versions(tx, Scope(school, person))
        if not found:
            raise NoSuchTarget
        return found

    async def sweep(self, limit: int) -> int:
        """Note in the journal what is not noted there yet; how many."""
        if self._journal is None:
            return 0
        lifted = containments.c.lifted.is_not(None) & containments.c.lift_noted.is_(None)
        open_ones = select(containments).where(or_(containments.c.noted.is_(None), lifted))
        async with self._database.read() as tx:
            rows = (await tx.execute(open_ones.order_by(containments.c.began).limit(limit))).mappings().all()
        for row in rows:
            await self._note(self._journal, row)
        return len(rows)

    async def suspended(self, tx: AsyncConnection, line: Line) -> None:
        """Make it so again, after a restore: the journal's handler. What was lifted since stays lifted."""
        target = _noted(line)
        row = {"id": line.erasure, "school": line.school, "kind": target.kind, "target": target.text, "began": line.at}
        noted = {"person": line.person or None, "noted": line.sequence}
        await insert_if_absent(tx, containments, {**row, **noted})
        held = select(containments.c.id).where(containments.c.id == line.erasure, ACTIVE)
        if (await tx.execute(held)).first() is not None:
            try:
                await self._turn(tx, line.school, target, suspended=True)
            except NoSuchTarget:  # a version that the copy does not have: nothing in it is under that
                log.warning("nothing_to_suspend", kind=target.kind)

    async def resumed(self, tx: AsyncConnection, line: Line) -> None:
        """It was lifted: the journal's handler."""
        mine = containments.c.id == line.erasure
        ended = {"lifted": line.at, "lift_noted": line.sequence}
        lifted = update(containments).where(mine, ACTIVE).values(**ended).returning(containments)
        if (row := (await tx.execute(lifted)).mappings().one_or_none()) is not None:
            await self._turn(tx, line.school, Target.of(row["kind"], row["target"]), suspended=False)

    async def _whose(self, tx: AsyncConnection, word: Word, target: Target) -> str | None:
        """The person it is of, None for the school's own; it is there, and stays so until the end. NoSuchTarget."""
        if target.kind is Kind.SCHOOL:
            found = select(schools.c.id).where(schools.c.id == word.school, schools.c.id == target.id)
        elif target.kind is Kind.CONNECTION:
            mine = (accounts.c.id == target.id) & (accounts.c.school == word.school) & (accounts.c.state != "closed")
            found = select(accounts.c.person).where(mine)
        elif target.kind is Kind.CLIENT:
            mine = (client_grants.c.id == target.id) & (client_grants.c.school == word.school)
            found = select(client_grants.c.person).where(mine)
        elif target.kind is Kind.SIGNING:
            which = target.id if word.school == DEPLOYMENT else ""
            found = select(signing_keys.c.id).where(signing_keys.c.id == which)
        elif target.id:
            mine = (persons.c.id == target.id) & (persons.c.school == word.school) & persons.c.state.in_(_PRESENT)
            found = select(persons.c.id).where(mine)
        else:
            found = select(schools.c.id).where(schools.c.id == word.school)
        whose = (await tx.execute(found.with_for_update())).scalar_one_or_none()
        if whose is None:
            raise NoSuchTarget
        own = target.kind in (Kind.SCHOOL, Kind.SIGNING) or not target.id
        return None if own else str(whose)

    async def _turn(self, tx: AsyncConnection, school: str, target: Target, *, suspended: bool) -> None:
        """Set the state that is obeyed. Connections and sign-ins have none but the row itself. NoSuchTarget."""
        before, after = ("active", SUSPENDED) if suspended else (SUSPENDED, "active")
        if target.kind is Kind.SCHOOL:
            await tx.execute(
                update(schools).where(schools.c.id == school, schools.c.state == before).values(state=after)
            )
        elif target.kind is Kind.PERSON:
            mine = and_(persons.c.id == target.id, persons.c.school == school, persons.c.state == before)
            await tx.execute(update(persons).where(mine).values(state=after))
        elif target.kind is Kind.KEY:
            assert target.version is not None
            turn = self._vault.suspend if suspended else self._vault.resume
            try:
                await turn(tx, Scope(school, target.id or None), target.version)
            except Missing:
                raise NoSuchTarget from None

    async def _done(self, school: str, containment: str) -> Containment:
        """After the commit: tell other processes, note it in the journal, look at what is."""
        await self._vault.hasten()
        async with self._database.read() as tx:
            row = (await tx.execute(select(containments).where(containments.c.id == containment))).mappings().one()
        if self._journal is not None:
            try:
                await self._note(self._journal, row)
            except Exception as error:  # noqa: BLE001  # it holds already; the sweep notes it as soon as it can
                log.warning("containment_not_noted", why=type(error).__name__)
        return await self._opened(row)

    async def _note(self, journal: Journal, row: RowMapping) -> None:
        told, what = (row["id"], row["school"], row["person"] or ""), _note(row)
        noted = {"noted": row["noted"] or await journal.note(*told, SUSPENDED, row["began"], what)}
        if row["lifted"] is not None:
            noted["lift_noted"] = row["lift_noted"] or await journal.note(*told, RESUMED, row["lifted"], what)
        async with self._database.write() as tx:
            await tx.execute(update(containments).where(containments.c.id == row["id"]).values(**noted))
            await journal.seen(tx, *noted.values())

    async def _locked(self, tx: AsyncConnection, school: str, containment: str) -> RowMapping:
        mine = (containments.c.id == containment) & (containments.c.school == school)
        row = (await tx.execute(select(containments).where(mine).with_for_update())).mappings().one_or_none()
        if row is None:
            raise NoSuchContainment
        return row

    async def _opened(self, row: RowMapping) -> Containment:
        async with self._database.read() as tx:
            words = await self._reasons.of(row["id"], tx)
        same = ("id", "school", "person", "incident", "began", "by", "lifted", "lifted_by")
        kept: dict[str, Any] = {name: row[name] for name in same}
        target = Target.of(row["kind"], row["target"])
        return Containment(**kept, target=target, reason=words.get(False), lift_reason=words.get(True))

    async def _tell(self, tx: AsyncConnection, word: Word, action: str, person: str | None, made: str) -> None:
        """No details: they would need a key that may just have been suspended."""
        await self._ledger.append(tx, word.school, Event(action, word.by, person, made, POLICY_VERSION))


def _note(row: RowMapping) -> str | None:
    """What the journal must know besides the ids; of a person or a school nothing."""
    return None if row["kind"] in STATES else f"{row['kind']} {row['target']}"


def _noted(line: Line) -> Target:
    """What the journal's line suspends."""
    if line.note is None:
        return Target(Kind.PERSON if line.person else Kind.SCHOOL, line.person or line.school)
    kind, _, text = line.note.partition(" ")
    return Target.of(kind, text)


def _sealed_for(kind: Kind, person: str | None) -> str | None:
    """Under whose key the reason is: that of a suspended key not under that key."""
    return None if kind is Kind.KEY else person


def _older(began: int, last: str) -> ColumnElement[bool]:
    return (containments.c.began < began) | ((containments.c.began == began) & (containments.c.id < last))
