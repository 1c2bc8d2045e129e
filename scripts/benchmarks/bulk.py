"""Rows of large files: one of 1 GiB between each pair of drives, and 64 of 8 MiB with latency."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks import targets
from benchmarks.rows import RUNS, Measured, Row, alternate, compare, explained, sides
from benchmarks.usage import MIB, Cost
from benchmarks.world import World
from providers.drive import Ref

GIB = 1024 * MIB
Files = Sequence[tuple[str, str, int]]


def made_up(path: Path, size: int, seed: int) -> Path:
    """A file of bytes that do not compress."""
    import random

    source = random.Random(seed)
    with path.open("wb") as file:
        for _ in range(0, size, MIB):
            file.write(source.randbytes(min(MIB, size)))
    return path


async def provide(world: World, kind: str, folder: str, files: Sequence[tuple[str, int]]) -> Files:
    """Have these files (name, bytes) in a folder at the top of a drive, once; (vendor's id, name, bytes)."""
    local = world.folder / "materials"
    local.mkdir(exist_ok=True)
    there = await world.fresh_folder(kind, folder)
    paths = [
        await asyncio.to_thread(made_up, local / f"{number}-{size}", size, number)
        for number, (_, size) in enumerate(files)
    ]
    listed = [(str(path), name, size) for path, (name, size) in zip(paths, files, strict=True)]
    await world.bare({"from": "disk", "to": kind, "files": listed, "folder": Ref.parse(there).id, "at_once": 16})
    for path in set(paths):
        path.unlink()
    sizes = dict(files)
    found = [one async for one in world.teacher.children(world.drives[kind], there)]
    return [(Ref.parse(one["id"]).id, one["name"], sizes[one["name"]]) for one in found]


async def to_native(world: World, kind: str, folder: str) -> None:
    """The same folder on the native drive, and in rclone's crypt."""
    await world.transfer([(kind, await world.item(kind, folder))], ("native", "root"), on_conflict="replace")
    await world.rclone("copy", f"{kind}:{folder}", f"native:{folder}")


async def ours(world: World, source: str, to: str, folder: str, number: int) -> Cost:
    """The gateway copies the folder."""
    there = await world.make_folder(to, f"ours {source} {folder} {number}")
    _, cost = await world.transfer([(source, await world.item(source, folder))], (to, there))
    await world.drop(to, there)
    return cost


async def peer(world: World, source: str, to: str, folder: str, number: int, *options: str) -> Cost:
    """rclone copies the folder."""
    cost = await world.rclone("copy", f"{source}:{folder}", f"{to}:peer {source} {folder} {number}", *options)
    await world.purge(f"{to}:peer {source} {folder} {number}")
    return cost


async def bare(world: World, source: str, to: str, files: Files, number: int, at_once: int = 1) -> Cost:
    """The bare client copies the files; the native drive's place is a plain folder."""
    at = "disk" if source == "native" else source
    if to == "native":
        there = world.folder / f"bare {number}"
        there.mkdir()
        cost = await world.bare(
            {"from": source, "to": "disk", "files": files, "folder": str(there), "at_once": at_once}
        )
        for file in there.iterdir():
            file.unlink()
        return cost
    made = await world.make_folder(to, f"bare {source} {files[0][1]} {number}")
    work = {"from": at, "to": to, "files": files, "folder": Ref.parse(made).id, "at_once": at_once}
    cost = await world.bare(work)
    await world.drop(to, made)
    return cost


async def _one(world: World, source: str, to: str, *, strict: bool) -> Measured:
    folder = "one"
    await _have_one(world, folder)
    files = await _files(world, source, folder)
    found = await alternate(
        RUNS,
        ours=partial(ours, world, source, to, folder),
        peer=partial(peer, world, source, to, folder),
        bare=partial(bare, world, source, to, files),
    )
    result = compare(found, GIB / MIB, "MiB/s")
    missed = targets.large(sides(result), 1.3 if strict else 1.2)
    if strict:
        cpu_s, mib = result.cpu_s, result.peak_mib
        missed += targets.light(targets.Weight(cpu_s["ours"], cpu_s["peer"], mib["growth"], mib["peer"]))
    await explained(world, result, missed, partial(ours, world, source, to, folder))
    return result


async def _have_one(world: World, folder: str) -> None:
    """The 1 GiB file, on all three drives and in rclone's crypt; made by whichever row comes first."""
    if (world.folder / "one.made").exists():
        return
    for kind in ("google", "onedrive"):
        await provide(world, kind, folder, [("one.bin", GIB)])
    await to_native(world, "google", folder)
    (world.folder / "one.made").touch()


async def _files(world: World, kind: str, folder: str) -> Files:
    if kind == "native":
        local = await asyncio.to_thread(made_up, world.folder / "one.bin", GIB, 0)
        return [(str(local), "one.bin", GIB)]
    there = await world.item(kind, folder)
    return [
        (Ref.parse(one["id"]).id, one["name"], one["size"])
        async for one in world.teacher.children(world.drives[kind], there)
    ]


async def _latency(world: World) -> Measured:
    files = await provide(world, "google", "sixty-four", [(f"{n:02}.bin", 8 * MIB) for n in range(64)])
    copied = partial(ours, world, "google", "onedrive", "sixty-four")
    await world.latency(50)
    try:
        found = await alternate(
            RUNS,
            ours=copied,
            peer=partial(peer, world, "google", "onedrive", "sixty-four"),
            bare=partial(bare, world, "google", "onedrive", files, at_once=16),
        )
        result = compare(found, 512, "MiB/s")
        await explained(world, result, targets.latency(result.ours, result.peer or 0.0), copied)
    finally:
        await world.latency(0)
    return result


def _pair(source: str, to: str, *, strict: bool = False) -> Row:
    target = (
        "≥ 1.3x rclone or ≥ 0.9x bare, whichever is lower; ≤ rclone's CPU; growth ≤ 0.5x rclone's peak"
        if strict
        else "≥ 1.2x rclone or ≥ 0.9x bare"
    )
    return Row(
        f"{source}-{to}", f"{source} → {to}, one 1 GiB file", target, partial(_one, source=source, to=to, strict=strict)
    )


ROWS = (
    _pair("google", "onedrive", strict=True),
    _pair("onedrive", "google"),
    _pair("google", "native"),
    _pair("native", "onedrive"),
    Row("latency", "google → onedrive, 64 files of 8 MiB, 50 ms added", "≥ 1.6x rclone's default", _latency),
)
