"""What goes wrong in a school, on the vendors' own wire and through whole jobs: each is told, and nothing is lost."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from gateway.db.tables_work import lanes
from gateway.jobs.model import ItemState, JobState, JobView
from gateway.transfers import Conflict
from providers.drive import Drive, NewFile, Ref
from providers.verbs import HasViews, View, supports
from tests.gateway.jobs.support import QUICK
from tests.gateway.transfers.filedrive import body
from tests.gateway.transfers.support import PERSON, SCHOOL, order
from tests.gateway.transfers.test_vendors import (
    TEACHER,
    World,
    content,
    entries,
    google,
    microsoft,
    schema,
    tree,
    world,
)

__all__ = ["google", "microsoft", "schema", "world"]
pytestmark = pytest.mark.slow

DANGLING = (ItemState.UNSUPPORTED, "shortcut_dangling")
INSIDE = (ItemState.SKIPPED, "shortcut_inside")
FORBIDDEN = (ItemState.FAILED, "download_forbidden")
ODD = {
    "Flagged as malware.txt": (ItemState.FAILED, "malware"),
    "Only for looking at.txt": FORBIDDEN,
    "Only for looking at (document)": FORBIDDEN,
    "Target out of reach": DANGLING,
    "Target in the trash": DANGLING,
    "Target deleted": DANGLING,
    "Circle one/To circle two": INSIDE,
    "Circle one/To the folder itself": INSIDE,
    "Circle two/To circle one": INSIDE,
}
"""What of the folder that an administrator shares cannot be had, and why."""


async def put(drive: Drive, folder: Ref, name: str, data: bytes) -> Ref:
    """A file of these bytes."""

    async def once() -> AsyncIterator[bytes]:
        for at in range(0, len(data), 65536):
            yield data[at : at + 65536]

    modified = (await drive.stat(folder)).modified
    session = await drive.begin(NewFile(folder, name, "application/octet-stream", len(data), modified))
    made = (await drive.send(session, 0, once(), len(data), last=True)).done
    assert made is not None
    return made.ref


async def test_a_folder_of_odd_things_is_told_item_by_item(world: World) -> None:
    """Flagged files stay closed, owners' wishes are kept, circles end, old links open by their keys."""
    shared = supports(world.drives["google"], HasViews)
    assert shared is not None
    page = await shared.view(View.SHARED)
    odd = next(entry.ref for entry in page.entries if entry.name == "Odd things")
    target = await world.fresh("native")
    view, report = await world.desk.do(order("copy", "google", [odd], "native", target), within=60)
    told = {path.removeprefix("Odd things/"): (item.state, item.reason) for path, item in report.items()}
    assert {path: why for path, why in told.items() if why[0] is not ItemState.COPIED} == ODD
    assert told["Shortcut to an old link"][0] is told["Shortcut to an old linked folder"][0] is ItemState.COPIED
    made = await tree(world.drives["native"], target)
    assert set(made) == {
        "Odd things/", "Odd things/Circle one/", "Odd things/Circle two/", "Odd things/Shortcut to an old link",
        "Odd things/Shortcut to an old linked folder/",
        "Odd things/Shortcut to an old linked folder/In the old folder.txt",
    }  # fmt: skip
    counts = view.counts
    assert counts.found == counts.copied + counts.skipped + counts.failed + counts.unsupported == len(report)
    assert Counter(item.state for item in report.values())[ItemState.FAILED] == counts.failed == 3
    assert all(item.advice for item in report.values() if item.state is not ItemState.COPIED)


@pytest.mark.parametrize("target", ["native", "onedrive"])
async def test_a_flagged_file_goes_nowhere_also_not_inside_its_drive(world: World, target: str) -> None:
    onedrive = world.drives["onedrive"]
    start, end = await world.fresh("onedrive"), await world.fresh(target)
    file = await put(onedrive, start, "Flagged.bin", b"harmless in truth")
    place = {"drive": TEACHER, "path": f"{(await onedrive.stat(start)).name}/Flagged.bin"}
    await world.microsoft.control("POST", "microsoft/items", {**place, "malware": True})
    view, report = await world.desk.do(order("copy", "onedrive", [file], target, end))
    assert (view.state, view.counts.failed) == (JobState.FAILED, 1)
    assert (report["Flagged.bin"].state, report["Flagged.bin"].reason) == (ItemState.FAILED, "malware")
    assert await entries(world.drives[target], end) == []


