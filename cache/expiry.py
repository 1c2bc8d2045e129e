"""Keys that die by themselves: one for each five minutes, named by the time at which their objects end.

They live on tmpfs outside the data folder (they survive a killed process and die with the machine), or in memory:
never in the database, the data folder or a backup. Once a bucket has passed, its key is destroyed, and with it every
copy of what was sealed to end then.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import secrets
import stat
from pathlib import Path
from typing import Protocol

from cache.errors import StorageError, Unavailable
from cache.keys import KEY, bucket_passed, new_key


class ExpiryRefused(StorageError):
    """The place for expiry keys is not a safe one; the message says what to change."""


class ExpiryKeys(Protocol):
    """Where expiry keys live."""

    async def make(self, bucket: int) -> bytes:
        """The key of a bucket, made where there is none. Unavailable where its place fails."""
        ...

    async def find(self, bucket: int) -> bytes | None:
        """The key of a bucket; None once it is dead or lost, which to a reader is the same."""
        ...

    async def expire(self, now: int) -> int:
        """Destroy the keys of all buckets that have passed by ``now`` (epoch ms); how many there were."""
        ...


class MemoryExpiry:
    """Expiry keys of one process. They die with it, so after a restart the cache starts empty."""

    def __init__(self) -> None:
        """No keys yet."""
        self._keys: dict[int, bytes] = {}

    async def make(self, bucket: int) -> bytes:
        """See `ExpiryKeys`."""
        return self._keys.setdefault(bucket, new_key())

    async def find(self, bucket: int) -> bytes | None:
        """See `ExpiryKeys`."""
        return self._keys.get(bucket)

    async def expire(self, now: int) -> int:
        """See `ExpiryKeys`."""
        passed = [bucket for bucket in self._keys if bucket_passed(bucket, now)]
        for bucket in passed:
            del self._keys[bucket]
        return len(passed)


class FolderExpiry:
    """Expiry keys as files of a 0700 folder on tmpfs, shared by the processes of one machine.

    Always read from the folder: a key that another process destroyed must not live on in this one's memory.
    """

    def __init__(self, folder: Path) -> None:
        """Use `open_expiry`, which checks the folder."""
        self._folder = folder

    async def make(self, bucket: int) -> bytes:
        """See `ExpiryKeys`."""
        return await asyncio.to_thread(self._make, bucket)

    async def find(self, bucket: int) -> bytes | None:
        """See `ExpiryKeys`."""
        return await asyncio.to_thread(self._find, bucket)

    async def expire(self, now: int) -> int:
        """See `ExpiryKeys`."""
        return await asyncio.to_thread(self._expire, now)

    def _find(self, bucket: int) -> bytes | None:
        try:
            key = (self._folder / f"{bucket}.key").read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Unavailable("the folder of expiry keys cannot be read") from error
        return key if len(key) == KEY else None

    def _make(self, bucket: int) -> bytes:
        key = self._find(bucket)
        if key is not None:
            return key
        draft = self._folder / f"{secrets.token_hex(8)}.draft"
        try:
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(new_key())
            with contextlib.suppress(FileExistsError):  # a link is all or nothing, and the first one wins
                os.link(draft, self._folder / f"{bucket}.key")
            draft.unlink()
        except OSError as error:
            raise Unavailable("the folder of expiry keys cannot be written") from error
        made = self._find(bucket)
        if made is None:
            raise Unavailable("an expiry key was damaged")
        return made

    def _expire(self, now: int) -> int:
        passed = [path for path in self._folder.glob("*.key") if _has_passed(path, now)]
        for path in passed:
            with contextlib.suppress(FileNotFoundError):
                path.write_bytes(bytes(KEY))
                path.unlink()
        return len(passed)


def _has_passed(path: Path, now: int) -> bool:
    return path.stem.isdigit() and bucket_passed(int(path.stem), now)


def open_expiry(folder: Path | None, data: Path) -> ExpiryKeys:
    """Keys in ``folder`` (made with mode 0700), or with None in memory. ExpiryRefused where the folder is not safe.

    ``data`` is the data folder, in which they may not lie.
    """
    if folder is None:
        return MemoryExpiry()
    folder = folder.absolute()
    if folder.resolve().is_relative_to(data.resolve()):
        raise ExpiryRefused("expiry keys may not lie in the data folder: choose a folder on tmpfs, such as /dev/shm")
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700, parents=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise ExpiryRefused("the folder of expiry keys must be a folder of this user with mode 0700")
    return FolderExpiry(folder)


def default_folder(data: Path) -> Path | None:
    """A folder of this installation on tmpfs, None where the machine has none that can be written."""
    shared = Path("/dev/shm")  # noqa: S108  (it is memory, and `open_expiry` checks owner and mode)
    if not shared.is_dir() or not os.access(shared, os.W_OK):
        return None
    name = hashlib.sha256(os.fsencode(data.resolve())).hexdigest()[:16]
    return shared / f"file-access-{os.getuid()}-{name}"
