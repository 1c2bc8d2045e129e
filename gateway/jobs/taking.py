"""One attempt at one item: run its executor, and turn what comes of it into the item's next state.

A refusal ends the item, a passing trouble is tried again later and only so often, a throttled account rests without
costing an attempt, and what lost its lease writes nothing at all.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.errors import Stale, StorageError
from gateway.jobs import queue
from gateway.jobs.commits import Clocked
from gateway.jobs.fence import Change
from gateway.jobs.model import LEADING, STEPS, Fenced, ItemState, Outcome, Parked
from gateway.jobs.processes import LEASE, MOST_LOSSES
from gateway.jobs.sealing import seal
from gateway.jobs.turn import Executor, Turn
from providers.errors import DriveError, Locked
from providers.http import work_in_background

MOST_FAILURES: Final = 6
STILL_MS: Final = 500
"""Until an item is taken again that met keys which nobody had looked after."""
MOST_REFUSED_TOKENS: Final = 3
_log = structlog.get_logger(__name__)


def failures_of(turn: Turn) -> int:
    """Failed attempts with this one, since the item last made progress."""
    return 1 if turn.done > turn.item.done else turn.item.failures + 1


def may_pass(error: DriveError | StorageError, turn: Turn) -> bool:
    """Whether another attempt is worth it. A dead grant is believed when it is told several times: tokens race."""
    if isinstance(error, DriveError) and error.reconnect:
        return failures_of(turn) < MOST_REFUSED_TOKENS
    return error.retryable and failures_of(turn) < MOST_FAILURES


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds between looks. ``lease``: after that long without a beat others take over.

    ``editing``: the first rest of an item that somebody has open in an editor. Nobody closes one within seconds.
    """

    lease: float = LEASE
    beat: float = 1.0
    guard: float = 0.25
    poll: float = 0.5
    settle: float = 2.0
    row: float = 1.0
    backoff: float = 1.0
    longest_backoff: float = 120.0
    editing: float = 60.0
    longest_editing: float = 600.0
    abandon: float = 10.0


class Attempts:
    """Runs turns. ``executors`` by kind of item."""

    def __init__(self, executors: Mapping[str, Executor], write: Clocked, timing: Timing) -> None:
        self._executors = executors
        self._write = write
        self._timing = timing

    async def take(self, turn: Turn) -> None:
        """The item's turn from claim to its last write. Fenced means that it is somebody else's: nothing is written."""
        executor = self._executors[turn.item.kind]
        work_in_background()
        with suppress(Fenced):
            try:
                if turn.item.cancelled:
                    await self._give_up(turn, executor, ItemState.SKIPPED, "cancelled")
                elif turn.item.losses > MOST_LOSSES:
                    await self._give_up(turn, executor, ItemState.FAILED, "worker_lost")
                else:
                    await self._end(turn, await executor.run(turn))
            except asyncio.CancelledError:
                await asyncio.shield(self._stopped(turn, executor))
            except Parked as parked:
                await self._park(turn, parked)
            except Stale:  # this machine stood still for a moment: nobody's failure, and over with the next look
                await self._again(turn, STILL_MS)
            except (DriveError, StorageError) as error:
                locked = isinstance(error, Locked)
                await self._failed(turn, executor, may_pass(error, turn), getattr(error, "code", "internal"), locked)
            except Fenced:
                raise
            except Exception as error:  # noqa: BLE001 - a bug in one item must not take the worker with it
                _log.error(
                    "worker.item", item=turn.item.id, kind=turn.item.kind, why=type(error).__name__, exc_info=error
                )
                await self._failed(turn, executor, True, "internal")

    async def _end(self, turn: Turn, outcome: Outcome) -> None:
        values: dict[str, object] = {
            "reason": outcome.reason,
            "done": turn.done,
            "result": seal(turn.sealer, "items", "result", turn.item.id, outcome.result),
        }
        if outcome.then is None and queue.ends_alone(turn.item):
            await self._write.change(lambda now: Change(turn.item, turn.owner, queue.last(outcome.state, now, values)))
            return

        async def write(tx: AsyncConnection, now: int) -> None:
            await queue.end(tx, turn.item, turn.owner, outcome.state, now, values)
            if outcome.then is not None:
                await outcome.then(tx)

        await self._write(write, alone=turn.item.kind in LEADING)

    async def _stopped(self, turn: Turn, executor: Executor) -> None:
        """The task was cancelled: because the job was, or because the process stops and another will go on."""
        if turn.cancelled:
            await self._give_up(turn, executor, ItemState.SKIPPED, "cancelled")
            return
        await self._again(turn)

    async def _again(self, turn: Turn, later: int = 0) -> None:
        """Give the item back as it is, for whoever takes it next, in ``later`` ms at the soonest."""
        await self._write(
            lambda tx, now: queue.again(tx, turn.item, turn.owner, now + later, done=turn.done, failed=False)
        )

    async def _give_up(self, turn: Turn, executor: Executor, state: ItemState, reason: str) -> None:
        """Free what the item holds outside, as far as it can be reached, and end it."""
        outcome = None
        try:
            async with asyncio.timeout(self._timing.abandon):
                outcome = await executor.abandon(turn)
        except Fenced:
            raise
        except Exception as error:  # noqa: BLE001 - a session that cannot be ended now ends by itself
            _log.warning("worker.abandon", kind=turn.item.kind, why=type(error).__name__)
        if turn.item.kind in STEPS and state is ItemState.SKIPPED:
            state = ItemState.DONE
        await self._end(turn, outcome or Outcome(state, reason))

    async def _failed(self, turn: Turn, executor: Executor, retryable: bool, reason: str, locked: bool = False) -> None:
        failures = failures_of(turn)
        if not retryable or failures >= MOST_FAILURES:
            await self._give_up(turn, executor, ItemState.FAILED, reason)
            return
        timing = self._timing
        first, longest = (
            (timing.editing, timing.longest_editing) if locked else (timing.backoff, timing.longest_backoff)
        )
        pause = min(first * 2.0 ** (failures - 1), longest)
        later = round(pause * random.uniform(0.7, 1.0) * 1000)  # noqa: S311 - spreads retries, keeps no secret
        await self._write(
            lambda tx, now: queue.again(
                tx, turn.item, turn.owner, now + later, done=turn.done, failed=True, reason=reason
            )
        )

    async def _park(self, turn: Turn, parked: Parked) -> None:
        progressed = turn.progressed()

        async def write(tx: AsyncConnection, now: int) -> int:
            await queue.again(tx, turn.item, turn.owner, now, done=turn.done, failed=False)
            return await queue.park(tx, parked.lane, now, parked.seconds, progressed=progressed) - now

        turn.wake_in(await self._write(write) / 1000)
