"""How long one call is tried: a few times, a few seconds, never longer than the caller's worker should wait."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from providers.errors import Busy, DriveError, Locked, Offline, Untrusted

Done = TypeVar("Done")

LONGEST = 24 * 3600.0
"""No provider closes an account for longer than a day, seconds; a larger number is not believed."""


@dataclass(frozen=True, slots=True)
class Patience:
    """``tries`` per call, and at most ``budget`` seconds of waiting between them, starting near ``first`` seconds."""

    tries: int = 3
    budget: float = 8.0
    first: float = 0.4
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def over(self, attempt: Callable[[], Awaitable[Done]], *, repeatable: bool) -> Done:
        """The attempt's result. ``repeatable`` False: only what was surely not done (Busy) is tried again.

        An error's ``retry_after`` stays what the provider said: who parks work must tell its word from a guess.
        """
        waited = 0.0
        number = 1
        while True:
            try:
                return await attempt()
            except DriveError as error:
                pause = self._pause(error, number)
                if number >= self.tries or waited + pause > self.budget or not _worth(error, repeatable):
                    raise
            await self.sleep(pause)
            waited += pause
            number += 1

    def _pause(self, error: DriveError, number: int) -> float:
        base = self.first * 2.0 ** (number - 1) if error.retry_after is None else error.retry_after
        return base + random.uniform(0, 0.1 * base + 0.05)  # noqa: S311  # spreads clients, guards nothing


def _worth(error: DriveError, repeatable: bool) -> bool:
    """An editor is not closed within seconds; everything else that passes may be over at once."""
    if isinstance(error, Locked):
        return False
    return isinstance(error, Busy) or (repeatable and isinstance(error, (Offline, Untrusted)))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds from a Retry-After header, which holds seconds or an HTTP date; None where it holds neither."""
    text = headers.get("Retry-After", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = _until(text, headers.get("Date"))
    return min(max(seconds, 0.0), LONGEST) if math.isfinite(seconds) else None


def _until(text: str, now: str | None) -> float:
    """From the server's own clock where it tells it, so that a clock that is off does no harm. NaN: no date."""
    try:
        start = _utc(now) if now else datetime.now(UTC)
        return (_utc(text) - start).total_seconds()
    except ValueError:
        return math.nan


def _utc(text: str) -> datetime:
    found = parsedate_to_datetime(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
