"""Brings an origin's bytes into one new file of a drive: a saved session, aligned pieces, a resumed offset, no twin.

The session is saved sealed before its first byte leaves. What has arrived is asked of the provider, never read from
our own row. When a session is lost, its file may exist all the same: it is looked for before another is begun.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

from gateway.jobs.model import Parked
from gateway.jobs.turn import Turn
from gateway.transfers.access import Unverified, everything_in, throttled
from gateway.transfers.contents import same_contents
from gateway.transfers.origin import Origin
from gateway.transfers.tap import Tap
from gateway.transfers.verify import Verdict, verify, verify_converted
from providers.drive import Drive, Entry, Kind, NewFile, OnConflict, Progress, Traits, UploadSession
from providers.errors import Changed, DriveError, NameTaken, NotFound, Offline, SessionLost, Untrusted

_STRIKES: Final = 3
"""Troubles in a row without progress, and sessions lost in one attempt, before the queue tries again later."""
_PAUSE: Final = 0.25
_LONG: Final = 60.0
"""Seconds of rest up to which a file half sent keeps its place: giving it back means hashing it from the start."""
_MAY_BE_OURS: Final = (Verdict.EQUAL, Verdict.ALTERED, Verdict.CONVERTED)
_PIECE: Final = 60 * 1024 * 1024


def piece_length(traits: Traits, left: int) -> int:
    """Bytes of the next piece: all that is left where the drive takes it, else the largest aligned piece."""
    if traits.max_piece is None:
        return left
    most = min(traits.max_piece, _PIECE)
    return min(left, max(most // traits.alignment, 1) * traits.alignment)


class Delivery:
    """One file on its way to ``drive``. ``turn.work`` keeps the session under 'session'."""

    def __init__(self, drive: Drive, lane: str, origin: Origin, turn: Turn) -> None:
        self._drive = drive
        self._lane = lane
        self._origin = origin
        self._turn = turn
        self._stated = origin.known.get(drive.traits.hash)
        self._renewals = 0
        self._tap = Tap(origin, None if self._stated else drive.traits.hash, turn.advance)

    async def run(self, new: NewFile) -> tuple[Verdict, Entry]:
        """The finished, verified file. NameTaken, SessionLost and other DriveErrors; Unverified; Parked; Fenced."""
        async with self._tap:
            entry = await self._send_all(new)
            verdict, entry = await self._verified(entry, new)
        if verdict is Verdict.DIFFERENT:
            await self._take_away(entry, new)
            raise Unverified
        if verdict is Verdict.ALTERED and await self._holds_the_same(entry, new.media_type):
            verdict = Verdict.ALTERED_EQUAL
        return verdict, entry

    async def proves(self, there: Entry, new: NewFile) -> bool:
        """Whether a file that is there holds exactly the origin's bytes: those are read, and nothing is sent."""
        async with self._tap:
            verdict, _ = await self._verified(there, new)
        return verdict is Verdict.EQUAL

    async def _send_all(self, new: NewFile) -> Entry:
        saved, strikes = self._saved(), 0
        session, progress = await self._resumed(saved, new) if saved else (await self._begin(new), Progress(0))
        while progress.done is None:
            before, trouble = progress.offset, None
            try:
                progress = await self._piece(session, before)
            except NameTaken:
                return await self._ours_or_taken(session.spec)
            except Parked as parked:
                await self._wait(parked, before)
                session, progress = await self._resumed(session, new)
                continue
            except (Offline, Untrusted, SessionLost) as error:
                trouble = error
                await asyncio.sleep(_PAUSE * 2**strikes)
                session, progress = await self._resumed(session, new)
            strikes = strikes + 1 if progress.done is None and progress.offset <= before else 0
            if strikes > _STRIKES:
                raise trouble or Untrusted("nothing of what was sent has arrived")
        return progress.done

    async def _resumed(self, session: UploadSession, new: NewFile) -> tuple[UploadSession, Progress]:
        """What the provider has of it; where it has forgotten the session, its finished file or a new session."""
        try:
            with throttled(self._lane):
                return session, await self._drive.progress(session)
        except SessionLost:
            return await self._renew(session, new)

    async def _wait(self, parked: Parked, offset: int) -> None:
        """Wait here where much would be lost by giving the item back, and the provider does not ask for long."""
        if offset == 0 or (parked.seconds or _LONG) > _LONG:
            raise parked
        await self._turn.rest(parked.lane, parked.seconds)

    async def _piece(self, session: UploadSession, offset: int) -> Progress:
        left = self._origin.size - offset
        length = piece_length(self._drive.traits, left)
        await self._tap.prepare(offset)
        try:
            with throttled(self._lane):
                progress = await self._drive.send(session, offset, self._tap.take(length), length, last=length == left)
        except Exception:
            if self._tap.trouble is not None:
                raise self._tap.trouble from None
            raise
        self._turn.advance(min(progress.offset, self._origin.size))
        return progress

    def _saved(self) -> UploadSession | None:
        text = self._turn.work.get("session")
        return UploadSession.load(text.encode()) if text else None

    async def _begin(self, new: NewFile) -> UploadSession:
        with throttled(self._lane):
            session = await self._drive.begin(new)
        try:
            await self._keep(session)
        except Exception:  # nobody will know of it: whoever goes on begins another one
            with suppress(DriveError):
                await self._drive.abort(session)
            raise
        return session

    async def _keep(self, session: UploadSession | None) -> None:
        work: dict[str, Any] = {name: value for name, value in self._turn.work.items() if name != "session"}
        if session is not None:
            work["session"] = session.dump().decode()
        await self._turn.save(work)

    async def _renew(self, lost: UploadSession, new: NewFile) -> tuple[UploadSession, Progress]:
        """After a lost session: its finished file if there is one, else a fresh session, a few times at most."""
        if (twin := await self._twin(lost.spec)) is not None:
            return lost, Progress(self._origin.size, twin)
        self._renewals += 1
        if self._renewals > _STRIKES:
            raise SessionLost
        self._turn.done = 0
        return await self._begin(new), Progress(0)

    async def _ours_or_taken(self, spec: NewFile) -> Entry:
        """The name is taken: by our own file whose answer was lost, or by somebody else's. NameTaken."""
        twin = await self._twin(spec)
        if twin is None:
            raise NameTaken
        return twin

    async def _twin(self, spec: NewFile) -> Entry | None:
        """A file of this name with these bytes in the destination folder, and with the time that ours was given."""
        with throttled(self._lane):
            found, _ = await everything_in(self._drive, spec.parent, lambda one: one.name == spec.name)
        for entry in found:
            if not self._may_be(entry, spec):
                continue
            verdict, entry = await self._verified(entry, spec)
            if verdict in _MAY_BE_OURS and (_same_time(entry, spec) or not self._origin.size):
                return entry
        return None

    def _may_be(self, entry: Entry, spec: NewFile) -> bool:
        if spec.convert:
            return entry.kind is Kind.DOCUMENT and _same_time(entry, spec)
        altered = bool(self._drive.traits.rewrites & {entry.media_type, spec.media_type}) and _same_time(entry, spec)
        return entry.kind is Kind.FILE and (entry.size == self._origin.size or altered)

    async def _verified(self, entry: Entry, spec: NewFile) -> tuple[Verdict, Entry]:
        try:
            return await self._compared(entry, spec)
        except (Changed, NotFound) as gone:
            await self._keep(None)
            raise Unverified from gone

    async def _compared(self, entry: Entry, spec: NewFile) -> tuple[Verdict, Entry]:
        """NotFound also for what is in the trash: a finished session still names it, and it has not arrived."""
        if "trashed" in entry.flags:
            raise NotFound
        if spec.convert:
            with throttled(self._lane):
                return await verify_converted(self._drive, entry)
        await self._tap.prepare(self._origin.size)
        expected = self._stated or self._tap.digest()
        assert expected is not None
        with throttled(self._lane):
            return await verify(self._drive, entry, self._origin.size, expected, spec.media_type)

    async def _holds_the_same(self, entry: Entry, media_type: str) -> bool:
        """Read once more; a side that cannot be read leaves it unknown, and is no reason to send again."""
        try:
            with throttled(self._lane):
                return await same_contents(self._drive, entry, self._origin, media_type)
        except DriveError:
            return False

    async def _take_away(self, entry: Entry, new: NewFile) -> None:
        """Our own broken copy, never anything else: it is only there because we just made it.

        Where it took the place of a file, that file's older versions hang on it, so it stays for the next attempt.
        """
        if new.on_conflict is not OnConflict.REPLACE:
            await self._turn.hold()
            with throttled(self._lane), suppress(Changed):  # changed: somebody works on it already
                await self._drive.trash(entry.ref, version=entry.version)
        self._turn.done = 0
        await self._keep(None)


class Delivering:
    """Deliveries of one origin, one for each name that is tried."""

    def __init__(self, drive: Drive, origin: Origin, turn: Turn) -> None:
        self._make = partial(Delivery, drive, turn.item.lane, origin, turn)

    async def run(self, new: NewFile) -> tuple[Verdict, Entry]:
        """See `Delivery.run`."""
        return await self._make().run(new)

    def proves(self, new: NewFile) -> Callable[[Entry], Awaitable[bool]]:
        """See `Delivery.proves`."""

        async def proven(there: Entry) -> bool:
            return await self._make().proves(there, new)

        return proven


def _same_time(entry: Entry, spec: NewFile) -> bool:
    return abs((entry.modified - spec.modified).total_seconds()) <= 1
