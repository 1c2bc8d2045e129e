"""A process that works on a cycle and kills itself after some transactions: ``python -m tests.cache.cycle_process``."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from cache.expiry import MemoryExpiry
from cache.root_places import RootFile
from gateway.db.engine import Database
from tests.cache.conftest import Clocked
from tests.cache.rotating import built


class Mortal(Clocked):
    """A database whose process is killed as soon as its last transaction that writes is committed."""

    def __init__(self, inner: Database, ahead: int, writes: int) -> None:
        super().__init__(inner)
        self.ahead = ahead
        self._left = writes
        self.write = self._write

    @asynccontextmanager
    async def _write(self) -> AsyncIterator[AsyncConnection]:
        async with self._inner.write() as tx:
            yield tx
        self._left -= 1
        if self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


async def main() -> None:
    where = json.loads(sys.argv[1])
    folder = Path(where["folder"])
    async with Database(where["database"], pool=2) as database:
        mortal = Mortal(database, where["ahead"], where["writes"])
        place = RootFile(folder / "keys" / "root", folder / "data")
        vault, _, cycles = built(mortal, folder, place, MemoryExpiry())
        await vault.start()
        await cycles.begin()
        while not await cycles.run():
            pass
        os._exit(0)


if __name__ == "__main__":
    asyncio.run(main())
