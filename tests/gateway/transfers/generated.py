"""Folders of any size that nobody stored: their pages are made when they are asked for."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from providers.drive import Entry, Kind, Page, Ref
from tests.gateway.transfers.filedrive import FileDrive

_WHEN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Shape:
    """A folder with so many ``files`` and the named ``folders``. ``told``: pages that were asked for."""

    files: int = 0
    folders: Mapping[str, Shape] = field(default_factory=dict)
    told: int = 0


class Generated(FileDrive):
    """A drive on disk with folders beside it that are made up as they are listed, ``page`` entries at a time."""

    shapes: Mapping[str, Shape] = {}
    large_page = 1000
    alive = 0
    """The most entries that were held at once, by whomever, when a page was asked for."""

    def generate(self, shapes: Mapping[str, Shape]) -> None:
        """These folders, by id, lie in the top folder."""
        self.shapes = {f"{name}/{below}": one for name, shape in shapes.items() for below, one in _all(shape)}

    async def stat(self, ref: Ref) -> Entry:
        if f"{ref.id}/" in self.shapes or ref.id in self.shapes:
            return _folder(ref.id.rstrip("/"), ref.id)
        return await super().stat(ref)

    async def children(self, ref: Ref, cursor: str | None = None) -> Page:
        shape = self.shapes.get(ref.id)
        if shape is None:
            return await super().children(ref, cursor)
        self.trip.call("children")
        shape.told += 1
        if shape.told % 10 == 0:
            self.alive = max(self.alive, sum(type(one) is Entry for one in gc.get_objects()))
        start = int(cursor or 0)
        stop = min(start + self.large_page, shape.files)
        entries = [_file(ref.id, number) for number in range(start, stop)]
        if start == 0:
            entries += [_folder(name, f"{ref.id}{name}/") for name in shape.folders]
        return Page(entries, str(stop) if stop < shape.files else None)


def _all(shape: Shape, path: str = "") -> list[tuple[str, Shape]]:
    below = [one for name, inner in shape.folders.items() for one in _all(inner, f"{path}{name}/")]
    return [(path, shape), *below]


def _folder(name: str, item: str) -> Entry:
    return Entry(Ref("", item), Ref("", "top"), name, Kind.FOLDER, "folder", None, "1", _WHEN)


def _file(folder: str, number: int) -> Entry:
    flags = frozenset({"shared"} if number % 10 == 0 else ())
    name = f"what {number:06}.txt"
    return Entry(
        Ref("", f"{folder}{number}"), Ref("", folder), name, Kind.FILE, "text/plain", 10, "1", _WHEN,
        {"md5": number.to_bytes(16, "big")}, flags=flags,
    )  # fmt: skip
