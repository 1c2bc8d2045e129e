"""The live keys of one scope, as a request, a stream or a writer holds them.

Whoever holds a ring never learns a key: each use asks it anew. So a key that is destroyed stops working at once, and
one that follows another comes in under the hands of those who work with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cache.epoch import Watch
from cache.errors import Shredded, Stale
from cache.keys import Key
from cache.model import Scope


@dataclass(frozen=True, slots=True, repr=False)
class KeySet:
    """Keys by version, and which of them wraps and seals. Empty, and so false, where there are none."""

    keys: Mapping[int, Key] = field(default_factory=dict)
    current: int = 0

    def __bool__(self) -> bool:
        """Whether there is a key."""
        return bool(self.keys)

    @property
    def newest(self) -> int:
        """The highest version."""
        return max(self.keys)

    @property
    def key(self) -> Key:
        """The one that wraps and seals."""
        return self.keys[self.current]


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


class Ring:
    """Satisfies `fields.Keys`."""

    def __init__(self, scope: Scope, held: KeySet, watch: Watch) -> None:
        """``held``: at least one key."""
        self.scope = scope
        self.outdated = False
        self._held = held
        self._watch = watch

    @property
    def alive(self) -> bool:
        """False once the keys were destroyed."""
        return bool(self._held)

    def current(self) -> Key:
        """The key that wraps and seals now. Shredded, Unavailable."""
        return self._usable().key

    def version(self, version: int) -> Key | None:
        """An older key still in use, None where it is gone. Shredded, Unavailable: also for one not known here yet."""
        held = self._usable()
        if version > held.newest:
            self.outdated = True
            self._watch.hurry()
            raise Stale("a newer key is in use than this process knows")
        return held.keys.get(version)

    def live(self) -> Sequence[Key]:
        """All keys in use, the current one first. Shredded, Unavailable."""
        held = self._usable()
        return [held.key, *(key for version, key in held.keys.items() if version != held.current)]

    def replace(self, held: KeySet) -> None:
        """The scope has these keys now."""
        self._held, self.outdated = held, False

    def forget(self) -> None:
        """Let go of the key bytes."""
        self._held = KeySet()

    def _usable(self) -> KeySet:
        if not self._held:
            raise Shredded("these keys were destroyed")
        if not self._watch.current:
            raise Stale("it is not known whether these keys were destroyed")
        return self._held
