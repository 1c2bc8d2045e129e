"""The class materials: the same at every start from nothing, quickly, with everything that makes a move hard."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import aiohttp

from providers.sandbox.core import Sandbox, serve
from tests.sandbox.test_google.client import FOLDER, STUDENT, Client


def _state(box: Sandbox) -> list[dict[str, Any]]:
    rows = box.store.table("files").values()
    return [{name: value for name, value in row.items() if name not in ("blob", "changed")} for row in rows]


async def test_two_starts_from_nothing_are_equal_and_quick(tmp_path: Path) -> None:
    async with serve("google", tmp_path / "a") as first:
        one = _state(first)
    began = time.process_time()
    async with serve("google", tmp_path / "b") as second:
        assert time.process_time() - began < 2
        assert _state(second) == one
    async with serve("google", tmp_path / "b") as again:
        assert _state(again) == one
    async with serve("google", tmp_path / "c", seed=False) as bare:
        assert _state(bare) == []
        assert len(bare.people.all()) == 6


async def test_a_teacher_s_materials(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    async with serve("google", tmp_path) as box:
        drive = await Client.sign_in(box, session)
        fields = "files(id,name,mimeType,size,parents)"
        files = (await drive.call("GET", "/files", q="trashed=false", pageSize=1000, fields=fields)).json["files"]
        names = [file["name"] for file in files]
        assert {"Plan: week 1?.txt", "CON.txt", "Ends with a dot.", " Leading space.txt"} <= set(names)
        assert names.count("Homework.txt") == 2
        assert any(not name.isascii() for name in names)
        sizes = {file["name"]: int(file["size"]) for file in files if "size" in file}
        assert sizes["Cell division (film).mp4"] > 64 * 1024 * 1024
        assert sizes["Empty.txt"] == 0
        kinds = {file["mimeType"].rpartition(".")[2] for file in files}
        assert {"document", "spreadsheet", "presentation", "shortcut", "form"} <= kinds
        assert _depth(files, "Microscope notes.txt") == ["Class 7b", "Biology", "Experiments", "Pond water"]
        student = await Client.sign_in(box, session, STUDENT)
        shared = {"Worksheet photosynthesis.txt", "Reading list.txt", "Exchange project"}
        assert set(await student.names("sharedWithMe")) == shared
        mine = await student.names(f"'me' in owners and mimeType != '{FOLDER}'")
        assert {"Essay", "Leaf.png", "Project.bin", "To do.txt"} == set(mine)


def _depth(files: list[dict[str, Any]], name: str) -> list[str]:
    by_id = {file["id"]: file for file in files}
    at = next(file for file in files if file["name"] == name)
    path: list[str] = []
    while at["parents"][0] in by_id:
        at = by_id[at["parents"][0]]
        path.insert(0, at["name"])
    return path
