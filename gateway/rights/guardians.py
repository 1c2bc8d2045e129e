"""Guardians: who may use a child's rights, for what, and until when.

The school's administrators make and end links; child, guardian and school see them. A link counts only while the child
is a minor by what the school's directory said last, however late its own end. That a link has ended stands in the
erasure journal, so that an older copy of the database does not bring it back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal, Protocol

import structlog
from sqlalchemy import Row, Select, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.errors import Missing, Shredded, Suspended
from cache.model import Scope
from gateway.db.engine import Database
from gateway.db.tables_people import guardian_links, persons
from gateway.erasure.journal import Line
from gateway.erasure.restoring import Hook
from gateway.ids import new_id
from gateway.ledger import Event, Ledger
from gateway.policy import POLICY_VERSION, AgeBand, Principal
from gateway.rights.notifications import Notifications

log = structlog.get_logger()

Right = Literal["review", "correct", "export", "erase"]
RIGHTS: Final[tuple[Right, ...]] = ("review", "correct", "export", "erase")
SCOPE: Final = "guardian_ended"
"""The journal's word for a link that has ended."""
_YEAR: Final = 366 * 24 * 60 * 60 * 1000
LONGEST: Final[Mapping[AgeBand, int]] = MappingProxyType(
    {"under_13": 15 * _YEAR, "13_15": 5 * _YEAR, "16_17": 2 * _YEAR, "adult": 0}
)
"""In how many ms the youngest of an age band comes of age, who is at school: no link ends later than that."""


