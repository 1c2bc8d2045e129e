"""The drive: the small interface behind which Google Drive, OneDrive and the school's own drive look alike.

A drive holds no policy, no job and no person. Capabilities are data (`Traits`); what only some drives can do stands in
`providers.verbs`. An `UploadSession` is a value: sealed by
its keeper, it can be continued by another process. A drive never holds a whole file in memory.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, Self


class Kind(StrEnum):
    """What an entry is. A ``document`` has no bytes of its own, only exports; a ``package`` cannot be read at all."""

    FOLDER = "folder"
    FILE = "file"
    DOCUMENT = "document"
    SHORTCUT = "shortcut"
    PACKAGE = "package"


class OnConflict(StrEnum):
    """What happens when the name is taken: refuse, take a free name beside it, or put a new version in its place."""

    FAIL = "fail"
    RENAME = "rename"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class Ref:
    """Where an item is: ``space`` (drive or library, '' for the account's own), its ``id``, and a resource ``key``."""

    space: str
    id: str
    key: str | None = None

    def __str__(self) -> str:
        """URL-safe text, the inverse of `parse`. Opaque to callers, not secret, not to be logged."""
        fields = [self.space, self.id] if self.key is None else [self.space, self.id, self.key]
        return base64.urlsafe_b64encode("\0".join(fields).encode()).rstrip(b"=").decode()

    @classmethod
    def parse(cls, text: str) -> Self:
        """The Ref of what `str` gave. ValueError for anything else."""
        if len(text) > 4096:
            raise ValueError("not an item id")
        try:
            fields = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode().split("\0")
        except (ValueError, UnicodeDecodeError):
            raise ValueError("not an item id") from None
        if len(fields) not in (2, 3) or not fields[1]:
            raise ValueError("not an item id")
        ref = cls(*fields)
        if str(ref) != text:
            raise ValueError("not an item id")
        return ref


@dataclass(frozen=True, slots=True)
class ExportChoice:
    """A format a document can be read as: an ``id`` for `Drive.read`, its media type and file ``suffix`` ('.docx')."""

    id: str
    media_type: str
    suffix: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One item as the drive tells it.

    ``size`` is in bytes, None where unknown until read (documents always). ``version`` differs whenever the bytes may
    differ. ``hashes`` maps algorithm ('sha256', 'md5', 'sha1', 'quickxor') to the digest. ``may`` holds what this
    account may do: read, write, move, trash, delete. ``flags`` may hold malware, altered, trashed, dangling,
    and shared where the drive tells that others have it, too. ``exports`` lists a document's formats, the preferred
    one first. ``ends``: when an item in the trash is gone for good by itself, where the drive says so.
    """

    ref: Ref
    parent: Ref | None
    name: str
    kind: Kind
    media_type: str
    size: int | None
    version: str
    modified: datetime
    hashes: Mapping[str, bytes] = field(default_factory=dict)
    target: Ref | None = None
    exports: Sequence[ExportChoice] = ()
    may: frozenset[str] = frozenset({"read", "write", "move", "trash", "delete"})
    flags: frozenset[str] = frozenset()
    ends: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some children. ``cursor`` continues, None at the end. ``complete`` is False where the provider left some out."""

    entries: Sequence[Entry]
    cursor: str | None
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Traits:
    """Limits and semantics of a drive, as data. Sizes in bytes, ``max_path`` and ``max_name`` in characters.

    ``hash`` verifies a finished upload. ``needs_size``: the size must be known before the first byte. ``rewrites``:
    media types that the provider may alter after upload. ``alignment``: every piece but the last is a multiple of it;
    ``max_piece``: None where one piece may be the whole file. ``forbidden`` characters and ``reserved`` names (lower
    case) are refused in names; ``keeps_trash``: trash can be undone by its owner in the drive's own pages.
    ``converts``: media types that can become a document of the drive's own kind; ``views``: see `providers.verbs.View`.
    """

    kind: str
    hash: str
    needs_size: bool
    unique_names: bool
    case_sensitive: bool
    max_size: int
    alignment: int
    max_piece: int | None
    max_name: int
    max_path: int | None
    forbidden: frozenset[str] = frozenset()
    reserved: frozenset[str] = frozenset()
    rewrites: frozenset[str] = frozenset()
    keeps_trash: bool = True
    converts: frozenset[str] = frozenset()
    views: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file to be made. ``size`` None: not known yet. ``id``: made beforehand, so that a repeat makes no twin.

    ``replaces``: the item whose content this becomes, and the version it must still have. ``convert``: becomes the
    drive's own kind of document, where ``media_type`` is among `Traits.converts`; it then has exports and no hash.
    ``dated`` False: nobody has stated ``modified``, so a drive may give the time at which the file arrives instead.
    """

    parent: Ref
    name: str
    media_type: str
    size: int | None
    modified: datetime
    on_conflict: OnConflict = OnConflict.FAIL
    replaces: tuple[Ref, str] | None = None
    id: str | None = None
    convert: bool = False
    dated: bool = True


@dataclass(frozen=True, slots=True)
class UploadSession:
    """An upload under way, as a value. ``secret`` (address, provider ids) is a bearer capability: seal it at rest."""

    kind: str
    secret: bytes
    spec: NewFile
    expires: datetime | None = None

    def dump(self) -> bytes:
        """Bytes to be sealed; `load` reads them."""
        spec = self.spec
        return json.dumps(
            {
                "kind": self.kind,
                "secret": base64.b64encode(self.secret).decode(),
                "expires": self.expires and self.expires.isoformat(),
                "parent": str(spec.parent),
                "name": spec.name,
                "media_type": spec.media_type,
                "size": spec.size,
                "modified": spec.modified.isoformat(),
                "on_conflict": spec.on_conflict,
                "replaces": spec.replaces and [str(spec.replaces[0]), spec.replaces[1]],
                "id": spec.id,
                "convert": spec.convert,
                "dated": spec.dated,
            }
        ).encode()

    @classmethod
    def load(cls, raw: bytes) -> Self:
        """The session that `dump` wrote."""
        data = json.loads(raw)
        spec = NewFile(
            parent=Ref.parse(data["parent"]),
            name=data["name"],
            media_type=data["media_type"],
            size=data["size"],
            modified=datetime.fromisoformat(data["modified"]),
            on_conflict=OnConflict(data["on_conflict"]),
            replaces=(Ref.parse(data["replaces"][0]), data["replaces"][1]) if data["replaces"] else None,
            id=data["id"],
            convert=data.get("convert", False),
            dated=data.get("dated", True),
        )
        expires = datetime.fromisoformat(data["expires"]) if data["expires"] else None
        return cls(data["kind"], base64.b64decode(data["secret"]), spec, expires)


@dataclass(frozen=True, slots=True)
class Progress:
    """What the provider has: ``offset`` bytes, and the finished entry once it is ``done``."""

    offset: int
    done: Entry | None = None


class Read(Protocol):
    """An open download: iterate it once. ``length`` and ``total`` in bytes, None where unknown (exports)."""

    @property
    def start(self) -> int: ...
    @property
    def length(self) -> int | None: ...
    @property
    def total(self) -> int | None: ...
    @property
    def version(self) -> str: ...
    def __aiter__(self) -> AsyncIterator[bytes]:
        """Pieces of at most 256 KiB. Untrusted where fewer or more bytes come than were promised."""
        ...


class Source(Protocol):
    """The verbs that change nothing."""

    @property
    def traits(self) -> Traits: ...
    async def root(self) -> Ref:
        """The account's top folder."""
        ...

    async def stat(self, ref: Ref) -> Entry:
        """The item now. NotFound."""
        ...

    async def children(self, ref: Ref, cursor: str | None = None) -> Page:
        """One page of a folder, trashed items left out. An error is raised, never an empty page."""
        ...

    def read(
        self,
        ref: Ref,
        start: int = 0,
        stop: int | None = None,
        *,
        version: str | None = None,
        export: str | None = None,
    ) -> AbstractAsyncContextManager[Read]:
        """Bytes start..stop (stop exclusive; None: to the end). Changed where ``version`` is given and not current,
        unless it is an older one that the drive still keeps (`HasVersions`).

        A ``start`` beyond the end raises ValueError; ``export`` names an ExportChoice of a document.
        """
        ...


class Drive(Source, Protocol):
    """All verbs. What writes takes the version it is meant for, where it meets something that exists."""

    async def make_folder(self, parent: Ref, name: str, on_conflict: OnConflict = OnConflict.FAIL) -> Entry:
        """A folder. NameTaken under FAIL on drives with unique names; REPLACE gives back the folder that is there."""
        ...

    async def begin(self, new: NewFile) -> UploadSession:
        """A session for one file; no request where a single PUT will do. SizeRequired, TooLarge, NameRefused."""
        ...

    async def progress(self, session: UploadSession) -> Progress:
        """What has arrived, asked of the provider. Finds a success whose answer was lost. SessionLost."""
        ...

    async def send(
        self, session: UploadSession, offset: int, data: AsyncIterator[bytes], length: int, *, last: bool
    ) -> Progress:
        """One piece of ``length`` bytes at ``offset``. The answer's offset rules: not all of it may have landed."""
        ...

    async def abort(self, session: UploadSession) -> None:
        """Give the session up. Gone already is fine."""
        ...

    async def relocate(self, ref: Ref, parent: Ref | None, name: str | None, *, version: str | None = None) -> Entry:
        """Move and/or rename inside this drive; None leaves as is. NameTaken, Changed, NotFound."""
        ...

    async def trash(self, ref: Ref, *, version: str | None = None) -> None:
        """To the drive's trash. Trashed already is fine. Changed where ``version`` is given and not current."""
        ...

    async def delete(self, ref: Ref, *, version: str | None = None) -> None:
        """For good, with everything below. Gone already is fine."""
        ...


@dataclass(frozen=True, slots=True)
class Instruction:
    """On whose word something is written or sent: no write to a drive happens without one."""

    id: str
    principal: str
    policy_version: str
