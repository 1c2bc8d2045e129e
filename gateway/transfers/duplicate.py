"""Copies a file or a document inside one account: the drive copies, not a byte passes through here.

Nothing of ours marks such a copy everywhere, so the intended name is saved first, and only after it was seen to be
free: what has it at a later attempt is most likely the copy whose answer was lost. Verified by the drive's own hash
of both; a document has none, so one that was only found there is never a reason to remove the original, and a file that
was only found and is another one is somebody else's.
"""

from __future__ import annotations

from contextlib import suppress

from gateway.jobs.turn import Turn
from gateway.transfers.access import SourceChanged, Unverified, everything_in, throttled
from gateway.transfers.naming import key
from gateway.transfers.places import Places
from gateway.transfers.verify import Verdict, read_back, verify
from providers.drive import Drive, Entry, Kind, NewFile
from providers.errors import Changed, NameTaken, NotFound
from providers.verbs import CanCopy


class Duplicate:
    """One copy of ``source``. ``turn.work`` keeps its name under 'intended'."""

    def __init__(self, drive: Drive, copier: CanCopy, places: Places, turn: Turn, source: Entry) -> None:
        self._drive = drive
        self._copier = copier
        self._places = places
        self._turn = turn
        self._source = source

    async def run(self, new: NewFile) -> tuple[Verdict, Entry]:
        """The finished, verified copy. NameTaken and other DriveErrors; SourceChanged; Unverified; Parked."""
        repeated = self._turn.work.get("intended") == new.name
        found = await self._twin(new) if repeated else None
        made, ours = (found, False) if found is not None else await self._made(new, repeated=repeated)
        self._places.note(self._turn, new.parent, made, self._drive)
        verdict, made = await self._verified(made, ours=ours)
        if verdict is Verdict.DIFFERENT and not ours:
            raise NameTaken(reason="taken")
        if verdict is Verdict.DIFFERENT:
            await self._take_away(made)
            raise Unverified
        return verdict, made

    async def _made(self, new: NewFile, *, repeated: bool) -> tuple[Entry, bool]:
        """The copy, and whether the drive has just said that it made it."""
        with throttled(self._turn.item.lane):
            await self._see(new, repeated=repeated)
        await self._turn.save({**self._turn.work, "intended": new.name})
        try:
            with throttled(self._turn.item.lane):
                return await self._copier.copy(self._source.ref, new.parent, new.name), True
        except NameTaken:
            if repeated and (twin := await self._twin(new)) is not None:  # it came into being only after the look
                return twin, False
            raise

    async def _see(self, new: NewFile, *, repeated: bool) -> None:
        """The name is free, where the drive itself would not refuse it; a document is still what was planned."""
        if not (repeated or self._drive.traits.unique_names):
            taken = await self._places.taken(self._drive, self._turn, new.parent)
            if key(new.name, self._drive.traits) in taken:
                raise NameTaken(reason="taken")
        if self._source.kind is Kind.DOCUMENT and (await self._now()).version != self._source.version:
            raise SourceChanged

    async def _twin(self, new: NewFile) -> Entry | None:
        """What came of an earlier attempt under this name."""
        with throttled(self._turn.item.lane):
            found, _ = await everything_in(self._drive, new.parent, lambda one: one.name == new.name)
        same = (one for one in found if one.kind is self._source.kind)
        return next((one for one in same if one.size == self._source.size and one.ref.id != self._source.ref.id), None)

    async def _verified(self, made: Entry, *, ours: bool) -> tuple[Verdict, Entry]:
        source = self._source
        if source.kind is Kind.DOCUMENT:  # it has no bytes: that the drive made one of the same kind is all there is
            same = made.kind is Kind.DOCUMENT and made.media_type == source.media_type
            return (Verdict.EQUAL if ours else Verdict.LIKELY) if same else Verdict.DIFFERENT, made
        try:
            with throttled(self._turn.item.lane):
                expected = source.hashes.get(self._drive.traits.hash)
                if expected is None:
                    expected = await read_back(self._drive, source)
                verdict, made = await verify(self._drive, made, source.size or 0, expected, source.media_type)
                changed = verdict is not Verdict.EQUAL and (await self._now()).version != source.version
        except (Changed, NotFound) as gone:
            raise Unverified from gone
        if changed and ours:
            await self._take_away(made)
            raise SourceChanged
        return verdict, made

    async def _now(self) -> Entry:
        return await self._drive.stat(self._source.ref)

    async def _take_away(self, made: Entry) -> None:
        """The copy that we just made and nobody worked on since."""
        await self._turn.hold()
        with throttled(self._turn.item.lane), suppress(Changed):
            await self._drive.trash(made.ref, version=made.version)
        self._places.forget(self._turn, await self._places.parent(self._turn))
        await self._turn.save({name: value for name, value in self._turn.work.items() if name != "intended"})
