"""Exports that were asked for: each with a link that works once, for minutes, for whoever asked and nobody else.

    waiting ──> sending ──> done
       │           └──────> broken   the download ended early: a new link brings it again
       └──> unused                   its time is over, or a later link of the same took its place

The person is told of each, whoever asked, and the ledger knows before the first byte leaves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, and_, insert, or_, select, update

from cache.model import Scope
from gateway.db.engine import Database
from gateway.db.some import delete_some
from gateway.db.tables_rights import exports
from gateway.identity.secrets import digest, new_secret
from gateway.ids import new_id
from gateway.ledger import Ledger
from gateway.policy import Principal
from gateway.rights.acting import Acting
from gateway.rights.notifications import Notifications

LINK_LIFE: Final = 15 * 60_000
"""How long a link waits to be used, ms."""
LONGEST: Final = 24 * 3_600_000
"""A download that has not ended after so long has broken, ms."""


class NoExport(Exception):
    """There is no such link for this person, or it was used."""


@dataclass(frozen=True, slots=True)
class Export:
    """One export; times in epoch ms, ids random. ``how``: as what it was asked for."""

    id: str
    scope: Scope
    by: str
    link: str | None
    part: int
    state: str
    made: int
    ends: int
    ended: int | None
    size: int | None

    @property
    def acting(self) -> Acting:
        """Who asked, as what."""
        assert self.scope.subject is not None
        if self.by == self.scope.subject:
            return Acting(self.by, self.scope)
        return Acting(self.by, self.scope, "guardian" if self.link else "school", self.link)


class Exports:
    """The exports of all people."""

    def __init__(self, database: Database, ledger: Ledger, notifications: Notifications) -> None:
        self._database = database
        self._ledger = ledger
        self._notifications = notifications

    async def ask(self, acting: Acting, part: int = 1) -> tuple[Export, str]:
        """A new export and the secret of its link. An earlier link of the same that waits is over."""
        export, secret = new_id(), new_secret()
        same = and_(exports.c.person == acting.person, exports.c.by == acting.by, exports.c.part == part)
        async with self._database.write() as tx:
            now = await self._database.now(tx)
            over = {"state": "unused", "secret": None}
            await tx.execute(update(exports).where(same, exports.c.state == "waiting").values(**over))
            whose = {"school": acting.scope.tenant, "person": acting.person, "by": acting.by, "through": acting.link}
            row = {"id": export, **whose, "secret": digest(secret), "part": part, "state": "waiting", "made": now}
            made = await tx.execute(insert(exports).values(**row, ends=now + LINK_LIFE).returning(exports))
            found = _export(made.one())
            await self._tell(tx, found, "export_asked")
            await self._ledger.append(tx, acting.scope.tenant, acting.event("export.asked", export=export, part=part))
        return found, secret

    async def find(self, principal: Principal, secret: str) -> Export:
        """What the link of a person brings, while it waits. NoExport."""
        async with self._database.read() as tx:
            row = (await tx.execute(select(exports).where(self._waits(principal, secret)))).one_or_none()
            if row is None or row.ends <= await self._database.now(tx):
                raise NoExport
        return _export(row)

    async def begin(self, principal: Principal, secret: str) -> Export:
        """The link is used, and everybody who must know does: only then may a byte leave. NoExport."""
        async with self._database.write() as tx:
            now = await self._database.now(tx)
            mine = self._waits(principal, secret) & (exports.c.ends > now)
            used = update(exports).where(mine).values(state="sending", secret=None).returning(exports)
            row = (await tx.execute(used)).one_or_none()
            if row is None:
                raise NoExport
            found = _export(row)
            await self._tell(tx, found, "export_sent")
            event = found.acting.event("export.sent", export=found.id, part=found.part)
            await self._ledger.append(tx, found.scope.tenant, event)
        return found

    def _waits(self, principal: Principal, secret: str) -> Any:
        mine = (exports.c.by == principal.person) & (exports.c.school == principal.school)
        return mine & (exports.c.secret == digest(secret)) & (exports.c.state == "waiting")

    async def _tell(self, tx: Any, export: Export, kind: str) -> None:
        acting = export.acting
        told = {"export": export.id, "as": acting.how, "by": export.by, "part": export.part}
        await self._notifications.tell(tx, export.scope, kind, **told)

    async def ended(self, export: Export, size: int, *, whole: bool) -> None:
        """The last byte of ``size`` has left; ``whole``: it was the archive's."""
        values = {"state": "done" if whole else "broken", "size": size}
        async with self._database.write() as tx:
            values["ended"] = await self._database.now(tx)
            mine = (exports.c.id == export.id) & (exports.c.state == "sending")
            await tx.execute(update(exports).where(mine).values(**values))

    async def list(
        self, scope: Scope, before: tuple[int, str] | None = None, limit: int = 50
    ) -> tuple[Sequence[Export], tuple[int, str] | None]:
        """Exports of what is held about a person, the newest first, and where the next page begins."""
        query = select(exports).where(exports.c.person == scope.subject)
        if before is not None:
            made, last = before
            query = query.where(or_(exports.c.made < made, and_(exports.c.made == made, exports.c.id < last)))
        async with self._database.read() as tx:
            newest = query.order_by(exports.c.made.desc(), exports.c.id.desc()).limit(limit + 1)
            rows = (await tx.execute(newest)).all()
        found = [_export(row) for row in rows[:limit]]
        return found, (found[-1].made, found[-1].id) if len(rows) > limit else None

    async def sweep(self, limit: int, kept: int, others: Mapping[str, int]) -> int:
        """End links that nobody used and downloads that cannot go on; delete what is older than ``kept`` ms.

        ``others``: where a school chose otherwise. How many.
        """
        table = exports
        async with self._database.write() as tx:
            now = await self._database.now(tx)
            late = select(table.c.id).where(table.c.state == "waiting", table.c.ends <= now).limit(limit)
            over = {"state": "unused", "secret": None}
            done = (await tx.execute(update(table).where(table.c.id.in_(late)).values(**over))).rowcount
            stuck = select(table.c.id).where(table.c.state == "sending", table.c.ends <= now - LONGEST).limit(limit)
            done += (await tx.execute(update(table).where(table.c.id.in_(stuck)).values(state="broken"))).rowcount
            own = [and_(table.c.school == school, table.c.made < now - life) for school, life in others.items()]
            old = or_(and_(table.c.school.not_in(list(others)), table.c.made < now - kept), *own)
            return done + await delete_some(tx, table, and_(table.c.state.not_in(("waiting", "sending")), old), limit)


def _export(row: Row[Any]) -> Export:
    return Export(
        row.id, Scope(row.school, row.person), row.by, row.through, row.part, row.state, row.made, row.ends, row.ended,
        row.size,
    )  # fmt: skip
