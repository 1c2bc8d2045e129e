"""Lengths of time as people say them, in their language."""

from __future__ import annotations

from typing import Final

from babel.units import format_unit

_UNITS: Final = (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1))


def spoken(seconds: int, locale: str) -> str:
    """In the largest unit that is whole: 3600 is "1 hour", 5400 is "90 minutes"."""
    unit, length = next((unit, length) for unit, length in _UNITS if seconds % length == 0 and seconds >= length)
    return format_unit(seconds // length, f"duration-{unit}", locale=locale)
