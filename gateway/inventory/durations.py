"""Lengths of time as people say them, in their language."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, Literal

from babel.dates import format_timedelta

_UNITS: Final[tuple[tuple[Literal["day", "hour", "minute", "second"], int], ...]] = (
    ("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1),
)  # fmt: skip
_NEVER: Final = 1e12
"""A threshold that no number reaches, so that no larger unit is chosen than the one that is asked for."""


def spoken(seconds: int, locale: str) -> str:
    """In the largest unit that is whole: 3600 is "1 hour", 5400 is "90 minutes". At least a second."""
    unit = next(unit for unit, length in _UNITS if seconds % length == 0)
    return format_timedelta(timedelta(seconds=seconds), granularity=unit, threshold=_NEVER, locale=locale)
