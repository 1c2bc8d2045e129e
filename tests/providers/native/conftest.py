"""A native drive on a real vault and a real database."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import AsyncConnection

from cache import catalog
from cache.blobs.base import BlobStore
from cache.blobs.local import LocalBlobs
from cache.expiry import MemoryExpiry
from cache.keyring import Keyring
from cache.roots import Root
from cache.vault import Scope, Vault
from gateway.db.engine import Database
from providers import native
from providers.drive import Ref
from providers.native import Allowance, Digests, NativeDrive
from tests.databases import STILL, database, database_url, pytest_generate_tests

__all__ = ["database", "database_url", "pytest_generate_tests"]


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
class School:
    """A vault, and the drives of its people."""

    vault: Vault
    database: Clocked
    folder: Path
    scope: Scope
    keyring: Keyring
    root: Root
    part: int = 400_000
    allowance: Allowance = Allowance()  # noqa: RUF009  # frozen

    def drive(self, scope: Scope | None = None, digests: Digests | None = None) -> NativeDrive:
        """A drive object as a process started anew would have it: small pages, small parts."""
        return NativeDrive(
            self.vault,
            self.database,
            scope or self.scope,
            digests=digests,
            page=3,
            part=self.part,
            allowance=self.allowance,
        )

    async def enrol(self, scope: Scope) -> NativeDrive:
        """Another person's drive."""
        async with self.database.write() as tx:
            await self.vault.enrol(tx, scope)
        return self.drive(scope)

    def twin(self) -> Vault:
        """A second process's vault on the same places."""
        keyring = Keyring(self.root, self.database, MemoryExpiry(), limit=STILL)
        return Vault(keyring, LocalBlobs(self.folder / "blobs"), self.database, self.folder / "staging")

    def blobs(self) -> list[str]:
        """The names of all blobs."""
        return sorted(path.name for path in (self.folder / "blobs").glob("??/*"))


@pytest.fixture
def schema() -> Sequence[MetaData]:
    """The vault's tables and the drive's."""
    return (catalog.metadata, native.metadata)


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    """Where the vault keeps its blobs."""
    return LocalBlobs(tmp_path / "blobs")


@pytest.fixture
async def school(database: Database, store: BlobStore, tmp_path: Path) -> AsyncIterator[School]:
    """A started vault with one enrolled person."""
    clocked = Clocked(database)
    root = Root(1, secrets.token_bytes(32))
    keyring = Keyring(root, clocked, MemoryExpiry(), limit=STILL)
    vault = Vault(keyring, store, clocked, tmp_path / "staging")
    await vault.start()
    made = School(vault, clocked, tmp_path, Scope("riverside", "leo"), keyring, root)
    await made.enrol(made.scope)
    yield made
    await vault.close()


@pytest.fixture
async def drive(school: School) -> NativeDrive:
    """The person's drive."""
    return school.drive()


@pytest.fixture
async def folder(drive: NativeDrive) -> Ref:
    """A fresh folder in it."""
    return (await drive.make_folder(await drive.root(), secrets.token_hex(4))).ref
