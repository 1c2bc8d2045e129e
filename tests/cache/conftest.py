"""A whole vault on a real database, with a clock that a test can move."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.blobs.base import BlobStore
from cache.blobs.local import LocalBlobs
from cache.catalog import metadata
from cache.expiry import ExpiryKeys, MemoryExpiry
from cache.keyring import Keyring
from cache.roots import Root
from cache.vault import Life, Scope, Sealed, Vault
from gateway.db.engine import Database
from tests.databases import database, database_url, pytest_generate_tests

__all__ = ["database", "database_url", "pytest_generate_tests"]

MINUTE = 60_000
HOUR = 60 * MINUTE


class Clocked:
    """The database, with its clock moved by ``ahead`` ms."""

    def __init__(self, inner: Database) -> None:
        self._inner = inner
        self.ahead = 0
        self.read = inner.read
        self.write = inner.write
        self.after_waits = inner.after_waits

    async def now(self, tx: AsyncConnection | None = None) -> int:
        return await self._inner.now(tx) + self.ahead


@dataclasses.dataclass
class House:
    """A vault and all that it stands on."""

    vault: Vault
    keyring: Keyring
    database: Clocked
    expiry: ExpiryKeys
    store: BlobStore
    folder: Path
    root: Root
    scope: Scope

    async def end(self, minutes: float = 10) -> int:
        """A time that far ahead."""
        return await self.database.now() + int(minutes * MINUTE)

    async def keep(
        self, data: bytes, life: Life = Life.KEPT, ends: int | None = None, scope: Scope | None = None
    ) -> Sealed:
        """Store ``data``."""
        async with self.vault.put(scope or self.scope, life, ends, ["sha256"]) as writer:
            await writer.write(data)
            await writer.finish()
            async with self.database.write() as tx:
                return await writer.commit(tx)

    async def cached(self, data: bytes, minutes: float = 10) -> Sealed:
        """Store ``data`` in the cache."""
        return await self.keep(data, Life.CACHE, await self.end(minutes))

    async def get(self, item: Sealed, start: int = 0, stop: int | None = None, scope: Scope | None = None) -> bytes:
        """Read it back."""
        async with self.vault.open(scope or self.scope, item.id, start, stop) as pieces:
            return b"".join([piece async for piece in pieces])

    async def enrol(self, scope: Scope) -> Scope:
        """Make its keys."""
        async with self.database.write() as tx:
            await self.vault.enrol(tx, scope)
        return scope

    async def rolled_back(self, work: Callable[[AsyncConnection], Awaitable[object]]) -> None:
        """A transaction that does ``work`` and then fails."""
        with suppress(ZeroDivisionError):
            async with self.database.write() as tx:
                await work(tx)
                raise ZeroDivisionError

    def blob(self, item: Sealed) -> Path:
        """Its file."""
        return self.folder / "blobs" / item.id[:2] / item.id

    def blobs(self) -> list[str]:
        """The names of all blobs."""
        return sorted(path.name for path in (self.folder / "blobs").glob("??/*"))

    def twin(self, root: Root | None = None) -> Vault:
        """A second process's vault on the same places."""
        keyring = Keyring(root or self.root, self.database, self.expiry)
        return Vault(keyring, LocalBlobs(self.folder / "blobs"), self.database, self.folder / "staging")


@pytest.fixture
def schema() -> Sequence[MetaData]:
    """This storey's own tables."""
    return (metadata,)


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> AsyncIterator[House]:
    """A started vault with one enrolled person."""
    clocked, expiry, root = Clocked(database), MemoryExpiry(), Root(1, secrets.token_bytes(32))
    keyring = Keyring(root, clocked, expiry)
    store = LocalBlobs(tmp_path / "blobs")
    vault = Vault(keyring, store, clocked, tmp_path / "staging")
    await vault.start()
    built = House(vault, keyring, clocked, expiry, store, tmp_path, root, Scope("school", "person"))
    await built.enrol(built.scope)
    yield built
    await vault.close()
