"""A drive that writes nothing before the ledger knows on whose word: an entry is committed, then the request leaves.

The same interface as the drive it wraps. Reading passes through. What happened at the provider afterwards is told by
the job or the request, not here. Inside a bulk job one entry covers the making of all items: pass its `Cover`. What
changes or removes something that is there has an entry of its own in any case. What only some drives can do is added
by `gateway.ledger.optional`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from gateway.ledger.ledger import Cover, Event
from providers.drive import (
    Drive,
    Entry,
    Instruction,
    NewFile,
    OnConflict,
    Page,
    Progress,
    Read,
    Ref,
    Traits,
    UploadSession,
)

_COVERED: Final = frozenset({"drive.upload", "drive.upload_resumed", "drive.copy"})
"""What a cover stands for, unless it replaces something."""


class Recorder(Protocol):
    """Where entries go; `Ledger` is one."""

    async def record(self, school: str, event: Event) -> int: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Whose drive it is: random ids of ``school``, of the ``subject`` who owns it, of the connected ``account``."""

    school: str
    subject: str
    account: str


class Recorded:
    """A `Drive` under an instruction. Without an entry or a matching cover nothing leaves."""

    def __init__(
        self, drive: Drive, instruction: Instruction, ledger: Recorder, place: Place, cover: Cover | None = None
    ) -> None:
        """ValueError where the cover belongs to another instruction."""
        if cover is not None and cover.instruction != instruction:
            raise ValueError("this cover belongs to another instruction")
        self._drive = drive
        self._instruction = instruction
        self._ledger = ledger
        self._place = place
        self._cover = cover
        self._known: set[bytes] = set()

    @property
    def traits(self) -> Traits:
        """As the drive says."""
        return self._drive.traits

    async def root(self) -> Ref:
        """As the drive says."""
        return await self._drive.root()

    async def stat(self, ref: Ref) -> Entry:
        """As the drive says."""
        return await self._drive.stat(ref)

    async def children(self, ref: Ref, cursor: str | None = None) -> Page:
        """As the drive says."""
        return await self._drive.children(ref, cursor)

    def read(
        self,
        ref: Ref,
        start: int = 0,
        stop: int | None = None,
        *,
        version: str | None = None,
        export: str | None = None,
    ) -> AbstractAsyncContextManager[Read]:
        """As the drive says."""
        return self._drive.read(ref, start, stop, version=version, export=export)

    async def make_folder(self, parent: Ref, name: str, on_conflict: OnConflict = OnConflict.FAIL) -> Entry:
        """Recorded, then made."""
        await self._record("drive.make_folder", parent=str(parent), name=name)
        return await self._drive.make_folder(parent, name, on_conflict)

    async def begin(self, new: NewFile) -> UploadSession:
        """Recorded, then begun; the session's pieces are covered by this entry."""
        replaces = str(new.replaces[0]) if new.replaces else None
        told = {"name": new.name, "size": new.size, "replaces": replaces, "convert": new.convert or None}
        await self._record("drive.upload", parent=str(new.parent), **told)
        session = await self._drive.begin(new)
        self._known.add(session.secret)
        return session

    async def progress(self, session: UploadSession) -> Progress:
        """As the drive says."""
        return await self._drive.progress(session)

    async def send(
        self, session: UploadSession, offset: int, data: AsyncIterator[bytes], length: int, *, last: bool
    ) -> Progress:
        """A session that somebody else began is recorded once before its first piece leaves here."""
        if session.secret not in self._known:
            spec = session.spec
            replaces = str(spec.replaces[0]) if spec.replaces else None
            told = {"name": spec.name, "size": spec.size, "replaces": replaces}
            await self._record("drive.upload_resumed", parent=str(spec.parent), **told)
            self._known.add(session.secret)
        return await self._drive.send(session, offset, data, length, last=last)

    async def abort(self, session: UploadSession) -> None:
        """Not recorded: it takes back what was, and must work when the person's keys are gone."""
        await self._drive.abort(session)

    async def relocate(self, ref: Ref, parent: Ref | None, name: str | None, *, version: str | None = None) -> Entry:
        """Recorded, then moved or renamed."""
        await self._record("drive.relocate", item=str(ref), parent=parent and str(parent), name=name)
        return await self._drive.relocate(ref, parent, name, version=version)

    async def trash(self, ref: Ref, *, version: str | None = None) -> None:
        """Recorded, then trashed."""
        await self._record("drive.trash", item=str(ref))
        await self._drive.trash(ref, version=version)

    async def delete(self, ref: Ref, *, version: str | None = None) -> None:
        """Recorded, then deleted."""
        await self._record("drive.delete", item=str(ref))
        await self._drive.delete(ref, version=version)

    async def _record(self, action: str, **details: Any) -> None:
        if self._cover is not None and action in _COVERED and details.get("replaces") is None:
            return
        told = {"account": self._place.account, **{name: value for name, value in details.items() if value is not None}}
        word = self._instruction
        event = Event(action, word.principal, self._place.subject, word.id, word.policy_version, told)
        await self._ledger.record(self._place.school, event)
