"""Everything that is held about a person as one zip: lists as JSON, files with their older contents, and two guides.

    data/….json      what `gateway.rights.review` shows, store by store
    files/…          what lies in the person's own drive; trash/… what lies in its trash
    versions/…       older contents, each below the name of its file
    manifest.json    every file of the archive with size and SHA-256, for a program
    index.html       the same for a person, in their language

Pieces are read, written and forgotten: a page of records or 256 KiB of a file is in memory, whatever there is.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import quote

from cache.errors import Corrupt
from cache.model import Scope
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.rights.archive import AS_IT_IS, Archive, Entry
from gateway.rights.review import Counted, Record, Review
from gateway.rights.sections import Section
from gateway.web import catalogs, pages
from providers.errors import NameRefused
from providers.names import shorten, to_allowed
from providers.native import Content, Contents
from providers.onedrive import TRAITS as WINDOWS

PART_FILES: Final = 50_000
"""Contents of files in one archive at most: its directory is what grows in memory."""
AT_ONCE: Final = 4
"""Archives that one process makes at the same time."""
MISSED: Final = 1_000
"""Files that were deleted while the archive was made, named in it at most."""
FORMAT: Final = 1
_BREATH: Final = 200


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is exported: of whom, for whom and as what they asked; ``part`` of ``parts``. ``made`` in epoch ms.

    ``name``: the person's, for the guide. ``locale``: the language of the guide.
    """

    scope: Scope
    how: str
    name: str
    school: str
    part: int
    parts: int
    made: int
    locale: str


