"""The rights of people in one place: put together once, passed to routes, swept like every other store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from cache.vault import Vault
from gateway.db.engine import Database
from gateway.ledger import Ledger
from gateway.rights.accesses import AccessList
from gateway.rights.corrections import Corrections
from gateway.rights.exporting import Exporter
from gateway.rights.exports import Exports
from gateway.rights.guardians import Guardians, Journalling
from gateway.rights.inactivity import Forget, Inactivity
from gateway.rights.notices import Notices
from gateway.rights.notifications import Notifications
from gateway.rights.review import Review
from gateway.rights.texts import NOTICES
from gateway.schools import DAY, Retentions

Sweep = Callable[[int], Awaitable[int]]


@dataclass(frozen=True)
class Rights:
    """What routes use, each for one right."""

    notifications: Notifications
    guardians: Guardians
    corrections: Corrections
    review: Review
    accesses: AccessList
    exports: Exports
    exporter: Exporter
    notices: Notices
    inactivity: Inactivity
    retentions: Retentions

    def sweeps(self, schools: Callable[[], Iterable[str]]) -> Mapping[str, Sweep]:
        """What ends by itself, or is told, each a bounded step. ``schools``: those that are configured."""

        async def history(limit: int) -> int:
            kept, others = self.retentions.usual.history_days * DAY, await self.retentions.lives("history_days")
            done = await self.notifications.sweep(limit, kept, others)
            done += await self.exports.sweep(limit, kept, others)
            return done + await self.corrections.sweep(limit, kept, others)

        async def announcements(_limit: int) -> int:
            return await self.notices.announce(schools)

        async def inactive(limit: int) -> int:
            return await self.inactivity.sweep(limit, set(schools()))

        return {
            "history": history,
            "guardians": self.guardians.sweep,
            "inactive": inactive,
            "notices": announcements,
        }


def rights(
    vault: Vault,
    database: Database,
    ledger: Ledger,
    retentions: Retentions,
    journal: Journalling,
    forget: Forget,
) -> Rights:
    """Everything over these stores; ``forget`` begins an erasure."""
    notifications, review = Notifications(vault, database), Review(vault, database)
    return Rights(
        notifications=notifications,
        guardians=Guardians(database, ledger, notifications, journal),
        corrections=Corrections(vault, database, ledger, notifications, journal),
        review=review,
        accesses=AccessList(vault, database),
        exports=Exports(database, ledger, notifications),
        exporter=Exporter(vault, database, review),
        notices=Notices(database, ledger, NOTICES),
        inactivity=Inactivity(database, retentions, ledger, notifications, forget),
        retentions=retentions,
    )
