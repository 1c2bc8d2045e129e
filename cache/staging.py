"""Where a sealed stream grows before it is a blob: local files of this process, removed when it is dead.

Every process has its own subfolder and holds a lock in it for as long as it lives. A folder whose lock is free belongs
to a process that was killed: its streams can never be continued (their keys were in its memory), so they are removed.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import secrets
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ParamSpec, TypeVar

from cache.errors import Unavailable

_LOCK = "lock"
P = ParamSpec("P")
T = TypeVar("T")


class Staging:
    """This process's staging folder below ``folder``."""

    def __init__(self, folder: Path) -> None:
        """Nothing is made before the first file."""
        self._folder = folder
        self._mine: Path | None = None
        self._lock: int | None = None
        self._opening = asyncio.Lock()

    async def create(self, name: str) -> StagedFile:
        """A new empty file. Unavailable."""
        path = await self._own() / name
        return StagedFile(path, await _disk(os.open, path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))

    async def _own(self) -> Path:
        async with self._opening:
            if self._mine is not None:
                return self._mine
            mine, self._lock = await _disk(_claim, self._folder)
            self._mine = mine
            return mine

    async def clean(self) -> int:
        """Remove the folders of dead processes; how many."""
        return await _disk(_clean, self._folder, self._mine)

    async def close(self) -> None:
        """Remove this process's folder."""
        if self._mine is not None and self._lock is not None:
            await asyncio.to_thread(shutil.rmtree, self._mine, ignore_errors=True)
            os.close(self._lock)
            self._mine = self._lock = None


class StagedFile:
    """A growing file with one writer and any number of readers. Closed when the last of them lets go."""

    def __init__(self, path: Path, handle: int) -> None:
        """Takes over the open ``handle``; the writer is its first user."""
        self.path = path
        self.size = 0
        self._handle = handle
        self._users = 1

    def hold(self) -> None:
        """One user more. Unavailable once everybody has let go."""
        if self._users == 0:
            raise Unavailable("the writer is gone")
        self._users += 1

    async def release(self) -> None:
        """One user less; the last one closes the file."""
        self._users -= 1
        if self._users == 0:
            os.close(self._handle)

    async def append(self, blocks: Sequence[bytes]) -> None:
        """Write at the end, all in one thread hop. Unavailable: the disk is full or broken."""
        await _disk(_write, self._handle, blocks, self.size)
        self.size += sum(map(len, blocks))

    async def read(self, start: int, stop: int) -> bytes:
        """Bytes start..stop, which must have been written."""
        raw = await _disk(os.pread, self._handle, stop - start, start)
        if len(raw) != stop - start:
            raise Unavailable("the staging file broke off")
        return raw

    async def sync(self) -> None:
        """Make its bytes durable. Its name here need not be: the store that takes it over sees to the new one."""
        await _disk(os.fsync, self._handle)

    async def discard(self) -> None:
        """Remove its name; who still reads it may go on."""
        await asyncio.to_thread(self.path.unlink, missing_ok=True)


async def _disk(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """A blocking call in a thread. Whoever is cancelled waits for it, so that no handle is closed below it."""
    running = asyncio.ensure_future(asyncio.to_thread(call, *args, **kwargs))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        with contextlib.suppress(OSError):
            await running
        raise
    except OSError as error:
        raise Unavailable("the staging folder cannot be used") from error


def _write(handle: int, blocks: Sequence[bytes], position: int) -> None:
    for block in blocks:
        with memoryview(block) as view:
            done = 0
            while done < len(view):
                done += os.pwrite(handle, view[done:], position + done)
        position += len(block)


def _claim(folder: Path) -> tuple[Path, int]:
    mine = folder / f"{os.getpid()}-{secrets.token_hex(8)}"
    mine.mkdir(mode=0o700, parents=True)
    draft = mine / f"{_LOCK}.draft"
    lock = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    draft.rename(mine / _LOCK)  # a cleaner sees no lock, or a held one
    return mine, lock


def _clean(folder: Path, mine: Path | None) -> int:
    if not folder.is_dir():
        return 0
    dead = [path for path in folder.iterdir() if path != mine and _is_dead(path)]
    for path in dead:
        shutil.rmtree(path, ignore_errors=True)
    return sum(not path.exists() for path in dead)


def _is_dead(folder: Path) -> bool:
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return not any(folder.glob(f"{_LOCK}*")) and any(folder.iterdir())
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(lock)
    return True
