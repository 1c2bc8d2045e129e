"""rclone as the oracle: a client that works with the real vendors, unmodified, does its whole day at the stand-ins.

It reaches them under the vendors' own names, through the relay. What it accepts and finds equal, a stand-in has right;
what the stand-ins were asked and answered is judged by both schema checkers (see conftest).
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from tests.contract.conftest import REMOTES, World

EVERYWHERE = pytest.mark.parametrize("remote", REMOTES)
HASHES = {
    "google": ("md5", "sha1", "sha256"),
    "school": ("quickxor",),
    "personal": ("quickxor",),
    "library": ("quickxor",),
}
FILES = {  # empty, small, chunked (several fragments everywhere), and names that need care on the wire
    "empty.txt": b"",
    "small.txt": b"seven words that fit in one request",
    "film.bin": hashlib.shake_256(b"film").digest(3_300_000),
    "unit 1/mid é ñ file.bin": hashlib.shake_256(b"mid").digest(400_000),
    "unit 1/100% [a] & b's + #1.txt": b"reserved in addresses",
    "unit 1/deeper/日本語.txt": "日本語".encode(),
}


@pytest.fixture
def materials(tmp_path: Path) -> Path:
    """A folder on the local disk."""
    for name, content in FILES.items():
        path = tmp_path / "materials" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "materials"


def contents(folder: Path) -> dict[str, bytes]:
    """What lies in a local folder."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@EVERYWHERE
async def test_uploads_lists_checks_and_downloads(world: World, materials: Path, remote: str, tmp_path: Path) -> None:
    await world.rclone("copy", materials, f"{remote}:Course")
    assert await world.listed(f"{remote}:Course") == sorted([*FILES, "unit 1/", "unit 1/deeper/"])
    await world.rclone("check", materials, f"{remote}:Course")
    for name in HASHES[remote]:
        there = await world.rclone("hashsum", name, f"{remote}:Course")
        assert sorted(there.splitlines()) == sorted((await world.rclone("hashsum", name, materials)).splitlines())
    await world.rclone("copy", f"{remote}:Course", tmp_path / "back")
    assert contents(tmp_path / "back") == FILES


@EVERYWHERE
async def test_the_times_of_files_survive(world: World, materials: Path, remote: str) -> None:
    await world.rclone("copy", materials, f"{remote}:Course")
    world.forget()
    await world.rclone("copy", materials, f"{remote}:Course")
    sent = [one for one in world.seen if one.startswith(("PUT", "PATCH", "POST")) and "token" not in one]
    assert sent == [], "a second copy found nothing to do"


@EVERYWHERE
async def test_renames_and_moves(world: World, materials: Path, remote: str) -> None:
    await world.rclone("copy", materials, f"{remote}:Course")
    world.forget()
    await world.rclone("moveto", f"{remote}:Course/small.txt", f"{remote}:Course/unit 1/deeper/renamed.txt")
    await world.rclone("moveto", f"{remote}:Course/unit 1", f"{remote}:Course/unit one")
    assert await world.listed(f"{remote}:Course/unit one/deeper") == ["renamed.txt", "日本語.txt"]
    assert "small.txt" not in await world.listed(f"{remote}:Course")
    assert [one for one in world.seen if one.startswith("PUT") or "upload" in one.lower()] == []


@EVERYWHERE
async def test_copies_on_the_server(world: World, materials: Path, remote: str) -> None:
    await world.rclone("copy", materials, f"{remote}:Course")
    world.forget()
    await world.rclone("copyto", f"{remote}:Course/film.bin", f"{remote}:Course/film again.bin")
    assert [one for one in world.seen if one.startswith("PUT") or "upload" in one.lower()] == []
    await world.rclone("copyto", f"{remote}:Course/film again.bin", materials / "again.bin")
    assert (materials / "again.bin").read_bytes() == FILES["film.bin"]


@EVERYWHERE
async def test_overwrites(world: World, materials: Path, remote: str) -> None:
    await world.rclone("copy", materials, f"{remote}:Course")
    (materials / "small.txt").write_bytes(b"other words")
    (materials / "film.bin").write_bytes(FILES["film.bin"][::-1])
    os.utime(materials / "film.bin", (2_000_000_000, 2_000_000_000))  # of the same size: the time tells rclone
    await world.rclone("copy", materials, f"{remote}:Course")
    await world.rclone("check", "--download", materials, f"{remote}:Course")
    assert await world.listed(f"{remote}:Course") == sorted([*FILES, "unit 1/", "unit 1/deeper/"])


@EVERYWHERE
async def test_deletes(world: World, materials: Path, remote: str) -> None:
    before = await world.listed(f"{remote}:")
    await world.rclone("copy", materials, f"{remote}:Course")
    await world.rclone("deletefile", f"{remote}:Course/small.txt")
    assert "small.txt" not in await world.listed(f"{remote}:Course")
    await world.rclone("delete", f"{remote}:Course/unit 1")
    await world.rclone("rmdirs", f"{remote}:Course/unit 1")
    assert await world.listed(f"{remote}:Course") == ["empty.txt", "film.bin"]
    await world.rclone("purge", f"{remote}:Course")
    assert await world.listed(f"{remote}:") == before


