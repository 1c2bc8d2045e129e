"""A real vault for tests of the gateway's rooms: real keys, real seals, a folder of the test."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import cache.catalog
from cache.blobs import open_blobs
from cache.expiry import ExpiryKeys, MemoryExpiry
from cache.keyring import Keyring
from cache.model import Scope
from cache.roots import Root
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.db.metadata import metadata
from tests.databases import STILL

SCHEMA = [cache.catalog.metadata, metadata]


@asynccontextmanager
async def open_vault(
    database: Database, folder: Path, root: Root | None = None, expiry: ExpiryKeys | None = None
) -> AsyncIterator[Vault]:
    """A started vault below ``folder``; another process's on the same places with the same ``root`` and ``expiry``."""
    keyring = Keyring(root or Root(1, secrets.token_bytes(32)), database, expiry or MemoryExpiry(), limit=STILL)
    vault = Vault(keyring, open_blobs((folder / "blobs").as_uri()), database, folder / "staging")
    await vault.start()
    try:
        yield vault
    finally:
        await vault.close()


async def enrol(database: Database, vault: Vault, school: str, person: str | None) -> None:
    """Keys for a school and one of its people."""
    async with database.write() as tx:
        await vault.enrol(tx, Scope(school, person))
