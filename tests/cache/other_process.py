"""Another gateway process's vault, for the tests that stop and resume it: it does what its input says, line by line.

The first line says where everything is; then each command is answered with one line. ``open`` and ``next`` read an
object piece by piece, so that a test can stop the process in between; ``get`` reads all of it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from cache.blobs.local import LocalBlobs
from cache.errors import StorageError
from cache.keyring import Keyring
from cache.redis_address import Address
from cache.redis_client import RedisClient
from cache.redis_expiry import RedisExpiry
from cache.redis_haste import RedisHaste
from cache.roots import Root, Roots
from cache.vault import Life, Scope, Vault
from gateway.db.engine import Database


async def open_vault(
    stack: AsyncExitStack, database: Database, folder: Path, root: Root, redis: str
) -> tuple[Vault, Keyring]:
    """A vault as a gateway with a Redis puts it together."""
    client = RedisClient(Address.parse(redis))
    stack.push_async_callback(client.close)
    roots = Roots.of(root)
    expiry, haste = RedisExpiry(client, roots), RedisHaste(client, roots)
    await client.start()
    await expiry.start(await database.now())
    keyring = Keyring(roots, database, expiry, haste)
    await stack.enter_async_context(haste.listening(keyring.watch.hurry))
    vault = Vault(keyring, LocalBlobs(folder / "blobs"), database, folder / "staging")
    await vault.start()
    stack.push_async_callback(vault.close)
    return vault, keyring


class Other:
    """The commands."""

    def __init__(self, vault: Vault, database: Database, stack: AsyncExitStack) -> None:
        self._vault = vault
        self._database = database
        self._stack = stack
        self._pieces: AsyncIterator[bytes] | None = None

    async def do(self, words: list[Any]) -> Any:
        """One command's answer; a fact of the vault as its name."""
        try:
            return await getattr(self, words[0])(*words[1:])
        except StorageError as error:
            return type(error).__name__

    async def get(self, tenant: str, subject: str, item: str) -> str:
        """The SHA-256 of all of it."""
        digest = hashlib.sha256()
        async with self._vault.open(Scope(tenant, subject), item) as pieces:
            async for piece in pieces:
                digest.update(piece)
        return digest.hexdigest()

    async def open(self, tenant: str, subject: str, item: str) -> int:
        """Its first piece's length."""
        self._pieces = await self._stack.enter_async_context(self._vault.open(Scope(tenant, subject), item))
        return len(await anext(self._pieces))

    async def next(self) -> int:
        """All that is left of it."""
        assert self._pieces is not None
        return sum([len(piece) async for piece in self._pieces])

    async def put(self, tenant: str, subject: str, life: str, ends: int, text: str) -> str:
        """The id of a new object."""
        async with self._vault.put(Scope(tenant, subject), Life(life), ends) as writer:
            await writer.write(text.encode())
            await writer.finish()
            async with self._database.write() as tx:
                return (await writer.commit(tx)).id


async def main() -> None:
    """Read commands until there are no more."""
    where = json.loads(await asyncio.to_thread(sys.stdin.readline))
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database(where["database"], pool=2))
        root = Root.parse(where["root"])
        vault, _ = await open_vault(stack, database, Path(where["folder"]), root, where["redis"])
        other = Other(vault, database, stack)
        print("ready", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(await other.do(json.loads(line))), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
