"""Blobs as files of a local folder, two levels deep, each put in place by a rename after an fsync."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from cache.blobs.base import BATCH, BlobInfo, is_name
from cache.errors import Missing, Unavailable


class LocalBlobs:
    """A folder of blobs."""

    def __init__(self, folder: Path) -> None:
        """``folder`` is made by `start` (mode 0700) where it is missing."""
        self._folder = folder

    async def start(self) -> None:
        """See `BlobStore`."""
        await asyncio.to_thread(self._folder.mkdir, mode=0o700, parents=True, exist_ok=True)

    async def close(self) -> None:
        """See `BlobStore`."""

    async def put(self, name: str, staged: Path, size: int) -> None:
        """See `BlobStore`. Moves the file; copies it where it lies on another file system."""
        try:
            await asyncio.to_thread(_place, staged, self._path(name))
        except OSError as error:
            raise Unavailable("the blob folder cannot be written") from error

    @asynccontextmanager
    async def read(self, name: str, start: int, stop: int) -> AsyncIterator[LocalRead]:
        """See `BlobStore`."""
        try:
            handle = await asyncio.to_thread(os.open, self._path(name), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise Missing("the blob is gone") from None
        except OSError as error:
            raise Unavailable("the blob cannot be opened") from error
        try:
            yield LocalRead(handle, start, stop)
        finally:
            os.close(handle)

    async def size(self, name: str) -> int:
        """See `BlobStore`."""
        try:
            return (await asyncio.to_thread(self._path(name).stat)).st_size
        except FileNotFoundError:
            raise Missing("the blob is gone") from None

    async def delete(self, name: str) -> None:
        """See `BlobStore`."""
        try:
            await asyncio.to_thread(self._path(name).unlink, missing_ok=True)
        except OSError as error:
            raise Unavailable("the blob cannot be removed") from error

    async def remove(self, names: Sequence[str]) -> None:
        """See `BlobStore`."""
        try:
            await asyncio.to_thread(_remove, os.fspath(self._folder), names)
        except OSError as error:
            raise Unavailable("a blob cannot be removed") from error

    async def list(self, after: str = "") -> AsyncIterator[BlobInfo]:
        """See `BlobStore`."""
        for shelf in await asyncio.to_thread(_names, self._folder):
            if shelf < after[:2]:
                continue
            for info in await asyncio.to_thread(_infos, self._folder / shelf):
                if info.name > after:
                    yield info

    async def tidy(self, before: int) -> int:
        """See `BlobStore`."""
        return await asyncio.to_thread(_tidy, self._folder, before)

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / name


class LocalRead:
    """See `BlobRead`."""

    def __init__(self, handle: int, start: int, stop: int) -> None:
        """Reads from an open file; does not close it."""
        self.total = os.fstat(handle).st_size
        self._handle = handle
        self._start = start
        self._stop = min(stop, self.total)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """See `BlobRead`."""
        position = self._start
        while position < self._stop:
            piece = await _pread(self._handle, min(BATCH, self._stop - position), position)
            if not piece:
                raise Unavailable("the blob broke off")
            position += len(piece)
            yield piece


async def _pread(handle: int, length: int, position: int) -> bytes:
    """One batch. A cancelled reader waits for its thread: the handle must not be closed, and reused, below it."""
    reading = asyncio.ensure_future(asyncio.to_thread(os.pread, handle, length, position))
    try:
        return await asyncio.shield(reading)
    except asyncio.CancelledError:
        with suppress(OSError):
            await reading
        raise
    except OSError as error:
        raise Unavailable("the blob cannot be read") from error


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _place(staged: Path, path: Path) -> None:
    if not path.parent.is_dir():
        path.parent.mkdir(mode=0o700, exist_ok=True)
        sync_folder(path.parent.parent)
    try:
        os.replace(staged, path)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy(staged, path)
    sync_folder(path.parent)


def _copy(staged: Path, path: Path) -> None:
    draft = path.with_name(path.name + ".draft")
    with staged.open("rb") as source, draft.open("wb") as target:
        shutil.copyfileobj(source, target, BATCH)
        target.flush()
        os.fsync(target.fileno())
    draft.replace(path)


def _remove(folder: str, names: Sequence[str]) -> None:
    """Of very many names: hence no `Path` for each."""
    for name in names:
        try:
            os.unlink(f"{folder}/{name[:2]}/{name}")
        except FileNotFoundError:
            continue


def _names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and len(entry.name) == 2)


def _infos(shelf: Path) -> list[BlobInfo]:
    found = []
    for entry in os.scandir(shelf):
        if is_name(entry.name):
            with suppress(FileNotFoundError):
                status = entry.stat(follow_symlinks=False)
                found.append(BlobInfo(entry.name, status.st_size, status.st_mtime_ns // 1_000_000))
    return sorted(found, key=lambda info: info.name)


def _tidy(folder: Path, before: int) -> int:
    old = [path for path in folder.glob("??/*.draft") if path.stat().st_mtime_ns // 1_000_000 < before]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)
