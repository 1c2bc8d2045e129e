"""The jobs of people: ordered, looked at, followed, cancelled, forgotten. What they do, executors know.

Whoever asks names the person and the school, and sees nothing else; a job of somebody else is a job that does not
exist. An order is stored only while its person may work here, in the transaction of whoever checks that.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import RowMapping, and_, delete, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.model import Scope
from gateway.db.some import delete_some
from gateway.db.tables_work import items, jobs, lanes
from gateway.ids import new_id
from gateway.jobs import bulk, history, queue, reviving, totals, waiting
from gateway.jobs.commits import Store
from gateway.jobs.marks import marks, marks_of, new_marks
from gateway.jobs.model import (
    ENDED,
    FINISHED,
    HALTED,
    OPEN,
    STEPS,
    Item,
    ItemState,
    ItemView,
    JobState,
    JobView,
    NewItem,
)
from gateway.jobs.progress import Progress
from gateway.jobs.rows import item_row, item_view
from gateway.jobs.sealing import Sealer, Sealers, seal, unseal

RequireActive = Callable[[AsyncConnection, str], Awaitable[None]]
"""(tx, person): raises where this person may not begin anything, e.g. while being forgotten; so until tx ends."""

KEPT_MS: Final = 30 * 24 * 3_600_000
"""How long an ended job and its report are kept."""
PLAN_KEPT_MS: Final = 24 * 3_600_000  # of the plan of a transfer
_ITEMS: Final = 2000  # that are deleted at once
_POLL: Final = 0.5
_PACE: Final = 0.2
_SHARE: Final = 5  # times as long as a look took a watcher waits: to add up 100,000 items takes a while


def lane(tenant: str, person: str, drive: str) -> str:
    """The lane of a person's drive."""
    return f"{tenant}:{person}:{drive}"


