"""A row of the table: one piece of work, done by the gateway, by rclone and by the bare client in turn."""

from __future__ import annotations

import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.targets import Sides
from benchmarks.usage import Cost, Elsewhere
from benchmarks.world import World

RUNS = 3
Run = Callable[[int], Awaitable[Cost]]


@dataclass(frozen=True, slots=True)
class Row:
    """``measure`` does the work; ``target`` says in words what ``Measured.met`` decided."""

    name: str
    work: str
    target: str
    measure: Callable[[World], Awaitable[Measured]]


@dataclass
class Measured:
    """Medians of a row in ``unit``; ``cpu_s`` and ``peak_mib`` by who."""

    unit: str
    ours: float = 0.0
    peer: float | None = None
    bare: float | None = None
    ratio: float = 0.0
    met: bool = False
    limit: str = ""
    cpu_s: dict[str, float] = field(default_factory=dict)
    peak_mib: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def judged(self, missed: Sequence[str], limit: str = "") -> None:
        """Met where nothing is missed; else what is missed and why stands first in ``limit``."""
        self.met = not missed
        self.limit = "; ".join([*missed, limit or self.limit])

    def as_json(self, row: Row) -> dict[str, Any]:
        """As ``--json`` lists it."""
        rounded = {name: None if value is None else round(value, 3) for name, value in (
            ("ours", self.ours), ("peer", self.peer), ("bare", self.bare), ("ratio", self.ratio),
        )}  # fmt: skip
        return {
            "name": row.name,
            "work": row.work,
            **rounded,
            "unit": self.unit,
            "target": row.target,
            "met": self.met,
            "limit": "; ".join(filter(None, [*([self.limit] if not self.met else []), *self.notes])),
            "cpu_s": {name: round(value, 2) for name, value in self.cpu_s.items()},
            "peak_mib": {name: round(value, 1) for name, value in self.peak_mib.items()},
        }


@dataclass
class Side:
    """The runs of one side."""

    costs: list[Cost] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """The median."""
        return statistics.median(cost.seconds for cost in self.costs)

    def cpu(self, *names: str) -> float:
        """The median of the CPU seconds of these processes together."""
        return statistics.median(sum(cost.cpu.get(name, 0.0) for name in names) for cost in self.costs)

    @property
    def peak(self) -> float:
        """The largest memory seen, MiB."""
        return max(cost.peak for cost in self.costs)

    @property
    def growth(self) -> float:
        """The largest growth over idle, MiB."""
        return max(cost.growth for cost in self.costs)


async def alternate(runs: int, **sides: Run | None) -> dict[str, Side]:
    """Each side's runs, one after the other and in turn, so that the machine's moods meet all of them."""
    found, elsewhere = {name: Side() for name, run in sides.items() if run is not None}, Elsewhere()
    for number in range(runs):
        for name, run in sides.items():
            if run is not None:
                found[name].costs.append(await run(number))
    remarks = elsewhere.told(sum(used for side in found.values() for cost in side.costs for used in cost.cpu.values()))
    for side in found.values():
        side.remarks = remarks
    return found


def limits(side: Side) -> str:
    """What held the gateway back, read from where the time went: a busy core, or nobody's."""
    seconds = side.seconds
    shares = {who: side.cpu(who) / seconds for who in ("gateway", "google", "microsoft", "relay")}
    busiest, most = max(shares.items(), key=lambda pair: pair[1])
    told = ", ".join(f"{who} {share:.0%}" for who, share in shares.items() if share >= 0.01)
    whole = sum(shares.values())
    why = (
        f"{busiest} fills its core"
        if most > 0.85
        else "both cores are full"
        if whole > 1.7
        else "waiting, no core is full"
    )
    return f"{why} (of one core each: {told})"


def compare(found: dict[str, Side], amount: float, unit: str) -> Measured:
    """Rates of ``amount`` per second for every side."""
    result = Measured(unit, notes=[*found["ours"].remarks])
    result.ours = amount / found["ours"].seconds
    result.peer = amount / found["peer"].seconds if "peer" in found else None
    result.bare = amount / found["bare"].seconds if "bare" in found else None
    result.ratio = result.ours / result.peer if result.peer else 0.0
    result.limit = limits(found["ours"])
    servers = ("google", "microsoft")
    result.cpu_s = {"ours": found["ours"].cpu("gateway"), "servers": found["ours"].cpu(*servers)}
    result.peak_mib = {"ours": found["ours"].peak, "growth": found["ours"].growth}
    for side, program in (("peer", "rclone"), ("bare", "bare")):
        if side in found:
            result.cpu_s[side] = found[side].cpu(program)
            result.peak_mib[side] = found[side].peak
    return result


def sides(result: Measured) -> Sides:
    """The three rates of a comparison."""
    assert result.peer is not None
    assert result.bare is not None
    return Sides(result.ours, result.peer, result.bare)


async def explained(world: World, result: Measured, missed: Sequence[str], run: Run) -> None:
    """Judge; where something is missed the gateway does the work once more, watched, to see what it is busy with."""
    if not missed:
        result.judged(missed)
        return
    async with world.profile() as profile:
        await run(RUNS)
    result.judged(missed, f"{result.limit}; {profile[0]}")


def failed(row: Row, why: str) -> dict[str, Any]:
    """A row that could not be measured, as ``--json`` lists it."""
    nothing: dict[str, Any] = dict.fromkeys(("ours", "peer", "bare", "ratio"))
    told = {"name": row.name, "work": row.work, **nothing, "unit": "", "target": row.target, "met": False}
    return {**told, "limit": why, "cpu_s": {}, "peak_mib": {}}
