"""What somebody notices who only wants a small answer: asked again and again while something large goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import aiohttp
from tour import Browser, TourFailed

from benchmarks import targets

ASKED_EVERY = 0.05


@asynccontextmanager
async def asking(browser: Browser) -> AsyncIterator[list[float]]:
    """A small request every 50 ms, whether or not the one before has been answered; how long each took, seconds."""
    waits: list[float] = []
    asked: set[asyncio.Task[None]] = set()

    async def ask() -> None:
        started = time.perf_counter()
        try:
            await browser.api("GET", "/v1/me")
        except (TourFailed, TimeoutError, aiohttp.ClientError):
            waits.append(float("inf"))  # no answer is slower than any
        else:
            waits.append(time.perf_counter() - started)

    async def keep_asking() -> None:
        while True:
            task = asyncio.create_task(ask())
            asked.add(task)
            task.add_done_callback(asked.discard)
            await asyncio.sleep(ASKED_EVERY)

    task = asyncio.create_task(keep_asking())
    try:
        yield waits
    finally:
        task.cancel()
        await asyncio.gather(*asked)


def told(waits: Sequence[float]) -> str:
    """The waits in words."""
    p50, p99 = (targets.percentile(waits, share) * 1000 for share in (0.5, 0.99))
    lost = waits.count(float("inf"))
    return f"GET /v1/me: p50 {p50:.3g} ms, p99 {p99:.3g} ms of {len(waits)}, {lost} without an answer"
