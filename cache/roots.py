"""The root key: several versions of it at once, the one that wraps now and those that something is still under.

Whoever holds the database and the blobs holds nothing without it. The database knows each version by a check, so a
wrong, a missing or a truncated root is refused at the start, with a sentence; which versions there are and what they
are still needed for stands there too. Where the secrets lie is `root_places` and `root_kms`. A version that another
process made is looked for here as soon as the epoch tells of it; until it is found this process says that it lacks it,
and nobody wraps under it.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Row, select, update

from cache.catalog import roots
from cache.database import Transactions, insert_if_absent
from cache.errors import StorageError, Unavailable
from cache.keys import KEY, Key, Wrap, unwrap_key, wrap_key

MARK = "file-access-root"
NEXT, CURRENT, OLD, RETIRED, GONE = "next", "current", "old", "retired", "gone"
NEEDED = frozenset({CURRENT, OLD})
"""The states in which something in the database is under a version."""


class RootRefused(StorageError):
    """The root key cannot be used; the message says why and what to do. It never holds key bytes."""


class RootMissing(Unavailable):
    """This process does not hold a version that something is under."""


class RootKey(Protocol):
    """One version of the root key."""

    @property
    def version(self) -> int:
        """Counts from 1."""
        ...

    @property
    def key(self) -> Key:
        """What this process wraps with under this version: expiry keys, and the check."""
        ...

    async def wrap(self, secret: bytes, wrap: Wrap) -> bytes:
        """A tenant's key under the root. Unavailable."""
        ...

    async def unwrap(self, box: bytes, wrap: Wrap) -> bytes:
        """The inverse. Corrupt, Unavailable."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class Root:
    """A version whose secret is held in this process. Satisfies `RootKey`."""

    version: int
    secret: bytes

    @property
    def key(self) -> Key:
        """As the parent of tenant keys."""
        return Key("root", self.version, self.secret)

    async def wrap(self, secret: bytes, wrap: Wrap) -> bytes:
        """See `RootKey`."""
        return wrap_key(secret, self.key, wrap)

    async def unwrap(self, box: bytes, wrap: Wrap) -> bytes:
        """See `RootKey`."""
        return unwrap_key(box, self.key, wrap)

    def __repr__(self) -> str:
        """Without the secret."""
        return f"Root(version={self.version})"

    def dump(self) -> str:
        """One line of text, as it stands in the file and the environment."""
        return f"{MARK} {self.version} {base64.b64encode(self.secret).decode()}"

    @classmethod
    def parse(cls, text: str) -> Root:
        """The inverse of `dump`; 32 bytes as bare base64 are version 1. RootRefused."""
        words = text.split()
        version, encoded = (words[1], words[2]) if len(words) == 3 and words[0] == MARK else ("1", text.strip())
        try:
            secret = base64.b64decode(encoded, validate=True)
            number = int(version)
        except (ValueError, binascii.Error):
            raise RootRefused("the root key is not readable: expected 32 bytes as base64") from None
        if len(secret) != KEY or number < 1:
            raise RootRefused("the root key must be 32 bytes as base64")
        return cls(number, secret)


class RootPlace(Protocol):
    """Where versions of the root key lie: a file, the environment, AWS KMS."""

    async def find(self, row: Row[Any]) -> RootKey | None:
        """The version of a row of `catalog.roots`; None where it is not here. RootRefused, Unavailable."""
        ...

    async def make(self, version: int, *, first: bool) -> tuple[RootKey, Mapping[str, Any]]:
        """A new version, durable, and the columns by which it is found again; an unused one that is here counts.

        ``first``: for a new installation. RootRefused where it cannot be made here, Unavailable.
        """
        ...

    async def destroy(self, row: Row[Any], now: int) -> int:
        """Destroy a version in this place; when it is gone for good, epoch ms. RootRefused, Unavailable."""
        ...


class Roots:
    """The versions of this installation's root key, as far as this process holds them."""

    def __init__(self, place: RootPlace | None) -> None:
        """``place`` finds and makes them; None for `of`."""
        self.place = place
        self.lacking: set[int] = set()
        self._held: dict[int, RootKey] = {}
        self._states: dict[int, str] = {}
        self._first = b""
        self._started = False

    @classmethod
    def of(cls, root: Root) -> Roots:
        """One version that never changes."""
        made = cls(_Given(root))
        made._hold(root, CURRENT)  # usable before a database was asked, as expiry keys need it
        made._first = root.key.subkey("check")
        return made

    @property
    def mark(self) -> bytes:
        """Tells this installation from others, whatever version is current: the check of the first one."""
        return self._first

    @property
    def current(self) -> RootKey:
        """The version that wraps now. Unavailable."""
        for version, state in self._states.items():
            if state == CURRENT:
                return self.find(version)
        raise Unavailable("the root key is not loaded")

    def knows(self, version: int) -> bool:
        """Whether there is, or was, such a version."""
        return version in self._states

    def find(self, version: int) -> RootKey:
        """A version. RootMissing where this process does not hold it."""
        found = self._held.get(version)
        if found is None:
            raise RootMissing(f"version {version} of the root key is missing in this process")
        return found

    async def start(self, database: Transactions, without: frozenset[int] = frozenset()) -> None:
        """Find every version that is needed and prove it right; make the first for a new database. RootRefused.

        ``without``: versions that may be missing where only backups need them, since they are about to be given up.
        """
        if self._started:
            return
        rows = await self._rows(database)
        if not rows:
            await self._begin(database)
            rows = await self._rows(database)
        for row in rows:
            if row.state == GONE:
                await self._drop(row)
            elif row.state != RETIRED or row.version not in without:
                await self._confirm(row)
        self._started = True

    async def _begin(self, database: Transactions) -> None:
        assert self.place is not None
        root, columns = await self.place.make(1, first=True)
        now = await database.now()
        row = {"version": root.version, "check": root.key.subkey("check"), "made": now, "state": CURRENT, **columns}
        async with database.write() as tx:
            if (await tx.execute(select(roots.c.version).limit(1))).first() is None:
                await insert_if_absent(tx, roots, row)

    async def _rows(self, database: Transactions) -> list[Row[Any]]:
        async with database.read() as tx:
            rows = list((await tx.execute(select(roots).order_by(roots.c.version))).all())
        self._states = {row.version: row.state for row in rows}
        if rows:
            self._first = rows[0].check
        return rows

    async def _drop(self, row: Row[Any]) -> None:
        """Another process destroyed it: the copy on this machine goes as well."""
        self._held.pop(row.version, None)
        if row.kms is None and self.place is not None:
            with contextlib.suppress(RootRefused):  # given in the environment: `file-access keys status` tells
                await self.place.destroy(row, 0)

    async def _confirm(self, row: Row[Any]) -> None:
        found = await self._found(row)
        if found is not None:
            self._held[row.version] = found
        elif row.state == NEXT:
            self.lacking.add(row.version)
        elif row.state == RETIRED:
            raise RootRefused(
                f"version {row.version} of the root key is missing. Nothing is under it any more but older backups: "
                f"restore it, or give those backups up with `file-access keys retire {row.version} --now --attest`"
            )
        else:
            raise RootRefused(
                f"there is a database but version {row.version} of its root key is missing: "
                "restore the root key as it was; a new one could not open what is stored"
            )

    async def _found(self, row: Row[Any]) -> RootKey | None:
        assert self.place is not None
        found = await self.place.find(row)
        if found is not None and not hmac.compare_digest(found.key.subkey("check"), row.check):
            raise RootRefused(
                f"version {row.version} of the root key is not the one that the database was made with: "
                "restore the right one"
            )
        return found

    async def refresh(self, database: Transactions) -> None:
        """Follow what the database says now: look for new versions, let go of those that are gone. Unavailable."""
        for row in await self._rows(database):
            if row.state == GONE:
                await self._drop(row)
            elif row.version not in self._held and row.state != RETIRED:
                await self._look(row)

    async def _look(self, row: Row[Any]) -> None:
        try:
            found = await self._found(row)
        except StorageError:
            found = None
        if found is None:
            self.lacking.add(row.version)
        else:
            self._held[row.version] = found
            self.lacking.discard(row.version)

    async def object(self, database: Transactions) -> None:
        """Say that this process lacks a version, so that nobody wraps under it. Unavailable."""
        await self.refresh(database)
        now = await database.now()
        async with database.write() as tx:
            lacking = roots.c.version.in_(self.lacking) & (roots.c.state == NEXT)
            await tx.execute(update(roots).where(lacking).values(missing=now))

    def hold(self, root: RootKey) -> None:
        """A version that this process has just made."""
        self._held[root.version] = root
        self.lacking.discard(root.version)

    def _hold(self, root: RootKey, state: str) -> None:
        self.hold(root)
        self._states[root.version] = state


class _Given:
    """A place that holds one version and can make no other."""

    def __init__(self, root: Root) -> None:
        self._root = root

    async def find(self, row: Row[Any]) -> RootKey | None:
        return self._root if row.version == self._root.version else None

    async def make(self, version: int, *, first: bool) -> tuple[RootKey, Mapping[str, Any]]:
        if not first:
            raise RootRefused("this root key cannot be followed by another")
        return self._root, {}

    async def destroy(self, row: Row[Any], now: int) -> int:
        raise RootRefused("this root key is destroyed by whoever gave it")
