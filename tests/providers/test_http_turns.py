"""Bulk work takes turns: in which order, how much at once, and that nobody is forgotten."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from providers.http import Turns
from providers.http.turns import UNATTENDED


async def rounds(turns: Turns, streams: int, pieces: int) -> list[int]:
    """How many pieces of so many streams pass in each round of the loop."""
    passed = 0

    async def stream() -> None:
        nonlocal passed
        for _ in range(pieces):
            await turns.next()
            passed += 1

    tasks = [asyncio.create_task(stream()) for _ in range(streams)]
    seen = []
    while not all(task.done() for task in tasks):
        before = passed
        await asyncio.sleep(0)
        seen.append(passed - before)
    return seen


async def test_while_somebody_waits_one_piece_passes_between_two_looks() -> None:
    turns = Turns()
    with turns.attended():
        seen = await rounds(turns, 8, 5)
    assert max(seen) == 1
    assert sum(seen) == 40


async def test_while_nobody_waits_a_few_do() -> None:
    seen = await rounds(Turns(), 8, 5)
    assert max(seen) == UNATTENDED
    assert sum(seen) == 40


async def test_streams_take_turns_in_their_order() -> None:
    turns, order = Turns(), list[str]()

    async def stream(name: str) -> None:
        for _ in range(3):
            await turns.next()
            order.append(name)

    await asyncio.gather(*(stream(name) for name in "abc"))
    assert order == list("abcabcabc")


async def test_who_is_cancelled_holds_nobody_up() -> None:
    turns = Turns()
    first, second = asyncio.create_task(turns.next()), asyncio.create_task(turns.next())
    await asyncio.sleep(0)
    first.cancel()
    with suppress(asyncio.CancelledError):
        await first
    async with asyncio.timeout(10):
        await second
        await turns.next()
