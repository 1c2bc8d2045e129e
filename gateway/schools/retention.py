"""How long a school keeps what: a few named numbers with bounds, and what holds where a school chose nothing.

A school's own number comes before the deployment's, but for the life of cached copies: there the deployment has a
ceiling, and a school can only stay below it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from gateway.settings import Settings

DAY: Final = 24 * 60 * 60 * 1000
"""Milliseconds."""


@dataclass(frozen=True, slots=True)
class Retention:
    """What holds for a school, in days, seconds and counts.

    ``inactive_days``: who was away for so long is forgotten, ``notice_days`` after that was announced; None: nobody
    is. ``history_days``: reports of jobs, decided corrections, exports that were made, what people were told.
    """

    cache_seconds: int = 3600
    trash_days: int = 30
    versions: int = 10
    history_days: int = 30
    ledger_days: int = 1095
    inactive_days: int | None = None
    notice_days: int = 30


BOUNDS: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(
    {
        "cache_seconds": (60, 86_400),
        "trash_days": (1, 3650),
        "versions": (0, 1000),
        "history_days": (1, 365),
        "ledger_days": (365, 3650),
        "inactive_days": (90, 3650),
        "notice_days": (7, 60),
    }
)
"""The least and the most that a school may choose. Cached copies have the deployment's ceiling besides."""

assert set(BOUNDS) == {one.name for one in fields(Retention)}


class OutOfBounds(Exception):
    """A number that cannot be chosen: ``name``, and what it may be at ``least`` and at ``most``."""

    def __init__(self, name: str, least: int, most: int) -> None:
        super().__init__(name)
        self.name = name
        self.least = least
        self.most = most


@dataclass(frozen=True, slots=True)
class Usual:
    """What the deployment sets: what holds where a school chose nothing, and the ceiling of cached copies, seconds."""

    retention: Retention = Retention()
    ceiling: int = 86_400

    def bounds(self, name: str) -> tuple[int, int]:
        """What may be chosen."""
        least, most = BOUNDS[name]
        return (least, min(most, self.ceiling)) if name == "cache_seconds" else (least, most)

    def check(self, wanted: Mapping[str, int | None]) -> None:
        """OutOfBounds for a number that cannot be chosen. None goes back to what the deployment sets."""
        for name, value in wanted.items():
            least, most = self.bounds(name)
            if value is not None and not least <= value <= most:
                raise OutOfBounds(name, least, most)

    def with_chosen(self, chosen: Mapping[str, Any]) -> Retention:
        """What holds. A number that this version, or a lowered ceiling, does not allow any more becomes the nearest."""
        known = {}
        for name in BOUNDS.keys() & chosen.keys():
            least, most = self.bounds(name)
            known[name] = max(least, min(most, int(chosen[name])))
        return replace(self.retention, **known)


def usual(settings: Settings) -> Usual:
    """What the deployment sets for schools that choose nothing."""
    retention = Retention(
        cache_seconds=settings.cache_seconds,
        trash_days=settings.trash_days,
        versions=settings.native_versions,
        history_days=settings.history_days,
        ledger_days=settings.ledger_days,
    )
    return Usual(retention, settings.cache_ceiling_seconds)
