"""The disk is full in the middle of a transfer: that is told, nothing is lost, and with room it goes on by itself.

As root on a small file system in memory, which can be filled to the last byte; else by a limit on the size of a file.
"""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.e2e.invariants import nothing_stays
from tests.e2e.parcels import Parcel
from tests.e2e.processes import eventually, tour
from tests.e2e.storms import Storm, open_storm

pytestmark = pytest.mark.slow

_WHOLE = 256 * 1024 * 1024
_LITTLE = 3 * 1024 * 1024
Leave = Callable[[int | None], None]
"""Leaves so many bytes of room; None: enough."""


@contextmanager
def small_disk(place: Path) -> Iterator[Leave | None]:
    """A file system of its own at ``place``; None where this process may not make one."""
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_WHOLE}", "tmpfs", place], capture_output=True)
    if made.returncode:
        yield None
        return
    filler = place / "filler"

    def leave(room: int | None) -> None:
        filler.unlink(missing_ok=True)
        size = 0
        with filler.open("wb") as file:
            while room is not None and (more := _free(place) - room) > 0:
                with suppress(OSError):  # somebody else was faster
                    os.posix_fallocate(file.fileno(), size, more)
                    size += more

    try:
        yield leave
    finally:
        subprocess.run(["umount", "--lazy", place], check=True, capture_output=True)


def _free(place: Path) -> int:
    found = os.statvfs(place)
    return found.f_bavail * found.f_frsize


def limited(storm: Storm) -> Leave:
    """No file of the gateway may grow beyond ``room``; with none that is a full disk, also for its log."""

    def leave(room: int | None) -> None:
        assert storm.house.process is not None
        _, hard = resource.prlimit(storm.house.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(storm.house.process.pid, resource.RLIMIT_FSIZE, (hard if room is None else room, hard))

    return leave


@pytest.mark.parametrize("what", ["sealed bytes", "everything", "limited"])
async def test_a_disk_that_is_full(tmp_path: Path, what: str) -> None:
    with small_disk(tmp_path / "disk") as leave:
        if what != "limited" and leave is None:
            pytest.skip("only root may mount; the limit is tested everywhere")
        ours, data, environment = tmp_path / "house" / "ours", tmp_path / "disk" / "gateway", {}
        if what != "limited":
            environment["FILE_ACCESS_DATA_DIR"] = str(data)
        if what == "sealed bytes":
            environment["FILE_ACCESS_DATABASE_URL"] = f"sqlite:///{ours}/gateway.db"
        async with open_storm(tmp_path / "house", 1, (), environment=environment) as storm:
            if what != "limited":
                (ours / "gateway").symlink_to(data)
            if what == "sealed bytes":
                (data / "gateway.db").symlink_to(ours / "gateway.db")
            storm.large = 24 * 1024 * 1024
            room = leave if what != "limited" and leave else limited(storm)
            await _filled(storm, await storm.parcel(1), room, database=what != "sealed bytes")


async def _filled(storm: Storm, parcel: Parcel, leave: Leave, *, database: bool) -> None:
    """Where even the database is on the full disk nobody can be told before there is room."""

    job = await parcel.order("move", "google", "native")
    leave(0 if database else _LITTLE)
    if database:
        await asyncio.sleep(3)
    else:
        await eventually(lambda: _told(storm, job), 60)
        assert not (await storm.teacher.api("GET", f"/v1/jobs/{job}")).get("ended")
    assert "Film.bin" in {path.rpartition("/")[2] for path, _ in await parcel.found("google")}
    leave(None)
    await storm.arrived(parcel, "move", job, "google", "native", [])
    await nothing_stays(storm.house)


async def _told(storm: Storm, job: str) -> bool:
    """Whether the report says of the large file that it waits, and until when, and why."""
    with suppress(tour.TourFailed):
        report = await storm.teacher.api("GET", f"/v1/jobs/{job}/items?limit=1000")
        for item in report["items"]:
            if item["name"] == "Film.bin" and "resumes_at" in item:
                return bool(item["reason"] and item["advice"])
    return False
