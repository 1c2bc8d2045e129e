"""Uploads into the native drive: rows that any process can continue.

Each piece becomes one or more sealed objects; an offset is acknowledged in the same transaction that records the
object holding the bytes before it. Where all bytes have arrived but the file was not made (a crash, a name taken),
the next word about the session makes it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, and_, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.database import Transactions
from cache.vault import Life, Scope, Vault, Writer
from providers.drive import NewFile, Progress, UploadSession
from providers.errors import Changed, NotFound, QuotaFull, Refused, SessionLost, TooLarge
from providers.names import check
from providers.native.content import Digests, destroy_versions, parts_of, read_parts, used
from providers.native.entries import entry_of, epoch_ms, expect, is_id, new_id
from providers.native.feed import Feed
from providers.native.filing import Filing
from providers.native.tables import parts, uploads
from providers.native.traits import TRAITS, Allowance
from providers.native.tree import Tree

PART = 32 * 1024 * 1024
"""The most bytes of one sealed object: what a broken connection can cost."""

LASTS = 7 * 24 * 60 * 60 * 1000
"""Milliseconds for which an upload may be continued, and its success be asked for."""

Upload = Row[Any]


class Uploads:
    """The upload verbs of one scope."""

    def __init__(
        self,
        vault: Vault,
        database: Transactions,
        scope: Scope,
        digests: Digests,
        allowance: Allowance,
        *,
        part: int = PART,
    ) -> None:
        """``digests`` may be shared among the drives of a process."""
        self._vault = vault
        self._database = database
        self._scope = scope
        self._digests = digests
        self._allowance = allowance
        self._part = part

    async def begin(self, tree: Tree, new: NewFile) -> UploadSession:
        """A session. NotFound, NameRefused, NameTaken, Changed, TooLarge, QuotaFull, Refused."""
        check(new.name, TRAITS)
        epoch_ms(new.modified)
        if new.size is not None and new.size > TRAITS.max_size:
            raise TooLarge
        if new.id is not None and not is_id(new.id):
            raise Refused("not an id of this drive", reason="bad_id")
        now = await self._database.now()
        row = {"id": new_id(), "tenant": self._scope.tenant, "subject": self._scope.owner, "version": new_id()}
        async with self._database.write() as tx:
            await tree.lock(tx)
            await self._filing(tree).rehearse(tx, new)
            await self._has_room(tx, new.size or 0)
            await tx.execute(insert(uploads).values(**row, received=0, closed=False, ends=now + LASTS))
        return UploadSession("native", row["id"].encode(), new, datetime.fromtimestamp((now + LASTS) / 1000, UTC))

    async def progress(self, tree: Tree, session: UploadSession) -> Progress:
        """What has been acknowledged; the file, where it is whole. SessionLost, and what hinders the file."""
        async with self._database.read() as tx:
            row = await self._row(tx, session)
        if row.closed and row.node is None:
            return await self._complete(tree, session, row.version, row.received)
        if row.node is None:
            return Progress(row.received)
        return await self._finished(tree, row)

    async def send(
        self, tree: Tree, session: UploadSession, offset: int, data: AsyncIterator[bytes], length: int, *, last: bool
    ) -> Progress:
        """One piece. Bytes that are here already are not taken again: the offset rules. Untrusted, QuotaFull."""
        async with self._database.read() as tx:
            row = await self._row(tx, session)
            if fresh := offset == row.received and not row.closed:
                await self._has_room(tx, length)
        if not fresh:
            return await self.progress(tree, session)
        _fits(session.spec, offset + length, last)
        feed, position = Feed(data, length), offset
        while feed.left:
            size = min(self._part, feed.left)
            if not await self._store(tree, row, feed, position, size, last):
                return await self.progress(tree, session)
            position += size
        if length == 0:
            await feed.end()
            async with self._database.write() as tx:
                ours = await self._advance(tx, row, position, 0, last)
            if not ours:
                return await self.progress(tree, session)
        return await self._complete(tree, session, row.version, position) if last else Progress(position)

    async def abort(self, session: UploadSession) -> None:
        """Destroy what was sent, unless it became a file."""
        async with self._database.write() as tx:
            try:
                row = await self._row(tx, session)
            except SessionLost:
                return
            await self._discard(tx, row)
        self._digests.drop(row.id)

    def _filing(self, tree: Tree) -> Filing:
        return Filing(self._vault, tree, self._allowance.versions)

    async def _row(self, tx: AsyncConnection, session: UploadSession) -> Upload:
        upload_id = session.secret.decode("ascii", "replace")
        mine = and_(uploads.c.tenant == self._scope.tenant, uploads.c.subject == self._scope.owner)
        row = (await tx.execute(select(uploads).where(uploads.c.id == upload_id, mine))).first()
        if row is None or row.ends <= await self._database.now(tx):
            raise SessionLost
        return row

    async def _discard(self, tx: AsyncConnection, row: Upload) -> None:
        if row.node is None:
            await destroy_versions(tx, self._vault, self._scope, [row.version])
        await tx.execute(delete(uploads).where(uploads.c.id == row.id))

    async def _has_room(self, tx: AsyncConnection, size: int) -> None:
        """QuotaFull where that many more bytes are more than the owner may keep."""
        most = self._allowance.bytes
        if most and size and await used(tx, self._scope) + size > most:
            raise QuotaFull

    async def _store(self, tree: Tree, row: Upload, feed: Feed, position: int, size: int, last: bool) -> bool:
        """Seal one part and acknowledge it. False where another sender was first."""
        running = self._digests.at(row.id, position)
        async with self._vault.put(self._scope, Life.KEPT) as writer:
            async for piece in feed.take(size):
                await writer.write(piece)
                if running is not None:
                    running.update(piece)
            await writer.finish()
            async with self._database.write() as tx:
                if self._allowance.bytes:
                    await tree.lock(tx)  # other uploads of this owner count, too
                if not await self._advance(tx, row, position, size, last and feed.left == 0):
                    return False
                await self._has_room(tx, size)
                await self._record(tx, row, writer, position, size)
        self._digests.keep(row.id, position + size, running)
        return True

    async def _advance(self, tx: AsyncConnection, row: Upload, position: int, size: int, close: bool) -> bool:
        """Acknowledge ``size`` bytes at ``position``, once: whoever else was there first wins."""
        here = and_(uploads.c.id == row.id, uploads.c.received == position, uploads.c.closed.is_(False))
        done = await tx.execute(update(uploads).where(here).values(received=position + size, closed=close))
        return done.rowcount == 1

    async def _record(self, tx: AsyncConnection, row: Upload, writer: Writer, position: int, size: int) -> None:
        owner = {"tenant": self._scope.tenant, "subject": self._scope.owner}
        part = {"version": row.version, "start": position, "size": size, "object": writer.id}
        await tx.execute(insert(parts).values(**owner, **part))
        await writer.commit(tx)

    async def _complete(self, tree: Tree, session: UploadSession, version: str, size: int) -> Progress:
        """Make the file of an upload whose bytes are all here."""
        digest = await self._digest(session, version, size)
        async with self._database.write() as tx:
            await tree.lock(tx)
            row = await self._row(tx, session)
            if row.node is None:
                node = await self._filing(tree).file(tx, session.spec, row.version, row.received, digest)
                found = await tree.node(tx, node)
                made = {"node": node, "version": found.version}
                await tx.execute(update(uploads).where(uploads.c.id == row.id).values(**made))
            else:
                found = await tree.node(tx, row.node)
        self._digests.drop(row.id)
        return Progress(row.received, entry_of(tree, found))

    async def _digest(self, session: UploadSession, version: str, size: int) -> bytes:
        """The hash over all parts: the running one, or read back where this process has not seen every byte."""
        running = self._digests.at(session.secret.decode(), size)
        if running is not None:
            return running.digest()
        running = self._digests.fresh()
        async with self._database.read() as tx:
            found = await parts_of(tx, version, 0, size)
        async for piece in read_parts(self._vault, self._scope, found, 0, size):
            running.update(piece)
        return running.digest()

    async def _finished(self, tree: Tree, row: Upload) -> Progress:
        """The file an upload became. SessionLost where it was deleted or replaced since."""
        async with self._database.read() as tx:
            try:
                node = await tree.live(tx, row.node)
                expect(node, row.version)
            except (NotFound, Changed) as error:
                raise SessionLost("the file is no longer what was uploaded") from error
        return Progress(row.received, entry_of(tree, node))


def _fits(spec: NewFile, end: int, last: bool) -> None:
    """Whether a piece that ends there is what was announced. TooLarge, ValueError."""
    if end > TRAITS.max_size:
        raise TooLarge
    if spec.size is not None and (end > spec.size or (last and end != spec.size)):
        raise ValueError("not the size that was announced")
