"""Roots that lie with the operator: in a file outside the data folder, or in the environment.

The file holds a line for each version and is rewritten whole: a new one beside it, made durable, takes its place. A
version of the environment is added and taken out by the operator. Neither knows of copies that were made elsewhere:
that none is left of a destroyed version is for the operator to vouch.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Row

from cache.keys import new_key
from cache.roots import MARK, Root, RootKey, RootPlace, RootRefused

_LARGEST = 1 << 20


def parse(text: str) -> dict[int, Root]:
    """The versions in a text: `Root.dump` of each, with white space, commas or semicolons between them. RootRefused."""
    words = text.replace(",", " ").replace(";", " ").split()
    if not words or words[0] != MARK:
        only = Root.parse(text)
        return {only.version: only}
    found: dict[int, Root] = {}
    for at in range(0, len(words), 3):
        if words[at] != MARK or len(words) < at + 3:
            raise RootRefused("the root key is cut off or not readable: expected 32 bytes as base64 for each version")
        one = Root.parse(" ".join(words[at : at + 3]))
        if found.setdefault(one.version, one) != one:
            raise RootRefused(f"the root key holds two different keys as version {one.version}")
    return found


class RootText:
    """Versions given in the environment. Satisfies `roots.RootPlace`."""

    def __init__(self, text: str) -> None:
        """RootRefused where it is not readable."""
        self._held = parse(text)

    async def find(self, row: Row[Any]) -> RootKey | None:
        """See `RootPlace`."""
        return None if row.kms else self._held.get(row.version)

    async def make(self, version: int, *, first: bool) -> tuple[RootKey, Mapping[str, Any]]:
        """See `RootPlace`: one that the operator added. RootRefused where there is none yet."""
        wanted = max(self._held) if first else version
        if wanted not in self._held:
            raise RootRefused(
                f"the root key is given in FILE_ACCESS_ROOT_KEY: add version {version} to it "
                f"(`file-access keys new {version}` prints one) on every machine, and start the gateway again"
            )
        return self._held[wanted], {}

    async def destroy(self, row: Row[Any], now: int) -> int:
        """See `RootPlace`: gone as soon as it is not given any more."""
        if row.version in self._held:
            raise RootRefused(
                f"take version {row.version} out of FILE_ACCESS_ROOT_KEY on every machine, and start the gateway again"
            )
        return now


class RootPlaces:
    """Where an operator's versions lie, and AWS KMS where that is used: new ones are made there then."""

    def __init__(self, local: RootPlace, kms: RootPlace | None) -> None:
        """``local``: also with KMS, for versions from before."""
        self._local = local
        self._kms = kms

    async def find(self, row: Row[Any]) -> RootKey | None:
        """See `RootPlace`."""
        return await self._of(row).find(row)

    async def make(self, version: int, *, first: bool) -> tuple[RootKey, Mapping[str, Any]]:
        """See `RootPlace`."""
        return await (self._kms or self._local).make(version, first=first)

    async def destroy(self, row: Row[Any], now: int) -> int:
        """See `RootPlace`."""
        return await self._of(row).destroy(row, now)

    def _of(self, row: Row[Any]) -> RootPlace:
        if row.kms is None:
            return self._local
        if self._kms is None:
            raise RootRefused(f"version {row.version} of the root key lies in AWS KMS: set FILE_ACCESS_ROOT_KMS")
        return self._kms


class RootFile:
    """Versions in a file of mode 0600. Satisfies `roots.RootPlace`."""

    def __init__(self, path: Path, data: Path) -> None:
        """``data``: the data folder, which it may not lie in. RootRefused."""
        if path.resolve().is_relative_to(data.resolve()):
            raise RootRefused(
                "the root key may not lie in the data folder: a copy of that folder would hold its own key"
            )
        self._path = path

    async def find(self, row: Row[Any]) -> RootKey | None:
        """See `RootPlace`."""
        return None if row.kms else (await asyncio.to_thread(self.read)).get(row.version)

    async def make(self, version: int, *, first: bool) -> tuple[RootKey, Mapping[str, Any]]:
        """See `RootPlace`."""
        return await asyncio.to_thread(self._first if first else self._add, version), {}

    async def destroy(self, row: Row[Any], now: int) -> int:
        """See `RootPlace`."""
        await asyncio.to_thread(self._remove, row.version)
        return now

    def read(self) -> dict[int, Root]:
        """All versions, none where there is no file. RootRefused. Blocking."""
        try:
            handle = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise RootRefused(f"the root key's file cannot be read: {error.strerror}") from None
        with os.fdopen(handle) as file:
            fcntl.flock(handle, fcntl.LOCK_SH)  # not while a replaced file is being overwritten
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode) or found.st_mode & 0o077 or found.st_uid not in (os.getuid(), 0):
                raise RootRefused("the root key's file must belong to this user and have mode 0600")
            try:
                return parse(file.read(_LARGEST))
            except UnicodeDecodeError:
                raise RootRefused("the root key's file is not readable: it holds no text") from None

    def _first(self, version: int) -> Root:
        """What the file holds already, else a new key; unlike a rename it never replaces what another process made."""
        held = self.read()
        if held:
            return held[max(held)]
        root = Root(version, new_key())
        draft = self._draft([root])
        try:
            os.link(draft, self._path)
        except FileExistsError:
            return self._first(version)
        finally:
            draft.unlink()
        _sync(self._path.parent)
        return root

    def _add(self, version: int) -> Root:
        """A version that a broken-off cycle has left here is the one it wanted to make."""
        held = self.read()
        if version not in held:
            held[version] = Root(version, new_key())
            self._rewrite(held.values())
        return held[version]

    def _remove(self, version: int) -> None:
        held = self.read()
        if held.pop(version, None) is not None:
            if not held:
                raise RootRefused("the root key's file would be empty")
            with self._path.open("rb+") as replaced:
                self._rewrite(held.values())
                _overwrite(replaced.fileno())

    def _rewrite(self, held: Iterable[Root]) -> None:
        draft = self._draft(held)
        try:
            draft.rename(self._path)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise _unwritable(error) from None
        _sync(self._path.parent)

    def _draft(self, held: Iterable[Root]) -> Path:
        """The whole file, durable, under another name."""
        text = "".join(f"{root.dump()}\n" for root in sorted(held, key=lambda root: root.version))
        draft = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft.unlink(missing_ok=True)
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(text)
                file.flush()
                os.fsync(handle)
        except OSError as error:
            raise _unwritable(error) from None
        return draft


def _unwritable(error: OSError) -> RootRefused:
    return RootRefused(
        f"the root key's file cannot be written: {error.strerror}. It must be replaceable by the gateway"
    )


def _overwrite(handle: int) -> None:
    """A file that has no name any more: some disks keep its bytes otherwise."""
    fcntl.flock(handle, fcntl.LOCK_EX)
    os.pwrite(handle, bytes(os.fstat(handle).st_size), 0)
    os.fsync(handle)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
