"""What only some drives can do: one protocol with one method for each, found by `supports`.

So nothing ever raises NotImplementedError, and a drive that lacks a verb simply lacks it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol, TypeVar, cast, runtime_checkable

from providers.drive import Entry, Page, Ref

if TYPE_CHECKING:
    from providers.drive import Read  # a protocol too, and no verb

PICTURE_LIMIT: Final = 1024 * 1024
"""The largest thumbnail that is believed, bytes."""


@runtime_checkable
class CanCopy(Protocol):
    """A drive that copies inside itself without moving bytes through us."""

    async def copy(self, ref: Ref, parent: Ref, name: str, *, id: str | None = None) -> Entry:  # noqa: A002
        """The finished copy of a file or a document, with the time of what it was made from."""
        ...


@runtime_checkable
class HasQuota(Protocol):
    """A drive that tells how full it is."""

    async def quota(self) -> tuple[int, int | None]:
        """Used bytes, and the limit in bytes (None: unlimited)."""
        ...


@dataclass(frozen=True, slots=True)
class Version:
    """A content that a file has or had: an ``id`` for `Drive.read`, its ``size`` in bytes, when it was made."""

    id: str
    size: int | None
    modified: datetime


@runtime_checkable
class HasVersions(Protocol):
    """A drive that keeps the older contents of a file and reads them: ``read(ref, version=…)``."""

    async def versions(self, ref: Ref) -> Sequence[Version]:
        """All that are kept, the current one first. NotFound, Unsupported for what is no file."""
        ...


@runtime_checkable
class CanSearch(Protocol):
    """A drive that finds items by words, wherever they lie."""

    async def search(self, text: str, cursor: str | None = None) -> Page:
        """One page of what has these words in its name or its text, trashed items left out. ValueError for no words."""
        ...


@runtime_checkable
class CanRestore(Protocol):
    """A drive that takes items out of its trash."""

    async def restore(self, ref: Ref) -> Entry:
        """The item, back where it was. In no trash already is fine. NotFound where it is gone for good."""
        ...


@runtime_checkable
class HasTrash(Protocol):
    """A drive that lists its trash."""

    async def trashed(self, cursor: str | None = None) -> Page:
        """One page of what was put into the trash itself, not of what lies below it; each flagged ``trashed``."""
        ...


@dataclass(frozen=True, slots=True)
class Space:
    """Another tree that the account reaches (a shared drive, a library): its top folder and its name."""

    root: Ref
    name: str


@runtime_checkable
class HasSpaces(Protocol):
    """A drive that reaches more trees than the account's own."""

    async def spaces(self) -> Sequence[Space]:
        """All of them, by name; none where the grant shows none."""
        ...


class View(StrEnum):
    """A list that lies across folders: what others shared with the account, what it starred, what it used last."""

    SHARED = "shared"
    STARRED = "starred"
    RECENT = "recent"


@runtime_checkable
class HasViews(Protocol):
    """A drive with such lists; which ones it has, `Traits.views` says."""

    async def view(self, view: View, cursor: str | None = None) -> Page:
        """One page of it, trashed items left out. Unsupported for a view that is not among the traits."""
        ...


@dataclass(frozen=True, slots=True)
class Change:
    """An item that was made, changed, moved or renamed; ``entry`` None: it is trashed, deleted or out of sight."""

    ref: Ref
    entry: Entry | None


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed since a cursor, oldest first, and the ``cursor`` from which to go on. ``more``: at once."""

    items: Sequence[Change]
    cursor: str
    more: bool = False


@runtime_checkable
class HasChanges(Protocol):
    """A drive that tells what changed, so that nothing has to be listed again."""

    async def changes(self, cursor: str | None = None, space: str = "") -> Changes:
        """Since ``cursor``; None gives no items and the cursor of this moment.

        ``space``: of this tree (`Ref.space` of a `Space.root`). Changed where the cursor is too old (reason
        'resync'): what is known must be listed again.
        """
        ...


@dataclass(frozen=True, slots=True)
class Picture:
    """A small picture of an item: at most PICTURE_LIMIT bytes."""

    media_type: str
    data: bytes


@runtime_checkable
class HasThumbnails(Protocol):
    """A drive that draws small pictures of its files."""

    async def thumbnail(self, ref: Ref, edge: int = 256) -> Picture | None:
        """A PNG, JPEG, GIF or WebP picture about ``edge`` pixels wide; None where the drive has none of this item."""
        ...


@runtime_checkable
class ReadsListed(Protocol):
    """A drive that needs no look at a file it has just listed: the bytes prove by their hash which version they are."""

    def read_listed(self, entry: Entry) -> AbstractAsyncContextManager[Read]:
        """The whole file, as ``read(entry.ref, version=entry.version)`` gives it, for one request.

        Changed where it is not that version any more, perhaps only in the place of its last piece. ValueError for an
        entry without a size or a hash.
        """
        ...


Verb = TypeVar("Verb")


def supports(drive: object, verb: Callable[..., Verb]) -> Verb | None:
    """The drive seen as that optional protocol, or None where it has no such verb.

    ``verb`` is the protocol class; as ``type[Verb]`` a type checker would refuse every protocol.
    """
    return cast("Verb", drive) if isinstance(verb, type) and isinstance(drive, verb) else None
