"""Brings an origin's bytes into one new file of a drive: a saved session, aligned pieces, a resumed offset, no twin.

The session is saved sealed before its first byte leaves. What has arrived is asked of the provider, never read from
our own row. When a session is lost, its file may exist all the same: it is looked for before another is begun.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, Final

from gateway.jobs.model import Parked
from gateway.jobs.turn import Turn
from gateway.transfers.access import Unverified, everything_in, throttled
from gateway.transfers.origin import Origin
from gateway.transfers.tap import Tap
from gateway.transfers.verify import Verdict, verify
from providers.drive import Drive, Entry, Kind, NewFile, Progress, Traits, UploadSession
from providers.errors import Changed, DriveError, NameTaken, NotFound, Offline, SessionLost, Untrusted

_STRIKES: Final = 3
_LONG: Final = 60.0
"""Seconds of rest up to which a file half sent keeps its place: giving it back means hashing it from the start."""
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
        self._tap = Tap(origin, None if self._stated else drive.traits.hash, turn.advance)

    async def run(self, new: NewFile) -> tuple[Verdict, Entry]:
        """The finished, verified file. NameTaken, SessionLost and other DriveErrors; Unverified; Parked; Fenced."""
        async with self._tap:
            entry = await self._send_all(new)
            await self._tap.prepare(self._origin.size)
            verdict, entry = await self._verified(entry)
        if verdict is Verdict.DIFFERENT:
            await self._take_away(entry)
            raise Unverified
        return verdict, entry

    async def _send_all(self, new: NewFile) -> Entry:
        saved = self._saved()
        session = saved or await self._begin(new)
        try:
            progress = await self._where(session) if saved else Progress(0)
        except SessionLost:
            session, progress = await self._renew(new)
        strikes = 0
        while progress.done is None:
            before = progress.offset
            try:
                progress = await self._piece(session, progress.offset)
            except SessionLost:
                strikes = self._struck(strikes, SessionLost())
                session, progress = await self._renew(new)
            except (Offline, Untrusted) as error:
                strikes = self._struck(strikes, error)
                await asyncio.sleep(0.25 * 2**strikes)
                progress = await self._where(session)
            except Parked as parked:
                if before == 0 or (parked.seconds or _LONG) > _LONG:
                    raise
                await self._turn.rest(parked.lane, parked.seconds)
                progress = await self._where(session)
            except NameTaken:
                return await self._ours_or_taken(session.spec)
            strikes = 0 if progress.offset > before else strikes
        return progress.done

    def _struck(self, strikes: int, error: DriveError) -> int:
        """One more failure without progress; too many, and the queue tries again later."""
        if strikes + 1 > _STRIKES:
            raise error
        return strikes + 1

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
        if progress.done is None and length == left and progress.offset >= self._origin.size:
            progress = await self._where(session)
            if progress.done is None:
                raise Untrusted("everything was sent, but the drive has no file")
        self._turn.advance(min(progress.offset, self._origin.size))
        return progress

    async def _where(self, session: UploadSession) -> Progress:
        with throttled(self._lane):
            return await self._drive.progress(session)

    def _saved(self) -> UploadSession | None:
        text = self._turn.work.get("session")
        return UploadSession.load(text.encode()) if text else None

    async def _begin(self, new: NewFile) -> UploadSession:
        with throttled(self._lane):
            session = await self._drive.begin(new)
        await self._keep(session)
        return session

    async def _keep(self, session: UploadSession | None) -> None:
        work: dict[str, Any] = {name: value for name, value in self._turn.work.items() if name != "session"}
        if session is not None:
            work["session"] = session.dump().decode()
        await self._turn.save(work)

    async def _renew(self, new: NewFile) -> tuple[UploadSession, Progress]:
        """After a lost session: its finished file if there is one, else a fresh session from the beginning."""
        saved = self._saved()
        if saved is not None and (twin := await self._twin(saved.spec)) is not None:
            return saved, Progress(self._origin.size, twin)
        self._turn.done = 0
        session = await self._begin(new)
        return session, Progress(0)

    async def _ours_or_taken(self, spec: NewFile) -> Entry:
        """The name is taken: by our own file whose answer was lost, or by somebody else's. NameTaken."""
        twin = await self._twin(spec)
        if twin is None:
            raise NameTaken
        return twin

    async def _twin(self, spec: NewFile) -> Entry | None:
        """A file of this name with exactly these bytes in the destination folder."""
        with throttled(self._lane):
            found, _ = await everything_in(self._drive, spec.parent)
        for entry in found:
            if entry.name == spec.name and entry.kind is Kind.FILE and entry.size == self._origin.size:
                await self._tap.prepare(self._origin.size)
                verdict, entry = await self._verified(entry)
                if verdict is Verdict.EQUAL:
                    return entry
        return None

    async def _verified(self, entry: Entry) -> tuple[Verdict, Entry]:
        expected = self._stated or self._tap.digest()
        assert expected is not None
        try:
            with throttled(self._lane):
                return await verify(self._drive, entry, self._origin.size, expected)
        except (Changed, NotFound) as gone:
            await self._keep(None)
            raise Unverified from gone

    async def _take_away(self, entry: Entry) -> None:
        """Our own broken copy, never anything else: it is only there because we just made it."""
        with throttled(self._lane), suppress(Changed):  # changed: somebody works on it already
            await self._drive.trash(entry.ref, version=entry.version)
        self._turn.done = 0
        await self._keep(None)
