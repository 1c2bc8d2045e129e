"""Rows about staying small: 64 large transfers at once, and a job of 100,000 items."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

from tour import TourFailed

from benchmarks import targets
from benchmarks.asking import asking, told
from benchmarks.people import Teacher, teachers
from benchmarks.rows import Measured, Row, Side, limits
from benchmarks.usage import MIB, Elsewhere, memory
from benchmarks.world import World
from providers.drive import Ref
from providers.google.wire import FIELDS

PEOPLE, EACH, SIZE = 8, 8, 256 * MIB
ITEMS = 100_000
LOOK = 0.25
PATIENCE = 900
STILL = 60
"""Seconds without a new item after which planning has ended."""
NEVER = 86_400
"""Seconds for which uploads are refused: longer than any row."""


async def _memory(world: World) -> Measured:
    await world.control("microsoft", "POST", "microsoft", {"discards": True})
    try:
        async with teachers(world, "crowd", PEOPLE) as people:
            ours, waits, most, profile = await _ours(world, people)
        peer = await _peer(world)
    finally:
        await world.control("microsoft", "POST", "microsoft", {"discards": False})
    p99 = targets.percentile(waits, 0.99) * 1000
    rates = [PEOPLE * EACH * SIZE / MIB / side.seconds for side in (ours, peer)]
    result = Measured("MiB", ours.growth, peer.peak, None, ours.growth / peer.peak, notes=[*ours.remarks])
    result.judged(targets.crowd(ours.growth, p99), f"{limits(ours)}; {profile}")
    result.notes.append(f"{most} transfers on the way at once at most")
    result.notes.append(told(waits))
    result.notes.append(f"{rates[0]:.0f} MiB/s, rclone {rates[1]:.0f} MiB/s")
    result.cpu_s = {"ours": ours.cpu("gateway"), "peer": peer.cpu("rclone"), "servers": ours.cpu("google", "microsoft")}
    result.peak_mib = {"ours": ours.peak, "growth": ours.growth, "peer": peer.peak}
    return result


async def _ours(world: World, people: list[Teacher]) -> tuple[Side, list[float], int, str]:
    """Everything ordered at once; its cost, what small requests took, how many ran at once, and the profile."""
    orders = []
    for teacher in people:
        source = await teacher.grown(world, "large", EACH, SIZE)
        to = await teacher.folder("onedrive", "large")
        orders += [(teacher, one["id"], to) async for one in teacher.browser.children(teacher.drives["google"], source)]
    elsewhere = Elsewhere()
    async with world.profile() as profile, world.costs() as cost, asking(world.teacher) as waits:
        jobs = await asyncio.gather(*(teacher.order(item, to) for teacher, item, to in orders))
        most = await _watch(people, set(jobs))
    return Side([cost], elsewhere.told(sum(cost.cpu.values()))), waits, most, profile[0]


async def _watch(people: list[Teacher], jobs: set[str]) -> int:
    """Wait for the jobs' ends; how many had bytes on the way at once. RuntimeError where one did not arrive."""
    most, found = 0, list[dict[str, Any]]()
    async with asyncio.timeout(PATIENCE):
        while len(found) < len(jobs) or any(job.get("ended") is None for job in found):
            await asyncio.sleep(0.5)
            with contextlib.suppress(TourFailed, TimeoutError):  # asked again: what small requests get is counted apart
                found = [job for teacher in people for job in await teacher.jobs() if job["id"] in jobs]
            on_the_way = [job for job in found if 0 < job["bytes"]["done"] < SIZE and job.get("ended") is None]
            most = max(most, len(on_the_way))
    failed = [job["state"] for job in found if job["state"] != "done" or job["counts"]["copied"] != 1]
    if failed:
        raise RuntimeError(f"{len(failed)} of {len(found)} transfers did not arrive: {failed[:3]}")
    return most


async def _peer(world: World) -> Side:
    await _grown(world, "crowd", {"count": PEOPLE * EACH, "size": SIZE})
    cost = await world.rclone("copy", "google:crowd", "onedrive:crowd", "--transfers", str(PEOPLE * EACH))
    await world.purge("onedrive:crowd")
    return Side([cost])


