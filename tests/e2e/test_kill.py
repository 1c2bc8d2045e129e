"""kill -9 in the middle of a move: started again on the same data, the gateway goes on by itself, and nothing is lost
or doubled.

The middle is made by faults of the stand-ins: a request is held, or done and its answer held back, and while it hangs
the gateway dies.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio

from gateway.jobs.processes import LEASE
from tests.e2e import clients
from tests.e2e.clients import noise
from tests.e2e.deaths import (
    HOLD,
    KEEP_ANSWER,
    TREE,
    Desk,
    Moved,
    all_is_well,
    kept,
    nothing_is_left,
    open_desk,
    struck,
)
from tests.e2e.processes import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

BIG: clients.Tree = {"Film.bin": noise("film", 61 * 1024 * 1024)}


@dataclass(frozen=True)
class Point:
    """Where the gateway dies: the stand-in and its rule, and what must be seen on a disk before (None: the hit)."""

    vendor: str
    match: dict[str, Any]
    do: dict[str, Any]
    seen: Callable[[Moved], object] | None = None
    tree: clients.Tree = field(default_factory=lambda: TREE)


UPLOAD = {"method": "PUT", "path": "/up/*"}
POINTS = {
    "while the folder is listed": Point("google", {"method": "GET", "path": "/drive/v3/files", "after": 1}, HOLD),
    "folder made, answer lost": Point(
        "microsoft", {"method": "POST", "path": "*/children", "after": 1}, KEEP_ANSWER, lambda it: len(it.arrived()) > 1
    ),
    "session opened, answer lost": Point("microsoft", {"method": "POST", "path": "*/createUploadSession"}, KEEP_ANSWER),
    "bytes in the air": Point("microsoft", {**UPLOAD, "after": 2}, HOLD),
    "file arrived, answer lost": Point(
        "microsoft", UPLOAD, KEEP_ANSWER, lambda it: [path for path, digest in it.arrived() if digest]
    ),
    "while a document is exported": Point("google", {"method": "GET", "path": "*/export"}, HOLD),
    "export kept, not yet sent": Point("microsoft", UPLOAD, HOLD, tree={"Plan": None}),
    "source trashed, answer lost": Point(
        "google", {"method": "PATCH", "path": "/drive/v3/files/*"}, KEEP_ANSWER, lambda it: it.trashed()
    ),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path_factory.mktemp("kill") / "house") as made:
        yield made


@pytest.mark.parametrize("name", POINTS)
async def test_a_move_that_is_killed(desk: Desk, name: str) -> None:
    point = POINTS[name]
    vendor = getattr(desk.house, point.vendor)
    folder = f"Killed {name}"
    await vendor.requests()
    await vendor.control("POST", "faults", [{"match": {**point.match, "times": 1}, "do": point.do}])
    try:
        moved, job = await desk.move(folder, point.tree)

        async def hit() -> bool:
            return await struck(vendor) and (point.seen is None or bool(point.seen(moved)))

        await eventually(hit)
        assert not (await desk.job(job)).get("ended")
        await desk.house.kill()
    finally:
        await vendor.control("DELETE", "faults")
    moved.nothing_is_lost()
    if name == "export kept, not yet sent":
        assert "spool" in kept(desk.house).values(), "this point is where a spool exists"
    await desk.house.start()
    await all_is_well(desk, moved, job)
    assert "spool" not in kept(desk.house).values()


async def test_a_token_was_renewed_and_its_answer_lost(desk: Desk) -> None:
    """The new refresh token died with the process before it was kept; the one that is kept still counts."""
    microsoft = desk.house.microsoft
    making, renewing = {"method": "POST", "path": "*/children"}, {"method": "POST", "path": "*/token"}
    rules = [(making, {"expire_token": True}), (renewing, KEEP_ANSWER)]
    assert [one async for one in desk.teacher.children(desk.onedrive, "root")], "and with it a token that can expire"
    await microsoft.control("POST", "faults", [{"match": {**match, "times": 1}, "do": do} for match, do in rules])
    try:
        moved, job = await desk.move("Killed in a renewal", TREE)

        async def renewed() -> bool:
            return all(rule["hits"] for rule in await microsoft.control("GET", "faults"))

        await eventually(renewed)
        await desk.house.kill()
    finally:
        await microsoft.control("DELETE", "faults")
    await desk.house.start()
    await all_is_well(desk, moved, job)


async def test_what_was_acknowledged_is_not_sent_again(desk: Desk) -> None:
    """A large file: killed in its second piece, it goes on in the same session at the second piece."""
    microsoft = desk.house.microsoft
    await microsoft.requests()
    lost = {"latency_ms": 1000, "drop": True}  # held and never done
    await microsoft.control("POST", "faults", [{"match": {**UPLOAD, "after": 1, "times": 1}, "do": lost}])
    try:
        moved, job = await desk.move("Killed in the film", BIG)
        await eventually(lambda: struck(microsoft))
        await desk.house.kill()
    finally:
        await microsoft.control("DELETE", "faults")
    assert moved.trashed() == []
    await desk.house.start()
    await all_is_well(desk, moved, job)
    seen = await microsoft.requests()
    assert len([one for one in seen if one["path"].endswith("createUploadSession")]) == 1, "no second session"
    assert len([one for one in seen if one["method"] == "PUT" and not one["fault"]]) == 2, "each piece once"
    await nothing_is_left(desk.house)


async def test_a_move_that_stood_still(desk: Desk) -> None:
    """Stopped with the bytes in the air for longer than its lease: it wakes up, trusts nothing, and goes on."""
    microsoft = desk.house.microsoft
    await microsoft.control("POST", "faults", [{"match": {**UPLOAD, "after": 2, "times": 1}, "do": HOLD}])
    moved, job = await desk.move("Stood still", TREE)
    await eventually(lambda: struck(microsoft))
    assert desk.house.process is not None
    desk.house.process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(LEASE + 1)
    moved.nothing_is_lost()
    desk.house.process.send_signal(signal.SIGCONT)
    await microsoft.control("DELETE", "faults")
    await all_is_well(desk, moved, job)
    assert "worker.lost_lease" in desk.house.log.read_text()
    await nothing_is_left(desk.house)