class Jobs:
    """The door to durable work for routes, executors and erasure."""

    def __init__(
        self, database: Store, sealers: Sealers, require_active: RequireActive, progress: Progress | None = None
    ) -> None:
        self.database = database
        self.sealers = sealers
        self.progress = progress or Progress()
        self._require_active = require_active

    async def create(
        self,
        tx: AsyncConnection,
        *,
        tenant: str,
        person: str,
        kind: str,
        mode: str,
        spec: Mapping[str, Any],
        first: Sequence[NewItem],
        instruction: str,
        policy_version: str,
        priority: int = 0,
    ) -> str:
        """Store a job with its first items; call `wake` after the commit. Raises where the person is not active."""
        await self._require_active(tx, person)
        sealer, job = await self.sealer(tenant, person), new_id()
        await tx.execute(
            insert(jobs).values(
                id=job,
                tenant=tenant,
                person=person,
                kind=kind,
                mode=mode,
                state=JobState.RUNNING,
                instruction=instruction,
                policy_version=policy_version,
                priority=priority,
                created=await self._now(tx),
                spec=seal(sealer, "jobs", "spec", job, spec),
                marks=(secret := new_marks(sealer, job)),
            )
        )
        row = {"id": job, "tenant": tenant, "person": person, "priority": priority, "marks": secret}
        await self._insert(tx, row, first)
        return job

    async def add(self, tx: AsyncConnection, job: str, more: Sequence[NewItem]) -> bool:
        """Items found on the way: what the job has met already is left out. False where it takes none: it is cancelled.

        Whether they can begin, must wait, or have failed already, their folder step decides.
        """
        row = (
            (await tx.execute(select(jobs).where(jobs.c.id == job).with_for_update(read=True))).mappings().one_or_none()
        )
        if row is None or row["cancelled"] is not None or not more:
            return False
        await self._require_active(tx, row["person"])
        states = await queue.folder_states(tx, {item.folder for item in more if item.folder is not None})
        placed = [_placed(item, states, row["mode"]) for item in more]
        await self._insert(tx, {**row, "priority": await bulk.priority(tx, job, row["priority"])}, placed)
        return True

    async def _insert(self, tx: AsyncConnection, job: Mapping[Any, Any], new: Sequence[NewItem]) -> None:
        sealer, now = await self.sealer(job["tenant"], job["person"]), await self._now(tx)
        for name in sorted({name for item in new for name in (item.lane, item.other) if name is not None}):
            await queue.open_lane(tx, self.database.dialect, name, job["tenant"], job["person"], now)
        known = marks(sealer, job["id"], job["marks"])
        await queue.store(tx, self.database.dialect, [item_row(sealer, known, job, item, now) for item in new])

    async def get(self, tenant: str, person: str, job: str) -> JobView | None:
        """The job with what is known now; None where this person has no such job."""
        async with self.database.read() as tx:
            found = await tx.execute(
                select(jobs).where(jobs.c.id == job, jobs.c.tenant == tenant, jobs.c.person == person)
            )
            row = found.mappings().one_or_none()
            return None if row is None else await self._view(tx, row, await self.sealer(tenant, person))

    async def ordered(self, tenant: str, person: str, instruction: str) -> str | None:
        """The job that this instruction has made already: its answer may have been lost with the process."""
        mine = (jobs.c.tenant == tenant, jobs.c.person == person, jobs.c.instruction == instruction)
        async with self.database.read() as tx:
            return (await tx.execute(select(jobs.c.id).where(*mine).limit(1))).scalar_one_or_none()

    async def list(
        self, tenant: str, person: str, before: tuple[int, str] | None = None, limit: int = 50
    ) -> tuple[Sequence[JobView], tuple[int, str] | None]:
        """The person's jobs, the newest first, and where the next page begins."""
        query = select(jobs).where(jobs.c.tenant == tenant, jobs.c.person == person)
        if before is not None:
            created, last = before
            query = query.where((jobs.c.created < created) | ((jobs.c.created == created) & (jobs.c.id < last)))
        query = query.order_by(jobs.c.created.desc(), jobs.c.id.desc()).limit(limit + 1)
        sealer = await self.sealer(tenant, person)
        async with self.database.read() as tx:
            rows = (await tx.execute(query)).mappings().all()
            views = [await self._view(tx, row, sealer) for row in rows[:limit]]
        more = (views[-1].created, views[-1].id) if len(rows) > limit else None
        return views, more

    async def items(
        self, tenant: str, person: str, job: str, after: int = 0, limit: int = 200
    ) -> tuple[Sequence[ItemView], int | None]:
        """The job's items in the order of discovery, and the ``after`` of the next page. Empty for a foreign job."""
        query = (
            waiting.with_lanes(select(items))
            .where(items.c.job == job, items.c.tenant == tenant, items.c.person == person, items.c.seq > after)
            .where(totals.counted(items.c.kind, items.c.state))
            .order_by(items.c.seq)
            .limit(limit + 1)
        )
        sealer = await self.sealer(tenant, person)
        async with self.database.read() as tx:
            rows, now = (await tx.execute(query)).mappings().all(), await self._now(tx)
        more = rows[limit - 1]["seq"] if len(rows) > limit else None
        return [item_view(sealer, row, now) for row in rows[:limit]], more

    async def result_of(self, sealer: Sealer, item: str) -> Mapping[str, Any]:
        """What another item of the same person became; empty where it has not ended well or is not there."""
        async with self.database.read() as tx:
            box = (await tx.execute(select(items.c.result).where(items.c.id == item))).scalar_one_or_none()
        return unseal(sealer, "items", "result", item, box)

    async def earlier(
        self, sealer: Sealer, item: Item, identity: str, kinds: Sequence[str]
    ) -> Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]:
        """See `gateway.jobs.history.earlier`."""
        async with self.database.read() as tx:
            return await history.earlier(tx, sealer, item, identity, kinds)

    async def names_taken(self, sealer: Sealer, item: Item, keys: Sequence[str]) -> set[str]:
        """Which of these collision keys items of the same job have taken in ``item``'s folder."""
        async with self.database.read() as tx:
            known = (await marks_of(tx, sealer, [item.job])).get(item.job)
            boxes = {} if known is None else {known.taken(name): name for name in keys}
            query = select(items.c.taken).where(items.c.folder == item.folder, items.c.taken.in_(boxes))
            return {boxes[bytes(box)] for box in (await tx.execute(query)).scalars()}

    async def steps(
        self, tenant: str, person: str, job: str, kind: str, after: int, limit: int
    ) -> tuple[Sequence[Mapping[str, Any]], int | None]:
        """See `gateway.jobs.history.steps`; of a job of this person, which the caller has looked up."""
        sealer = await self.sealer(tenant, person)
        async with self.database.read() as tx:
            return await history.steps(tx, sealer, job, kind, after, limit)

    async def followed(self, sealer: Sealer, item: Item, mark: str) -> bool:
        """Whether a listing of the same job carries this mark (`NewItem.taken`)."""
        async with self.database.read() as tx:
            known = (await marks_of(tx, sealer, [item.job])).get(item.job)
            box = None if known is None else known.taken(mark)
            query = select(exists().where(items.c.job == item.job, items.c.kind == "scan", items.c.taken == box))
            return bool((await tx.execute(query)).scalar_one())

    async def all_went(self, folder: str) -> bool:
        """Whether a folder step and everything that was found in it ended well."""
        kept = items.c.state.not_in((ItemState.COPIED, ItemState.DONE))
        query = select(exists().where(or_(items.c.folder == folder, items.c.id == folder), kept))
        async with self.database.read() as tx:
            return not (await tx.execute(query)).scalar_one()

    async def watch(self, tenant: str, person: str, job: str, after: str | None = None) -> AsyncIterator[JobView]:
        """The job at each change until it has ended; ``after`` is the tag last seen. Nothing for a foreign job."""
        seen, begun, shown = after, time.monotonic(), 0
        while (view := await self.get(tenant, person, job)) is not None:
            if view.bytes_done < shown:  # rows are read before the live figure: what was written between is in neither
                view = await self.get(tenant, person, job) or view
            shown = view.bytes_done
            pause = max(_PACE, _SHARE * (time.monotonic() - begun))
            if view.tag != seen:
                seen = view.tag
                yield view
            if view.state in FINISHED:
                return
            await self.progress.heard(job, _POLL)
            await self.progress.ended(job, pause)
            begun = time.monotonic()

    async def cancel(self, tx: AsyncConnection, tenant: str, person: str, job: str) -> bool:
        """Ask for the job's end; call `wake` after the commit. False where there is no such job or it has ended."""
        query = select(jobs).where(jobs.c.id == job, jobs.c.tenant == tenant, jobs.c.person == person)
        row = (await tx.execute(query.with_for_update())).mappings().one_or_none()
        if row is None or row["ended"] is not None:
            return False
        await self._cancel(tx, job)
        return True

    async def pause(self, tx: AsyncConnection, tenant: str, person: str, job: str) -> bool:
        """See `gateway.jobs.reviving.pause`."""
        return await reviving.pause(tx, tenant, person, job)

    async def resume(self, tx: AsyncConnection, tenant: str, person: str, job: str) -> bool:
        """See `gateway.jobs.reviving.resume`; call `wake` after the commit. Raises where the person is not active."""
        await self._require_active(tx, person)
        return await reviving.resume(tx, tenant, person, job)

    async def confirm(self, tx: AsyncConnection, tenant: str, person: str, job: str) -> bool:
        """See `gateway.jobs.reviving.confirm`; call `wake` after the commit. Raises where the person is not active."""
        await self._require_active(tx, person)
        return await reviving.confirm(tx, tenant, person, job)

    async def retry(self, tx: AsyncConnection, tenant: str, person: str, job: str) -> int:
        """See `gateway.jobs.reviving.retry`; call `wake` after the commit. Raises where the person is not active."""
        await self._require_active(tx, person)
        return await reviving.retry(tx, tenant, person, job)

    async def cancel_all(self, tx: AsyncConnection, tenant: str, person: str) -> Sequence[str]:
        """Cancel everything of a person that has not ended: the first step of forgetting. Returns the jobs' ids."""
        mine = (jobs.c.tenant == tenant, jobs.c.person == person, jobs.c.ended.is_(None))
        found = list((await tx.execute(select(jobs.c.id).where(*mine).with_for_update())).scalars())
        for job in found:
            await self._cancel(tx, job)
        return found

    async def _cancel(self, tx: AsyncConnection, job: str) -> None:
        now = await self._now(tx)
        await tx.execute(update(jobs).where(jobs.c.id == job).values(cancelled=func.coalesce(jobs.c.cancelled, now)))
        await queue.cancel_waiting(tx, job, now)

    async def quiet(self, tenant: str, person: str, within: float) -> bool:
        """Wait until nothing of a person is open any more, in whichever process: sessions given up, spools destroyed.

        False where that took longer than ``within`` seconds: a worker is gone or a provider does not answer.
        """
        mine = (items.c.tenant == tenant, items.c.person == person, items.c.state.in_(OPEN))
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while True:
                    async with self.database.read() as tx:
                        if not (await tx.execute(select(exists().where(*mine)))).scalar_one():
                            return True
                    await asyncio.sleep(_PACE)
        return False

    async def sweep(self, limit: int, kept: int = KEPT_MS, others: Mapping[str, int] = MappingProxyType({})) -> int:
        """Delete jobs that ended longer ago than they are kept, and before them their items, some in each step.

        How many jobs, or ``limit`` where items are left. What they named is dead in older copies of the database with
        the next cycle of their people's keys.
        ``kept``: ms; ``others``: where a school chose otherwise.
        """
        async with self.database.write() as tx:
            now = await self._now(tx)
            plans = and_(jobs.c.kind == "preflight", jobs.c.ended < now - PLAN_KEPT_MS)
            ended = [and_(jobs.c.tenant == school, jobs.c.ended < now - life) for school, life in others.items()]
            usual = and_(jobs.c.tenant.not_in(list(others)), jobs.c.ended < now - kept)
            query = select(jobs.c.id, jobs.c.tenant, jobs.c.person).where(or_(usual, plans, *ended)).limit(limit)
            old = (await tx.execute(query)).all()
            which = [row.id for row in old]
            more = bool(old) and await delete_some(tx, items, items.c.job.in_(which), _ITEMS) == _ITEMS
            if not more:
                await tx.execute(delete(jobs).where(jobs.c.id.in_(which)))
            for tenant, person in sorted({(row.tenant, row.person) for row in old}):
                await self.sealers.renew(tx, Scope(tenant, person))
            return limit if more else len(old)

    async def drop(self, tenant: str, person: str, job: str, at_once: int = _ITEMS) -> bool:
        """Delete an ended job with its report, a batch at a time. False where it has not ended or is not there.

        As `sweep`: what it named is dead in older copies with the next cycle.
        """
        mine = (jobs.c.id == job) & (jobs.c.tenant == tenant) & (jobs.c.person == person) & jobs.c.ended.is_not(None)
        its = items.c.job.in_(select(jobs.c.id).where(mine))
        gone = at_once
        while gone == at_once:
            async with self.database.write() as tx:
                gone = await delete_some(tx, items, its, at_once)
                if gone:
                    await self.sealers.renew(tx, Scope(tenant, person))
        async with self.database.write() as tx:
            if (await tx.execute(delete(jobs).where(mine))).rowcount != 1:
                return False
            await self.sealers.renew(tx, Scope(tenant, person))
            return True

    async def unfinished(self, tx: AsyncConnection, tenant: str, person: str, kind: str) -> int:
        """How many jobs of a kind the person has that have not ended."""
        mine = (jobs.c.tenant == tenant) & (jobs.c.person == person) & (jobs.c.kind == kind) & jobs.c.ended.is_(None)
        return int((await tx.execute(select(func.count()).where(mine))).scalar_one())

    async def held(self, tx: AsyncConnection, tenant: str, person: str) -> tuple[int, int]:
        """How many jobs and items are kept about this person: for the plan of forgetting."""
        count = [
            (
                await tx.execute(select(func.count()).where(table.c.tenant == tenant, table.c.person == person))
            ).scalar_one()
            for table in (jobs, items)
        ]
        return count[0], count[1]

    async def forget(self, tx: AsyncConnection, tenant: str, person: str) -> int:
        """Delete every row about this person. What still runs meets its fence and stops. Returns the rows deleted."""
        gone = 0
        for table in (items, jobs, lanes):
            done = await tx.execute(delete(table).where(table.c.tenant == tenant, table.c.person == person))
            gone += done.rowcount
        return gone

    def wake(self, job: str | None = None) -> None:
        """Something was ordered or cancelled and committed: this process's workers and watchers look at once."""
        self.progress.work.set()
        if job is not None:
            self.progress.ring(job)

    async def sealer(self, tenant: str, person: str) -> Sealer:
        """The person's sealer. Shredded where they were forgotten."""
        return await self.sealers.fields(Scope(tenant, person))

    async def _now(self, tx: AsyncConnection) -> int:
        return await self.database.now(tx)

    async def _view(self, tx: AsyncConnection, row: RowMapping, sealer: Sealer) -> JobView:
        spec = unseal(sealer, "jobs", "spec", row["id"], row["spec"])
        if row["totals"] is not None:
            known = totals.load(row["totals"])
        else:
            known = totals.add_up(await queue.count(tx, row["id"]))
            known = replace(known, bytes_done=known.bytes_done + self.progress.beyond(row["id"]))
        held = None
        if known.waiting and row["cancelled"] is None and row["state"] not in HALTED:
            held = await waiting.of_job(tx, row["id"], await self._now(tx))
        state = JobState(row["state"])
        planning = state is JobState.RUNNING and known.listing
        return JobView(
            id=row["id"],
            kind=row["kind"],
            mode=row["mode"],
            state=JobState.PLANNING if planning else state,
            created=row["created"],
            ended=row["ended"],
            cancelling=row["cancelled"] is not None,
            counts=known.counts,
            bytes_total=known.bytes_total,
            bytes_done=known.bytes_done,
            spec=spec,
            wait=held,
            kept=known.kept,
        )


def _placed(item: NewItem, folders: Mapping[str, ItemState], mode: str) -> NewItem:
    """The item in the state that its folder step allows. What is moved also waits for the end of its listing."""
    if item.folder is None or item.kind in STEPS or item.state in ENDED:
        return item
    folder = folders.get(item.folder, ItemState.FAILED)
    if folder is ItemState.COPIED:
        return replace(item, state=ItemState.BLOCKED if mode == "move" else ItemState.READY)
    if folder in ENDED:
        return replace(item, state=ItemState.FAILED, reason="folder_failed")
    return replace(item, state=ItemState.BLOCKED)
