"""What the stand-ins do and why we believe the vendors do it too: one sentence each, with its basis.

``schema``: declared by the vendor's published schema. ``rclone``: seen in requests of an independent client that works
with the real vendor. ``documented``: stated by the vendor's guides. ``assumed``: our own guess, printed in the README.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeVar

Basis = Literal["schema", "rclone", "documented", "assumed"]
F = TypeVar("F", bound=Callable[..., object])


@dataclass(frozen=True, slots=True, order=True)
class Behaviour:
    """One claim: which stand-in, on which basis, what it does, and the function that does it."""

    vendor: str
    basis: Basis
    sentence: str
    where: str


_registry: list[Behaviour] = []


def behaviour(basis: Basis, sentence: str) -> Callable[[F], F]:
    """Marks a function with what it does. May be stacked; the vendor is the folder that the function lies in."""

    def mark(function: F) -> F:
        parts = function.__module__.split(".")
        vendor = parts[2] if len(parts) > 3 else "all"
        _registry.append(Behaviour(vendor, basis, sentence, f"{function.__module__}.{function.__qualname__}"))
        return function

    return mark


def behaviours(vendor: str | None = None) -> Iterator[Behaviour]:
    """Everything registered so far by the modules that are imported, sorted; of one vendor and of all, if given."""
    return (entry for entry in sorted(_registry) if vendor in (None, entry.vendor) or entry.vendor == "all")
