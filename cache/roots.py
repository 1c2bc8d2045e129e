"""Where the root key comes from: a file outside the data folder, or the environment.

Whoever holds the database and the blobs holds nothing without it, so it may not lie beside them. A root is made only
for a new installation: a second one beside an existing database would hide that the first was lost.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from cache.catalog import roots
from cache.database import Transactions, insert_if_absent
from cache.errors import StorageError
from cache.keys import KEY, Key, new_key

_MARK = "file-access-root"


class RootRefused(StorageError):
    """The root key cannot be used; the message says why and what to do. It never holds key bytes."""


@dataclass(frozen=True, slots=True, repr=False)
class Root:
    """The root key and its version."""

    version: int
    secret: bytes

    @property
    def key(self) -> Key:
        """As the parent of tenant keys."""
        return Key("root", self.version, self.secret)

    def __repr__(self) -> str:
        """Without the secret."""
        return f"Root(version={self.version})"

    def dump(self) -> str:
        """One line of text, as it stands in the file and the environment."""
        return f"{_MARK} {self.version} {base64.b64encode(self.secret).decode()}"

    @classmethod
    def parse(cls, text: str) -> Root:
        """The inverse of `dump`; 32 bytes as bare base64 are version 1. RootRefused."""
        words = text.split()
        version, encoded = (words[1], words[2]) if len(words) == 3 and words[0] == _MARK else ("1", text.strip())
        try:
            secret = base64.b64decode(encoded, validate=True)
            number = int(version)
        except (ValueError, binascii.Error):
            raise RootRefused("the root key is not readable: expected 32 bytes as base64") from None
        if len(secret) != KEY or number < 1:
            raise RootRefused("the root key must be 32 bytes as base64")
        return cls(number, secret)


def load_root(path: Path, data: Path, *, make: bool) -> Root:
    """The root key in the file ``path``, made there (mode 0600) where there is none and ``make`` allows it.

    Pass ``make=not await has_root(database)``. ``data`` is the data folder. RootRefused. Blocking: at start only.
    """
    if path.resolve().is_relative_to(data.resolve()):
        raise RootRefused("the root key may not lie in the data folder: a copy of that folder would hold its own key")
    try:
        return _read(path)
    except FileNotFoundError:
        if make:
            return _make(path)
    raise RootRefused(
        "there is a database but no root key: restore the root key's file; a new one could not open what is stored"
    )


def _read(path: Path) -> Root:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(handle) as file:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_mode & 0o077 or found.st_uid not in (os.getuid(), 0):
            raise RootRefused("the root key's file must belong to this user and have mode 0600")
        return Root.parse(file.read(4096))


def _make(path: Path) -> Root:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    root = Root(1, new_key())
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(root.dump() + "\n")
            file.flush()
            os.fsync(handle)
        try:
            os.link(draft, path)  # unlike a rename it never replaces a key that another process made meanwhile
        except FileExistsError:
            return _read(path)
    finally:
        draft.unlink()
    _sync(path.parent)
    return root


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


async def has_root(database: Transactions) -> bool:
    """Whether the database already belongs to a root key. Its tables must exist."""
    async with database.read() as tx:
        return (await tx.execute(select(roots.c.version).limit(1))).first() is not None


async def confirm_root(database: Transactions, root: Root) -> None:
    """Binds a new database to its root, or refuses a root that is not the one it was made with. RootRefused."""
    check = root.key.subkey("check")
    now = await database.now()
    async with database.write() as tx:
        known = {row.version: row.check for row in await tx.execute(select(roots))}
        if not known:
            await insert_if_absent(tx, roots, {"version": root.version, "check": check, "made": now})
            known = {row.version: row.check for row in await tx.execute(select(roots))}
    if not hmac.compare_digest(known.get(root.version, b""), check):
        raise RootRefused("this is not the root key that the database was made with: restore the right one")
