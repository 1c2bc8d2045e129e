"""What the policy decided of requests, in the ledger before it is acted on: what a request does leaves on its word.

A request that changes something has an entry of its own. What only looks, and what was refused, is counted: the first
in a while has an entry at once, how many followed is told when the while is over, so that no loop floods the chain.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog

from cache.errors import StorageError, Suspended
from gateway.ids import new_id
from gateway.ledger import Event, on_record
from gateway.ledger.recorded import Recorder
from gateway.policy import POLICY_VERSION, Principal
from providers.http import Word, on_word

log = structlog.get_logger(__name__)

LOOKS: Final = 3600.0
"""Seconds in which looks of one kind, by one sign-in, are one entry and a count."""
REFUSALS: Final = 60.0
"""The same for what was refused to one person for one reason."""
EVERY: Final = 15.0
"""Seconds between two looks for what is over."""
MOST: Final = 20_000
"""Counts that are kept at the same time."""

_Key = tuple[str, ...]


@dataclass(slots=True, eq=False)
class _Count:
    """``more``: how many followed the one that has an entry, which ``recorded`` ends with."""

    school: str
    person: str
    action: str
    told: Mapping[str, Any]
    instruction: str
    over: float
    recorded: asyncio.Task[int]
    more: int = 0

    def tally(self) -> Event:
        return Event(
            self.action, self.person, self.person, self.instruction, POLICY_VERSION, {**self.told, "more": self.more}
        )


class _Sparing:
    """While the key is suspended that would seal the details, an entry tells what it tells without any."""

    def __init__(self, ledger: Recorder) -> None:
        self._ledger = ledger

    async def record(self, school: str, event: Event) -> int:
        """As `Recorder` says."""
        try:
            return await self._ledger.record(school, event)
        except Suspended:
            return await self._ledger.record(school, replace(event, details={}))


class Decisions:
    """The decisions that this process makes. ``clock`` in seconds."""

    def __init__(self, ledger: Recorder, clock: Callable[[], float] = time.monotonic) -> None:
        self._ledger: Recorder = _Sparing(ledger)
        self._clock = clock
        self._counts: dict[_Key, _Count] = {}
        self._telling: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """From now on counts are told when their while is over."""
        self._telling = asyncio.create_task(self._forever(), name="decisions")

    async def close(self) -> None:
        """Tell all that was counted."""
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.gather(self._telling, return_exceptions=True)
        await self._tell(list(self._counts))

    async def _forever(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self.sweep()
            except Exception as error:  # noqa: BLE001  # a database that is away for a while must not end it
                log.warning("decisions_wait", why=type(error).__name__)

    @asynccontextmanager
    async def allowed(
        self, who: Principal, action: str, told: Mapping[str, Any], word: str | None = None
    ) -> AsyncIterator[str]:
        """Something is done on ``who``'s word: its id, recorded before. ``word``: the id, where it has one already.

        ``told``: what is asked for, sealed under the person's key. What cannot be recorded is not done.
        """
        event = Event("policy.allowed", who.person, who.person, word, POLICY_VERSION, _about(who, action, **told))
        async with on_record(self._ledger, who.school, event) as instruction:
            yield instruction

    @asynccontextmanager
    async def looking(self, who: Principal, action: str) -> AsyncIterator[str]:
        """Something is looked at: counted, under an instruction that was recorded before."""
        about = _about(who, action)
        key = (who.school, who.person, who.session, action)
        instruction = await self._counted(key, LOOKS, who, "policy.allowed", about)
        with on_word(Word(instruction)):
            yield instruction

    async def refused(self, who: Principal, action: str, reason: str) -> None:
        """It was refused; counted, whichever sign-in was used."""
        about = _about(who, action, reason=reason)
        await self._counted((who.school, who.person, action, reason), REFUSALS, who, "policy.denied", about)

    async def sweep(self) -> int:
        """Tell the counts whose while is over; how many had something to tell."""
        now = self._clock()
        return await self._tell([key for key, one in self._counts.items() if one.over <= now])

    async def _counted(self, key: _Key, span: float, who: Principal, action: str, told: Mapping[str, Any]) -> str:
        """The instruction of a count, whose entry is committed when this returns."""
        found = self._counts.get(key)
        if found is not None and found.over <= self._clock():
            await self._tell([key])
            found = self._counts.get(key)
        if found is None and len(self._counts) >= MOST:
            await self._tell([next(iter(self._counts))])
            found = self._counts.get(key)
        if found is None:
            found = self._begin(key, span, who, action, told)
        else:
            found.more += 1
        try:
            await asyncio.shield(found.recorded)
        except Exception:
            if self._counts.get(key) is found:
                del self._counts[key]
            raise
        return found.instruction

    def _begin(self, key: _Key, span: float, who: Principal, action: str, told: Mapping[str, Any]) -> _Count:
        """One entry for all who come at the same moment."""
        word = new_id()
        event = Event(action, who.person, who.person, word, POLICY_VERSION, told)
        task = asyncio.create_task(self._ledger.record(who.school, event), name="decision")
        task.add_done_callback(heard)
        made = _Count(who.school, who.person, f"{action}.more", told, word, self._clock() + span, task)
        self._counts[key] = made
        return made

    async def _tell(self, keys: list[_Key]) -> int:
        told = 0
        for key in keys:
            count = self._counts.pop(key, None)
            if count is None or not count.more:
                continue
            try:
                await self._ledger.record(count.school, count.tally())
                told += 1
            except StorageError:  # forgotten meanwhile: nothing can be told of them any more
                log.info("decisions_untold", count=count.more)
            except Exception:
                self._counts.setdefault(key, count)
                raise
        return told


def _about(who: Principal, action: str, **more: Any) -> dict[str, Any]:
    return {"action": action, "client": who.client, "role": who.role, **more}


def heard(task: asyncio.Task[Any]) -> None:
    """For a task's end: an error reaches whoever waits; where nobody does any more, it is not a surprise either."""
    if not task.cancelled():
        task.exception()
