"""What a place for sealed bytes must do, and the safety around it that no backend has to write again.

A blob is sealed before it comes here, written once, never changed, named by a random id. Backends know no keys,
tenants or times of life.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cache.errors import Corrupt, Unavailable

BATCH = 1024 * 1024
"""Bytes that one thread hop or one read moves."""

PIECE = 256 * 1024
"""The largest ``bytes`` in a data path."""

_NAME = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class BlobInfo:
    """One stored blob: its size in bytes and when it was written, by the store's clock (epoch ms)."""

    name: str
    size: int
    written: int


class BlobRead(Protocol):
    """An open range of a blob. ``total`` is the size of the whole blob."""

    @property
    def total(self) -> int: ...
    def __aiter__(self) -> AsyncIterator[bytes]:
        """The bytes of the range, in pieces of any size. Unavailable where they break off."""
        ...


class BlobStore(Protocol):
    """A backend. All of its verbs raise Unavailable when it cannot answer now."""

    async def start(self) -> None:
        """Make ready: folders, connections."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...

    async def put(self, name: str, staged: Path, size: int) -> None:
        """Take over the file ``staged`` of ``size`` bytes; durable on return. It may be moved away or left."""
        ...

    def read(self, name: str, start: int, stop: int) -> AbstractAsyncContextManager[BlobRead]:
        """Bytes start..stop (exclusive; beyond the end means to the end). Missing."""
        ...

    async def size(self, name: str) -> int:
        """The blob's size in bytes. Missing."""
        ...

    async def delete(self, name: str) -> None:
        """Remove it; gone already is fine."""
        ...

    async def remove(self, names: Sequence[str]) -> None:
        """Remove some hundred or thousand at once; gone already is fine. Unavailable where one of them stays."""
        ...

    def list(self, after: str = "") -> AsyncIterator[BlobInfo]:
        """All blobs whose name is greater than ``after``, in the order of their names."""
        ...

    async def tidy(self, before: int) -> int:
        """Remove what unfinished puts left behind before that time (epoch ms); how many."""
        ...


def is_name(name: str) -> bool:
    """Whether a blob may be called so: 32 lower-case hexadecimal digits, nothing else in a store is ours."""
    return _NAME.fullmatch(name) is not None


async def verified_put(store: BlobStore, name: str, staged: Path, size: int) -> None:
    """`BlobStore.put`, then ask what arrived. Unavailable where it is not all there; the blob is removed again."""
    if not is_name(name):
        raise ValueError("not a blob's name")
    await store.put(name, staged, size)
    if await store.size(name) != size:
        await store.delete(name)
        raise Unavailable("the store did not keep all bytes")


async def fetch(store: BlobStore, name: str, start: int, stop: int, total: int) -> bytes:
    """A small range as one ``bytes``. Corrupt where the blob is not ``total`` bytes long. Missing, Unavailable."""
    out = bytearray()
    async with store.read(name, start, stop) as blob:
        if blob.total != total:
            raise Corrupt("the blob has the wrong length")
        async for piece in blob:
            out += piece
    if len(out) != stop - start:
        raise Unavailable("the blob broke off")
    return bytes(out)
