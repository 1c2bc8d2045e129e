"""A drive on the worst of days: random trouble, seeded, under the retry loop that a caller of a drive owes it.

`Chaos` is a `Drive`; `storms` adds the optional verbs. Inside, before or after each call of the real one, something
breaks as it does in the world:

  before   Offline or Busy instead of the call: nothing was done
  lost     the call is done, its answer never comes (Offline)
  midway   the source of a piece, or a download, breaks off between two chunks (Offline)

Outside, it does what `providers.drive` asks of callers: what is retryable is called again; an upload asks the provider
how far it is and goes on there; a download goes on at its next byte, in the same version; a lost session is not tried
again. So a suite that runs through it must see nothing of the trouble. make_folder loses its answer under REPLACE only:
under FAIL and RENAME nothing tells a caller's own folder from somebody else's. A copy under no id made beforehand may
be made twice, so its answer is not lost.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar

from providers.drive import Drive, Entry, NewFile, OnConflict, Page, Progress, Read, Ref, Traits, UploadSession
from providers.errors import Busy, DriveError, Offline, SessionLost

Done = TypeVar("Done")

IN_A_ROW = 2
"""So many faults of one call, then it goes well: trouble that lasts is another test's matter."""
TRIES = 8
"""How often a caller tries; more than faults in a row, before, midway and lost."""
CALM = Counter(dict.fromkeys(("before", "lost", "midway"), IN_A_ROW))
"""Nothing strikes the last try: what it ends with is the drive's own word."""


class Weather:
    """When something breaks. ``struck`` counts the faults by kind; ``rate`` of calls are hit."""

    def __init__(self, seed: str, rate: float = 0.3) -> None:
        self._random = Random(seed)  # must repeat, guards nothing
        self._rate = rate
        self.struck: Counter[str] = Counter()

    def strikes(self, kind: str, row: Counter[str]) -> bool:
        """Whether it is hit now. ``row`` counts what has hit this call already."""
        if row[kind] >= IN_A_ROW or self._random.random() >= self._rate:
            return False
        row[kind] += 1
        self.struck[kind] += 1
        return True

    def trouble(self) -> DriveError:
        """Where nothing was done."""
        return self._random.choice([Offline("no answer"), Busy("not now", retry_after=0)])

    def share(self, length: int) -> int:
        """How many bytes pass before it breaks."""
        return self._random.randrange(length + 1)


class Replay:
    """A caller's bytes of one piece, kept so that they can be sent again."""

    def __init__(self, data: AsyncIterator[bytes]) -> None:
        self._data = data
        self._kept = bytearray()

    async def rest(self, start: int, breaks: int | None) -> AsyncGenerator[bytes]:
        """From ``start`` on. ``breaks``: after so many bytes it ends in Offline, None: never."""
        sent = 0
        async for chunk in self._chunks(start):
            if breaks is not None and sent + len(chunk) > breaks:
                yield chunk[: breaks - sent]
                raise Offline("the source broke off")
            yield chunk
            sent += len(chunk)

    async def _chunks(self, start: int) -> AsyncGenerator[bytes]:
        if start < len(self._kept):
            yield bytes(self._kept[start:])
        async for chunk in self._data:
            skip = max(start - len(self._kept), 0)
            self._kept += chunk
            if chunk[skip:]:
                yield chunk[skip:]


@dataclass(frozen=True, slots=True)
class Mended:
    """A download that its reader sees as one; a `providers.drive.Read`."""

    start: int
    length: int | None
    total: int | None
    version: str
    body: AsyncIterator[bytes]

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self.body


