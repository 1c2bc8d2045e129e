"""The real drives over the wire of their stand-in servers: a teacher's class moves, in fair weather and foul."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import MetaData

import providers.native
from cache.model import Scope
from gateway.db.engine import Database
from gateway.jobs.model import ItemState, JobState
from providers.drive import Drive, Entry, Kind, NewFile, Ref
from providers.google import GoogleApi, GoogleDrive
from providers.http import Outbound, Pace, Patience
from providers.native import NativeDrive
from providers.onedrive import OneDrive
from providers.verbs import HasSpaces, supports
from tests.gateway.transfers.filedrive import body
from tests.gateway.transfers.support import PERSON, SCHOOL, Desk, open_desk, open_vault, order
from tests.gateway.transfers.test_altered import WORD
from tests.gateway.transfers.test_members import LESSON, packed
from tests.gateway.vaults import SCHEMA
from tests.sandboxes import Running, sandbox

TEACHER = "amira.haddad@riverside.example"
OTHER = "jonas.weber@hillcrest.example"
BIG = "Class 7b/Biology/Cell division (film).mp4"
pytestmark = pytest.mark.slow


@pytest.fixture
def schema() -> Sequence[MetaData]:
    return [*SCHEMA, providers.native.metadata]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def google() -> AsyncIterator[Running]:
    async with sandbox("google", seed=True) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def microsoft() -> AsyncIterator[Running]:
    async with sandbox("microsoft", seed=True) as server:
        yield server


@dataclass
class World:
    """A teacher's three drives, and the servers behind two of them."""

    desk: Desk
    drives: Mapping[str, Drive]
    google: Running
    microsoft: Running

    async def fresh(self, drive: str) -> Ref:
        """An empty folder."""
        made = await self.drives[drive].make_folder(await self.drives[drive].root(), secrets.token_hex(6))
        return made.ref

    async def find(self, drive: str, name: str) -> Ref:
        """An item of the root folder."""
        found = await entries(self.drives[drive], await self.drives[drive].root())
        return next(entry.ref for entry in found if entry.name == name)


@pytest.fixture
async def world(database: Database, tmp_path: Path, google: Running, microsoft: Running) -> AsyncIterator[World]:
    outbound = Outbound([google.url, microsoft.url])
    patience = Patience(first=0.01, budget=1)
    async with open_vault(database, tmp_path) as vault:
        drives: dict[str, Drive] = {
            "google": GoogleDrive(
                GoogleApi(google.url), outbound, google.tokens(TEACHER), pace=Pace(10_000, 1000), patience=patience,
                page_size=4,
            ),
            "onedrive": OneDrive(
                outbound, microsoft.tokens(TEACHER), graph_root=f"{microsoft.url}/v1.0", pace=Pace(10_000, 1000),
                patience=patience, page_size=3,
            ),
            "native": NativeDrive(vault, database, Scope(SCHOOL, PERSON)),
        }  # fmt: skip
        async with open_desk(database, vault, drives) as desk:
            yield World(desk, drives, google, microsoft)
    await outbound.close()


async def entries(drive: Drive, folder: Ref) -> list[Entry]:
    """All children."""
    found, cursor = list[Entry](), None
    while True:
        page = await drive.children(folder, cursor)
        found += page.entries
        if page.cursor is None:
            return found
        cursor = page.cursor


async def content(drive: Drive, entry: Entry) -> str:
    """A digest of the bytes that the drive gives out."""
    running = hashlib.sha256()
    async with drive.read(entry.ref) as opened:
        async for piece in opened:
            running.update(piece)
    return running.hexdigest()


async def tree(drive: Drive, folder: Ref, path: str = "") -> dict[str, str]:
    """Paths to digests; folders end in a slash. No path occurs twice."""
    found: dict[str, str] = {}
    for entry in await entries(drive, folder):
        name = f"{path}{entry.name}"
        if entry.kind is Kind.FOLDER:
            inside = {f"{name}/": "", **await tree(drive, entry.ref, f"{name}/")}
        else:
            inside = {name: await content(drive, entry) if entry.kind is Kind.FILE else entry.kind.value}
        assert not found.keys() & inside.keys(), "a twin"
        found |= inside
    return found


SOME_TIME = datetime(2021, 3, 4, 5, 6, 7, tzinfo=UTC)


async def times(drive: Drive, folder: Ref) -> list[datetime]:
    """When the files in a folder were changed last, in whole seconds."""
    return sorted(entry.modified.replace(microsecond=0) for entry in await entries(drive, folder))


