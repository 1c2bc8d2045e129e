"""Uploads into the native drive: values that any process can continue.

Nothing is stored when one is begun: a session bears an id and its owner's mark. Each piece becomes one or more sealed
objects; an offset is acknowledged in the same transaction that records the object holding the bytes before it, and the
last one also makes the file. Where all bytes have arrived but the file was not made (a name taken, a hash not known
any more), the next word about the session makes it.
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.database import Transactions, insert_if_absent
from cache.vault import Life, Scope, Vault, Writer
from providers.drive import NewFile, Progress, UploadSession
from providers.errors import Changed, DriveError, NotFound, Refused, SessionLost, TooLarge
from providers.names import check
from providers.native import owners
from providers.native.content import Digests, destroy_versions, parts_of, read_parts
from providers.native.entries import entry_of, epoch_ms, expect, is_id, moment, new_id
from providers.native.feed import Feed
from providers.native.filing import Filing, Plan
from providers.native.tables import parts, uploads
from providers.native.traits import TRAITS, Allowance
from providers.native.tree import Node, Tree

if TYPE_CHECKING:
    from hashlib import _Hash

PART = 32 * 1024 * 1024
"""The most bytes of one sealed object: what a broken connection can cost."""

LASTS = 7 * 24 * 60 * 60 * 1000
"""Milliseconds for which an upload may be continued, and its success be asked for."""

GIVEN_UP = -1
"""In the place of the bytes acknowledged."""


@dataclass(frozen=True, slots=True)
class State:
    """An upload as it is: ``received`` bytes, all of them once it is ``closed``; ``node``: the item it became.

    ``stored``: it has a row, since something arrived.
    """

    id: str
    version: str
    ends: int
    received: int = 0
    closed: bool = False
    node: str | None = None
    stored: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """What is sealed as one object: ``size`` bytes at ``start``; ``closes``: they are the last."""

    start: int
    size: int
    closes: bool

    @property
    def end(self) -> int:
        """Where the next one begins."""
        return self.start + self.size


class _Late(Exception):
    """Another sender was first; what this one did is rolled back."""


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
        async with self._database.read() as tx:
            ends = await self._database.now(tx) + LASTS
            await self._filing(tree).plan(tx, new)
            await owners.may_add(tx, self._scope, self._allowance, new.size or 0)
        upload = new_id()
        return UploadSession("native", f"{upload}.{_mark(tree, upload)}".encode(), new, moment(ends))

    async def progress(self, tree: Tree, session: UploadSession) -> Progress:
        """What has been acknowledged; the file, where it is whole. SessionLost, and what hinders the file."""
        async with self._database.read() as tx:
            state = await self._state(tx, tree, session)
        if state.node is not None:
            return await self._finished(tree, state, state.node)
        return await self._complete(tree, session, state) if state.closed else Progress(state.received)

    async def send(
        self, tree: Tree, session: UploadSession, offset: int, data: AsyncIterator[bytes], length: int, *, last: bool
    ) -> Progress:
        """One piece. Bytes that are here already are not taken again: the offset rules. Untrusted, QuotaFull."""
        async with self._database.read() as tx:
            state = await self._state(tx, tree, session)
            fresh = offset == state.received and not state.closed
            if fresh and session.spec.size is None:  # else it was asked when the upload was begun
                await owners.may_add(tx, self._scope, self._allowance, length)
        if not fresh:
            return await self.progress(tree, session)
        _fits(session.spec, offset + length, last)
        feed, position = Feed(data, length), offset
        while True:
            size = min(self._part, feed.left)
            part = Part(position, size, last and size == feed.left)
            try:
                progress = await self._store(tree, session, state, feed, part)
            except _Late:
                return await self.progress(tree, session)
            if not feed.left:
                return progress
            state, position = replace(state, received=part.end, stored=True), part.end

    async def abort(self, tree: Tree, session: UploadSession) -> None:
        """Destroy what was sent, unless it became a file; nothing more is taken."""
        async with self._database.write() as tx:
            try:
                await tree.lock(tx)
                state = await self._state(tx, tree, session)
            except (SessionLost, NotFound):
                return
            if state.node is None:
                await destroy_versions(tx, self._vault, self._scope, [state.version])
            if not state.stored:
                await insert_if_absent(tx, uploads, self._row(state))
            await tx.execute(update(uploads).where(uploads.c.id == state.id).values(received=GIVEN_UP))
        self._digests.drop(state.id)

    def _filing(self, tree: Tree) -> Filing:
        return Filing(self._vault, tree, self._allowance.versions)

    async def _state(self, tx: AsyncConnection, tree: Tree, session: UploadSession) -> State:
        """How far it is. SessionLost for what is over, given up, or nothing of this owner's."""
        upload, _, mark = session.secret.decode("ascii", "replace").partition(".")
        mine = and_(uploads.c.tenant == self._scope.tenant, uploads.c.subject == self._scope.owner)
        row = (await tx.execute(select(uploads).where(uploads.c.id == upload, mine))).first()
        if row is not None:
            state = State(upload, row.version, row.ends, row.received, row.closed, row.node, stored=True)
        elif session.expires is not None and _is_mark(tree, upload, mark):
            state = State(upload, upload, epoch_ms(session.expires))
        else:
            raise SessionLost
        if state.ends <= await self._database.now(tx) or state.received == GIVEN_UP:
            raise SessionLost
        return state

    async def _store(self, tree: Tree, session: UploadSession, state: State, feed: Feed, part: Part) -> Progress:
        """Seal one part and acknowledge it: durable bytes first, the rows after."""
        running = self._digests.at(state.id, part.start)
        if part.size == 0:
            await feed.end()
            return await self._acknowledge(tree, session, state, part, None, running)
        async with self._vault.put(self._scope, Life.KEPT) as writer:
            async for piece in feed.take(part.size):
                await writer.write(piece)
                if running is not None:
                    running.update(piece)
            await writer.finish()
            return await self._acknowledge(tree, session, state, part, writer, running)

    async def _acknowledge(
        self,
        tree: Tree,
        session: UploadSession,
        state: State,
        part: Part,
        writer: Writer | None,
        running: _Hash | None,
    ) -> Progress:
        """Record a part; with the last one also its file. QuotaFull; _Late where another sender was first."""
        hindrance: DriveError | None = None
        plan, node, digest = None, None, running.digest() if running is not None and part.closes else None
        async with self._database.write() as tx:
            stored = await tree.lock(tx, part.size)
            await owners.settle(tx, self._scope, self._allowance, stored)
            if digest is not None:
                try:
                    plan = await self._filing(tree).plan(tx, session.spec, digest)
                except DriveError as error:
                    hindrance = error  # the bytes stay all the same, for when it is gone
            await self._advance(tx, state, part, plan)
            if writer is not None:
                await self._record(tx, state, writer, part)
            if plan is not None and digest is not None:
                node = await self._filing(tree).file(tx, plan, session.spec, state.version, part.end, digest)
        self._digests.keep(state.id, part.end, None if node is not None else running)
        if hindrance is not None:
            raise hindrance
        if node is not None:
            return Progress(part.end, entry_of(tree, node))
        if not part.closes:
            return Progress(part.end)
        return await self._complete(tree, session, replace(state, received=part.end, closed=True, stored=True))

    async def _advance(self, tx: AsyncConnection, state: State, part: Part, plan: Plan | None) -> None:
        """Acknowledge the part, once: whoever else was there first wins. _Late."""
        reached = {"received": part.end, "closed": part.closes, **_made(plan)}
        if not state.stored:
            ours = await insert_if_absent(tx, uploads, {**self._row(state), **reached})
        else:
            here = and_(uploads.c.id == state.id, uploads.c.received == part.start, uploads.c.closed.is_(False))
            ours = (await tx.execute(update(uploads).where(here).values(**reached))).rowcount == 1
        if not ours:
            raise _Late

    def _row(self, state: State) -> dict[str, Any]:
        known = {"id": state.id, "version": state.version, "ends": state.ends}
        owner = {"tenant": self._scope.tenant, "subject": self._scope.owner}
        return {**known, **owner, "received": state.received, "closed": state.closed}

    async def _record(self, tx: AsyncConnection, state: State, writer: Writer, part: Part) -> None:
        owner = {"tenant": self._scope.tenant, "subject": self._scope.owner}
        row = {"version": state.version, "start": part.start, "size": part.size, "object": writer.id}
        await tx.execute(insert(parts).values(**owner, **row))
        await writer.commit(tx)

    async def _complete(self, tree: Tree, session: UploadSession, state: State) -> Progress:
        """Make the file of an upload whose bytes are all here."""
        digest = await self._digest(state)
        async with self._database.write() as tx:
            await tree.lock(tx)
            state = await self._state(tx, tree, session)
            if state.node is not None:
                node = await tree.node(tx, state.node)
            else:
                plan = await self._filing(tree).plan(tx, session.spec, digest)
                node = await self._filing(tree).file(tx, plan, session.spec, state.version, state.received, digest)
                await tx.execute(update(uploads).where(uploads.c.id == state.id).values(**_made(plan)))
        self._digests.drop(state.id)
        return Progress(state.received, entry_of(tree, node))

    async def _digest(self, state: State) -> bytes:
        """The hash over all parts: the running one, or read back where this process has not seen every byte."""
        running = self._digests.at(state.id, state.received)
        if running is not None:
            return running.digest()
        running = self._digests.fresh()
        async with self._database.read() as tx:
            found = await parts_of(tx, state.version, 0, state.received)
        async for piece in read_parts(self._vault, self._scope, found, 0, state.received):
            running.update(piece)
        return running.digest()

    async def _finished(self, tree: Tree, state: State, made: str) -> Progress:
        """The file an upload became. SessionLost where it was deleted or replaced since."""
        async with self._database.read() as tx:
            try:
                node: Node = await tree.live(tx, made)
                expect(node, state.version)
            except (NotFound, Changed) as error:
                raise SessionLost("the file is no longer what was uploaded") from error
        return Progress(state.received, entry_of(tree, node))


def _mark(tree: Tree, upload: str) -> str:
    """What only the owner's key makes of an upload's id: sessions of others, and made-up ones, are nobody's."""
    return tree.fields.index("native-upload", upload).hex()


def _is_mark(tree: Tree, upload: str, mark: str) -> bool:
    """Whether a key of the owner made it that is in use. Of one begun before, nothing is stored that could be lost."""
    known = tree.fields.indexes("native-upload", upload).values()
    return any(hmac.compare_digest(mark.encode(), one.hex().encode()) for one in known)


def _made(plan: Plan | None) -> dict[str, Any]:
    """The columns that say what an upload became: its node, and where it repeats another one, that one's version."""
    if plan is None:
        return {}
    if plan.repeats and plan.old is not None:
        return {"node": plan.node, "version": plan.old.version}
    return {"node": plan.node}


def _fits(spec: NewFile, end: int, last: bool) -> None:
    """Whether a piece that ends there is what was announced. TooLarge, ValueError."""
    if end > TRAITS.max_size:
        raise TooLarge
    if spec.size is not None and (end > spec.size or (last and end != spec.size)):
        raise ValueError("not the size that was announced")
