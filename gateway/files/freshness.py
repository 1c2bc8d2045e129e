"""What a drive said a moment ago: within ten seconds of having asked, opening a file asks nothing again.

Kept in memory only, for one person and account at a time, bounded, and let go of with either. An entry counts from the
moment *before* the drive was asked. A feed of changes that covers that moment and says nothing of the item lets it
count from the feed's own moment; one that names it ends it. Feeds do not tell everything (Graph says nothing of rights
in a library), so no entry lives on by feeds alone for longer than a minute. Nothing here is ever asked for by itself.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from cache.model import Scope
from providers.drive import Entry, Page, Ref

SECONDS: Final = 10.0
"""How long a word of a drive counts."""
LONGEST: Final = 60.0
"""How long it can count by what feeds do not say, from the moment the item itself was asked for."""
MOST: Final = 20_000
"""Entries that are remembered; the drive that was asked longest ago is forgotten first."""
MOST_OF_ONE: Final = 2_000
"""Entries of one drive."""

_Name = tuple[str, str]
_Known = OrderedDict[_Name, tuple[Entry, float, float]]
"""The entry, since when it counts, and when it was asked for itself."""


class Freshness:
    """What this process knows of all drives. ``clock`` in seconds, never going back."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, *, most: int = MOST, most_of_one: int = MOST_OF_ONE
    ) -> None:
        self._clock = clock
        self._most = most
        self._most_of_one = most_of_one
        self._drives: OrderedDict[tuple[Scope, str], _Known] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        """Entries that are remembered."""
        return self._count

    async def page(self, scope: Scope, drive: str, ask: Callable[[], Awaitable[Page]]) -> Page:
        """A page of the drive, as ``ask`` gets it; its entries are known from now on."""
        asked = self._clock()
        page = await ask()
        self.note(scope, drive, page.entries, asked)
        return page

    async def entry(self, scope: Scope, drive: str, ask: Callable[[], Awaitable[Entry]]) -> Entry:
        """An item of the drive, as ``ask`` gets it; known from now on."""
        asked = self._clock()
        entry = await ask()
        self.note(scope, drive, [entry], asked)
        return entry

    def now(self) -> float:
        """The moment to be told to `note` and `unchanged`: take it before the drive is asked."""
        return self._clock()

    def note(self, scope: Scope, drive: str, entries: Iterable[Entry], asked: float) -> None:
        """The drive was asked at ``asked`` and said this."""
        known = self._drives.setdefault((scope, drive), OrderedDict())
        self._drives.move_to_end((scope, drive))
        for entry in entries:
            name = _name(entry.ref)
            self._count += name not in known
            known[name] = (entry, asked, asked)
            known.move_to_end(name)
            if len(known) > self._most_of_one:
                known.popitem(last=False)
                self._count -= 1
        while self._count > self._most:
            self._drop(next(iter(self._drives)))

    def known(self, scope: Scope, drive: str, ref: Ref) -> Entry | None:
        """What the drive said of this very id within the last `SECONDS`, else None."""
        entry, asked, _ = self._drives.get((scope, drive), _NOTHING).get(_name(ref), (None, 0.0, 0.0))
        if entry is None or entry.ref != ref or self._clock() - asked >= SECONDS:
            return None
        return entry

    def changed(self, scope: Scope, drive: str, refs: Iterable[Ref]) -> None:
        """These items are no longer what they were."""
        known = self._drives.get((scope, drive), _NOTHING)
        for ref in refs:
            self._count -= known.pop(_name(ref), None) is not None

    def unchanged(self, scope: Scope, drive: str, space: str, since: float, asked: float) -> None:
        """Nothing else of this space changed between ``since`` and ``asked``: what was known then is known now."""
        latest = asked - LONGEST + SECONDS
        known = self._drives.get((scope, drive), _NOTHING)
        for name, (entry, at, first) in list(known.items()):
            if name[0] == space and since <= at < asked and first >= latest:
                known[name] = (entry, asked, first)
                known.move_to_end(name)

    def forget(self, person: str, drive: str | None = None) -> None:
        """Let go of one drive of a person, or of all."""
        for key in [key for key in self._drives if key[0].subject == person and drive in (None, key[1])]:
            self._drop(key)

    async def sweep(self) -> int:
        """Let go of what counts no longer; how many entries."""
        before, old = self._count, self._clock() - SECONDS
        for key, known in list(self._drives.items()):
            for name in [name for name, (_, asked, _) in known.items() if asked <= old]:
                del known[name]
                self._count -= 1
            if not known:
                self._drop(key)
        return before - self._count

    def _drop(self, key: tuple[Scope, str]) -> None:
        self._count -= len(self._drives.pop(key))


_NOTHING: Final[_Known] = OrderedDict()


def _name(ref: Ref) -> _Name:
    return ref.space, ref.id
