"""An executor's hold on one item: what it may learn and write while the item is its own.

Every write is fenced by process and attempt. An executor knows nothing of queues, and the queue nothing of drives.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.jobs import queue
from gateway.jobs.commits import Clocked
from gateway.jobs.fence import Change
from gateway.jobs.model import Fenced, Hook, Item, Outcome, Parked
from gateway.jobs.processes import Membership
from gateway.jobs.progress import Progress
from gateway.jobs.sealing import Sealer, seal

LONGEST_HELD: Final = 60.0
"""Seconds for which an item may keep its place at work while its account rests."""

_FEW: Final = 100
"""Rows that may be written with what others write."""


class Executor(Protocol):
    """Does items of one kind. It may be stopped at any point, and another process may go on from what was saved."""

    async def run(self, turn: Turn) -> Outcome:
        """Do the item. Raises DriveError or StorageError (retried where they say so) or Parked."""
        ...

    async def abandon(self, turn: Turn) -> Outcome | None:
        """The item will not be finished: free what it holds outside (upload session, spool). May be repeated.

        An outcome where it was as good as finished; None where it ends as the queue says.
        """
        ...


class Turn:
    """One attempt at one item. ``done`` is in bytes."""

    def __init__(self, item: Item, sealer: Sealer, write: Clocked, membership: Membership, progress: Progress) -> None:
        self.item = item
        self.sealer = sealer
        self.work: Mapping[str, Any] = item.work
        """What was saved last, by this attempt or an earlier one."""
        self.done = item.done
        self.stored = item.done
        self.owner = membership.id
        self.cancelled = False
        """Set where the job was cancelled while this ran, before the executor is stopped."""
        self._rested_at = item.done
        self.paused = False
        """Set where the job was paused while this ran, before it is given back as it is."""
        self._seen = 0.0
        self._write = write
        self._membership = membership
        self._progress = progress

    def advance(self, done: int) -> None:
        """So many bytes have arrived. Shown at once; written to the row within about a second. Fenced."""
        self.check()
        self.done = done
        self._progress.note(self.item.job, self.item.id, done - self.stored)

    def check(self) -> None:
        """Fenced where this process was still for so long that others may have taken over. Cheap: ask it per piece."""
        if not self._membership.fresh or self._membership.id != self.owner:
            raise Fenced(self.item.id)

    async def save(
        self, work: Mapping[str, Any], then: Hook | None = None, *, size: int | None = None, rows: int = 0
    ) -> None:
        """Keep what the next attempt needs, durably, with ``then`` in the same transaction. Fenced.

        ``size``: the item's bytes, where they turned out to be others than was planned. ``rows``: so many ``then``
        writes, about.
        """
        box = seal(self.sealer, "items", "work", self.item.id, work)
        done = self.done
        values: dict[str, Any] = {"work": box, "done": done} | ({} if size is None else {"size": size})

        async def write(tx: AsyncConnection, _now: int) -> None:
            await queue.change(tx, self.item, self.owner, values)
            if then is not None:
                await then(tx)

        self.work = work  # before the commit: whoever is stopped while it runs still knows what is to be freed
        if then is None:
            await self._write.put(Change(self.item, self.owner, values))
        else:
            await self._write(write, alone=rows > _FEW)
        self.stored = done
        self._progress.note(self.item.job, self.item.id, self.done - done)

    async def hold(self) -> None:
        """Prove, in the database, that the item is still ours: directly before what cannot be taken back. Fenced."""
        await self._write.put(Change(self.item, self.owner, {"done": self.done}))
        self.check()

    async def now(self) -> int:
        """The database's clock, epoch ms."""
        return await self._write.now()

    async def rest(self, lane: str, seconds: float | None) -> None:
        """Park the lane and wait it out, for an item that would lose much by giving its turn back. Fenced.

        Parked where that would take long: a place at work is not for sleeping in.
        """
        progressed = self.progressed()

        async def write(tx: AsyncConnection, now: int) -> int:
            return await queue.park(tx, lane, now, seconds, progressed=progressed) - now

        pause = max(await self._write(write), 0) / 1000
        if pause > LONGEST_HELD:
            raise Parked(lane, pause)
        await asyncio.sleep(pause)
        self.check()

    def wake_in(self, seconds: float) -> None:
        """Let this process look for work then, not at its next look round: an account has rested."""
        asyncio.get_running_loop().call_later(max(seconds, 0), self._progress.work.set)

    def progressed(self) -> bool:
        """Whether bytes have arrived since this was asked last, or since the item was taken up."""
        before, self._rested_at = self._rested_at, self.done
        return self.done > before

    def due(self, now: float, every: float) -> bool:
        """Whether the row lags behind and was not written for ``every`` seconds."""
        return self.done != self.stored and now - self._seen >= every

    def shown(self, done: int, now: float) -> None:
        """The row says ``done`` now."""
        self.stored, self._seen = done, now
        self._progress.note(self.item.job, self.item.id, self.done - done)
