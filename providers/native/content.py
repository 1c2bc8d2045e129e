"""A file's bytes: the parts of a version, read as one, hashed as one, destroyed as one."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row, delete, insert, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.errors import Missing, StorageError
from cache.vault import Scope, Vault
from providers.errors import Changed
from providers.native import owners
from providers.native.keeping import take
from providers.native.tables import nodes, parts, versions
from providers.native.translate import told

if TYPE_CHECKING:
    from hashlib import _Hash

_RUNNING = 1024
_AT_ONCE = 200


class NativeRead:
    """See `providers.drive.Read`."""

    def __init__(self, vault: Vault, scope: Scope, found: Sequence[Row[Any]], span: tuple[int, int, int], version: str):
        """``found``: the parts that overlap the span; ``span``: start, stop and the size of the whole."""
        self._vault = vault
        self._scope = scope
        self._parts = found
        self._start, self._stop, self._total = span
        self._version = version

    @property
    def start(self) -> int:
        """See `Read`."""
        return self._start

    @property
    def length(self) -> int | None:
        """See `Read`."""
        return self._stop - self._start

    @property
    def total(self) -> int | None:
        """See `Read`."""
        return self._total

    @property
    def version(self) -> str:
        """See `Read`."""
        return self._version

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """See `Read`. Changed where the file was replaced or deleted meanwhile."""
        try:
            async with aclosing(read_parts(self._vault, self._scope, self._parts, self._start, self._stop)) as pieces:
                async for piece in pieces:
                    yield piece
        except Missing as error:
            raise Changed("the file was replaced or deleted while it was read") from error
        except StorageError as error:
            raise told(error) from error


async def read_parts(
    vault: Vault, scope: Scope, found: Sequence[Row[Any]], start: int, stop: int
) -> AsyncGenerator[bytes, None]:
    """Bytes start..stop of a version. Raises as `Vault.open` does."""
    for part in found:
        begin, end = max(start, part.start), min(stop, part.start + part.size)
        if begin < end:
            async with vault.open(scope, part.object, begin - part.start, end - part.start) as pieces:
                async for piece in pieces:
                    yield piece


async def parts_of(tx: AsyncConnection, version: str, start: int, stop: int) -> Sequence[Row[Any]]:
    """The parts of a version that overlap start..stop, in order."""
    overlap = (parts.c.version == version, parts.c.start < stop, parts.c.start + parts.c.size > start)
    return (await tx.execute(select(parts).where(*overlap).order_by(parts.c.start))).all()


async def destroy_versions(tx: AsyncConnection, vault: Vault, scope: Scope, ids: Sequence[str]) -> None:
    """Destroy the content of versions, finished or not, at most some hundred, of a tree that is held.

    An object that another version shares, because it was copied, stays until the last of them goes. What is to be kept
    all the same is put under the key of what keeps it before.
    """
    await take(tx, vault, scope, ids)
    deleted = delete(parts).where(parts.c.version.in_(ids)).returning(parts.c.object, parts.c.size)
    found = (await tx.execute(deleted)).all()
    objects = list({row.object for row in found})
    for at in range(0, len(objects), _AT_ONCE):
        some = objects[at : at + _AT_ONCE]
        shared = set((await tx.execute(select(parts.c.object).where(parts.c.object.in_(some)))).scalars())
        await vault.destroy(tx, scope, [one for one in some if one not in shared])
    if found:
        await owners.add(tx, scope, -sum(row.size for row in found))
    await tx.execute(delete(versions).where(versions.c.id.in_(ids)))
    await vault.renew(tx, scope)


async def share_parts(tx: AsyncConnection, scope: Scope, old: str, new: str) -> None:
    """Let a new version have the bytes of another one of the same owner, in a tree that is held."""
    columns = ["version", "start", "tenant", "subject", "size", "object"]
    same = select(literal(new), *(parts.c[name] for name in columns[1:]))
    mine = (parts.c.version == old, parts.c.tenant == scope.tenant, parts.c.subject == scope.owner)
    await tx.execute(insert(parts).from_select(columns, same.where(*mine)))


async def destroy_nodes(tx: AsyncConnection, vault: Vault, scope: Scope, ids: Sequence[str]) -> None:
    """Destroy items of a scope with all their content; at most some hundred. What is below them must be gone."""
    which = (nodes.c.id.in_(ids), nodes.c.tenant == scope.tenant, nodes.c.subject == scope.owner)
    contents = (versions.c.node.in_(ids), versions.c.tenant == scope.tenant, versions.c.subject == scope.owner)
    found = list((await tx.execute(select(versions.c.id).where(*contents))).scalars())
    for at in range(0, len(found), _AT_ONCE):
        await destroy_versions(tx, vault, scope, found[at : at + _AT_ONCE])
    await tx.execute(delete(nodes).where(*which))
    await vault.renew(tx, scope)  # its name is gone for good as well


async def destroy_older(tx: AsyncConnection, vault: Vault, scope: Scope, node: str, keep: int) -> None:
    """Destroy a file's oldest contents: its current one and ``keep`` older ones stay."""
    mine = (versions.c.node == node, versions.c.tenant == scope.tenant, versions.c.subject == scope.owner)
    newest = select(versions.c.id).where(*mine).order_by(versions.c.number.desc())
    doomed = list((await tx.execute(newest)).scalars())[keep + 1 :]
    for at in range(0, len(doomed), _AT_ONCE):
        await destroy_versions(tx, vault, scope, doomed[at : at + _AT_ONCE])


class Digests:
    """Running hashes of uploads, kept in memory so that a finished upload need not be read again.

    Share one among the drives of a process. A hash's state cannot be saved: after a restart the bytes are read back.
    """

    def __init__(self) -> None:
        """None are running."""
        self._running: OrderedDict[str, tuple[int, _Hash]] = OrderedDict()

    def at(self, upload: str, offset: int) -> _Hash | None:
        """A copy of the hash over the first ``offset`` bytes, None where it is not known."""
        if offset == 0:
            return self.fresh()
        known = self._running.get(upload)
        return known[1].copy() if known is not None and known[0] == offset else None

    @staticmethod
    def fresh() -> _Hash:
        """A hash over nothing yet."""
        return hashlib.sha256()

    def keep(self, upload: str, offset: int, running: _Hash | None) -> None:
        """Remember it for the next piece."""
        self._running.pop(upload, None)
        if running is not None:
            self._running[upload] = (offset, running)
        if len(self._running) > _RUNNING:
            self._running.popitem(last=False)

    def drop(self, upload: str) -> None:
        """The upload is over."""
        self._running.pop(upload, None)
