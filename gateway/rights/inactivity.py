"""People who were away for long: where their school wants it, they are told, and after the notice they are forgotten.

Away is who neither signed in nor used the browser extension. Whoever comes back before the day is told of nothing more.
Who could not come back, because they, their school or their key were suspended or the school is not configured, has no
day, and afterwards the whole notice.
The notice goes to the person, who reads it when they sign in, and to the school, which sees who would go and when.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, exists, insert, or_, select
from sqlalchemy.exc import IntegrityError

from cache.errors import Suspended
from cache.model import Scope
from gateway.db.engine import Database
from gateway.db.tables_containment import containments
from gateway.db.tables_people import client_grants, persons
from gateway.db.tables_rights import inactivity
from gateway.ledger import Event, Ledger
from gateway.policy import POLICY_VERSION
from gateway.rights.notifications import Notifications
from gateway.schools import DAY, Retention, Retentions
from gateway.suspended import ACTIVE, Kind, suspended_schools

EVERY: Final = 3600.0
"""Seconds between two looks: days are counted here."""
AT_ONCE: Final = 10
"""People whose forgetting one step begins."""

Forget = Callable[[Scope], Awaitable[object]]
"""Begins to forget a person; where that runs already, it does nothing."""


@dataclass(frozen=True, slots=True)
class Away:
    """Somebody who will be forgotten: ``person``, when they and the school were told, and when it is due, epoch ms."""

    person: str
    noticed: int
    due: int


class Inactivity:
    """Looks after all schools that want it."""

    def __init__(
        self, database: Database, retentions: Retentions, ledger: Ledger, notifications: Notifications, forget: Forget,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._database = database
        self._retentions = retentions
        self._ledger = ledger
        self._notifications = notifications
        self._forget = forget
        self._clock = clock
        self._next = 0.0

    async def of_school(
        self, school: str, after: tuple[int, str] | None = None, limit: int = 50
    ) -> tuple[Sequence[Away], tuple[int, str] | None]:
        """Who will be forgotten at a school, the first in front, and where the next page begins."""
        query = select(inactivity).where(inactivity.c.school == school)
        if after is not None:
            due, last = after
            same = (inactivity.c.due == due) & (inactivity.c.person > last)
            query = query.where(or_(inactivity.c.due > due, same))
        async with self._database.read() as tx:
            rows = (await tx.execute(query.order_by(inactivity.c.due, inactivity.c.person).limit(limit + 1))).all()
        found = [Away(row.person, row.noticed, row.due) for row in rows[:limit]]
        return found, (found[-1].due, found[-1].person) if len(rows) > limit else None

    async def sweep(self, limit: int, configured: Collection[str]) -> int:
        """One look: let go of who came back, tell who is away, forget whose time is over. How many of them all.

        ``configured``: the schools that can be signed in to.
        """
        if self._clock() < self._next:
            return 0
        done = 0
        wanted = set(await self._retentions.differing("inactive_days")) & set(configured)
        done += await self._let_go(wanted)
        for school in sorted(wanted):
            done += await self._tell(school, self._retentions.known(school), limit)
            done += await self._end(school, self._retentions.known(school))
        if not done:
            self._next = self._clock() + EVERY
        return done

    async def _let_go(self, schools: set[str]) -> int:
        """Of those who came back or are no longer there, and of schools that do not want it any more."""
        back = exists().where(
            persons.c.id == inactivity.c.person,
            or_(persons.c.state != "active", persons.c.seen > inactivity.c.noticed, _shut_out()),
        )
        used = exists().where(
            client_grants.c.person == inactivity.c.person, client_grants.c.used > inactivity.c.noticed
        )
        async with self._database.write() as tx:
            gone = delete(inactivity).where(or_(back, used, inactivity.c.school.not_in(list(schools))))
            return (await tx.execute(gone)).rowcount

    async def _tell(self, school: str, holds: Retention, limit: int) -> int:
        assert holds.inactive_days is not None
        async with self._database.read() as tx:
            now = await self._database.now(tx)
            before = now - (holds.inactive_days - holds.notice_days) * DAY
            known = exists().where(inactivity.c.person == persons.c.id)
            query = select(persons.c.id, persons.c.seen).where(persons.c.school == school, _away(before), ~known)
            rows = (await tx.execute(query.limit(limit))).all()
        told = 0
        for row in rows:
            due = max(now + holds.notice_days * DAY, row.seen + holds.inactive_days * DAY)
            told += await self._notice(Scope(school, row.id), now, due)
        return told

    async def _notice(self, scope: Scope, now: int, due: int) -> bool:
        """Whether they were told now. Who can be told nothing, because a key may not be used, has no day either."""
        try:
            async with self._database.write() as tx:
                row = {"person": scope.subject, "school": scope.tenant, "noticed": now, "due": due}
                await tx.execute(insert(inactivity).values(**row))
                await self._notifications.tell(tx, scope, "inactive", due=due)
                event = Event("person.inactive", None, scope.subject, None, POLICY_VERSION, {"due": due})
                await self._ledger.append(tx, scope.tenant, event)
        except (IntegrityError, Suspended):  # another worker was quicker; or a suspension was
            return False
        return True

    async def _end(self, school: str, holds: Retention) -> int:
        """Begin to forget whose time is over, a few at a time."""
        assert holds.inactive_days is not None
        async with self._database.read() as tx:
            now = await self._database.now(tx)
            before = now - holds.inactive_days * DAY
            query = select(inactivity.c.person).join(persons, persons.c.id == inactivity.c.person)
            due = query.where(inactivity.c.school == school, inactivity.c.due <= now, _away(before))
            people = list((await tx.execute(due.limit(AT_ONCE))).scalars())
        for person in people:
            event = Event("person.inactive_forgotten", None, person, None, POLICY_VERSION)
            await self._ledger.record(school, event)
            await self._forget(Scope(school, person))
        return len(people)


def _away(before: int) -> ColumnElement[Any]:
    """People who were not here since then, in epoch ms."""
    used = exists().where(client_grants.c.person == persons.c.id, client_grants.c.used >= before)
    return (persons.c.state == "active") & (persons.c.seen < before) & ~used & ~_shut_out()


def _shut_out() -> ColumnElement[bool]:
    """People who cannot sign in for now: their school is suspended, or a key of theirs or their school's is."""
    key = (containments.c.kind == Kind.KEY) & (containments.c.school == persons.c.school)
    whose = containments.c.person.is_(None) | (containments.c.person == persons.c.id)
    return or_(persons.c.school.in_(suspended_schools()), exists().where(ACTIVE, key, whose))
