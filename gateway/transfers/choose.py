"""Chooses the names of what goes into one destination folder, apart from each other and from those chosen before."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from gateway.jobs.model import ItemState
from gateway.transfers.naming import MOST_NUMBERS, key, mapped, numbered
from gateway.transfers.plan import Found
from providers.drive import Traits
from providers.errors import NameRefused

Lookup = Callable[[Sequence[str]], Awaitable[set[str]]]
"""Which of these collision keys were chosen for the folder on earlier pages."""


class Names:
    """For one folder. ``rename``: a taken name may become a numbered one."""

    def __init__(self, lookup: Lookup, traits: Traits, *, rename: bool) -> None:
        self._lookup = lookup
        self._traits = traits
        self._rename = rename
        self._next: dict[str, int] = {}

    async def choose(self, found: Sequence[Found]) -> list[tuple[Found, str | None]]:
        """Each entry with its name; None where it needs none, because it has ended, perhaps for want of a name."""
        wanted = [_mapped(one, self._traits) for one in found]
        taken = await self._lookup([key(name, self._traits) for _, name in wanted if name is not None])
        chosen: list[tuple[Found, str | None]] = []
        for one, name in wanted:
            if name is None:
                chosen.append((one, None))
                continue
            free = await self._free(name, taken)
            if free is not None:
                taken.add(key(free, self._traits))
            chosen.append((one if free is not None else _failed(one, "name_taken"), free))
        return chosen

    async def _free(self, name: str, taken: set[str]) -> str | None:
        base = key(name, self._traits)
        if base not in taken:
            return name
        if not self._rename:
            return None
        for number in range(self._next.get(base, 2), MOST_NUMBERS):
            self._next[base] = number + 1
            candidate = numbered(name, number, self._traits)
            one = key(candidate, self._traits)
            if one not in taken and not await self._lookup([one]):
                return candidate
        return None


def _mapped(found: Found, traits: Traits) -> tuple[Found, str | None]:
    if found.state is not None:
        return found, None
    try:
        return found, mapped(found.wanted, traits)
    except NameRefused:
        return _failed(found, "name_refused"), None


def _failed(found: Found, reason: str) -> Found:
    return replace(found, state=ItemState.FAILED, reason=reason)