async def test_what_is_only_for_looking_at_is_not_copied_inside_its_drive_either(world: World) -> None:
    google = world.drives["google"]
    shared = supports(google, HasViews)
    assert shared is not None
    odd = next(one.ref for one in (await shared.view(View.SHARED)).entries if one.name == "Odd things")
    locked = [entry.ref for entry in await entries(google, odd) if entry.name.startswith("Only for looking at")]
    end = await world.fresh("google")
    _, report = await world.desk.do(order("copy", "google", locked, "google", end))
    assert [item.reason for item in report.values()] == ["download_forbidden"] * 2
    assert await entries(google, end) == []


async def test_a_notebook_stays_and_with_it_the_folder_around_it(world: World) -> None:
    onedrive = world.drives["onedrive"]
    start, target = await world.fresh("onedrive"), await world.fresh("native")
    top = (await onedrive.make_folder(start, "Top")).ref
    await put(onedrive, top, "Beside it.txt", b"beside")
    notebook = await world.find("onedrive", "Class notebook")
    await onedrive.relocate(notebook, top, None)
    view, report = await world.desk.do(order("move", "onedrive", [top], "native", target))
    assert report["Top/Class notebook"].state is ItemState.UNSUPPORTED
    assert report["Top/Beside it.txt"].state is ItemState.COPIED
    assert view.counts.unsupported == 1
    assert set(await tree(onedrive, start)) == {"Top/", "Top/Class notebook"}
    assert set(await tree(world.drives["native"], target)) == {"Top/", "Top/Beside it.txt"}


async def test_a_file_that_somebody_has_open_is_waited_for(world: World) -> None:
    """Under 'replace' the item says that it waits, and until when; once the editor is closed it goes on."""
    onedrive, native = world.drives["onedrive"], world.drives["native"]
    start, target = await world.fresh("native"), await world.fresh("onedrive")
    source = await put(native, start, "Essay.bin", b"the newer text")
    there = await put(onedrive, target, "Essay.bin", b"old")
    place = {"drive": TEACHER, "path": f"{(await onedrive.stat(target)).name}/Essay.bin"}
    await world.microsoft.control("POST", "microsoft/items", {**place, "locked": "editor"})
    async with world.desk.working(timing=replace(QUICK, editing=2.0, longest_editing=2.0)):
        job = await world.desk.transfers.create(order("copy", "native", [source], "onedrive", target, Conflict.REPLACE))
        waiting = await until_it_waits(world, job)
        assert waiting.wait is not None
        assert waiting.wait.reason == "locked"
        assert waiting.wait.until is not None
        assert waiting.wait.until > await world.desk.database.now()
        await world.microsoft.control("POST", "microsoft/items", {**place, "locked": ""})
        view = await world.desk.ended(job)
    assert (view.state, view.counts.copied) == (JobState.DONE, 1)
    [made] = await entries(onedrive, target)
    assert (made.ref.id, made.size) == (there.id, len(b"the newer text"))


async def test_a_daily_cap_rests_the_account_and_goes_on_when_it_has_ended(world: World) -> None:
    """Google says nothing but 'too quickly' then, for hours; nothing fails of it, and nothing is made twice."""
    google, native = world.drives["google"], world.drives["native"]
    start, target = await world.fresh("native"), await world.fresh("google")
    top = (await native.make_folder(start, "Top")).ref
    for number in range(6):
        await put(native, top, f"{number}.bin", body(f"{number}", 150_000))
    expected = await tree(native, start)
    now = (await world.google.control("GET", "clock"))["now"]
    cap = {"path": "/upload/*", "after_bytes": 300_000, "until": int(now) + 3000}
    try:
        async with (
            world.google.faults({"match": cap, "do": {"status": 403, "reason": "userRateLimitExceeded"}}),
            world.desk.working(),
        ):
            job = await world.desk.transfers.create(order("move", "native", [top], "google", target))
            waiting = await until_it_waits(world, job)
            assert waiting.wait is not None
            assert (waiting.wait.reason, waiting.wait.drive) == ("waiting", "google")
            assert waiting.counts.failed == 0
            await world.google.control("POST", "clock", {"ahead": 3300})
            async with world.desk.database.write() as tx:
                await tx.execute(update(lanes).values(not_before=0))
            view = await world.desk.ended(job)
    finally:
        await world.google.control("POST", "clock", {"ahead": 0})
    assert (view.state, view.counts.copied, view.counts.failed) == (JobState.DONE, 7, 0)
    assert await tree(google, target) == expected
    assert await entries(native, start) == []


