"""Fills: one download of a file into the vault, which any number of its owner's readers follow at their own pace.

The fill runs at the drive's speed and never waits for a reader, so a slow or vanished reader harms nobody. A fill
that nobody has followed for a while is given up. Readers get plaintext only of segments that are sealed and on disk.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Set
from dataclasses import dataclass, field

from cache.vault import Life, Scope, Vault, Writer
from providers.drive import Ref, Source
from providers.errors import Untrusted

ABANDONED_AFTER = 30.0
"""Seconds without a reader after which a fill is given up."""
NEAR = 8 * 1024 * 1024
"""A reader that starts no further ahead of the fill than this waits for it; others go straight to the drive."""

Store = Callable[[Writer], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a fill fetches: an item of a drive in one version and format; ``size`` in bytes where it is known."""

    source: Source
    ref: Ref
    version: str
    export: str | None
    size: int | None = None
    drive: str = ""

    def among(self, drive: str | None, names: Set[tuple[str, str]] | None) -> bool:
        """Whether it is one of these items; None: of any drive, any item."""
        return drive in (None, self.drive) and (names is None or (self.ref.space, self.ref.id) in names)


@dataclass(slots=True, eq=False)
class Fill:
    """One running fill. ``whole``: every byte came; ``done`` is set at its end, good or bad; ``stored`` says which."""

    wanted: Wanted
    scope: Scope
    ends: int
    store: Store
    writer: Writer | None = None
    whole: bool = False
    stored: bool = False
    started: asyncio.Event = field(default_factory=asyncio.Event)
    done: asyncio.Event = field(default_factory=asyncio.Event)
    error: BaseException | None = None
    _readers: int = 0
    _last_read: float = field(default_factory=time.monotonic)
    task: asyncio.Task[None] | None = None

    @property
    def written(self) -> int:
        """Bytes that came from the drive so far."""
        return self.writer.written if self.writer is not None else 0

    def near(self, start: int) -> bool:
        """Whether a reader from ``start`` should wait for this fill."""
        return start - self.written <= NEAR

    @property
    def abandoned(self) -> bool:
        """Whether nobody has followed for `ABANDONED_AFTER` seconds."""
        return self._readers == 0 and time.monotonic() - self._last_read > ABANDONED_AFTER

    async def run(self, vault: Vault) -> None:
        """Fetch, seal, store. Ends quietly on any error, which readers find in ``error``: they go on without it."""
        try:
            async with vault.put(self.scope, Life.CACHE, self.ends) as writer:
                self.writer = writer
                self.started.set()
                if await self._fetch(writer):
                    self.whole = True
                    await writer.finish()
                    await self.store(writer)
                    self.stored = True
        except Exception as error:  # noqa: BLE001  # a dead grant or a bug too: nobody else would fetch it
            self.error = error
        finally:
            self.started.set()
            self.done.set()

    async def _fetch(self, writer: Writer) -> bool:
        """Always whole, from the first byte: then the drive compares it with the hash it states, before its end."""
        wanted = self.wanted
        async with wanted.source.read(wanted.ref, 0, None, version=wanted.version, export=wanted.export) as read:
            async for chunk in read:
                await writer.write(chunk)
                if self.abandoned:
                    return False
        if wanted.size is not None and writer.written != wanted.size:
            raise Untrusted("not the size that was stated", reason="length")
        return True

    async def follow(self, start: int, stop: int | None) -> AsyncIterator[bytes]:
        """Plaintext from ``start`` as it becomes available. StorageError, OSError where the fill fails midway."""
        self._readers += 1
        try:
            await self.started.wait()
            if self.writer is None:
                return
            async for chunk in self.writer.follow(start, stop):
                self._last_read = time.monotonic()
                yield chunk
        finally:
            self._readers -= 1
            self._last_read = time.monotonic()


FillKey = tuple[str, bytes]
"""Whose fill it is, and the keyed hash of account, item, version and format: copies are never shared between people."""


class Fills:
    """The fills that run in this process, at most one for a key and ``most`` at a time."""

    def __init__(self, vault: Vault, most: int = 32) -> None:
        self._vault = vault
        self._most = most
        self._running: dict[FillKey, Fill] = {}

    def running(self, key: FillKey) -> Fill | None:
        """The fill of this key, if one runs."""
        return self._running.get(key)

    def begin(self, key: FillKey, fill: Fill) -> Fill | None:
        """Start ``fill`` unless one of this key runs already, which is given back. None where too many run."""
        if key in self._running:
            return self._running[key]
        if len(self._running) >= self._most:
            return None
        self._running[key] = fill
        fill.task = asyncio.create_task(fill.run(self._vault), name="fill")
        fill.task.add_done_callback(lambda _: self._running.pop(key, None))
        return fill

    async def stop(
        self, person: str | None = None, drive: str | None = None, names: Set[tuple[str, str]] | None = None
    ) -> None:
        """Cancel the fills of one person, or all: nothing of them is kept. ``drive``, ``names``: of these items only.

        A name is an item's space and id.
        """
        stopped = [
            fill.task
            for (owner, _), fill in list(self._running.items())
            if person in (None, owner) and fill.task and fill.wanted.among(drive, names)
        ]
        for task in stopped:
            task.cancel()
        await asyncio.gather(*stopped, return_exceptions=True)