@pytest.mark.parametrize(("source", "target"), [("google", "school"), ("school", "google"), ("school", "personal")])
async def test_copies_between_the_drives(
    world: World, materials: Path, source: str, target: str, tmp_path: Path
) -> None:
    await world.rclone("copy", materials, f"{source}:Course")
    await world.rclone("copy", f"{source}:Course", f"{target}:Arrived")
    await world.rclone("check", "--download", f"{source}:Course", f"{target}:Arrived")
    await world.rclone("copy", f"{target}:Arrived", tmp_path / "back")
    assert contents(tmp_path / "back") == FILES


async def test_a_whole_google_drive_arrives_at_school(world: World) -> None:
    """Shortcuts, two files of one name, names that OneDrive forbids, and Google documents, exported on the way."""
    await world.rclone("copy", "google:", "school:From Google")
    expected = set(await world.listed("google:"))
    assert {"Class 7b/Biology/Lesson plan.docx", "Class 7b/Biology/Marks 7b.xlsx"} <= expected
    folders = {one for one in expected if one.endswith("/")}
    arrived = set(await world.listed("school:From Google"))
    assert {one for one in arrived if not one.endswith("/")} == expected - folders
    await world.rclone("check", "--download", "--exclude", "*.{docx,xlsx,pptx}", "google:", "school:From Google")


@pytest.mark.parametrize("remote", ["school", "personal"])
async def test_hard_delete_leaves_nothing_in_the_bin(world: World, materials: Path, remote: str) -> None:
    await world.rclone("copy", materials / "film.bin", f"{remote}:Course")
    await world.rclone("purge", "--onedrive-hard-delete", f"{remote}:Course")
    assert "Trashed: 0 B" in (await world.rclone("about", f"{remote}:")).replace("  ", " ").replace("  ", " ")


@pytest.mark.parametrize("remote", ["school", "personal"])
async def test_lists_by_delta(world: World, remote: str) -> None:
    by_delta = await world.rclone("lsf", "-R", "--fast-list", "--onedrive-delta", f"{remote}:")
    assert sorted(by_delta.splitlines()) == await world.listed(f"{remote}:")
    assert any(one.endswith("/delta") for one in world.seen)


async def test_many_children_come_in_pages(world: World) -> None:
    graph = world.boxes["microsoft"]
    folder = world.folder / "many"
    folder.mkdir()
    names = [f"sheet {number:03}.txt" for number in range(45)]
    for name in names:
        (folder / name).touch()
    await world.rclone("copy", folder, "school:Many", "--transfers", "16")
    graph.recent.clear()
    listed = await world.rclone("lsf", "school:Many", "--onedrive-list-chunk", "20")
    assert listed.splitlines() == names
    pages = [one for one in graph.recent if one["path"].endswith("/children")]
    assert [one["query"] for one in pages] == [["$top"], ["$skiptoken", "$top"], ["$skiptoken", "$top"]]


PATIENT = ("--low-level-retries", "20", "--tpslimit", "200", "--onedrive-chunk-size", "320Ki")
THROTTLED = {
    "google": {"status": 403, "reason": "rateLimitExceeded"},
    "microsoft": {"status": 429, "retry_after": 0},
}
NOT_SIGN_IN = "/[!tco]*"  # neither /token nor /common nor /o: an access token is not what is throttled here


@pytest.fixture
def throttled(world: World) -> World:
    """Every 7th request is answered with too many: by turns in the vendor's own way, and by 429 without a time."""
    for kind, do in THROTTLED.items():
        own = {"match": {"nth": 14, "path": NOT_SIGN_IN}, "do": do}
        plain = {"match": {"nth": 13, "after": 7, "path": NOT_SIGN_IN}, "do": {"status": 429}}
        world.boxes[kind].faults.add([own, plain])
    return world


async def test_every_seventh_request_throttled(throttled: World, materials: Path, tmp_path: Path) -> None:
    """Uploads, lists, a copy between the two drives and downloads come to the right end all the same."""
    for number in range(12):
        (materials / f"sheet {number}.txt").write_bytes(b"%d" % number)
    await throttled.rclone("copy", *PATIENT, materials, "google:Course")
    await throttled.rclone("copy", *PATIENT, "google:Course", "school:Course")
    expected = contents(materials)
    for remote in ("google", "school"):
        listed = await throttled.rclone("lsf", *PATIENT, "-R", "--files-only", f"{remote}:Course")
        assert sorted(listed.splitlines()) == sorted(expected)
        await throttled.rclone("copy", *PATIENT, f"{remote}:Course", tmp_path / remote)
        assert contents(tmp_path / remote) == expected
    for kind, box in throttled.boxes.items():
        assert sum(rule.hits for rule in box.faults.rules) >= 5, kind
        assert {one["status"] for one in box.recent if one["fault"]} <= {403, 429}
