"""Rows of small files: 2,000 of 4 KiB, and 60 while every seventh request is throttled."""

from __future__ import annotations

import asyncio
from functools import partial

from benchmarks import targets
from benchmarks.bulk import Files, bare, ours, peer, provide
from benchmarks.rows import RUNS, Measured, Row, alternate, compare, explained, sides
from benchmarks.usage import Cost, together
from benchmarks.world import World

FILES = 2000
DEFAULT = 200
"""How many rclone copies at its default rate: it paces itself to about ten a second."""
PARTS = 4
RETRY_AFTER = 1
"""Seconds that a throttled answer asks for."""


async def _small(world: World) -> Measured:
    files = await _folders(world)
    await provide(world, "google", "some", [(f"{n:04}.txt", 4096) for n in range(DEFAULT)])
    found = await alternate(
        RUNS,
        ours=partial(ours, world, "google", "onedrive", "many"),
        peer=partial(_unpaced, world),
        bare=partial(bare, world, "google", "onedrive", files, at_once=16),
    )
    result = compare(found, FILES, "files/s")
    default = DEFAULT / (await peer(world, "google", "onedrive", "some", RUNS)).seconds
    both = sides(result)
    result.notes.append(f"rclone by default {default:.3g} files/s; {both.ours / both.bare:.0%} of bare")
    await explained(world, result, targets.small(both, default), partial(ours, world, "google", "onedrive", "many"))
    return result


async def _folders(world: World) -> Files:
    """One folder with a part for each rclone process; all files."""
    there = await world.make_folder("google", "many")
    each = FILES // PARTS
    files: list[tuple[str, str, int]] = []
    for part in range(PARTS):
        files += await provide(world, "google", f"part {part}", [(f"{part}-{n:04}.txt", 4096) for n in range(each)])
        made = await world.item("google", f"part {part}")
        await world.teacher.api(
            "PATCH",
            f"/v1/drives/{world.drives['google']}/items/{made}",
            json={"parent": there},
            headers={"If-Match": "*"},
        )
    return files


async def _unpaced(world: World, number: int) -> Cost:
    """Four rclone processes without a pacer, side by side."""
    loop = asyncio.get_running_loop()
    options = ("--drive-pacer-min-sleep", "0", "--drive-pacer-burst", "10000", "--transfers", "16", "--checkers", "16")
    before, started = world.server_cpu(), loop.time()
    costs = await asyncio.gather(
        *(
            world.rclone("copy", f"google:many/part {part}", f"onedrive:peer {number}/part {part}", *options)
            for part in range(PARTS)
        )
    )
    cost = together(costs, loop.time() - started)
    cost.cpu |= {name: now - before[name] for name, now in world.server_cpu().items()}
    await world.purge(f"onedrive:peer {number}")
    return cost


async def _throttled(world: World) -> Measured:
    files = await provide(world, "google", "sixty", [(f"{n:02}.txt", 4096) for n in range(60)])
    unavoidable: list[float] = []

    async def under_trouble(number: int) -> Cost:
        rule = {"match": {"nth": 7}, "do": {"status": 429, "retry_after": RETRY_AFTER}}
        for vendor in ("google", "microsoft"):
            await world.control(vendor, "POST", "faults", [rule])
        try:
            there = await world.make_folder("onedrive", f"ours {number}")
            item = await world.item("google", "sixty")
            before = await _hits(world)
            _, cost = await world.transfer([("google", item)], ("onedrive", there))
            hits = {vendor: count - before[vendor] for vendor, count in (await _hits(world)).items()}
        finally:
            await _calm(world)
        unavoidable.append(max(hits.values()) * RETRY_AFTER)
        await world.drop("onedrive", there)
        return cost

    found = await alternate(RUNS, ours=under_trouble)
    found |= await alternate(1, peer=partial(_rclone_throttled, world))
    assert len(files) == 60
    result = compare(found, 1, "jobs/s")
    result.unit, result.ours, result.bare = "s", found["ours"].seconds, sorted(unavoidable)[len(unavoidable) // 2]
    result.peer = found["peer"].seconds
    result.ratio = result.ours / result.bare
    result.notes.append("bare is the unavoidable time: the Retry-After of the slower drive, added up")
    await explained(world, result, targets.throttled(result.ours, result.bare), under_trouble)
    return result


async def _rclone_throttled(world: World, number: int) -> Cost:
    rule = {"match": {"nth": 7}, "do": {"status": 429, "retry_after": RETRY_AFTER}}
    for vendor in ("google", "microsoft"):
        await world.control(vendor, "POST", "faults", [rule])
    try:
        return await world.rclone("copy", "google:sixty", f"onedrive:peer {number}")
    finally:
        await _calm(world)
        await world.purge(f"onedrive:peer {number}")


async def _hits(world: World) -> dict[str, int]:
    return {
        vendor: sum(rule["hits"] for rule in await world.control(vendor, "GET", "faults"))
        for vendor in ("google", "microsoft")
    }


async def _calm(world: World) -> None:
    for vendor in ("google", "microsoft"):
        await world.control(vendor, "DELETE", "faults")


SMALL = Row(
    "small",
    f"google → onedrive, {FILES:,} files of 4 KiB; peer: four unpaced rclone processes with --transfers 16",
    "≥ 8x rclone's default, ≥ 2x four unpaced rclone processes, ≥ 40 % of bare",
    _small,
)
THROTTLED = Row(
    "throttled",
    "google → onedrive, 60 files, every 7th request answered 429",
    "≤ 1.5x the unavoidable time",
    _throttled,
)
