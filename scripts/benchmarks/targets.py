"""What each row must reach: plain functions of measured numbers. Each gives what is missed, in words; nothing: met."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sides:
    """Rates of one row (larger is better) of the gateway, of rclone and of the bare client."""

    ours: float
    peer: float
    bare: float


@dataclass(frozen=True, slots=True)
class Weight:
    """CPU seconds and memory of one row; ``growth`` is the gateway's over idle, ``peak`` all of rclone's, MiB."""

    cpu: float
    peer_cpu: float
    growth: float
    peak: float


def _missed(*claims: tuple[bool, str]) -> list[str]:
    return [words for holds, words in claims if not holds]


def large(sides: Sides, times: float) -> list[str]:
    """``times`` rclone's throughput or 0.9 of the bare client's, whichever is lower."""
    wanted = min(times * sides.peer, 0.9 * sides.bare)
    return _missed((sides.ours >= wanted, f"{sides.ours:.3g} MiB/s instead of {wanted:.3g}"))


def light(weight: Weight) -> list[str]:
    """Not more CPU than rclone, and growth of at most half its memory."""
    return _missed(
        (weight.cpu <= weight.peer_cpu, f"{weight.cpu:.3g} CPU s, rclone {weight.peer_cpu:.3g}"),
        (weight.growth <= 0.5 * weight.peak, f"grew by {weight.growth:.3g} MiB, rclone's peak {weight.peak:.3g}"),
    )


def small(sides: Sides, default: float) -> list[str]:
    """8x rclone's ``default`` rate, 2x four unpaced ones (``sides.peer``), 40 % of bare; files a second."""
    return _missed(
        (sides.ours >= 8 * default, f"{sides.ours / default:.3g}x rclone's default"),
        (sides.ours >= 2 * sides.peer, f"{sides.ours / sides.peer:.3g}x four unpaced rclone"),
        (sides.ours >= 0.4 * sides.bare, f"{sides.ours / sides.bare:.0%} of bare"),
    )


def throttled(seconds: float, unavoidable: float) -> list[str]:
    """1.5x the time that nobody can avoid."""
    return _missed((seconds <= 1.5 * unavoidable, f"{seconds / unavoidable:.3g}x the unavoidable time"))


def latency(ours: float, peer: float) -> list[str]:
    """1.6x rclone's default throughput."""
    return _missed((ours >= 1.6 * peer, f"{ours / peer:.3g}x rclone's default"))


def crowd(growth: float, p99_ms: float) -> list[str]:
    """350 MiB over idle; a small request answered within 25 ms at p99."""
    return _missed(
        (growth <= 350, f"grew by {growth:.3g} MiB"),
        (p99_ms <= 25, f"p99 of a small request {p99_ms:.3g} ms"),
    )


def planning(rate: float, late_growth: float) -> list[str]:
    """2,000 items a second; at most 16 MiB more at the end than after a fifth of the items."""
    return _missed(
        (rate >= 2000, f"{rate:.4g} items/s"),
        (late_growth <= 16, f"memory grew by {late_growth:.3g} MiB after the first fifth"),
    )


def opening(cpu_per_gb: float, share: float | None, first_byte_ms: float) -> list[str]:
    """0.5 CPU s/GB, 0.3 of nginx's throughput (None: there was no nginx), the first byte within 10 ms at p50."""
    return _missed(
        (cpu_per_gb <= 0.5, f"{cpu_per_gb:.3g} CPU s/GB"),
        (share is not None, "nginx is not there to compare with"),
        (share is None or share >= 0.3, f"{share or 0:.2g}x nginx"),
        (first_byte_ms <= 10, f"first byte after {first_byte_ms:.3g} ms"),
    )


def rewrapping(rate: float) -> list[str]:
    """20,000 keys a second."""
    return _missed((rate >= 20_000, f"{rate:.4g} keys/s"))


def forgetting(unreadable: float, rate: float) -> list[str]:
    """Unreadable within 1.5 s of the request; gone from disk at 5,000 objects a second."""
    return _missed(
        (unreadable <= 1.5, f"unreadable after {unreadable:.3g} s"),
        (rate >= 5000, f"{rate:.4g} objects/s"),
    )


def expiring(p99_ms: float) -> list[str]:
    """A small request answered within 50 ms at p99."""
    return _missed((p99_ms <= 50, f"p99 of a small request {p99_ms:.3g} ms"))


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that so large a share of them does not exceed. ValueError for none at all."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("nothing was measured")
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
