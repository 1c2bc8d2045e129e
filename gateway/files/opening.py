"""Open: from a person's wish to see a file to its bytes, through the encrypted cache where that helps.

What may be opened, and which bytes that are, the drive says; a cached copy is opened on its word of the last seconds.
A hit comes from the vault. A miss starts one fill and follows it; a range far ahead of the fill goes straight to the
drive, so a range never waits for the whole file. Whatever the fill does, the reader gets exactly the bytes that were
promised or an error: never fewer without a word.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from cache.database import Transactions
from cache.errors import StorageError
from cache.vault import Scope, Vault, Writer
from gateway.files.cached import Cached, CachedFiles
from gateway.files.fills import Fill, Fills, Wanted
from gateway.files.following import Following
from gateway.files.resolving import older, resolve_known
from providers.checked import Checked
from providers.drive import Entry, ExportChoice, Kind, Ref, Source
from providers.errors import Changed, Unsupported, Untrusted

CacheLife = Callable[[str], Awaitable[int]]
"""How long a copy lives in a school, ms from its storing."""
SchoolFormats = Callable[[str], Awaitable[Mapping[str, str]]]
"""The format that a school wants for each kind of document, by its media type."""


class RequireActive(Protocol):
    """Raises where the person may no longer gain data; called inside the transaction that would give it to them."""

    async def __call__(self, tx: AsyncConnection, person: str) -> None: ...


@dataclass(frozen=True, slots=True)
class CachePolicy:
    """How long a cached copy lives by its school, and the largest file that is cached, in bytes."""

    life: CacheLife
    largest: int = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class Asked:
    """Which item a person wants: a document in the format ``export``, an older ``version`` of a file."""

    ref: Ref
    export: str | None = None
    version: str | None = None


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
        following: Following,
        formats: SchoolFormats,
    ) -> None:
        self._vault = vault
        self._database = database
        self._cached = cached
        self._fills = fills
        self._policy = policy
        self._require_active = require_active
        self._following = following
        self._formats = formats

    async def open(self, scope: Scope, drive: str, source: Source, asked: Asked) -> Opened:
        """What the item is now. NotFound, Unsupported, DownloadForbidden, Malware.

        Nothing is asked of the drive where it told of the item within the last seconds and a copy is cached.
        """
        known = self._following.freshness.known
        fresh = resolve_known(lambda ref: known(scope, drive, ref), asked.ref) if asked.version is None else None
        if fresh is not None:
            opened = await self._opened(scope, drive, source, fresh, asked.export)
            if opened.cached is not None:
                return opened
        entry = await self._following.stat(scope, drive, source, asked.ref)
        if asked.version is not None:
            entry = await older(source, entry, asked.version)
        return await self._opened(scope, drive, source, entry, asked.export)

    async def _opened(self, scope: Scope, drive: str, source: Source, entry: Entry, export: str | None) -> Opened:
        choice = await self._choice(scope, entry, export)
        chosen = choice.id if choice else None
        lookup = await self._cached.lookup(scope, drive, str(entry.ref), entry.version, chosen)
        size = entry.size if choice is None else None
        cached = await self._copy(scope, lookup)
        return Opened(
            entry=entry,
            name=entry.name + choice.suffix if choice else entry.name,
            media_type=choice.media_type if choice else entry.media_type,
            size=cached.size if cached else size,
            version=entry.version,
            export=chosen,
            cached=cached,
            wanted=Wanted(source, entry.ref, entry.version, chosen, size, drive),
            scope=scope,
            drive=drive,
            lookup=lookup,
        )

    async def _choice(self, scope: Scope, entry: Entry, export: str | None) -> ExportChoice | None:
        """The format: the person's own choice, else their school's, else the one the document loses least in."""
        if entry.kind is not Kind.DOCUMENT:
            if export is not None:
                raise Unsupported(reason="no_such_export")
            return None
        usual = (await self._formats(scope.tenant)).get(entry.media_type) if export is None else None
        offered = {one.id: one for one in reversed(entry.exports)}
        found = offered.get(export or usual or "") or (next(iter(entry.exports), None) if export is None else None)
        if found is None:
            raise Unsupported(reason="no_such_export")
        return found

    async def _copy(self, scope: Scope, lookup: bytes) -> Cached | None:
        """The cached copy; one whose bytes are all here and whose row is not yet is waited for, which is a moment.

        One that is older than its school allows now is none, whatever end it was given: the sweep will end it.
        """
        cached = await self._cached.find(scope, lookup)
        if cached is not None and not await self._allowed(scope, cached):
            return None
        running = self._fills.running((scope.subject or "", lookup))
        if cached is None and running is not None and running.whole:
            await running.done.wait()
            cached = await self._cached.find(scope, lookup)
        return cached

    async def _allowed(self, scope: Scope, cached: Cached) -> bool:
        life = await self._policy.life(scope.tenant)
        return cached.ends - cached.stored <= life or cached.stored + life > await self._database.now()

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
        """The bytes start..stop in pieces of at most 256 KiB; goes on at the drive where cache or fill give up.

        Whole files come with their last piece held back until the drive's hash agrees: also one that was begun by a
        fill and ended by another request, of which neither saw the whole.
        """
        pieces = self._pieces(opened, how, fill, start, stop)
        whole = start == 0 and stop in (None, opened.size) and opened.export is None
        believed = Checked(pieces, opened.entry.hashes) if whole and how == "stored" else pieces
        try:
            async for piece in believed:
                yield piece
        finally:
            await pieces.aclose()

    async def _pieces(
        self, opened: Opened, how: str, fill: Fill | None, start: int, stop: int | None
    ) -> AsyncGenerator[bytes]:
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
            if fill.error is not None and (at == start or _lied(fill.error)):
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
        ends = now + await self._policy.life(opened.scope.tenant)
        facts = {"item": str(opened.entry.ref), "name": opened.name, "media_type": opened.media_type}

        async def store(writer: Writer) -> None:
            async with self._database.write() as tx:
                await self._require_active(tx, opened.scope.subject or "")
                await self._cached.store(tx, opened.scope, opened.drive, opened.lookup, facts, writer, now, ends)

        return self._fills.begin(key, Fill(opened.wanted, opened.scope, ends, store))


def _lied(error: BaseException) -> bool:
    """Whether the bytes were not those of the stated hash: nothing that was read can be gone on with."""
    return isinstance(error, Untrusted) and error.reason == "hash"
