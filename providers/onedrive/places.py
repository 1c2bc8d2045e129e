"""What one account's drives are like: their kind, how deep their folders lie, and which names go there.

Graph tells both beside every item, so nothing is asked for twice. A path is measured before anything is sent; what is
remembered of it may be out of date, so nobody is refused on memory alone.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import unquote

from providers.drive import Ref, Traits
from providers.errors import NameRefused
from providers.names import check, check_path
from providers.onedrive import traits

MOST: Final = 4096
"""So many folders' paths are remembered."""

_UNSURE: Final = frozenset("#%")
"""Some schools' libraries still refuse these; that shows only when one does."""


class Places:
    """The drives of one account. ``look`` asks for a folder anew, which ends in `learn`."""

    def __init__(self, look: Callable[[Ref], Awaitable[object]]) -> None:
        self._look = look
        self._kinds: dict[str, str] = {}
        self._strict: set[str] = set()
        self._paths: OrderedDict[Ref, str] = OrderedDict()

    def learn(self, data: Mapping[str, Any], ref: Ref) -> None:
        """Takes from an item's JSON what it tells about its drive, and about its own path where it is a folder."""
        parent = data.get("parentReference")
        if not isinstance(parent, Mapping):
            return
        if isinstance(parent.get("driveType"), str):
            self._kinds[ref.space] = parent["driveType"]
        if "root" in data:
            self._remember(ref, "")
        elif isinstance(data.get("folder"), Mapping) and isinstance(parent.get("path"), str):
            above = unquote(parent["path"].partition("root:")[2]).strip("/")
            self._remember(ref, f"{above}/{data['name']}".strip("/"))

    def forget(self) -> None:
        """A folder was moved or renamed: every path may be another one."""
        self._paths.clear()

    def kind(self, space: str) -> str | None:
        """personal, business or documentLibrary; None before anything of this drive was seen."""
        return self._kinds.get(space)

    def traits(self, space: str) -> Traits:
        """What this drive allows. Before anything is known, the rules that hold everywhere."""
        return traits.of(self._kinds.get(space), strict=space in self._strict)

    @asynccontextmanager
    async def naming(self, parent: Ref, name: str) -> AsyncGenerator[None]:
        """Something is given this name in a folder. NameRefused before it is sent, or as soon as Graph refuses it.

        Where the name holds a character that only some schools forbid, the drive's traits forbid it from then on.
        """
        check(name, self.traits(parent.space))
        await self._check_path(parent, name)
        try:
            yield
        except NameRefused as refused:
            if refused.reason == "pathIsTooLong":
                raise NameRefused("the path is too long", reason="path_too_long") from None
            if _UNSURE.isdisjoint(name):
                raise
            self._strict.add(parent.space)
            raise NameRefused("this school forbids a character", reason="forbidden_character") from None

    async def _check_path(self, parent: Ref, name: str) -> None:
        known = self._paths.get(parent)
        try:
            if known is not None:
                self._check(parent, known, name)
                return
        except NameRefused:
            pass
        await self._look(parent)
        fresh = self._paths.get(parent)
        if fresh is not None:
            self._check(parent, fresh, name)

    def _check(self, parent: Ref, path: str, name: str) -> None:
        check_path([path, name] if path else [name], self.traits(parent.space))
        if not path and name.lower() in traits.RESERVED_AT_TOP and self.kind(parent.space) != traits.PERSONAL:
            raise NameRefused("this name is taken by the library itself", reason="reserved")

    def _remember(self, ref: Ref, path: str) -> None:
        self._paths[ref] = path[: 2 * (traits.TRAITS.max_path or 0)]
        self._paths.move_to_end(ref)
        while len(self._paths) > MOST:
            self._paths.popitem(last=False)
