"""One account's calls: Graph's addresses, and the few requests that every verb is made of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from providers.drive import Entry, Kind, Ref
from providers.errors import Changed, DriveError, NameTaken, NotFound, Untrusted
from providers.http import AccountHttp, Patience
from providers.names import free_name
from providers.onedrive import links, wire
from providers.onedrive.places import Places
from providers.onedrive.traits import TRAITS
from providers.onedrive.wire import FIELDS

CONFLICT = "@microsoft.graph.conflictBehavior"
MOST_TWINS = 100

_ID = re.compile(r"(?!\.+\Z)[\w!.~-]{1,512}", re.ASCII)


class Client:
    """Calls of one account. ``root`` is Graph's address with its version, without a slash at the end."""

    def __init__(self, root: str, http: AccountHttp, patience: Patience) -> None:
        self.root = root.rstrip("/")
        self.http = http
        self.patience = patience
        self.places = Places(self.stat)
        self._own: tuple[str, str] | None = None

    def drive(self, space: str) -> str:
        """The address of a drive; '' is the account's own. NotFound for what cannot be a drive's id."""
        return f"{self.root}/drives/{_checked(space)}" if space else f"{self.root}/me/drive"

    def item(self, ref: Ref, tail: str = "") -> str:
        """The address of an item, or of something of it such as '/content'."""
        return f"{self.drive(ref.space)}/items/{_checked(ref.id)}{tail}"

    def named(self, parent: Ref, name: str, tail: str = "") -> str:
        """The address of what has, or will have, this name in a folder."""
        return f"{self.item(parent)}:/{quote(name, safe='')}:{tail}"

    async def json(self, method: str, url: str, **known: Any) -> Any:
        """A small exchange; the decoded answer."""
        return (await self.http.json(method, url, **known))[1]

    def entry(self, data: object, space: str) -> Entry:
        """One item of an answer; what it tells about its drive is remembered."""
        made = wire.entry(data, space)
        if isinstance(data, Mapping):
            self.places.learn(data, made.ref)
        return made

    async def stat(self, ref: Ref) -> Entry:
        """The item now."""
        return self.entry(await self.json("GET", self.item(ref, f"?$select={FIELDS}")), ref.space)

    async def find(self, parent: Ref, name: str) -> Entry | None:
        """What has this name in a folder, in any case; None also where the folder itself is gone."""
        try:
            return self.entry(await self.json("GET", self.named(parent, name, f"?$select={FIELDS}")), parent.space)
        except NotFound:
            return None

    async def expected(self, ref: Ref, version: str | None) -> Entry:
        """The item now, in that version. Changed where it has another one."""
        current = await self.stat(ref)
        if version is not None and current.version != version:
            raise Changed("the item has another version")
        return current

    async def free(self, parent: Ref, name: str) -> str:
        """The name, or the first free one beside it. Settled here, so that a lost success can be found by it."""
        candidate = name
        for number in range(2, MOST_TWINS):
            if await self.find(parent, candidate) is None:
                return candidate
            candidate = free_name(name, number, TRAITS.max_name)
        raise NameTaken("no free name was found", reason="many")

    async def own(self) -> str:
        """The id of the account's own drive."""
        return (await self._drive())[0]

    async def kind(self, space: str = "") -> str:
        """The kind of a drive: personal, business or documentLibrary."""
        if not space:
            return (await self._drive())[1]
        known = self.places.kind(space)
        return known or wire.drive(await self.json("GET", f"{self.drive(space)}?$select=id,driveType"))[1]

    async def _drive(self) -> tuple[str, str]:
        if self._own is None:
            data = await self.json("GET", f"{self.root}/me/drive?$select=id,driveType")
            self._own = wire.drive(data)
        return self._own

    async def about(self, link: str, space: str) -> bool:
        """Whether a checked link leads on in this drive, so that what it brings bears the right ids."""
        drive = links.drive_of(self.root, link)
        if drive is None:
            return not space or _same(space, await self.own())
        return _same(drive, space or await self.own())

    async def page(self, url: str, cursor: str | None, kind: re.Pattern[str]) -> tuple[Mapping[str, Any], str | None]:
        """One page of a list, and the link that leads on. ``kind`` (of `links`) is all that a cursor may lead to.

        Changed where Graph no longer takes the cursor. Untrusted where there is no list: that is not an empty one.
        """
        asked = url if cursor is None else links.checked(self.root, cursor, kind)
        try:
            data = await self.json("GET", asked)
        except DriveError as error:
            if cursor is not None and type(error) is DriveError:
                raise Changed("the listing cannot be continued", reason=error.reason) from None
            raise
        if not isinstance(data, Mapping) or not isinstance(data.get("value"), list):
            raise Untrusted("not a listing", reason="shape")
        following = data.get("@odata.nextLink")
        if following is None:
            return data, None
        if following == asked:
            raise Untrusted("a listing without an end", reason="cursor")
        return data, links.checked(self.root, following, kind)


def _same(one: str, other: str) -> bool:
    """Whether two texts are one drive's id. Graph is not strict about case, nor about zeros at the front."""
    return one.lower().lstrip("0") == other.lower().lstrip("0")


def _checked(text: str) -> str:
    """An id as it may stand in a path; nothing in it can lead to another resource."""
    if not _ID.fullmatch(text):
        raise NotFound("not an id of this drive", reason="id")
    return quote(text, safe="!~")


def if_match(version: str | None, kind: Kind = Kind.FILE) -> dict[str, str]:
    """The header that makes Graph itself compare versions; only files have one."""
    return {"If-Match": version} if version is not None and version != "-" and kind is Kind.FILE else {}
