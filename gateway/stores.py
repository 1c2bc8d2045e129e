"""Opens what everything is kept in: the database, the vault on its root key, and where expiry keys live.

Whatever does not fit together refuses the start here, with a sentence that says what to do.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from cache.blobs import open_blobs
from cache.errors import StorageError
from cache.expiry import default_folder, open_expiry
from cache.keyring import Keyring
from cache.model import Caps
from cache.redis_client import Address, RedisClient
from cache.redis_expiry import RedisExpiry
from cache.redis_haste import RedisHaste
from cache.roots import Root, has_root, load_root
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.db.migrate import migrate, require_current
from gateway.settings import Settings


class StartRefused(Exception):
    """The gateway does not start, and says what to do."""


@dataclass(frozen=True)
class Stores:
    """Where everything is kept."""

    vault: Vault
    database: Database


async def opened(
    settings: Settings, cafile: str | None, stack: AsyncExitStack, *, beside: bool = False
) -> Stores:  # fmt: skip
    """Both, migrated and started; ``stack`` closes them. StartRefused, StorageError, DatabaseInUse, DatabaseTooNew.

    ``beside``: as a command beside a gateway that may be running: nothing is made and nothing migrated.
    """
    try:
        database = await stack.enter_async_context(Database(settings.database_url.get_secret_value(), beside=beside))
        await (require_current if beside else migrate)(database)
    except (OSError, SQLAlchemyError) as error:  # never their text: it may hold the address with its password
        kind = type(getattr(error, "orig", None) or error).__name__
        raise StartRefused(
            f"the database cannot be used ({kind}). Look at FILE_ACCESS_DATABASE_URL, and for SQLite at the data folder"
        ) from None
    vault = await _vault(settings, database, cafile, stack, make=not beside)
    await vault.start()
    stack.push_async_callback(vault.close)
    return Stores(vault, database)


async def _vault(
    settings: Settings, database: Database, cafile: str | None, stack: AsyncExitStack, *, make: bool
) -> Vault:
    data = settings.data_dir
    if settings.root_key is not None:
        root = Root.parse(settings.root_key.get_secret_value())
    else:
        assert settings.root_key_file is not None
        make = make and not await has_root(database)
        root = await asyncio.to_thread(load_root, settings.root_key_file, data, make=make)
    keyring = await _keyring(settings, root, database, cafile, stack)
    blobs = open_blobs(settings.blobs_url.get_secret_value(), cafile=cafile)
    caps = Caps(settings.cache_bytes, settings.cache_school_bytes)
    return Vault(keyring, blobs, database, data / "staging", caps)


async def _keyring(
    settings: Settings, root: Root, database: Database, cafile: str | None, stack: AsyncExitStack
) -> Keyring:
    """With its expiry keys where the settings want them: in Redis, or on this machine."""
    if url := settings.expiry_url.get_secret_value():
        client = RedisClient(Address.parse(url), cafile=cafile, attested=settings.expiry_attested)
        stack.push_async_callback(client.close)
        expiry, haste = RedisExpiry(client, root), RedisHaste(client, root)
        try:
            await client.start()
            await expiry.start(await database.now())
        except StorageError as error:
            raise StartRefused(f"FILE_ACCESS_EXPIRY_URL: {error}") from None
        keyring = Keyring(root, database, expiry, haste)
        await stack.enter_async_context(haste.listening(keyring.watch.hurry))
        return keyring
    folder = settings.expiry_dir or default_folder(settings.data_dir)
    if folder is None and database.dialect != "sqlite":
        raise StartRefused(
            "several processes may use one PostgreSQL and must share expiry keys: set FILE_ACCESS_EXPIRY_URL to a "
            "Redis, or on a single machine FILE_ACCESS_EXPIRY_DIR to a folder in memory"
        )
    return Keyring(root, database, await asyncio.to_thread(open_expiry, folder, settings.data_dir))
