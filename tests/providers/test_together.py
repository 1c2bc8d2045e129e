"""Calls side by side: results in order, never more at once than allowed, nothing left behind a failure."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from providers.together import together


class Calls:
    """Calls that end, fail or go on for ever; what is running, and what ran at the same time at most."""

    def __init__(self) -> None:
        self.running, self.most, self.stopped = 0, 0, list[int]()

    async def call(self, number: int, *, ends: bool = True, fails: bool = False) -> int:
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            for _ in range(10 - number % 10):  # the later ones are the first to end
                await asyncio.sleep(0)
            if fails:
                raise LookupError(number)
            if not ends:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.stopped.append(number)
            raise
        finally:
            self.running -= 1
        return number


async def test_results_come_in_order_and_few_run_at_once() -> None:
    calls = Calls()
    assert await together((partial(calls.call, number) for number in range(30)), 4) == list(range(30))
    assert calls.most == 4


async def test_nothing_to_call() -> None:
    assert await together([]) == []


async def test_a_failure_stops_the_others_and_is_what_is_raised() -> None:
    calls = Calls()
    asked = [partial(calls.call, number, ends=False, fails=number == 9) for number in range(10)]
    with pytest.raises(LookupError, match="9"):
        await together(asked, 10)
    assert calls.running == 0
    assert calls.stopped == list(range(9)), "every other one was stopped before its end"


async def test_whoever_gives_up_leaves_nothing_running() -> None:
    calls = Calls()
    task = asyncio.ensure_future(together([partial(calls.call, number, ends=False) for number in range(3)]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert calls.running == 3
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert calls.running == 0
    assert sorted(calls.stopped) == [0, 1, 2]
