"""What processes cost: CPU seconds and memory, read from the kernel and never estimated."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

MIB = 1024 * 1024
DISTURBED = 0.15
_TICK = os.sysconf("SC_CLK_TCK")


def cpu(pid: int) -> float:
    """CPU seconds of a running process so far, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def memory(pid: int, name: str = "VmRSS") -> float:
    """MiB of a running process: VmRSS now, VmHWM the most since `forget_peak`."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1024
    return 0.0


def forget_peak(pid: int) -> None:
    """Let the kernel count the peak anew, where it allows that."""
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def busy() -> float:
    """CPU seconds that the whole machine has worked so far."""
    user, nice, system, _idle, _waiting, *more = (int(one) for one in Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + sum(more)) / _TICK


class Elsewhere:
    """How much of the machine is taken by work that is not measured, from its making on."""

    def __init__(self) -> None:
        self._busy, self._own, self._started = busy(), time.process_time(), time.monotonic()

    def told(self, spent: float) -> list[str]:
        """A remark where it is so much that only ratios count; ``spent``: CPU seconds of what was measured."""
        used = busy() - self._busy - (time.process_time() - self._own) - spent
        share = used / ((time.monotonic() - self._started) * (os.cpu_count() or 1))
        return [f"other work took {share:.0%} of the machine meanwhile"] if share >= DISTURBED else []


@dataclass
class Cost:
    """Of one run: ``seconds`` it took, CPU seconds by who, and MiB of the one that did the work."""

    seconds: float = 0.0
    cpu: dict[str, float] = field(default_factory=dict)
    idle: float = 0.0
    peak: float = 0.0

    @property
    def growth(self) -> float:
        """MiB above idle."""
        return max(self.peak - self.idle, 0.0)


@contextlib.asynccontextmanager
async def measured(who: Mapping[str, int], worker: str | None = None) -> AsyncIterator[Cost]:
    """The cost of what runs inside: processes by name; memory of ``worker``."""
    cost, loop = Cost(), asyncio.get_running_loop()
    before = {name: cpu(pid) for name, pid in who.items()}
    if worker:
        forget_peak(who[worker])
        cost.idle = memory(who[worker])
    started = loop.time()
    yield cost
    cost.seconds = loop.time() - started
    cost.cpu |= {name: cpu(pid) - before[name] for name, pid in who.items()}
    if worker:
        cost.peak = memory(who[worker], "VmHWM")


async def child(command: Sequence[str], environment: Mapping[str, str], name: str) -> tuple[Cost, bytes]:
    """Run a program to its end: its cost, from its own resource usage, and what it printed. RuntimeError on failure."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    reading, writing = os.pipe()
    actions = [(os.POSIX_SPAWN_DUP2, writing, 1), (os.POSIX_SPAWN_DUP2, writing, 2), (os.POSIX_SPAWN_CLOSE, reading)]
    pid = os.posix_spawn(command[0], list(command), dict(environment), file_actions=actions)  # noqa: ASYNC221 - wait4
    os.close(writing)
    output = asyncio.ensure_future(asyncio.to_thread(_drain, reading))
    try:
        _, status, usage = await asyncio.to_thread(os.wait4, pid, 0)
    except asyncio.CancelledError:
        os.kill(pid, 9)
        raise
    said = await output
    if os.waitstatus_to_exitcode(status) != 0:
        raise RuntimeError(f"{name} failed:\n{said[-2000:].decode(errors='replace')}")
    return Cost(loop.time() - started, {name: usage.ru_utime + usage.ru_stime}, 0.0, usage.ru_maxrss / 1024), said


def together(costs: Iterable[Cost], seconds: float) -> Cost:
    """Programs that ran side by side, as one: CPU and memory add up."""
    total = Cost(seconds)
    for cost in costs:
        for name, used in cost.cpu.items():
            total.cpu[name] = total.cpu.get(name, 0.0) + used
        total.peak += cost.peak
    return total


def _drain(reading: int) -> bytes:
    with os.fdopen(reading, "rb") as pipe:
        return pipe.read()


def scratch() -> Path:
    """A folder in memory where there is one, so that no disk is measured that nobody asked about."""
    where = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    return Path(tempfile.mkdtemp(prefix="file-access-bench-", dir=where))


def remove(folder: Path) -> None:
    """Everything the run left."""
    shutil.rmtree(folder, ignore_errors=True)
