"""What a hold keeps, taken away as a zip by an administrator: the files, and a manifest that says on which basis.

    files/…, trash/…, versions/…   as `gateway.rights.exporting` lays them out
    manifest.json                  the hold, and every content with its size, SHA-256 and times

Read under the key of the hold alone, a page of names and 256 KiB of a file at a time. Large holds come in parts.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from cache.errors import Corrupt
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.holds.model import Hold
from gateway.rights.archive import AS_IT_IS, Archive
from gateway.rights.exporting import PART_FILES, place_of
from providers.native import Content, kept
from providers.native.kept import Kept

FORMAT: Final = 1
_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class Part:
    """One archive of a hold: ``number`` of ``count``; ``made`` in epoch ms."""

    hold: Hold
    number: int
    count: int
    made: int


@dataclass(slots=True)
class _Told:
    files: list[dict[str, Any]] = field(default_factory=list)
    damaged: list[dict[str, Any]] = field(default_factory=list)


class Handing:
    """Writes the archives of holds."""

    def __init__(self, vault: Vault, database: Database, part_files: int = PART_FILES) -> None:
        self._vault = vault
        self._database = database
        self._part_files = part_files

    def parts(self, hold: Hold) -> int:
        """In how many archives it comes."""
        return max(1, -(-hold.contents // self._part_files))

    async def contents(self, hold: Hold, after: str, limit: int) -> list[Kept]:
        """A page of what it keeps, by the contents' ids. Shredded, Missing where it is over."""
        return await kept.page(self._vault, self._database, hold.keeper, after, limit)

    async def pieces(self, part: Part) -> AsyncGenerator[bytes]:
        """The archive. StorageError, also in the middle: it was released meanwhile, a file is damaged."""
        archive, told = Archive(), _Told()
        async with self._database.read() as tx:
            after = await kept.before(tx, part.hold.keeper, (part.number - 1) * self._part_files)
        left = self._part_files
        while left and after is not None:
            page = await self.contents(part.hold, after, min(left, _PAGE))
            for one in page:
                async for piece in self._file(archive, told, part.hold, one):
                    yield piece
            after, left = (page[-1].content if page else None), left - len(page)
        async for piece in archive.add("manifest.json", _manifest(part, told), part.made):
            yield piece
        yield archive.end()

    async def _file(self, archive: Archive, told: _Told, hold: Hold, one: Kept) -> AsyncIterator[bytes]:
        """One content; what nobody could open when it was taken is only named."""
        if one.damaged:
            told.damaged.append(_said(one))
            return
        content = Content(
            (one.node, one.number), one.content, one.path, one.name, one.size, one.modified,
            bytes.fromhex(one.sha256), one.current, one.trashed,
        )  # fmt: skip
        try:
            async with aclosing(kept.read(self._vault, self._database, hold.keeper, one.content, one.size)) as bytes_:  # type: ignore[type-var]
                async for piece in archive.add(
                    place_of(content), bytes_, one.modified, size=one.size, level=AS_IT_IS
                ):  # fmt: skip
                    yield piece
        except ValueError:
            raise Corrupt("a kept file has lost a part") from None
        last = archive.last()
        if last.sha256 != one.sha256:
            raise Corrupt("a kept file is not what was saved")
        told.files.append({"path": last.name, **_said(one)})


def _said(one: Kept) -> dict[str, Any]:
    at = datetime.fromtimestamp(one.modified / 1000, UTC).isoformat(timespec="milliseconds")
    where = {"names": [*one.path, one.name], "current": one.current, "trashed": one.trashed}
    return {"content": one.content, "item": one.node, **where, "size": one.size, "modified": at, "sha256": one.sha256}


async def _manifest(part: Part, told: _Told) -> AsyncIterator[bytes]:
    order = part.hold.order
    head = {
        "format": FORMAT, "hold": part.hold.id, "school": part.hold.school, "person": order.person,
        "basis": order.basis, "authority": order.authority, "reference": order.reference, "part": part.number,
        "parts": part.count, "made": datetime.fromtimestamp(part.made / 1000, UTC).isoformat(timespec="milliseconds"),
        "damaged": told.damaged,
    }  # fmt: skip
    yield json.dumps(head, ensure_ascii=False, indent=1).encode().removesuffix(b"\n}") + b',\n "files": [\n'
    for start in range(0, len(told.files), _PAGE):
        lines = [json.dumps(one, ensure_ascii=False) for one in told.files[start : start + _PAGE]]
        yield (",\n" if start else "").encode() + ",\n".join(lines).encode()
        await asyncio.sleep(0)
    yield b"\n]}\n"
