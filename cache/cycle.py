"""A cycle: every key above the objects is replaced, and what is left under the old ones is counted before they die.

    root      a new version of the root key is made, and wraps as soon as every process holds it
    tenants   every tenant gets a new key under it
    people    all subjects' keys are wrapped under their tenant's new key, its blind indexes are made anew
    renew     who deleted something gets a new key: a copy of the old database opens nothing of it with the keys of now
    schools   what is under a tenant's own key is moved under the new one
    bulk      after a compromise: the sealed bytes themselves are written anew
    close     old keys that nothing is under are destroyed; the old root is kept for backups only, until it is due

Everything is online. A new key is first only announced, so that every process can open with it before anybody seals
with it; and the old one opens until nothing is under it, for a while longer so that what was read a moment ago can
still be opened. Each step looks for what is left to do, so a process that is killed anywhere is followed by another
that goes on. One process works at a time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, and_, func, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache import closing, replacing
from cache.announcing import GRACE_MS, ROOT, SETTLE, Work, announce
from cache.catalog import renewals, roots, subject_keys, tenant_keys
from cache.closing import Again
from cache.database import Transactions, insert_if_absent
from cache.errors import Missing, StorageError
from cache.keyring import Keyring
from cache.lease import Cycle, Lease, Lost, latest
from cache.model import Scope
from cache.moving import Mover
from cache.replacing import Waits
from cache.rewriting import Rewriter
from cache.roots import GONE, NEXT, RETIRED, RootRefused
from cache.sealed import SealedTable

DONE: Final = "done"
STEPS: Final = ("root", "tenants", "people", "renew", "schools", "bulk", "close")


@dataclass(frozen=True, slots=True)
class Status:
    """All versions of the root (rows of `catalog.roots`), the latest cycle, when the next is due (epoch ms), and more.

    ``renewals``: subjects for whom a new key is due; ``lacking``: versions of the root that this process lacks.
    """

    roots: Sequence[Row[Any]]
    cycle: Cycle | None
    next: int
    renewals: int
    lacking: Sequence[int]


class Cycles:
    """One process's part in replacing keys."""

    def __init__(
        self,
        keyring: Keyring,
        database: Transactions,
        rewriter: Rewriter,
        tables: Iterable[SealedTable],
        *,
        settle: float = SETTLE,
        grace: int = GRACE_MS,
    ) -> None:
        """``tables``: all that anything is sealed in; ``settle`` (seconds) and ``grace`` (ms) see `announcing`."""
        self._keyring = keyring
        self._database = database
        self._rewriter = rewriter
        self._mover = Mover(database, keyring.expiry, tables)
        self._lease = Lease(database)
        self._settle = settle
        self._grace = grace

    async def due(self) -> int:
        """When the next cycle is due, epoch ms."""
        async with self._database.read() as tx:
            last = (await tx.execute(select(func.max(roots.c.made)).where(roots.c.state != NEXT))).scalar()
        return int(last or 0) + self._keyring.times.cycle

    async def late(self) -> tuple[int, int]:
        """Since when a cycle is due or under way, epoch ms (in the future: none is), and for how many ms that is."""
        since = await self.due()
        async with self._database.read() as tx:
            last = await latest(tx)
        if last is not None and last.finished is None:
            since = min(since, last.begun)
        return since, max(0, await self._database.now() - since)

    async def tend(self) -> int:
        """Begin a cycle that is due, go on with one that was begun, let go of roots that no backup needs any more.

        How many cycles were finished and roots destroyed. For the sweeper of every process: one of them works.
        Unavailable, RootRefused and Waits where it cannot go on now.
        """
        done = await self.let_go()
        if await self._database.now() >= await self.due():
            await self.begin()
        return done + await self.run()

    async def begin(self, kind: str = "cycle") -> bool:
        """Begin a cycle; ``rekey`` replaces only what was asked for. False where one is unfinished already."""
        return await self._lease.begin(kind, STEPS[0])

    async def run(self) -> bool:
        """Work on the unfinished cycle until it is finished. False where there is none, or another process has it.

        RootRefused, Waits and Unavailable leave it to a later call.
        """
        while (following := await self.step()) is not None:
            if following == DONE:
                return True
        return False

    async def step(self) -> str | None:
        """One step of the unfinished cycle: which one follows, `DONE` after the last; None as for `run`."""
        try:
            cycle = await self._lease.take()
            return None if cycle is None else await self._advance(cycle)
        except Lost:
            return None

    async def _advance(self, cycle: Cycle) -> str:
        work = Work(
            cycle, self._lease, self._database, self._keyring, self._mover, settle=self._settle, grace=self._grace
        )  # fmt: skip
        steps: Mapping[str, Callable[[], Awaitable[None]]] = {
            "root": lambda: replacing.root(work),
            "tenants": lambda: replacing.tenants(work),
            "people": lambda: closing.people(work),
            "renew": lambda: self._renew(work),
            "schools": lambda: closing.schools(work),
            "bulk": lambda: closing.bulk(work, self._rewriter),
            "close": lambda: closing.close(work),
        }
        try:
            await steps[cycle.step]()
            following = (*STEPS, None)[STEPS.index(cycle.step) + 1]
        except Again as error:
            following = str(error)
        except (Waits, StorageError) as error:
            await self._lease.release(cycle, str(error))
            raise
        async with self._database.write() as tx:
            await self._lease.step(tx, cycle, following)
        return following or DONE

    async def _renew(self, work: Work) -> None:
        await replacing.subjects(work)
        await closing.renewed(work)

    async def rekey(self, scopes: Iterable[Scope], *, compromised: bool = False) -> None:
        """Ask for new keys: of a subject, or of a tenant with all its subjects. Then `begin` and `run`.

        ``compromised``: the sealed bytes are written anew as well.
        """
        async with self._database.write() as tx:
            now = await self._database.now(tx)
            for scope in scopes:
                await _ask(tx, scope, now, compromised=compromised)

    async def scope(self, known: str) -> Scope:
        """The scope of a subject's or a tenant's id. Missing."""
        mine = select(subject_keys.c.tenant).where(subject_keys.c.subject == known).limit(1)
        async with self._database.read() as tx:
            tenant = (await tx.execute(mine)).scalar()
            if tenant is not None:
                return Scope(tenant, known)
            found = (await tx.execute(select(tenant_keys.c.version).where(tenant_keys.c.tenant == known))).first()
        if found is None:
            raise Missing("there are no keys of this id")
        return Scope(known, None)

    async def tenants(self) -> list[Scope]:
        """All tenants."""
        async with self._database.read() as tx:
            found = await tx.execute(select(tenant_keys.c.tenant).distinct().order_by(tenant_keys.c.tenant))
            return [Scope(tenant, None) for tenant in found.scalars()]

    async def let_go(self) -> int:
        """Destroy roots that no backup needs any more, where that is for the gateway to do. How many. Unavailable."""
        now = await self._database.now()
        query = select(roots).where(roots.c.state == RETIRED, roots.c.due <= now)
        async with self._database.read() as tx:
            rows = (await tx.execute(query)).all()
        done = 0
        for row in rows:
            try:
                await self._destroy(row, now)
            except RootRefused:  # it is the operator's to take away: `file-access keys status` says so
                continue
            done += 1
        return done

    async def _destroy(self, row: Row[Any], now: int) -> None:
        place = self._keyring.roots.place
        assert place is not None
        gone = await place.destroy(row, now)
        async with self._database.write() as tx:
            mine = and_(roots.c.version == row.version, roots.c.state == RETIRED)
            await tx.execute(update(roots).where(mine).values(state=GONE, gone=gone))
            await announce(tx, [ROOT])

    async def retire(self, version: int, *, now: bool = False, attest: bool = False) -> Row[Any]:
        """Destroy an old version of the root; its row. ``attest``: the operator vouches that no copy of it is left.

        ``now``: also where backups need it still. RootRefused says what stands against it. Missing, Unavailable.
        """
        clock = await self._database.now()
        row = await self._root(version)
        if row.state not in (RETIRED, GONE):
            raise RootRefused(f"version {version} of the root key is in use: it is followed by the next cycle")
        if row.state == RETIRED:
            if not now and clock < row.due:
                raise RootRefused(
                    f"version {version} of the root key is needed to open backups until their time is over; "
                    "give those up with --now"
                )
            await self._destroy(row, clock)
        if attest:
            async with self._database.write() as tx:
                await tx.execute(update(roots).where(roots.c.version == version).values(attested=clock))
        return await self._root(version)

    async def _root(self, version: int) -> Row[Any]:
        async with self._database.read() as tx:
            row = (await tx.execute(select(roots).where(roots.c.version == version))).first()
        if row is None:
            raise Missing(f"there is no version {version} of the root key")
        return row

    async def status(self) -> Status:
        """How it stands with the keys."""
        due = await self.due()
        async with self._database.read() as tx:
            rows = (await tx.execute(select(roots).order_by(roots.c.version))).all()
            marked = int((await tx.execute(select(func.count()).select_from(renewals))).scalar_one())
            return Status(rows, await latest(tx), due, marked, sorted(self._keyring.roots.lacking))


async def _ask(tx: AsyncConnection, scope: Scope, now: int, *, compromised: bool) -> None:
    """Mark the scope; a tenant's with all its subjects."""
    if scope.subject is None:
        everybody = select(subject_keys.c.subject).where(subject_keys.c.tenant == scope.tenant).distinct()
        found = ["", *(await tx.execute(everybody)).scalars()]
    else:
        found = [scope.subject]
    for subject in found:
        await insert_if_absent(tx, renewals, {"tenant": scope.tenant, "subject": subject, "since": now})
        if compromised:
            mine = and_(renewals.c.tenant == scope.tenant, renewals.c.subject == subject)
            await tx.execute(update(renewals).where(mine).values(bulk=true()))
