"""Sign-ins of the page: a cookie's secret on one side, its hash and the person on the other.

A session ends when it was not used for a while, at a fixed time after the sign-in, on sign-out, and with its person.
It is nobody's while its school is not configured, or its person suspended; of a suspended school's people only
administrators have one, for what they may do then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, Select, delete, insert, or_, select, update

from cache.model import Scope
from gateway.db.engine import Database
from gateway.db.some import delete_some
from gateway.db.tables_people import persons, schools, sessions
from gateway.identity.people import People
from gateway.identity.schools import Schools
from gateway.identity.secrets import digest, new_secret
from gateway.ids import new_id
from gateway.policy import Principal

_USE_STEP: Final = 60_000
"""Use is noted once a minute, not with every request, ms."""


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session that was begun: the cookie's ``secret`` exists only here. ``ends`` in epoch ms."""

    id: str
    secret: str
    ends: int


class Sessions:
    """Begins, resolves and ends sessions. Times in seconds."""

    def __init__(
        self, database: Database, people: People, schools: Schools, *, idle: int = 3600, absolute: int = 28_800
    ) -> None:
        self._database = database
        self._people = people
        self._schools = schools
        self._idle = idle * 1000
        self._absolute = absolute * 1000

    async def begin(self, scope: Scope, proven_at: int, *, instead_of: str | None = None) -> NewSession:
        """A session of a person who proved at ``proven_at`` who they are. The cookie ``instead_of`` ends. NotActive."""
        assert scope.subject is not None
        made, secret = new_id(), new_secret()
        async with self._database.write() as tx:
            await self._people.require_entry(tx, scope.subject)
            now = await self._database.now(tx)
            if instead_of is not None:
                await tx.execute(delete(sessions).where(sessions.c.secret == digest(instead_of)))
            await tx.execute(
                insert(sessions).values(
                    id=made,
                    school=scope.tenant,
                    person=scope.subject,
                    secret=digest(secret),
                    signed_in_at=min(proven_at, now),
                    used=now,
                    ends=now + self._absolute,
                )
            )
        return NewSession(made, secret, now + self._absolute)

    async def resolve(self, cookie: str) -> Principal | None:
        """Who this cookie is, None where it is nobody (any more)."""
        mine = sessions.c.secret == digest(cookie)
        now = await self._database.now()
        async with self._database.read() as tx:
            row = (await tx.execute(_alive(now, now - self._idle).where(mine))).one_or_none()
        if row is None or not self._schools.knows(row.school):
            return None
        await self._note_use(row, now)
        return Principal(
            row.person, row.school, row.role, row.age_band, "page", row.id, row.signed_in_at,
            contained=row.state != "active",
        )  # fmt: skip

    async def lives(self, principal: Principal, *, using: bool) -> bool:
        """Whether this very session and its person are alive; ``using`` notes use, as `resolve` does."""
        async with self._database.read() as tx:
            now = await self._database.now(tx)
            mine = (sessions.c.id == principal.session) & (sessions.c.person == principal.person)
            row = (await tx.execute(_alive(now, now - self._idle).where(mine))).one_or_none()
        if row is None:
            return False
        if using:
            await self._note_use(row, now)
        return True

    async def _note_use(self, row: Row[Any], now: int) -> None:
        if row.used < now - _USE_STEP:
            async with self._database.write() as tx:
                await tx.execute(update(sessions).where(sessions.c.id == row.id).values(used=now))

    async def end(self, principal: Principal) -> None:
        """Sign this session out."""
        async with self._database.write() as tx:
            mine = (sessions.c.id == principal.session) & (sessions.c.person == principal.person)
            await tx.execute(delete(sessions).where(mine))

    async def sweep(self, limit: int) -> int:
        """Delete what has ended, at most ``limit``; how many."""
        now = await self._database.now()
        over = (sessions.c.ends <= now) | (sessions.c.used <= now - self._idle)
        async with self._database.write() as tx:
            return await delete_some(tx, sessions, over, limit)


def _alive(now: int, idle: int) -> Select[Any]:
    """Sessions that are alive, and whose person is."""
    wanted = select(
        sessions.c.id,
        sessions.c.person,
        sessions.c.signed_in_at,
        sessions.c.used,
        persons.c.school,
        persons.c.role,
        persons.c.age_band,
        schools.c.state,
    ).join(persons, (persons.c.id == sessions.c.person) & (persons.c.school == sessions.c.school))
    entering = or_(schools.c.state == "active", persons.c.role == "administrator")
    alive = wanted.join(schools, schools.c.id == sessions.c.school).where(entering)
    return alive.where(sessions.c.ends > now, sessions.c.used > idle, persons.c.state == "active")