async def plant(drive: Drive, folder: Ref, count: int) -> dict[str, str]:
    """Files of all small sizes, each of another day, and their digests."""
    made: dict[str, str] = {}
    for number in range(count):
        name, data = f"file {number}.bin", body(f"file {number}", number * number * 1500)

        async def once(data: bytes = data) -> AsyncIterator[bytes]:
            for at in range(0, len(data), 65536):
                yield data[at : at + 65536]

        modified = SOME_TIME + timedelta(days=number)
        session = await drive.begin(NewFile(folder, name, "application/octet-stream", len(data), modified))
        await drive.send(session, 0, once(), len(data), last=True)
        made[name] = hashlib.sha256(data).hexdigest()
    return made


def under(folder: str, files: Mapping[str, str]) -> dict[str, str]:
    """The files as they look in a folder of that name."""
    return {f"{folder}/": "", **{f"{folder}/{name}": digest for name, digest in files.items()}}


async def test_a_class_moves_from_google_to_onedrive_and_everything_is_accounted_for(world: World) -> None:
    source, target = await world.find("google", "Class 7b"), await world.fresh("onedrive")
    biology = await entries(world.drives["google"], await _inside(world, source, "Biology"))
    expected = await content(world.drives["google"], next(entry for entry in biology if "film" in entry.name))
    view, report = await world.desk.do(order("move", "google", [source], "onedrive", target), within=90)
    bad = {path: (item.state, item.reason) for path, item in report.items() if item.state is not ItemState.COPIED}
    assert bad == {}
    assert view.state is JobState.DONE
    assert view.counts.found == view.counts.copied == len(report) + 1, "two files have one path"
    made = await tree(world.drives["onedrive"], target)
    assert made[BIG] == expected
    assert made["Class 7b/Biology/Empty.txt"] == hashlib.sha256(b"").hexdigest()
    assert "Class 7b/Biology/Lesson plan.docx" in made
    assert "Class 7b/History/Empty folder/" in made
    assert {made["Class 7b/Week plans/Homework.txt"], made["Class 7b/Week plans/Homework (2).txt"]} == {
        hashlib.sha256(f"{which} of two with this name\n".encode()).hexdigest() for which in ("first", "second")
    }
    assert report["Class 7b/Week plans/CON.txt"].renamed_to is None or "CON" not in made
    assert report["Class 7b/Week plans/Plan: week 1?.txt"].renamed_to == "Plan‛： week 1‛？.txt"
    kept = [path for path, item in report.items() if item.reason]
    root = [entry.name for entry in await entries(world.drives["google"], await world.drives["google"].root())]
    assert ("Class 7b" in root) == bool(kept), "the source is gone exactly when nothing had to stay"


async def _inside(world: World, folder: Ref, name: str) -> Ref:
    return next(entry.ref for entry in await entries(world.drives["google"], folder) if entry.name == name)


PAIRS = [
    ("google", "native"),
    ("native", "onedrive"),
    ("onedrive", "google"),
    ("native", "google"),
    ("onedrive", "native"),
]


@pytest.mark.parametrize(("source", "target"), PAIRS)
async def test_every_pair_moves_whole_and_leaves_nothing(world: World, source: str, target: str) -> None:
    start, end = await world.fresh(source), await world.fresh(target)
    top = (await world.drives[source].make_folder(start, "Top")).ref
    expected = await plant(world.drives[source], top, 12)
    view, report = await world.desk.do(order("move", source, [top], target, end))
    assert {path: item.reason for path, item in report.items() if item.reason} == {}
    assert (view.state, view.counts.copied) == (JobState.DONE, 13)
    assert await tree(world.drives[target], end) == under("Top", expected)
    [made] = await entries(world.drives[target], end)
    assert await times(world.drives[target], made.ref) == [SOME_TIME + timedelta(days=day) for day in range(12)]
    assert await entries(world.drives[source], start) == []


TROUBLE: Mapping[str, Mapping[str, Any]] = {
    "throttled": {"match": {"nth": 5}, "do": {"status": 429, "retry_after": 0}},
    "broken": {"match": {"nth": 6}, "do": {"status": 503}},
    "cut": {"match": {"nth": 7}, "do": {"drop": True}},
    "unanswered": {"match": {"nth": 7}, "do": {"drop": "answer"}},
    "expired": {"match": {"nth": 9}, "do": {"expire_token": True}},
}


