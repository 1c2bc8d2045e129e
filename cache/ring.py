"""The live keys of one scope, as a request, a stream or a writer holds them.

Whoever holds a ring never learns a key: each use asks it anew. So a key that is destroyed stops working at once, and
one that follows another comes in under the hands of those who work with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from cache.epoch import Watch
from cache.errors import Shredded, Stale, StorageError, Suspended
from cache.failures import Failures
from cache.keys import Key
from cache.model import Scope


@dataclass(frozen=True, slots=True, repr=False)
class KeySet:
    """Keys by version, and which of them wraps and seals. Empty, and so false, where there are none.

    ``suspended``: versions that exist and are not among the keys, because they may not be used for now.
    """

    keys: Mapping[int, Key] = field(default_factory=dict)
    current: int = 0
    suspended: frozenset[int] = frozenset()

    def __bool__(self) -> bool:
        """Whether there is a key."""
        return bool(self.keys)

    @property
    def newest(self) -> int:
        """The highest version."""
        return max({*self.keys, *self.suspended})

    @property
    def key(self) -> Key:
        """The one that wraps and seals."""
        return self.keys[self.current]

    def without(self, suspended: frozenset[int]) -> KeySet:
        """Those that may be used."""
        kept = {version: key for version, key in self.keys.items() if version not in suspended}
        return replace(self, keys=kept, suspended=suspended & frozenset(self.keys)) if suspended else self


@dataclass(frozen=True, slots=True, repr=False)
class Known:
    """Keys of a scope that nobody watches: for whoever replaces them. Satisfies `fields.Keys`."""

    scope: Scope
    held: KeySet

    def current(self) -> Key:
        """See `fields.Keys`."""
        return self.held.key

    def version(self, version: int) -> Key | None:
        """See `fields.Keys`."""
        return self.held.keys.get(version)

    def live(self) -> Sequence[Key]:
        """See `fields.Keys`."""
        return list(self.held.keys.values())


_LOST: Mapping[type[StorageError], str] = {
    Shredded: "these keys were destroyed",
    Stale: "these keys must be looked up again",
    Suspended: "these keys may not be used for now",
}


class Ring:
    """Satisfies `fields.Keys`."""

    def __init__(self, scope: Scope, held: KeySet, watch: Watch, failures: Failures | None = None) -> None:
        """``held``: at least one key, be it suspended."""
        self.scope = scope
        self.outdated = False
        self._held = held
        self._why: type[StorageError] = Suspended
        self._watch = watch
        self._failures = failures

    @property
    def alive(self) -> bool:
        """False once the keys were destroyed, are all suspended, or have to be looked up again."""
        return bool(self._held)

    def current(self) -> Key:
        """The key that wraps and seals now. Shredded, Suspended, Unavailable."""
        held = self._usable()
        if held.current in held.suspended:
            raise Suspended(_LOST[Suspended])
        return held.key

    def version(self, version: int) -> Key | None:
        """An older key still in use, None where it is gone. Shredded, Suspended, Unavailable: also for one not known
        here yet.
        """
        held = self._usable()
        if version in held.suspended:
            raise Suspended(_LOST[Suspended])
        if version > held.newest:
            self.outdated = True
            self._watch.hurry()
            raise Stale("a newer key is in use than this process knows")
        return held.keys.get(version)

    def live(self) -> Sequence[Key]:
        """All keys in use, the current one first. Shredded, Suspended, Unavailable."""
        held = self._usable()
        return [self.current(), *(key for version, key in held.keys.items() if version != held.current)]

    def replace(self, held: KeySet) -> None:
        """The scope has these keys now."""
        self._held, self._why, self.outdated = held, Suspended, False

    def forget(self, why: type[StorageError] = Shredded) -> None:
        """Let go of the key bytes; whoever still asks for them gets ``why``."""
        self._held, self._why = KeySet(), why

    def lost(self) -> StorageError:
        """Why there is no key here."""
        return self._why(_LOST[self._why])

    def failed(self, thing: str) -> None:
        """A tag of ``thing`` did not fit under these keys."""
        if self._failures is not None:
            self._failures.note(self.scope, thing)

    def _usable(self) -> KeySet:
        if not self._held:
            raise self.lost()
        if not self._watch.current:
            raise Stale("it is not known whether these keys were destroyed")
        return self._held