@dataclass(slots=True)
class _Told:
    """What an archive holds so far."""

    stores: list[dict[str, Any]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


class Exporter:
    """Writes archives."""

    def __init__(self, vault: Vault, database: Database, review: Review, part_files: int = PART_FILES) -> None:
        self._running = 0
        self._vault = vault
        self._database = database
        self._review = review
        self._part_files = part_files

    async def parts(self, scope: Scope) -> int:
        """In how many archives everything comes."""
        return max(1, -(-await Contents(self._vault, self._database, scope).count() // self._part_files))

    @property
    def busy(self) -> bool:
        """Whether as many archives are being made here as may be at once."""
        return self._running >= AT_ONCE

    async def pieces(self, wanted: Wanted) -> AsyncIterator[bytes]:
        """The archive. StorageError, also in the middle: the person was forgotten meanwhile, a file is damaged."""
        self._running += 1
        try:
            async with aclosing(self._pieces(wanted)) as pieces:
                async for piece in pieces:
                    yield piece
        finally:
            self._running -= 1

    async def _pieces(self, wanted: Wanted) -> AsyncGenerator[bytes]:
        await asyncio.to_thread(pages.prepare, wanted.locale)
        archive, told = Archive(), _Told()
        if wanted.part == 1:
            async for piece in self._data(archive, told, wanted):
                yield piece
        async for piece in self._files(archive, told, wanted):
            yield piece
        entries = list(archive.entries())
        async for piece in archive.add("manifest.json", _manifest(wanted, told, entries), wanted.made):
            yield piece
        async for piece in archive.add("index.html", _guide(wanted, told, entries), wanted.made):
            yield piece
        yield archive.end()

    async def _data(self, archive: Archive, told: _Told, wanted: Wanted) -> AsyncIterator[bytes]:
        for counted in await self._review.overview(wanted.scope):
            name = f"data/{counted.section.name}.json"
            async for piece in archive.add(name, self._records(wanted.scope, counted.section), wanted.made):
                yield piece
            told.stores.append(_store(counted, name, wanted.locale))

    async def _records(self, scope: Scope, section: Section) -> AsyncIterator[bytes]:
        """A JSON document of all records of a store, page by page."""
        yield f'{{"store":{json.dumps(section.name)},"records":['.encode()
        after, first = None, True
        while True:
            found, after = await self._review.page(scope, section, after)
            for record in found:
                yield (b"" if first else b",\n") + _line(record)
                first = False
            if after is None:
                break
            await asyncio.sleep(0)
        yield b"]}\n"

    async def _files(self, archive: Archive, told: _Told, wanted: Wanted) -> AsyncIterator[bytes]:
        contents = Contents(self._vault, self._database, wanted.scope)
        left = self._part_files
        after = await contents.before((wanted.part - 1) * self._part_files)
        if after is None and wanted.part > 1:
            return
        while left and (page := await contents.page(after, min(left, 200))):
            for content in page:
                async for piece in self._file(archive, told, contents, content):
                    yield piece
            after, left = page[-1].key, left - len(page)

    async def _file(
        self, archive: Archive, told: _Told, contents: Contents, content: Content
    ) -> AsyncIterator[bytes]:  # fmt: skip
        """One content; what was deleted since its page was read is left out, and named."""
        name = place_of(content)
        if not await contents.is_there(content):
            if len(told.missing) < MISSED:
                told.missing.append(name)
            return
        try:
            async for piece in archive.add(
                name, contents.read(content), content.modified, size=content.size, level=AS_IT_IS
            ):
                yield piece
        except ValueError:
            raise Corrupt("a kept file has lost a part") from None
        if archive.last().sha256 != content.sha256.hex():
            raise Corrupt("a kept file is not what was saved")


def _line(record: Record) -> bytes:
    return json.dumps({"table": record.table, **record.values}, ensure_ascii=False, separators=(",", ":")).encode()


def place_of(content: Content) -> str:
    """Where a content lies in the archive, by names that every system takes."""
    path = [_name(part) for part in (*content.path, content.name)]
    if content.current:
        return "/".join(["trash" if content.trashed else "files", *path])
    at = datetime.fromtimestamp(content.modified / 1000, UTC).strftime("%Y-%m-%d %H.%M.%S")
    suffix = PurePosixPath(path[-1]).suffix
    return "/".join(["versions", *path, f"{at} ({content.key[1]}){suffix}"])


def _name(name: str) -> str:
    try:
        return to_allowed(name, WINDOWS)
    except NameRefused:
        return to_allowed(shorten(name, WINDOWS.max_name // 2), WINDOWS)


def _store(counted: Counted, file: str, locale: str) -> dict[str, Any]:
    def say(text: str | None) -> str | None:
        return None if text is None else catalogs.translate(locale, text)

    columns = [
        {"table": one.table, "column": one.column, "what": say(one.what), "unshown": say(one.unshown)}
        for one in counted.columns
    ]
    records = sum(counted.records.values())
    what = say(counted.section.what)
    return {"store": counted.section.name, "what": what, "file": file, "records": records, "columns": columns}


async def _manifest(wanted: Wanted, told: _Told, entries: Sequence[Entry]) -> AsyncIterator[bytes]:
    """The manifest, its list of files a few at a time."""
    head = {
        "format": FORMAT, "made": datetime.fromtimestamp(wanted.made / 1000, UTC).isoformat(),
        "school": wanted.scope.tenant, "person": wanted.scope.subject, "asked_by": wanted.how, "part": wanted.part,
        "parts": wanted.parts, "language": wanted.locale, "stores": told.stores, "missing": told.missing,
    }  # fmt: skip
    yield json.dumps(head, ensure_ascii=False, indent=1).encode().removesuffix(b"\n}") + b',\n "files": [\n'
    for start in range(0, len(entries), _BREATH):
        some = entries[start : start + _BREATH]
        lines = [
            json.dumps({"path": one.name, "size": one.size, "sha256": one.sha256}, ensure_ascii=False) for one in some
        ]
        yield (",\n" if start else "").encode() + ",\n".join(lines).encode()
        await asyncio.sleep(0)
    yield b"\n]}\n"


async def _guide(wanted: Wanted, told: _Told, entries: Sequence[Entry]) -> AsyncIterator[bytes]:
    """The page, rendered a piece at a time."""
    rendered = pages.pieces(
        "export", wanted.locale, name=wanted.name, school=wanted.school, how=wanted.how, part=wanted.part,
        parts=wanted.parts, made=datetime.fromtimestamp(wanted.made / 1000, UTC), stores=told.stores,
        missing=told.missing, files=_linked(entries),
    )  # fmt: skip
    for some in _some(rendered, _BREATH):
        yield "".join(some).encode()
        await asyncio.sleep(0)


def _linked(entries: Iterable[Entry]) -> Iterator[dict[str, Any]]:
    for one in entries:
        if not one.name.startswith("data/"):
            yield {"name": one.name, "href": quote(one.name), "size": one.size}


def _some(pieces: Iterable[str], count: int) -> Iterator[list[str]]:
    held: list[str] = []
    for piece in pieces:
        held.append(piece)
        if len(held) == count:
            yield held
            held = []
    yield held