async def until_it_waits(world: World, job: str) -> JobView:
    """The job as soon as nothing of it can go on."""
    async with asyncio.timeout(20):
        while True:
            view = await world.desk.jobs.get(SCHOOL, PERSON, job)
            if view is not None and view.wait is not None:
                return view
            await asyncio.sleep(0.02)


ADDRESS = {"google": {"query": "*alt=media*"}, "onedrive": {"path": "/y4m*"}}
PASSING: Mapping[str, Mapping[str, Any]] = {
    "cut": {"truncate": 700_000},
    "silent": {"truncate": 700_000, "stall_ms": 300},
    "a page": {"html": True},
    "other bytes": {"corrupt": 5},
    "shorter": {"shorten": 1000},
    "unavailable": {"status": 503},
}


@pytest.mark.parametrize("trouble", PASSING)
@pytest.mark.parametrize("source", ["google", "onedrive"])
async def test_a_download_that_fails_once_arrives_whole(world: World, source: str, trouble: str) -> None:
    start, target = await world.fresh(source), await world.fresh("native")
    data = body(trouble, 2_000_000)
    file = await put(world.drives[source], start, "Film.bin", data)
    expected = await content(world.drives[source], await world.drives[source].stat(file))
    server = world.google if source == "google" else world.microsoft
    async with server.faults({"match": {**ADDRESS[source], "times": 1}, "do": PASSING[trouble]}):
        view, report = await world.desk.do(order("move", source, [file], "native", target))
    assert (view.state, report["Film.bin"].reason) == (JobState.DONE, None)
    assert await tree(world.drives["native"], target) == {"Film.bin": expected}
    assert await entries(world.drives[source], start) == []


LIES = [("google", "other bytes"), ("google", "shorter"), ("onedrive", "other bytes"), ("onedrive", "a page")]


@pytest.mark.parametrize(("source", "lie"), LIES)
async def test_a_download_that_keeps_lying_publishes_nothing_and_loses_nothing(
    world: World, source: str, lie: str
) -> None:
    start, target = await world.fresh(source), await world.fresh("native")
    file = await put(world.drives[source], start, "Film.bin", body(lie, 600_000))
    server = world.google if source == "google" else world.microsoft
    async with (
        server.faults({"match": ADDRESS[source], "do": PASSING[lie]}),
        world.desk.working(timing=replace(QUICK, backoff=600.0, longest_backoff=600.0)),
    ):
        job = await world.desk.transfers.create(order("move", source, [file], "native", target))
        waiting = await until_it_waits(world, job)
        assert waiting.wait is not None
        assert waiting.wait.reason == "untrusted"
        assert await entries(world.drives["native"], target) == []
        async with world.desk.database.write() as tx:
            await world.desk.jobs.cancel(tx, SCHOOL, PERSON, job)
        await world.desk.ended(job)
    assert await entries(world.drives["native"], target) == []
    assert [entry.name for entry in await entries(world.drives[source], start)] == ["Film.bin"]


@pytest.mark.parametrize(
    ("target", "match"), [("google", {"method": "PUT", "path": "/upload/*"}), ("onedrive", {"path": "/up/*"})]
)
async def test_an_upload_session_that_is_gone_is_begun_anew(world: World, target: str, match: dict[str, str]) -> None:
    start, end = await world.fresh("native"), await world.fresh(target)
    file = await put(world.drives["native"], start, "Film.bin", body(secrets.token_hex(4), 6_000_000))
    expected = await tree(world.drives["native"], start)
    server = world.google if target == "google" else world.microsoft
    async with server.faults({"match": {**match, "times": 1}, "do": {"expire_session": True}}):
        view, report = await world.desk.do(order("move", "native", [file], target, end))
    assert (view.state, report["Film.bin"].reason) == (JobState.DONE, None)
    assert await tree(world.drives[target], end) == expected
