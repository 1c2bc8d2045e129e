"""Open: from a person's wish to see a file to its bytes, through the encrypted cache where that helps.

A hit comes from the vault. A miss starts one fill and follows it; a range far ahead of the fill goes straight to the
drive, so a range never waits for the whole file. Whatever the fill does, the reader gets exactly the bytes that were
promised or an error: never fewer without a word.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from cache.database import Transactions
from cache.errors import StorageError
from cache.vault import Scope, Vault, Writer
from gateway.files.cached import Cached, CachedFiles
from gateway.files.fills import Fill, Fills, Wanted
from providers.drive import Entry, ExportChoice, Kind, Ref, Source
from providers.errors import Changed, DownloadForbidden, Malware, NotFound, Unsupported

SHORTCUT_DEPTH = 4


class RequireActive(Protocol):
    """Raises where the person may no longer gain data; called inside the transaction that would give it to them."""

    async def __call__(self, tx: AsyncConnection, person: str) -> None: ...


@dataclass(frozen=True, slots=True)
class CachePolicy:
    """How long a cached copy lives, in milliseconds from its storing, and the largest file that is cached, in bytes."""

    life: int = 3_600_000
    largest: int = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class Opened:
    """A file ready to be read: what it is, how big (None: not known before it is read), where its bytes come from."""

    entry: Entry
    name: str
    media_type: str
    size: int | None
    version: str
    export: str | None
    cached: Cached | None
    wanted: Wanted
    scope: Scope
    drive: str
    lookup: bytes


class Opener:
    """Opens files of any drive for one person at a time."""

    def __init__(
        self,
        vault: Vault,
        database: Transactions,
        cached: CachedFiles,
        fills: Fills,
        policy: CachePolicy,
        require_active: RequireActive,
    ) -> None:
        self._vault = vault
        self._database = database
        self._cached = cached
        self._fills = fills
        self._policy = policy
        self._require_active = require_active

    async def open(self, scope: Scope, drive: str, source: Source, ref: Ref, export: str | None = None) -> Opened:
        """What the item is now. NotFound, Unsupported, DownloadForbidden, Malware."""
        entry = await _resolve(source, ref)
        choice = _choice(entry, export)
        chosen = choice.id if choice else None
        lookup = await self._cached.lookup(scope, drive, str(entry.ref), entry.version, chosen)
        cached = await self._cached.find(scope, lookup)
        running = self._fills.running((scope.subject or "", lookup))
        if cached is None and running is not None and running.whole:
            await running.done.wait()  # every byte is here, only its row is not: a moment
            cached = await self._cached.find(scope, lookup)
        return Opened(
            entry=entry,
            name=entry.name + choice.suffix if choice else entry.name,
            media_type=choice.media_type if choice else entry.media_type,
            size=cached.size if cached else entry.size if choice is None else None,
            version=entry.version,
            export=chosen,
            cached=cached,
            wanted=Wanted(source, entry.ref, entry.version, chosen, entry.size if choice is None else None),
            scope=scope,
            drive=drive,
            lookup=lookup,
        )

    async def prepare(self, opened: Opened, start: int) -> tuple[str, Fill | None]:
        """Decide where bytes from ``start`` come from: ('hit', None), ('stored', fill) or ('direct', fill or None)."""
        if opened.cached is not None:
            return "hit", None
        fill = await self._fill(opened)
        if fill is not None and fill.near(start):
            return "stored", fill
        return "direct", fill

    async def read(
        self, opened: Opened, how: str, fill: Fill | None, start: int, stop: int | None
    ) -> AsyncIterator[bytes]:
        """The bytes start..stop in pieces of at most 256 KiB; goes on at the drive where cache or fill give up."""
        at = start
        if how == "hit" and opened.cached is not None:
            try:
                async with self._vault.open(opened.scope, opened.cached.object, start, stop) as pieces:
                    async for piece in pieces:
                        at += len(piece)
                        yield piece
                return
            except StorageError:
                if at > start or opened.cached.size == 0:
                    raise
        elif how == "stored" and fill is not None:
            try:
                async for piece in fill.follow(start, stop):
                    at += len(piece)
                    yield piece
                if fill.whole or (stop is not None and at >= stop):
                    return
            except (StorageError, OSError):
                await fill.done.wait()
            if fill.error is not None and at == start:
                raise fill.error
        wanted = opened.wanted
        if wanted.export is not None and at > 0:
            raise Changed(reason="export_interrupted")  # a second export may differ: two are never spliced
        await self._vault.fields(opened.scope)
        async with wanted.source.read(wanted.ref, at, stop, version=wanted.version, export=wanted.export) as read:
            async for piece in read:
                await self._vault.fields(opened.scope)  # Shredded: an access token outlives its forgotten person
                yield piece

    async def _fill(self, opened: Opened) -> Fill | None:
        if opened.size is not None and opened.size > self._policy.largest:
            return None
        key = (opened.scope.subject or "", opened.lookup)
        running = self._fills.running(key)
        if running is not None:
            return running
        now = await self._database.now()
        ends = now + self._policy.life
        facts = {"item": str(opened.entry.ref), "name": opened.name, "media_type": opened.media_type}

        async def store(writer: Writer) -> None:
            async with self._database.write() as tx:
                await self._require_active(tx, opened.scope.subject or "")
                await self._cached.store(tx, opened.scope, opened.drive, opened.lookup, facts, writer, now, ends)

        return self._fills.begin(key, Fill(opened.wanted, opened.scope, ends, store))


async def _resolve(source: Source, ref: Ref) -> Entry:
    """The item, through shortcuts, with a depth cap so that a cycle ends."""
    for _ in range(SHORTCUT_DEPTH):
        entry = await source.stat(ref)
        if entry.kind is not Kind.SHORTCUT:
            return _readable(entry)
        if entry.target is None or "dangling" in entry.flags:
            raise NotFound(reason="dangling_shortcut")
        ref = entry.target
    raise NotFound(reason="shortcut_cycle")


def _readable(entry: Entry) -> Entry:
    if entry.kind in (Kind.FOLDER, Kind.PACKAGE):
        raise Unsupported(reason=entry.kind.value)
    if "malware" in entry.flags:
        raise Malware
    if "read" not in entry.may:
        raise DownloadForbidden
    return entry


def _choice(entry: Entry, export: str | None) -> ExportChoice | None:
    if entry.kind is not Kind.DOCUMENT:
        if export is not None:
            raise Unsupported(reason="no_such_export")
        return None
    for choice in entry.exports:
        if export in (None, choice.id):
            return choice
    raise Unsupported(reason="no_such_export")