class Chaos:
    """The drive in that weather. See the module."""

    def __init__(self, inner: Drive, weather: Weather) -> None:
        self._inner = inner
        self._has: Any = inner  # for the optional verbs of subclasses
        self._weather = weather

    @property
    def traits(self) -> Traits:
        return self._inner.traits

    async def root(self) -> Ref:
        return await self.over(self._inner.root)

    async def stat(self, ref: Ref) -> Entry:
        return await self.over(lambda: self._inner.stat(ref))

    async def children(self, ref: Ref, cursor: str | None = None) -> Page:
        return await self.over(lambda: self._inner.children(ref, cursor))

    async def make_folder(self, parent: Ref, name: str, on_conflict: OnConflict = OnConflict.FAIL) -> Entry:
        known = on_conflict is OnConflict.REPLACE
        return await self.over(lambda: self._inner.make_folder(parent, name, on_conflict), loses=known)

    async def begin(self, new: NewFile) -> UploadSession:
        return await self.over(lambda: self._inner.begin(new))

    async def progress(self, session: UploadSession) -> Progress:
        return await self.over(lambda: self._inner.progress(session))

    async def abort(self, session: UploadSession) -> None:
        await self.over(lambda: self._inner.abort(session))

    async def relocate(self, ref: Ref, parent: Ref | None, name: str | None, *, version: str | None = None) -> Entry:
        return await self.over(lambda: self._inner.relocate(ref, parent, name, version=version))

    async def trash(self, ref: Ref, *, version: str | None = None) -> None:
        await self.over(lambda: self._inner.trash(ref, version=version))

    async def delete(self, ref: Ref, *, version: str | None = None) -> None:
        await self.over(lambda: self._inner.delete(ref, version=version))

    async def send(
        self, session: UploadSession, offset: int, data: AsyncIterator[bytes], length: int, *, last: bool
    ) -> Progress:
        """A piece, taken up where the provider says that it is."""
        replay, row, at, end = Replay(data), Counter[str](), offset, offset + length
        for left in reversed(range(TRIES)):
            try:
                return await self._sent(session, replay, offset, at, end, last, row if left else CALM)
            except DriveError as error:
                if not _again(error, left):
                    raise
            there = await self.progress(session)
            if there.done is not None or there.offset < offset or (there.offset >= end and not last):
                return there
            at = there.offset
        raise AssertionError("the last try returns or raises")

    async def _sent(
        self, session: UploadSession, replay: Replay, offset: int, at: int, end: int, last: bool, row: Counter[str]
    ) -> Progress:
        if self._weather.strikes("before", row):
            raise self._weather.trouble()
        breaks = self._weather.share(end - at - 1) if end > at and self._weather.strikes("midway", row) else None
        async with aclosing(replay.rest(at - offset, breaks)) as data:
            progress = await self._inner.send(session, at, data, end - at, last=last)
        if self._weather.strikes("lost", row):
            raise Offline("the answer was lost")
        return progress

    @asynccontextmanager
    async def read(
        self,
        ref: Ref,
        start: int = 0,
        stop: int | None = None,
        *,
        version: str | None = None,
        export: str | None = None,
    ) -> AsyncGenerator[Read]:
        """A download, taken up at its next byte and in its version."""
        async with AsyncExitStack() as stack:

            async def opened(at: int, which: str | None) -> Read:
                fresh = self._inner.read(ref, at, stop, version=which, export=export)
                return await self.over(lambda: stack.enter_async_context(fresh), loses=False)

            first = await opened(start, version)
            async with aclosing(self._mended(first, stack, opened)) as body:
                yield Mended(first.start, first.length, first.total, first.version, body)

    async def _mended(
        self, read: Read, stack: AsyncExitStack, opened: Callable[[int, str | None], Awaitable[Read]]
    ) -> AsyncGenerator[bytes]:
        at, version, row = read.start, read.version, Counter[str]()
        for left in reversed(range(TRIES)):
            try:
                async for piece in read:
                    if self._weather.strikes("midway", row if left else CALM):
                        raise Offline("the download broke off")
                    at += len(piece)
                    yield piece
                return
            except DriveError as error:
                if not _again(error, left):
                    raise
            await stack.aclose()
            read = await opened(at, version)

    async def over(self, call: Callable[[], Awaitable[Done]], *, loses: bool = True) -> Done:
        """The call's result, in spite of everything. ``loses``: whether it can bear to be done twice."""
        row = Counter[str]()
        for left in reversed(range(TRIES)):
            try:
                if self._weather.strikes("before", row if left else CALM):
                    raise self._weather.trouble()
                done = await call()
                if loses and self._weather.strikes("lost", row if left else CALM):
                    raise Offline("the answer was lost")
            except DriveError as error:
                if not _again(error, left):
                    raise
                await asyncio.sleep(0)
            else:
                return done
        raise AssertionError("the last try returns or raises")


def _again(error: DriveError, left: int) -> bool:
    return error.retryable and not isinstance(error, SessionLost) and left > 0