class LinkRefused(Exception):
    """Why there can be no such link: ``code`` is nobody, child_adult, guardian_minor, oneself, too_late or linked."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class NoLink(Exception):
    """There is no such link."""


class Journalling(Protocol):
    """Writes a line that no restore undoes, and makes it so: `gateway.erasure.restoring.Restorer`."""

    async def record(self, line: Line, also: Hook | None = None) -> Line: ...


@dataclass(frozen=True, slots=True)
class Link:
    """``guardian`` may use ``rights`` of ``child`` until ``ends``, epoch ms. All random ids."""

    id: str
    school: str
    child: str
    guardian: str
    rights: tuple[Right, ...]
    made: int
    ends: int


class Guardians:
    """The links of all schools."""

    def __init__(
        self, database: Database, ledger: Ledger, notifications: Notifications, journal: Journalling
    ) -> None:  # fmt: skip
        self._database = database
        self._ledger = ledger
        self._notifications = notifications
        self._journal = journal
        self._gone: set[str] = set()

    async def make(
        self, admin: Principal, child: str, guardian: str, rights: Sequence[Right], ends: int
    ) -> Link:  # fmt: skip
        """A new link on the word of one of the school's administrators. LinkRefused."""
        kept = tuple(right for right in RIGHTS if right in rights)
        made = new_id()
        values = {"id": made, "school": admin.school, "person": child, "guardian": guardian, "ends": ends}
        try:
            async with self._database.write() as tx:
                now = await self._database.now(tx)
                await self._check(tx, admin.school, child, guardian, ends - now)
                await tx.execute(insert(guardian_links).values(**values, scope=" ".join(kept), made=now))
                link = Link(made, admin.school, child, guardian, kept, now, ends)
                await self._told(tx, link, "linked", admin.person, rights=list(kept), ends=ends)
        except IntegrityError:
            raise LinkRefused("linked") from None
        return link

    async def _check(self, tx: AsyncConnection, school: str, child: str, guardian: str, life: int) -> None:
        columns = (persons.c.id, persons.c.age_band, persons.c.role)
        both = (persons.c.id.in_((child, guardian)), persons.c.school == school, persons.c.state == "active")
        found = {row.id: row for row in await tx.execute(select(*columns).where(*both).with_for_update(read=True))}
        if child == guardian:
            raise LinkRefused("oneself")
        if set(found) != {child, guardian}:
            raise LinkRefused("nobody")
        if found[child].age_band == "adult":
            raise LinkRefused("child_adult")
        if found[guardian].role == "student" and found[guardian].age_band != "adult":
            raise LinkRefused("guardian_minor")
        if not 0 < life <= LONGEST[found[child].age_band]:
            raise LinkRefused("too_late")

    async def _told(
        self, tx: AsyncConnection, link: Link, what: Literal["linked", "ended"], by: str | None, **details: Any
    ) -> None:
        """Both are told, as far as they are there and their keys may be used; the entry is about the child."""
        for whom, kind in ((link.child, f"guardian_{what}"), (link.guardian, f"child_{what}")):
            try:
                await self._notifications.tell(tx, Scope(link.school, whom), kind, link=link.id)
            except (Missing, Shredded, Suspended):
                log.info("nobody_to_tell", kind=kind)
        told = {"link": link.id, "guardian": link.guardian, **details}
        await self._ledger.tell(tx, link.school, Event(f"guardian.{what}", by, link.child, None, POLICY_VERSION, told))

    async def end(self, admin: Principal, link: str) -> None:
        """The school ends a link. NoLink. OSError where the journal cannot be written: nothing has changed then."""
        async with self._database.read() as tx:
            query = select(guardian_links).where(guardian_links.c.id == link, guardian_links.c.school == admin.school)
            row = (await tx.execute(query)).one_or_none()
        if row is None:
            raise NoLink
        await self._end(_link(row), admin.person, "school")

    async def _end(self, link: Link, by: str | None, why: str) -> None:
        async def also(tx: AsyncConnection) -> None:
            if link.id in self._gone:  # else somebody else was quicker, and told it
                self._gone.discard(link.id)
                await self._told(tx, link, "ended", by, why=why)

        now = await self._database.now()
        await self._journal.record(Line(0, link.id, link.school, link.child, SCOPE, now), also)

    async def replay(self, tx: AsyncConnection, line: Line) -> None:
        """What the journal's line says: this link is over."""
        gone = await tx.execute(delete(guardian_links).where(guardian_links.c.id == line.erasure))
        if gone.rowcount == 1:
            self._gone.add(line.erasure)

    async def arrived(self, scope: Scope) -> None:
        """The child signed in, and the directory told their age: who is of age has no guardian any more.

        Never raises: whoever cannot be ended now counts for nothing all the same, and is ended another time.
        """
        async with self._database.read() as tx:
            band = select(persons.c.age_band).where(persons.c.id == scope.subject)
            age: AgeBand = (await tx.execute(band)).scalar_one()
            links = await _found(tx, select(guardian_links).where(guardian_links.c.person == scope.subject))
        if not links:
            return
        if age != "adult":
            latest = await self._database.now() + LONGEST[age]
            mine = (guardian_links.c.person == scope.subject) & (guardian_links.c.ends > latest)
            async with self._database.write() as tx:
                await tx.execute(update(guardian_links).where(mine).values(ends=latest))
            return
        for link in links:
            try:
                await self._end(link, None, "of_age")
            except OSError as error:
                log.warning("guardian_not_ended", why=type(error).__name__)

    async def over(self, guardian: Principal, child: str) -> Link | None:
        """The link by which this person may use the child's rights now, None where there is none."""
        mine = (guardian_links.c.guardian == guardian.person) & (guardian_links.c.person == child)
        async with self._database.read() as tx:
            now = await self._database.now(tx)
            links = await _found(tx, _living(now).where(mine, guardian_links.c.school == guardian.school))
        return links[0] if links else None

    async def children(self, scope: Scope) -> Sequence[Link]:
        """The living links of a guardian."""
        async with self._database.read() as tx:
            now = await self._database.now(tx)
            return await _found(tx, _living(now).where(guardian_links.c.guardian == scope.subject))

    async def of(self, scope: Scope) -> Sequence[Link]:
        """The living links of a child."""
        async with self._database.read() as tx:
            now = await self._database.now(tx)
            return await _found(tx, _living(now).where(guardian_links.c.person == scope.subject))

    async def of_school(self, school: str, after: str = "", limit: int = 100) -> Sequence[Link]:
        """All links of a school in the order of their ids: a page for its administrators."""
        query = select(guardian_links).where(guardian_links.c.school == school, guardian_links.c.id > after)
        async with self._database.read() as tx:
            return await _found(tx, query.order_by(guardian_links.c.id).limit(limit))

    async def sweep(self, limit: int) -> int:
        """End links whose day has come, or whose child is of age. How many."""
        async with self._database.read() as tx:
            now = await self._database.now(tx)
            child = select(persons.c.id).where(persons.c.age_band == "adult")
            over = (guardian_links.c.ends <= now) | guardian_links.c.person.in_(child)
            links = await _found(tx, select(guardian_links).where(over).limit(limit))
        for link in links:
            await self._end(link, None, "day" if link.ends <= now else "of_age")
        return len(links)


def _living(now: int) -> Select[Any]:
    """Links that count: their day has not come, and the child is a minor who is there."""
    child = (persons.c.id == guardian_links.c.person) & (persons.c.school == guardian_links.c.school)
    there = persons.c.state.in_(("active", "suspended")) & (persons.c.age_band != "adult")
    return select(guardian_links).join(persons, child).where(there, guardian_links.c.ends > now)


async def _found(tx: AsyncConnection, query: Select[Any]) -> Sequence[Link]:
    return [_link(row) for row in (await tx.execute(query)).all()]


def _link(row: Row[Any]) -> Link:
    rights = tuple(right for right in RIGHTS if right in row.scope.split())
    return Link(row.id, row.school, row.person, row.guardian, rights, row.made, row.ends)