async def _grown(world: World, name: str, wanted: dict[str, int]) -> str:
    """A folder with generated files in the drive that rclone and the bare client know; its id at Google."""
    folder = Ref.parse(await world.make_folder("google", name)).id
    await world.control("google", "POST", "google", {"grow": {folder: wanted}})
    return folder


async def _planning(world: World) -> Measured:
    async with teachers(world, "planner", 1) as (teacher,):
        folder = await teacher.grown(world, "hundred thousand", ITEMS)
        to = await teacher.folder("onedrive", "nothing arrives")
        no = {"status": 429, "retry_after": NEVER}
        rules = [{"match": {"method": method}, "do": no} for method in ("PUT", "POST")]
        await world.control("microsoft", "POST", "faults", rules)
        elsewhere = Elsewhere()
        try:
            async with world.profile() as profile, world.costs() as cost:
                job, seen = await _planned(world, teacher, folder, to)
            remarks = elsewhere.told(sum(cost.cpu.values()))
            ended = await _cancelled(world, teacher, job)
        finally:
            await world.control("microsoft", "DELETE", "faults")
    there = await _grown(world, "listed", {"count": ITEMS})
    bare = await world.bare({"from": "listing", "to": "", "files": [], "folder": there, "fields": FIELDS, "at_once": 1})
    side, rate = Side([cost]), ITEMS / cost.seconds
    early = next(mib for found, mib in seen if found >= ITEMS / 5)
    late = max(mib for _, mib in seen) - early
    result = Measured("items/s", rate, None, ITEMS / bare.seconds, rate * bare.seconds / ITEMS, notes=remarks)
    result.judged(targets.planning(rate, late), f"{limits(side)}; {profile[0]}")
    result.notes += [
        f"memory {early:.0f} MiB after a fifth of the items, {early + late:.0f} MiB at most after that",
        f"cancelled in {ended:.3g} s",
        "bare only lists",
    ]
    result.cpu_s = {"ours": side.cpu("gateway"), "servers": side.cpu("google", "microsoft")}
    result.peak_mib = {"ours": side.peak, "growth": side.growth}
    return result


async def _planned(world: World, teacher: Teacher, folder: str, to: str) -> tuple[str, list[tuple[int, float]]]:
    """Order the folder and wait until all of it is planned; the job, and memory by the number of items found."""
    job, seen, moved = await teacher.order(folder, to), list[tuple[int, float]](), time.monotonic()
    while not seen or seen[-1][0] <= ITEMS:
        told = await teacher.job(job)
        found = told["counts"]["found"]
        moved = time.monotonic() if not seen or found > seen[-1][0] else moved
        if told["state"] not in ("planning", "running") or time.monotonic() - moved > STILL:
            raise RuntimeError(f"planning ended after {found} items: {told['state']}, {told['counts']}")
        seen.append((found, memory(world.pids["gateway"])))
        await asyncio.sleep(LOOK)
    return job, seen


async def _cancelled(world: World, teacher: Teacher, job: str) -> float:
    """Seconds until a job is cancelled, all items and the teacher's copy of them."""
    started = time.monotonic()
    await teacher.browser.api("POST", f"/v1/jobs/{job}/cancel", 202)
    await world.ended(job, who=teacher.browser)
    return time.monotonic() - started


MEMORY = Row(
    "memory",
    f"google → onedrive, {PEOPLE * EACH} transfers of 256 MiB at once, one run: {PEOPLE} people with {EACH} jobs "
    f"each, generated and discarded bytes; rclone with --transfers {PEOPLE * EACH}",
    "growth over idle ≤ 350 MiB; p99 of a small request ≤ 25 ms",
    _memory,
)
PLANNING = Row(
    "planning",
    f"google → onedrive, {ITEMS:,} items in one job, one run: planned while OneDrive takes nothing, then cancelled",
    "≥ 2,000 items/s; ≤ 16 MiB more at the end than after a fifth of the items",
    _planning,
)
