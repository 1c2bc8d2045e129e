"""The worker: claims items, runs them side by side, and keeps the lease on them.

It knows no drive: executors do the work, the queue keeps the order. Four small loops run beside the items: one claims,
one beats, one looks whether what runs is still ours and not cancelled, one settles jobs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final

import structlog
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.errors import StorageError
from gateway.jobs import queue, settling
from gateway.jobs.commits import Clocked, Commits
from gateway.jobs.model import PLACE, Fenced, parts
from gateway.jobs.processes import Membership
from gateway.jobs.rows import item as opened
from gateway.jobs.sealing import Sealer
from gateway.jobs.service import Jobs
from gateway.jobs.taking import Attempts, Timing
from gateway.jobs.turn import Executor, Turn

_TOGETHER: Final = 0.1
"""Seconds in which endings are gathered before their jobs are settled."""
_SHARE: Final = 5
"""How much longer than settling took the worker waits before it settles again: jobs of 100,000 items take a while."""
_GATHER: Final = 0.003
"""Seconds in which freed places are gathered before the next claim."""
_GATHER_SMALL: Final = 0.15
"""The same where many small files are at work, unless half of them have ended before: enough of them are left."""
_FEW: Final = 16
"""So many at work, beyond the places that they take, are many."""
_log = structlog.get_logger(__name__)


class Worker:
    """Start it once per process. ``sole``: no other process can hold items, as SQLite's file lock proves."""

    def __init__(
        self,
        jobs: Jobs,
        executors: Mapping[str, Executor],
        *,
        slots: int = 16,
        sole: bool | None = None,
        timing: Timing | None = None,
        tell: settling.Tell | None = None,
    ) -> None:
        """``tell``: what a job's end is told to, in the transaction that ends it."""
        self._jobs = jobs
        self._tell = tell
        self._slots = slots
        self._sole = jobs.database.dialect == "sqlite" if sole is None else sole
        self._timing = timing or Timing()
        self._commits = Commits(jobs.database)
        self._write = Clocked(jobs.database, self._commits)
        self._attempts = Attempts(executors, self._write, self._timing)
        self.membership = Membership(self._timing.lease)
        self._running: dict[tuple[str, int], tuple[Turn, asyncio.Task[None]]] = {}
        self._used = 0  # parts of places
        self._filled = 0
        self._thinned = asyncio.Event()
        self._emptied = asyncio.Event()
        self._touched: set[str] = set()
        self._loops: list[asyncio.Task[None]] = []
        self._settling = asyncio.Event()
        self._settled_in = 0.0
        self._strays: set[tuple[str, int]] = set()
        self._looked = 0.0
        self._stopping = False

    async def start(self) -> None:
        """Enter, take over what a dead process held, begin."""
        await self._join()
        if self._sole:
            await self._write(lambda tx, now: self.membership.bury(tx, now, everyone=True))
        steps = (self._claim, self._beat, self._guard, self._settle)
        self._loops = [asyncio.create_task(self._forever(step), name=f"worker {step.__name__}") for step in steps]

    async def stop(self, grace: float = 5.0) -> None:
        """Claim nothing more, give what runs ``grace`` seconds to end, release the rest as it is, leave."""
        self._stopping = True
        running = [task for _, task in self._running.values()]
        if running:
            await asyncio.wait(running, timeout=grace)
        await _gone(task for _, task in self._running.values())
        await _gone(self._loops)
        with suppress(Exception):
            await self._settle_once()
        await self._commits.run(self.membership.leave)
        await self._commits.close()

    @property
    def running(self) -> int:
        """How many items are at work in this process."""
        return len(self._running)

    async def _forever(self, step: Callable[[], Awaitable[None]]) -> None:
        """A loop that outlives a database that is away for a while."""
        while True:
            try:
                await step()
            except Exception as error:  # noqa: BLE001 - a loop that dies would leave the worker deaf
                _log.warning("worker.loop", step=step.__name__, why=type(error).__name__)
                await asyncio.sleep(self._timing.poll)

    # claiming

    async def _claim(self) -> None:
        self._jobs.progress.work.clear()
        owner, slots = self.membership.id, self._slots - -(-self._used // PLACE)
        if not self._stopping and slots > 0:
            look = time.monotonic() - self._looked >= self._timing.guard
            self._looked = time.monotonic() if look else self._looked
            rows = await self._write(lambda tx, now: queue.claim(tx, owner, now, slots, cancelled=look))
            sealers: dict[tuple[str, str], Sealer] = {}
            specs: dict[str, dict[str, Any]] = {}
            for row in rows:
                await self._begin(row, sealers, specs)
            self._filled = len(self._running)
            if rows:
                return
        with suppress(TimeoutError):
            async with asyncio.timeout(self._timing.poll):
                await self._jobs.progress.work.wait()
        if self._running:
            await self._gathered()

    async def _gathered(self) -> None:
        """Some places have become free since: one claim for many costs little more than one for one."""
        if len(self._running) <= self._used // PLACE + _FEW:
            await asyncio.sleep(_GATHER)
            return
        self._thinned.clear()
        if len(self._running) > self._filled // 2:
            with suppress(TimeoutError):
                async with asyncio.timeout(_GATHER_SMALL):
                    await self._thinned.wait()

    async def _begin(
        self, row: RowMapping, sealers: dict[tuple[str, str], Sealer], specs: dict[str, dict[str, Any]]
    ) -> None:
        """Open what was claimed. Where its key is gone the person was forgotten: nothing is left to do.

        ``sealers``, ``specs``: those that this claim has needed so far.
        """
        whose = (row["tenant"], row["person"])
        try:
            sealer = sealers.get(whose) or await self._jobs.sealer(*whose)
            sealers[whose] = sealer
            item = opened(sealer, row, specs)
        except StorageError as error:
            _log.warning("worker.unreadable", item=row["id"], why=type(error).__name__)
            if not error.retryable:
                await self._write(lambda tx, now: queue.bar(tx, row["id"], row["owner"], now))
            return
        turn = Turn(item, sealer, self._write, self.membership, self._jobs.progress)
        task = asyncio.create_task(self._attempts.take(turn), name=f"item {item.kind}")
        self._running[item.id, item.attempt] = (turn, task)
        self._used += parts(item.kind, item.size)
        self._emptied.clear()
        task.add_done_callback(lambda ended: self._left(turn, ended))

    def _left(self, turn: Turn, ended: asyncio.Task[None]) -> None:
        if not ended.cancelled() and (error := ended.exception()) is not None:
            _log.warning("worker.unwritten", kind=turn.item.kind, why=type(error).__name__)
        if self._running.pop((turn.item.id, turn.item.attempt), None) is not None:
            self._used -= parts(turn.item.kind, turn.item.size)
        if len(self._running) <= self._filled // 2:
            self._thinned.set()
        if not self._running:
            self._emptied.set()
        self._touched.add(turn.item.job)
        self._jobs.progress.forget(turn.item.job, turn.item.id)
        self._jobs.progress.work.set()
        self._settling.set()

    # the loops beside

    async def _beat(self) -> None:
        await asyncio.sleep(self._timing.beat)
        if await self._write(self.membership.beat):
            await self._write(self._bury)
            return
        _log.warning("worker.lost_lease", count=len(self._running))
        await _gone(task for _, task in self._running.values())
        await self._join()

    async def _bury(self, tx: AsyncConnection, now: int) -> None:
        if await self.membership.bury(tx, now):
            self._jobs.progress.work.set()

    async def _guard(self) -> None:
        """Stop what is no longer ours, or was cancelled: within a second, whichever process was asked."""
        await asyncio.sleep(self._timing.guard)
        asked = dict(self._running)
        async with self._jobs.database.read() as tx:
            held = await queue.held(tx, self.membership.id)
        for (name, attempt), (turn, task) in asked.items():
            state = held.get(name)
            if state is None or state.attempt != attempt:
                task.cancel()
            elif state.cancelled and not turn.item.cancelled and not turn.cancelled:
                turn.cancelled = True
                task.cancel()
            elif (state.paused or state.pauses != turn.item.pauses) and not turn.item.cancelled and not turn.paused:
                turn.paused = True
                task.cancel()
        await self._recover({(name, row.attempt) for name, row in held.items()} - set(asked))
        await self._show()

    async def _recover(self, strays: set[tuple[str, int]]) -> None:
        """Give back what is ours in the database but not at work here, seen twice: its last write did not succeed."""
        for stray in strays & self._strays:
            await self._write(partial(queue.give_back, stray=stray, owner=self.membership.id))
        self._strays = strays

    async def _show(self) -> None:
        """Write how far items are to their rows, at most once a second each, all in one transaction."""
        now = time.monotonic()
        moved = [turn for turn, _ in self._running.values() if turn.due(now, self._timing.row)]
        if not moved:
            return

        async def write(tx: AsyncConnection) -> None:
            for turn, done in shown:
                with suppress(Fenced):
                    await queue.change(tx, turn.item, turn.owner, {"done": done})

        shown = [(turn, turn.done) for turn in moved]
        await self._commits.run(write)
        for turn, done in shown:
            turn.shown(done, now)

    async def _settle(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._timing.settle):
                await self._settling.wait()
        if self._running:
            with suppress(TimeoutError):
                async with asyncio.timeout(max(_TOGETHER, _SHARE * self._settled_in)):
                    await self._emptied.wait()
        self._settling.clear()
        begun = time.monotonic()
        await self._settle_once()
        self._settled_in = time.monotonic() - begun

    async def _settle_once(self) -> None:
        touched, self._touched = self._touched, set()
        async with self._jobs.database.read() as tx:
            touched |= set(await settling.unsettled(tx))
        for job in touched:
            try:
                settled = await self._write(partial(settling.settle, job=job, tell=self._tell), alone=True)
            except Exception as error:  # noqa: BLE001 - it is found again, and keeps no other job from ending
                _log.warning("worker.unsettled", why=type(error).__name__)
                continue
            if settled is settling.Settled.CLEANING:
                self._jobs.progress.work.set()
            self._jobs.progress.ring(job, last=settled is settling.Settled.ENDED)
        await self._write(queue.drop_idle_lanes)

    async def _join(self) -> None:
        await self._write(self.membership.join)


async def _gone(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait until they are gone."""
    ending = list(tasks)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)
