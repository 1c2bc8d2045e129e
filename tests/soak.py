"""How long the matrices of kills are: short in every run, long under ./scripts/soak; and how many kills that makes."""

from __future__ import annotations

import os
from typing import Final

FACTOR: Final = int(os.environ.pop("FILE_ACCESS_SOAK", "1"))
"""How many times as many seeds as usual. Taken out of the environment: a gateway that inherits it would refuse it."""

DEATHS: Final = 7
"""Workers that die over one job, one after the other."""
LEGS: Final = 3
ON_SQLITE, ON_POSTGRESQL = 4, 5
"""Strikes of a storm on each of its legs."""
SLEEPERS: Final = 2
"""Of a storm over many machines so many strikes, at most, stop a process and do not kill it."""


def jobs(factor: int = FACTOR) -> range:
    """Seeds of jobs over which workers die, on each database."""
    return range(1, 1 + 2 * factor)


def storms(factor: int = FACTOR) -> range:
    """Seeds of storms, on each database."""
    return range(1, 2 + factor // 4)


def stride(usual: int, factor: int = FACTOR) -> int:
    """Steps from one death to the next where each step of something is walked through: under ./scripts/soak each."""
    return usual if factor == 1 else 1


def kills(factor: int = FACTOR) -> int:
    """Processes that are killed at seeded points, at least."""
    struck = (ON_SQLITE + ON_POSTGRESQL) * LEGS - SLEEPERS
    return 2 * DEATHS * len(jobs(factor)) + struck * len(storms(factor))
