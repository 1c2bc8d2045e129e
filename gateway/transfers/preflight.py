"""The plan of a transfer as data: ordered as a job of its own, summed up from its steps, confirmed by the transfer.

Bounded whatever the size of the tree: the sums are read page by page, the findings are given in pages. Who looks again
and again does not have everything summed up again: sums count for ten times as long as they took, at the end for good.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.jobs.model import JobState, JobView
from gateway.jobs.service import Jobs
from gateway.transfers.access import Drives
from gateway.transfers.estimate import Work, slowness
from providers.verbs import HasQuota, supports

KIND: Final = "preflight"
_PAGE: Final = 200
_KEPT: Final = 256
"""Plans whose sums are remembered."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a transfer would do. ``found``: findings by code. ``fits`` None: the destination does not tell its room.

    ``complete`` False: some folder could not be looked through. ``sharing_lost``: who it is shared with stays behind;
    ``shared``: items that others have, too, as far as their drive tells it. ``seconds``: an estimate, see
    `gateway.transfers.estimate`. Sizes in bytes, without ``unknown_sizes`` items whose size only their copy tells.
    """

    state: JobState
    complete: bool
    items: Mapping[str, int]
    bytes: int
    unknown_sizes: int
    found: Mapping[str, int]
    used: int | None
    limit: int | None
    fits: bool | None
    sharing_lost: bool
    shared: int
    seconds: int


class Sums:
    """The sums of plans, numbers only. One per process."""

    def __init__(self, jobs: Jobs, clock: Callable[[], float] = time.monotonic) -> None:
        self._jobs = jobs
        self._clock = clock
        self._kept: OrderedDict[tuple[str, int | None], tuple[float, Counter[str]]] = OrderedDict()

    async def of(self, tenant: str, person: str, job: JobView) -> Counter[str]:
        """Of a job of this person, which the caller has looked up."""
        until, kept = self._kept.get((job.id, job.ended), (0.0, Counter[str]()))
        begun = self._clock()
        if begun < until:
            return kept
        found = await self._summed(tenant, person, job.id)
        now = self._clock()
        self._kept[job.id, job.ended] = now + 10 * (now - begun) if job.ended is None else float("inf"), found
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return found

    async def _summed(self, tenant: str, person: str, job: str) -> Counter[str]:
        sums, after = Counter[str](), 0
        while True:
            steps, more = await self._jobs.steps(tenant, person, job, "survey", after, _PAGE)
            for step in steps:
                sums.update(step.get("sums", {}))
            if more is None:
                return sums
            after = more


async def plan(jobs: Jobs, sums: Counter[str], drives: Drives, tenant: str, person: str, job: JobView) -> Plan:
    """The plan as far as it is known. DriveError where the destination does not tell its room now."""
    to = job.spec["destination"]["drive"]
    used, limit = await _room(drives, tenant, person, to)
    inside = {drive for drive, _ in job.spec["sources"]} == {to}
    work = Work(items_of(sums), 0 if inside else sums["bytes"])
    stays = _stays(job, inside)
    return Plan(
        state=job.state,
        complete=job.state is JobState.DONE and job.counts.failed == 0 and not sums["unlisted"],
        items={kind: sums[f"{kind}s"] for kind in ("file", "folder", "document", "shortcut")},
        bytes=sums["bytes"],
        unknown_sizes=sums["unknown_sizes"],
        found={name.removeprefix("found:"): number for name, number in sorted(sums.items()) if name[:6] == "found:"},
        used=used,
        limit=limit,
        fits=None if used is None or limit is None else sums["bytes"] <= limit - used or stays,
        sharing_lost=not stays,
        shared=sums["shared"],
        seconds=round(work.usual * await slowness(jobs, tenant, person, job.spec)),
    )


def items_of(sums: Counter[str]) -> int:
    """How many items the transfer would have."""
    return sum(sums[f"{kind}s"] for kind in ("file", "folder", "document", "shortcut"))


async def findings(
    jobs: Jobs, tenant: str, person: str, job: str, after: int, limit: int
) -> tuple[Sequence[Mapping[str, Any]], int | None]:
    """Findings of some steps, and the ``after`` of the next page: a page ends with a folder, so it may be empty."""
    steps, more = await jobs.steps(tenant, person, job, "survey", after, limit)
    return [one for step in steps for one in step.get("findings", [])], more


def fits_order(job: JobView, spec: Mapping[str, Any]) -> bool:
    """Whether this finished plan is of exactly this order."""
    return job.kind == KIND and job.state is JobState.DONE and dict(job.spec) == dict(spec)


def _stays(job: JobView, inside: bool) -> bool:
    """Moved inside one account: neither room nor sharing changes."""
    return inside and job.mode == "move"


async def _room(drives: Drives, tenant: str, person: str, drive: str) -> tuple[int | None, int | None]:
    full = supports(await drives.reader(person, tenant, drive), HasQuota)
    return (None, None) if full is None else await full.quota()
