"""Where a transfer's bytes come from: a drive, the vault's spool, or the parts of a browser's upload.

An origin is of known size and reads the same bytes however often it is asked, so a transfer can go on anywhere.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, Protocol

from cache.model import Scope
from cache.vault import Vault
from providers.drive import Entry, Read, Source
from providers.verbs import ReadsListed, supports

AT_ONCE: Final = 16 * 1024 * 1024
"""Up to this many bytes a file is read without a look before: that it has changed shows only at its end."""


class Origin(Protocol):
    """``size`` in bytes, ``known`` hashes that the source states of these very bytes, ``lane`` of who may throttle."""

    @property
    def size(self) -> int: ...
    @property
    def known(self) -> Mapping[str, bytes]: ...
    @property
    def lane(self) -> str | None: ...
    def read(self, start: int) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Bytes from ``start`` to the end, in pieces of at most 256 KiB."""
        ...


class FromDrive:
    """A file of a drive, pinned to one version: Changed where it is not that any more."""

    def __init__(self, source: Source, entry: Entry, size: int, lane: str) -> None:
        """``entry`` as it was planned; ``size`` is its size, in bytes."""
        self.size = size
        self.known = entry.hashes
        self.lane: str | None = lane
        self._source = source
        self._entry = entry
        self._listed = supports(source, ReadsListed) if entry.hashes else None

    @asynccontextmanager
    async def read(self, start: int) -> AsyncIterator[AsyncIterator[bytes]]:
        """Nothing is asked of the drive for an empty rest."""
        if start >= self.size:
            yield _nothing()
            return
        async with self._opening(start) as opened:
            yield aiter(opened)

    def _opening(self, start: int) -> AbstractAsyncContextManager[Read]:
        """The whole of a small file by one request, where the drive can prove its version by its bytes."""
        if start == 0 and self._listed is not None and self.size <= AT_ONCE:
            return self._listed.read_listed(self._entry)
        return self._source.read(self._entry.ref, start, version=self._entry.version)


class FromVault:
    """Sealed objects one after the other: the parts of an upload, or one spooled export. Missing where one is gone."""

    def __init__(self, vault: Vault, scope: Scope, parts: Sequence[tuple[str, int]]) -> None:
        """``parts``: object id and size in bytes, in order."""
        self.size = sum(size for _, size in parts)
        self.known: Mapping[str, bytes] = {}
        self.lane: str | None = None
        self._vault = vault
        self._scope = scope
        self._parts = parts

    @asynccontextmanager
    async def read(self, start: int) -> AsyncIterator[AsyncIterator[bytes]]:
        """Each part is opened when its turn comes."""
        pieces = self._pieces(start)
        try:
            yield pieces
        finally:
            await pieces.aclose()

    async def _pieces(self, start: int) -> AsyncGenerator[bytes, None]:
        begin = 0
        for name, size in self._parts:
            if start < begin + size:
                async with self._vault.open(self._scope, name, max(start - begin, 0)) as pieces:
                    async for piece in pieces:
                        yield piece
            begin += size


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""
