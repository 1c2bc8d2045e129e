"""Folders on their way between drives, and what is on each drive's disk: for tests that break things meanwhile.

The stand-ins are read from their disks, without the gateway; only the native drive, sealed as it is, through the API.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from tests.e2e.clients import Tree, noise, plant, sha256
from tests.e2e.deaths import TEACHER
from tests.e2e.processes import Browser, House, Running, blob, now, tour

Place = Literal["google", "onedrive", "native", "back"]
"""'back' is a folder in Google Drive into which things return."""
Found = list[tuple[str, str]]
"""(path, SHA-256) below the folder, '' for folders, sorted; a name that had to change is a star."""
_TWINS: Tree = {
    "Twin.txt": b"the upper twin\n",
    "twin.txt": b"the lower of the twins\n",
    "Odd: name?.txt": b"what a name\n",
}
CHANGED = {sha256(content) for content in _TWINS.values() if isinstance(content, bytes)}
"""Contents of files whose names OneDrive does not take."""


def contents(seed: str, *, small: int = 8, large: int = 0) -> Tree:
    """A bit of everything, in which every size is met once. ``large`` in bytes; 0: no large file."""
    files: dict[str, Any] = {f"Sheet {number}.bin": noise(f"{seed} {number}", 9000 + number) for number in range(small)}
    inner = {"Picture.bin": noise(f"{seed} picture", 700_001), "Deepest": {"Four.txt": noise(seed, 41)}, "Nothing": {}}
    if large:
        inner["Film.bin"] = noise(f"{seed} film", large)
    return {
        **files,
        **_TWINS,
        "Empty.txt": b"",
        "Plan": None,
        "Song.bin": noise(f"{seed} song", 5_600_003),
        "Deeper": inner,
    }


@dataclass
class Parcel:
    """One folder. ``at`` is where it is to be found; ``expected`` what must be in it, wherever it is."""

    house: House
    teacher: Browser
    drives: Mapping[Place, str]
    name: str
    expected: Found

    async def order(self, mode: str, at: Place, to: Place) -> str:
        """Begin to copy or move it; the job."""
        item = await tour.find(self.teacher, self.drives[at], "root", self.name)
        parent = "root"
        if to == "back":
            parent = (await tour.find(self.teacher, self.drives[to], "root", f"Back {self.name}"))["id"]
        order = {
            "mode": mode,
            "sources": [{"drive": self.drives[at], "item": item["id"]}],
            "destination": {"drive": self.drives[to], "item": parent},
        }
        key = {"Idempotency-Key": secrets.token_hex(16)}
        job = await self.teacher.api("POST", "/v1/transfers", 202, json=order, headers=key)
        return str(job["id"])

    async def found(self, place: Place) -> Found:
        """What is there now under its name."""
        if place == "native":
            return await self._in_native()
        paths = _on_onedrive(self.house) if place == "onedrive" else _on_google(self.house)
        begins = f"Back {self.name}/{self.name}" if place == "back" else self.name
        cut = len(begins) - len(self.name)
        return masked((path[cut:], digest) for path, digest in paths if path == begins or path.startswith(begins + "/"))

    async def _in_native(self) -> Found:
        drive = self.drives["native"]
        tops = [one async for one in self.teacher.children(drive, "root") if one["name"] == self.name]
        found = [(self.name, "") for _ in tops]
        for top in tops:
            found += await _below(self.teacher, drive, top["id"], self.name)
        return masked(found)

    def nothing_is_lost(self) -> None:
        """On its way from Google to OneDrive: a file that is in the trash there has arrived here, whole."""
        gone = {one for one in _on_google(self.house, trashed=True) if one[0].startswith(self.name + "/") and one[1]}
        there = {digest for path, digest in _on_onedrive(self.house) if path.startswith(self.name + "/")}
        lost = [path for path, digest in gone if digest not in there]
        assert not lost, f"trashed before it had arrived: {lost}"


async def planted(house: House, teacher: Browser, drives: Mapping[Place, str], name: str, tree: Tree) -> Parcel:
    """A folder in the teacher's Google Drive, and another one there into which it may come back."""
    _, expected = await plant(house.google, TEACHER, name, tree)
    await plant(house.google, TEACHER, f"Back {name}", {})
    return Parcel(house, teacher, drives, name, masked(expected))


def masked(found: Any) -> Found:
    """Names that may change become stars."""
    return sorted((path.rpartition("/")[0] + "/*" if digest in CHANGED else path, digest) for path, digest in found)


async def adds_up(teacher: Browser, job: str, expected: Found) -> None:
    """The report holds every item once, its sums are those of its rows and of the job, and nothing is left open."""
    view = await teacher.api("GET", f"/v1/jobs/{job}")
    counts = view["counts"]
    assert counts["found"] == sum(counts[name] for name in ("copied", "skipped", "failed", "unsupported")), view
    async with teacher.http.get(f"{teacher.gateway}/v1/jobs/{job}/report?format=json") as answer:
        report = json.loads(await answer.read())
    why = {item["path"]: (item["state"], item.get("reason")) for item in report["items"] if item["state"] != "copied"}
    assert (view["state"], counts["waiting"], counts["failed"]) == ("done", 0, 0), (view, why)
    states = Counter(item["state"] for item in report["items"])
    assert states == Counter({name: counts[name] for name in states}), (states, counts)
    assert len(report["items"]) == counts["found"] == len(expected), (counts, len(expected))
    assert len({item["path"] for item in report["items"]}) == len(expected), "an item is told twice"


async def _below(who: Browser, drive: str, folder: str, path: str) -> Found:
    found: Found = []
    async for one in who.children(drive, folder):
        here = f"{path}/{one['name']}"
        if one["kind"] == "folder":
            found += [(here, ""), *await _below(who, drive, one["id"], here)]
        else:
            found.append((here, (await who.open(drive, one["id"]))[0]))
    return found


def _on_google(house: House, *, trashed: bool = False) -> Found:
    """The teacher's own files by path; ``trashed``: those in the trash, or below what is."""
    files = now(house.google, "files")
    found = []
    for row in files.values():
        rows = _upwards(row, files)
        if row["owner"] == TEACHER and len(rows) > 1 and any(one["trashed"] for one in rows) is trashed:
            found.append((_path(rows), _digest(house.google, row) if row.get("blob") else ""))
    return found


def _on_onedrive(house: House) -> Found:
    items = now(house.microsoft, "items")
    found = []
    for row in items.values():
        rows = _upwards(row, items)
        if row["by"] == TEACHER and len(rows) > 1 and not any(one["dead"] for one in rows):
            found.append((_path(rows), _digest(house.microsoft, row) if row["kind"] == "file" else ""))
    return found


def _upwards(row: Mapping[str, Any], rows: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The row and all above it, the drive's root last."""
    found = [row]
    while (above := rows.get(found[-1]["parent"] or "")) is not None:
        found.append(above)
    return found


def _path(rows: list[Mapping[str, Any]]) -> str:
    return "/".join(row["name"] for row in reversed(rows[:-1]))


def _digest(vendor: Running, row: Mapping[str, Any]) -> str:
    path = blob(vendor, dict(row))
    return _hashed(path, path.stat().st_mtime_ns, path.stat().st_size)


@cache
def _hashed(path: Path, _changed: int, _size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