@pytest.mark.parametrize("trouble", TROUBLE)
@pytest.mark.parametrize(("source", "target"), [("google", "onedrive"), ("onedrive", "google")])
async def test_foul_weather_loses_nothing_and_makes_no_twin(
    world: World, source: str, target: str, trouble: str
) -> None:
    start, end = await world.fresh(source), await world.fresh(target)
    top = (await world.drives[source].make_folder(start, "Top")).ref
    expected = await plant(world.drives[source], top, 9)
    rule = TROUBLE[trouble]
    async with world.google.faults(rule), world.microsoft.faults(rule):
        view, report = await world.desk.do(order("move", source, [top], target, end), within=60)
    assert {path: item.reason for path, item in report.items() if item.reason} == {}
    assert (view.state, view.counts.copied) == (JobState.DONE, 10)
    assert await tree(world.drives[target], end) == under("Top", expected)
    assert await entries(world.drives[source], start) == []


async def test_a_document_too_long_for_an_export_is_copied_all_the_same(world: World) -> None:
    folder, target = await world.find("google", "Forms and long documents"), await world.fresh("native")
    long = next(one for one in await entries(world.drives["google"], folder) if one.name.startswith("Yearbook"))
    view, report = await world.desk.do(order("copy", "google", [long.ref], "native", target), within=60)
    assert {path: item.reason for path, item in report.items() if item.reason} == {}
    assert (view.state, view.counts.copied) == (JobState.DONE, 1)
    [made] = await entries(world.drives["native"], target)
    assert made.name == "Yearbook (very long).docx"
    assert (made.size or 0) > 12 * 1024 * 1024


async def test_a_document_that_the_library_changes_is_compared_and_its_original_stays(world: World) -> None:
    start, end = await world.fresh("native"), await world.fresh("onedrive")
    native = world.drives["native"]
    raw = packed(LESSON)

    async def once() -> AsyncIterator[bytes]:
        yield raw

    session = await native.begin(NewFile(start, "Lesson.docx", WORD, len(raw), (await native.stat(start)).modified))
    made = (await native.send(session, 0, once(), len(raw), last=True)).done
    assert made is not None
    async with world.microsoft.faults({"match": {"method": "PUT"}, "do": {"reason": "rewrite"}}):
        _, report = await world.desk.do(order("move", "native", [made.ref], "onedrive", end))
    assert report["Lesson.docx"].reason == "altered_equal_kept"
    assert [entry.name for entry in await entries(native, start)] == ["Lesson.docx"]
    again, second = await world.desk.do(order("copy", "native", [made.ref], "onedrive", end))
    assert (again.counts.skipped, second["Lesson.docx"].reason) == (1, "same_there")
    assert len(await entries(world.drives["onedrive"], end)) == 1


@pytest.mark.parametrize("drive", ["google", "onedrive", "native"])
async def test_a_copy_inside_one_account_is_the_drives_own_and_is_not_made_twice(world: World, drive: str) -> None:
    start, end = await world.fresh(drive), await world.fresh(drive)
    top = (await world.drives[drive].make_folder(start, "Top")).ref
    expected = await plant(world.drives[drive], top, 4)
    for copied in (5, 1):
        view, report = await world.desk.do(order("copy", drive, [top], drive, end), within=60)
        assert {item.reason for item in report.values()} <= {None, "same_there"}
        assert (view.state, view.counts.copied) == (JobState.DONE, copied)
    assert await tree(world.drives[drive], end) == under("Top", expected)
    assert await tree(world.drives[drive], top) == expected
    [made] = await entries(world.drives[drive], end)
    assert await times(world.drives[drive], made.ref) == [SOME_TIME + timedelta(days=day) for day in range(4)]


async def test_a_move_into_a_shared_drive_says_who_owns_the_result(world: World) -> None:
    google = world.drives["google"]
    spaces = supports(google, HasSpaces)
    assert spaces is not None
    shared, start = (await spaces.spaces())[0].root, await world.fresh("google")
    top = (await google.make_folder(start, secrets.token_hex(6))).ref
    expected = await plant(google, top, 3)
    view, report = await world.desk.do(order("move", "google", [top], "google", shared), within=60)
    name = next(iter(report))
    assert (view.state, view.counts.failed, report[name].reason) == (JobState.DONE, 0, "across_shared")
    arrived = next(entry.ref for entry in await entries(google, shared) if entry.name == name)
    assert await tree(google, arrived) == expected
    assert await entries(google, start) == []
