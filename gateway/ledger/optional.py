"""The optional verbs of a drive under an instruction: a wrapped drive has those that its drive has, and no other.

Each verb is a class of its own, because `supports` asks for a method's presence. What reads passes through, what
writes is recorded first. A verb that is not known here is left out, never passed by.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from functools import cache
from typing import Final

from gateway.ledger.ledger import Cover
from gateway.ledger.recorded import Place, Recorded, Recorder
from providers.drive import Drive, Entry, Instruction, Page, Read, Ref
from providers.verbs import (
    CanCopy,
    CanRestore,
    CanSearch,
    Changes,
    HasChanges,
    HasQuota,
    HasSpaces,
    HasThumbnails,
    HasTrash,
    HasVersions,
    HasViews,
    Picture,
    ReadsListed,
    Space,
    Version,
    View,
)


class _Copies(Recorded):
    async def copy(self, ref: Ref, parent: Ref, name: str, *, id: str | None = None) -> Entry:  # noqa: A002
        """Recorded, then copied inside the drive."""
        await self._record("drive.copy", item=str(ref), parent=str(parent), name=name)
        assert isinstance(self._drive, CanCopy)
        return await self._drive.copy(ref, parent, name, id=id)


class _Restores(Recorded):
    async def restore(self, ref: Ref) -> Entry:
        """Recorded, then taken out of the trash."""
        await self._record("drive.restore", item=str(ref))
        assert isinstance(self._drive, CanRestore)
        return await self._drive.restore(ref)


class _Fills(Recorded):
    async def quota(self) -> tuple[int, int | None]:
        """As the drive says."""
        assert isinstance(self._drive, HasQuota)
        return await self._drive.quota()


class _Versions(Recorded):
    async def versions(self, ref: Ref) -> Sequence[Version]:
        """As the drive says."""
        assert isinstance(self._drive, HasVersions)
        return await self._drive.versions(ref)


class _Searches(Recorded):
    async def search(self, text: str, cursor: str | None = None) -> Page:
        """As the drive says."""
        assert isinstance(self._drive, CanSearch)
        return await self._drive.search(text, cursor)


class _Trashes(Recorded):
    async def trashed(self, cursor: str | None = None) -> Page:
        """As the drive says."""
        assert isinstance(self._drive, HasTrash)
        return await self._drive.trashed(cursor)


class _Spans(Recorded):
    async def spaces(self) -> Sequence[Space]:
        """As the drive says."""
        assert isinstance(self._drive, HasSpaces)
        return await self._drive.spaces()


class _Views(Recorded):
    async def view(self, view: View, cursor: str | None = None) -> Page:
        """As the drive says."""
        assert isinstance(self._drive, HasViews)
        return await self._drive.view(view, cursor)


class _Changes(Recorded):
    async def changes(self, cursor: str | None = None, space: str = "") -> Changes:
        """As the drive says."""
        assert isinstance(self._drive, HasChanges)
        return await self._drive.changes(cursor, space)


class _Draws(Recorded):
    async def thumbnail(self, ref: Ref, edge: int = 256) -> Picture | None:
        """As the drive says."""
        assert isinstance(self._drive, HasThumbnails)
        return await self._drive.thumbnail(ref, edge)


class _Lists(Recorded):
    def read_listed(self, entry: Entry) -> AbstractAsyncContextManager[Read]:
        """As the drive says."""
        assert isinstance(self._drive, ReadsListed)
        return self._drive.read_listed(entry)


OPTIONAL: Final[tuple[tuple[type, type[Recorded]], ...]] = (
    (CanCopy, _Copies),
    (CanRestore, _Restores),
    (CanSearch, _Searches),
    (HasChanges, _Changes),
    (HasQuota, _Fills),
    (HasSpaces, _Spans),
    (HasThumbnails, _Draws),
    (HasTrash, _Trashes),
    (HasVersions, _Versions),
    (HasViews, _Views),
    (ReadsListed, _Lists),
)
"""Each optional verb and what keeps it under the ledger."""


@cache
def _kind(drive: type) -> type[Recorded]:
    """One class for each kind of drive, so that a wrapped drive has no verb that its drive lacks."""
    verbs = tuple(kept for verb, kept in OPTIONAL if issubclass(drive, verb))
    return type(Recorded.__name__, verbs or (Recorded,), {})


def recorded(
    drive: Drive, instruction: Instruction, ledger: Recorder, place: Place, cover: Cover | None = None
) -> Recorded:
    """The drive under this instruction, with the optional verbs it has."""
    return _kind(type(drive))(drive, instruction, ledger, place, cover)
