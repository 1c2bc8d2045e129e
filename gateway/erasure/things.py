"""One thing of a person: whether it is there, how much it is, and its end. The person and their keys go on living.

Each end may be repeated, and finds nothing the second time. What it says of sizes is asked before.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from sqlalchemy import and_, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.catalog import objects
from cache.keys import BUCKET_MS, bucket_of
from cache.vault import Life, Scope, Vault
from gateway.db.engine import Database
from gateway.db.tables_files import cached_files, idempotency, uploads
from gateway.db.tables_work import jobs
from gateway.drives import NATIVE
from gateway.erasure.model import ErasureRefused, Kind, NothingThere, Target
from gateway.files.cached import CachedFiles
from gateway.files.following import Following
from gateway.files.uploads import Uploads
from gateway.jobs.service import Jobs
from gateway.sentences import sentence
from providers.drive import Ref
from providers.native import erasing

Counts = Mapping[str, Mapping[str, int]]
"""By store: {'erased': how many, 'bytes': theirs}."""

WHAT: Final[Mapping[str, str]] = {
    "native": sentence("Files and folders in your own drive"),
    "version": sentence("An older version of a file in your own drive"),
    "uploads": sentence("Files on their way to a drive"),
    "cached": sentence("Copies of files you opened"),
    "jobs": sentence("Your moves and copies, with their reports"),
    "plans": sentence("Plans of moves and copies"),
    "spools": sentence("Copies that a transfer under way had made for itself"),
    "answers": sentence("Answers kept so that a repeated request does nothing twice"),
}
"""What goes, by store, in words for the person."""
_MANY: Final = 10_000


class Things:
    """Finds and ends things of all kinds."""

    def __init__(
        self,
        vault: Vault,
        database: Database,
        cached: CachedFiles,
        following: Following,
        uploading: Uploads,
        working: Jobs,
        stop_fills: Callable[[str], Awaitable[None]],
    ) -> None:
        self._vault = vault
        self._database = database
        self._cached_files = cached
        self._following = following
        self._uploads = uploading
        self._jobs = working
        self._stop_fills = stop_fills
        self._ends: Mapping[Kind, Callable[[Scope, Target], Awaitable[bool]]] = {
            "native": self._native,
            "version": self._version,
            "upload": self._upload,
            "cached": self._cached,
            "report": self._report,
            "temporary": self._temporary,
        }

    async def find(self, tx: AsyncConnection, scope: Scope, target: Target) -> Counts:
        """How much would go. NothingThere; ErasureRefused where it cannot go now."""
        found = await self._found(tx, scope, target)
        if target.kind != "temporary" and not any(one["erased"] for one in found.values()):
            raise NothingThere
        return found

    async def _found(self, tx: AsyncConnection, scope: Scope, target: Target) -> Counts:
        match target.kind:
            case "native":
                number, size = await erasing.size_of(tx, scope, target.id)
                return {"native": {"erased": number, "bytes": size}}
            case "version":
                left = await erasing.version(tx, scope, target.id, target.version)
                return {"version": {"erased": int(left is not None), "bytes": left or 0}}
            case "upload":
                return {"uploads": await _sum(tx, uploads, _its(uploads, scope, target), uploads.c.offset)}
            case "cached":
                return {"cached": await _sum(tx, cached_files, _its(cached_files, scope, target), cached_files.c.size)}
            case "report":
                return {"jobs": await self._found_report(tx, scope, target)}
            case "temporary":
                return await self._found_temporary(tx, scope)
            case "hold":
                return {}  # it ends by its release

    async def _found_report(self, tx: AsyncConnection, scope: Scope, target: Target) -> Mapping[str, int]:
        row = (await tx.execute(select(jobs.c.ended).where(_its(jobs, scope, target)))).one_or_none()
        if row is not None and row.ended is None:
            raise ErasureRefused("job_runs", sentence("This job has not ended. Cancel it first, then try again."))
        return {"erased": int(row is not None)}

    async def _found_temporary(self, tx: AsyncConnection, scope: Scope) -> Counts:
        plans = and_(jobs.c.person == scope.subject, jobs.c.kind == "preflight")
        return {
            "cached": await _sum(tx, cached_files, cached_files.c.person == scope.subject, cached_files.c.size),
            "uploads": await _sum(tx, uploads, uploads.c.person == scope.subject, uploads.c.offset),
            "spools": await _sum(tx, objects, _spools(scope), objects.c.size),
            "plans": await _sum(tx, jobs, plans),
            "answers": await _sum(tx, idempotency, _answers(scope)),
        }

    async def end(self, scope: Scope, target: Target) -> bool:
        """Destroy it. False where work under way must let go of it first: ask again. Shredded where keys are gone."""
        return await self._ends[target.kind](scope, target)

    async def ends_by_itself(self, scope: Scope, target: Target) -> int | None:
        """When a copy is dead in backups too, because its expiry key is: epoch ms. None for what has no such key."""
        if target.kind != "cached":
            return None
        async with self._database.read() as tx:
            ends = select(cached_files.c.ends).where(_its(cached_files, scope, target))
            found = (await tx.execute(ends)).scalar_one_or_none()
        return None if found is None else (bucket_of(found) + 1) * BUCKET_MS

    async def _native(self, scope: Scope, target: Target) -> bool:
        async with self._database.read() as tx:
            ids = await erasing.inside(tx, scope, target.id)
        await self._following.seen(scope, NATIVE, [Ref("", one) for one in ids])
        await erasing.forget_item(self._vault, self._database, scope, target.id)
        return True

    async def _version(self, scope: Scope, target: Target) -> bool:
        await self._following.seen(scope, NATIVE, [Ref("", target.id)])
        await erasing.forget_version(self._vault, self._database, scope, target.id, target.version)
        return True

    async def _cached(self, scope: Scope, target: Target) -> bool:
        async with self._database.write() as tx:
            await self._cached_files.destroy(tx, scope, [target.id])
        return True

    async def _report(self, scope: Scope, target: Target) -> bool:
        await self._jobs.drop(scope.tenant, scope.subject or "", target.id)
        return True

    async def _upload(self, scope: Scope, target: Target) -> bool:
        """With the job that sends it on, whose report names it."""
        async with self._database.read() as tx:
            query = select(uploads.c.job).where(_its(uploads, scope, target))
            row = (await tx.execute(query)).one_or_none()
        if row is None:
            return True
        if row.job is not None and not await self._ended(scope, row.job):
            return False
        async with self._database.write() as tx:
            await self._uploads.drop(tx, scope, [target.id])
        return True

    async def _ended(self, scope: Scope, job: str) -> bool:
        """Whether a job is over and deleted; else it is asked to end."""
        if await self._jobs.drop(scope.tenant, scope.subject or "", job):
            return True
        async with self._database.write() as tx:
            goes = await self._jobs.cancel(tx, scope.tenant, scope.subject or "", job)
        self._jobs.wake(job)
        return not goes

    async def _temporary(self, scope: Scope, target: Target) -> bool:
        assert scope.subject is not None
        await self._stop_fills(scope.subject)
        async with self._database.write() as tx:
            await self._cached_files.destroy(tx, scope)
            await self._vault.destroy_all(tx, scope, Life.SPOOL)
            await tx.execute(delete(idempotency).where(_answers(scope)))
        done = True
        async with self._database.read() as tx:
            plans = select(jobs.c.id).where(jobs.c.person == scope.subject, jobs.c.kind == "preflight")
            planned = (await tx.execute(plans.limit(_MANY))).scalars().all()
            sent = (await tx.execute(select(uploads.c.id).where(uploads.c.person == scope.subject))).scalars().all()
        for plan in planned:
            done &= await self._ended(scope, plan)
        for upload in sent:
            done &= await self._upload(scope, Target("upload", upload))
        return done


def _its(table: Any, scope: Scope, target: Target) -> Any:
    return and_(table.c.person == scope.subject, table.c.id == target.id)


def _spools(scope: Scope) -> Any:
    mine = and_(objects.c.tenant == scope.tenant, objects.c.subject == scope.owner)
    return and_(mine, objects.c.life == Life.SPOOL.value)


def _answers(scope: Scope) -> Any:
    """Given answers: what is being answered now stays until it was."""
    return and_(idempotency.c.person == scope.subject, idempotency.c.status.is_not(None))


async def _sum(tx: AsyncConnection, table: Any, which: Any, size: Any = None) -> Mapping[str, int]:
    number = int((await tx.execute(select(func.count()).select_from(table).where(which))).scalar_one())
    if size is None:
        return {"erased": number}
    return {
        "erased": number,
        "bytes": int((await tx.execute(select(func.coalesce(func.sum(size), 0)).where(which))).scalar_one()),
    }
