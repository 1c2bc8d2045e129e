"""A drive's feed of changes, followed for a person who is there: what changed is not served from here any more.

Nobody is followed in the background: a poll happens because a page asked. The place in a feed carries when this
process asked for it, so that a later poll can say which of the known entries it has seen through. A folder that went
or was changed speaks for all that lies in it, which feeds do not name: then nothing more is taken for unchanged.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable

from cache.database import Transactions
from cache.model import Scope
from gateway.files.cached import CachedFiles
from gateway.files.fills import Fills
from gateway.files.freshness import Freshness
from gateway.files.resolving import resolve
from gateway.walks import Walk
from providers.drive import Entry, Kind, Ref, Source
from providers.errors import AdminBlocked, Changed, NotFound, Refused
from providers.verbs import Change, Changes, HasChanges


class Following:
    """The feeds of one deployment."""

    def __init__(self, database: Transactions, cached: CachedFiles, fills: Fills, freshness: Freshness) -> None:
        self._database = database
        self._cached = cached
        self._fills = fills
        self.freshness = freshness
        self._process = secrets.token_hex(8)

    async def since(
        self, scope: Scope, drive: str, source: Source, place: str | None, space: str
    ) -> tuple[Changes, str]:
        """What changed since ``place`` (None: begin now), and the next place. Changed ('resync') where it is too old.

        Untrusted ('circle') where there is always more. ``source`` must have a feed; ``space``: of this tree, '' for
        the account's own.
        """
        assert isinstance(source, HasChanges)
        walk, begun = self._read(place)
        asked = self.freshness.now()
        try:
            found = await source.changes(walk.token, space)
        except Changed:
            self.freshness.forget(scope.subject or "", drive)
            raise
        if found.items:
            await self.seen(scope, drive, [one.ref for one in found.items])
            told = [one.entry for one in found.items if one.entry is not None]
            self.freshness.note(scope, drive, told, asked)
        if not all(_speaks_for_itself(one) for one in found.items):
            begun = None
        if begun is not None and not found.more:
            covered = space or (await source.root()).space
            self.freshness.unchanged(scope, drive, covered, begun, asked)
        after = walk.after(found.cursor) if found.more else Walk(found.cursor)
        assert after is not None
        # Pages that are not read yet belong to the same stretch of time: it ends with the last of them.
        return found, json.dumps([found.cursor, self._process, begun if found.more else asked, after.told()])

    async def stat(self, scope: Scope, drive: str, source: Source, ref: Ref) -> Entry:
        """What the drive says of the file now, through shortcuts. What is gone for the person has no copy left."""
        return await resolve(lambda one: self._asked(scope, drive, source, one), ref)

    async def _asked(self, scope: Scope, drive: str, source: Source, ref: Ref) -> Entry:
        try:
            entry = await self.freshness.entry(scope, drive, lambda: source.stat(ref))
        except (NotFound, Refused) as error:  # Graph says of some withdrawn items that they are denied
            if not isinstance(error, AdminBlocked):
                await self.seen(scope, drive, [ref])
            raise
        if "trashed" in entry.flags:
            await self.seen(scope, drive, [ref])
        return entry

    async def seen(self, scope: Scope, drive: str, refs: Iterable[Ref]) -> int:
        """These items changed or went: their cached copies are destroyed, bytes and all. How many copies."""
        changed = list(refs)
        self.freshness.changed(scope, drive, changed)
        names = {(ref.space, ref.id) for ref in changed}
        await self._fills.stop(scope.subject, drive, names)
        copies = await self._cached.of_items(scope, drive, names)
        if not copies:
            return 0
        async with self._database.write() as tx:
            return await self._cached.destroy(tx, scope, copies)

    async def left(self, scope: Scope, drive: str) -> int:
        """The person disconnected this account: nothing of it is known, under way or kept any more. How many copies."""
        self.freshness.forget(scope.subject or "", drive)
        await self._fills.stop(scope.subject, drive)
        copies = await self._cached.of_drive(scope, drive)
        if not copies:
            return 0
        async with self._database.write() as tx:
            return await self._cached.destroy(tx, scope, copies)

    def _read(self, place: str | None) -> tuple[Walk, float | None]:
        """Where the drive's feed is, and when that was asked for where it was in this process."""
        if place is None:
            return Walk(), None
        cursor, process, asked, *walk = json.loads(place)  # an earlier version's places have no walk
        return Walk.read(walk[0]) if walk else Walk(cursor), asked if process == self._process else None


def _speaks_for_itself(change: Change) -> bool:
    return change.entry is not None and change.entry.kind is not Kind.FOLDER
