"""Opens what everything is kept in: the database, the vault on its root key, and where expiry keys live.

Whatever does not fit together refuses the start here, with a sentence that says what to do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from cache.blobs import open_blobs
from cache.cycle import Cycles
from cache.errors import StorageError
from cache.expiry import default_folder, open_expiry
from cache.keyring import Keyring, Times
from cache.kms_address import KmsAddress
from cache.model import DAY_MS, Caps
from cache.redis_address import Address
from cache.root_places import RootFile, RootPlaces, RootText
from cache.roots import Roots
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.db.migrate import migrate, require_current
from gateway.db.schema import SEALED
from gateway.residency import Misplaced, located
from gateway.settings import Settings


class StartRefused(Exception):
    """The gateway does not start, and says what to do."""


@dataclass(frozen=True)
class Stores:
    """Where everything is kept. ``regions``: the AWS region of each place that has one."""

    vault: Vault
    database: Database
    cycles: Cycles
    regions: Mapping[str, str]


async def opened(
    settings: Settings,
    cafile: str | None,
    stack: AsyncExitStack,
    *,
    without: frozenset[int] = frozenset(),
    beside: bool = False,
) -> Stores:
    """All of them, migrated and started; ``stack`` closes them. ``without``: see `Roots.start`.

    ``beside``: as a command beside a gateway that may be running: nothing is made and nothing migrated.
    StartRefused, StorageError, DatabaseInUse, DatabaseTooNew.
    """
    try:
        database = await stack.enter_async_context(Database(settings.database_url.get_secret_value(), beside=beside))
        await (require_current if beside else migrate)(database)
    except (OSError, SQLAlchemyError) as error:  # never their text: it may hold the address with its password
        kind = type(getattr(error, "orig", None) or error).__name__
        raise StartRefused(
            f"the database cannot be used ({kind}). Look at FILE_ACCESS_DATABASE_URL, and for SQLite at the data folder"
        ) from None
    roots = Roots(_places(settings, cafile))
    await roots.start(database, without)
    keyring = await _keyring(settings, roots, database, cafile, stack)
    blobs = open_blobs(settings.blobs_url.get_secret_value(), cafile=cafile)
    caps = Caps(settings.cache_bytes, settings.cache_school_bytes)
    vault = Vault(keyring, blobs, database, settings.data_dir / "staging", caps)
    await vault.start()
    stack.push_async_callback(vault.close)
    try:
        regions = await located(settings, blobs)
    except Misplaced as error:
        raise StartRefused(str(error)) from None
    return Stores(vault, database, Cycles(keyring, database, vault.rewriter, SEALED), regions)


def journal_path(settings: Settings) -> Path:
    """The erasure journal: outside the data folder, so that a restored copy of that folder cannot hold an older one."""
    return settings.journal_dir / "erasures.jsonl"


def _places(settings: Settings, cafile: str | None) -> RootPlaces:
    """Where versions of the root key lie."""
    if settings.root_key is not None:
        local: RootText | RootFile = RootText(settings.root_key.get_secret_value())
    else:
        assert settings.root_key_file is not None
        local = RootFile(settings.root_key_file, settings.data_dir)
    if not settings.root_kms:
        return RootPlaces(local, None)
    from cache.root_kms import Kms  # boto3 takes a while to import: only where it is used, as with Redis below

    address, days = KmsAddress.parse(settings.root_kms), settings.keys.kms_wait_days
    return RootPlaces(local, Kms(address, wait_days=days, cafile=cafile))


def _times(settings: Settings) -> Times:
    keys = settings.keys
    waiting = keys.kms_wait_days * DAY_MS if settings.root_kms else 0
    return Times(keys.cycle_days * DAY_MS, keys.backup_days * DAY_MS, waiting)


async def _keyring(
    settings: Settings, roots: Roots, database: Database, cafile: str | None, stack: AsyncExitStack
) -> Keyring:
    """With its expiry keys where the settings want them: in Redis, or on this machine."""
    times = _times(settings)
    if url := settings.expiry_url.get_secret_value():
        from cache.redis_client import RedisClient
        from cache.redis_expiry import RedisExpiry
        from cache.redis_haste import RedisHaste

        client = RedisClient(Address.parse(url), cafile=cafile, attested=settings.expiry_attested)
        stack.push_async_callback(client.close)
        expiry, haste = RedisExpiry(client, roots), RedisHaste(client, roots)
        try:
            await client.start()
            await expiry.start(await database.now())
        except StorageError as error:
            raise StartRefused(f"FILE_ACCESS_EXPIRY_URL: {error}") from None
        keyring = Keyring(roots, database, expiry, haste, times)
        await stack.enter_async_context(haste.listening(keyring.watch.hurry))
        return keyring
    folder = settings.expiry_dir or default_folder(settings.data_dir)
    if folder is None and database.dialect != "sqlite":
        raise StartRefused(
            "several processes may use one PostgreSQL and must share expiry keys: set FILE_ACCESS_EXPIRY_URL to a "
            "Redis, or on a single machine FILE_ACCESS_EXPIRY_DIR to a folder in memory"
        )
    return Keyring(roots, database, await asyncio.to_thread(open_expiry, folder, settings.data_dir), times=times)
