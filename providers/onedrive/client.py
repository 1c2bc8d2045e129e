"""One account's calls: Graph's addresses, and the few requests that every verb is made of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from providers.drive import Entry, Kind, Page, Ref
from providers.errors import Changed, DriveError, NameTaken, NotFound, Untrusted
from providers.http import AccountHttp, Patience
from providers.names import free_name
from providers.onedrive.traits import TRAITS
from providers.onedrive.wire import FIELDS, entry

CONFLICT = "@microsoft.graph.conflictBehavior"
MOST_TWINS = 100

_ID = re.compile(r"(?!\.+\Z)[\w!.~-]{1,512}", re.ASCII)


class Client:
    """Calls of one account. ``root`` is Graph's address with its version, without a slash at the end."""

    def __init__(self, root: str, http: AccountHttp, patience: Patience) -> None:
        self.root = root.rstrip("/")
        self.http = http
        self.patience = patience
        self._own: str | None = None

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

    async def stat(self, ref: Ref) -> Entry:
        """The item now."""
        return entry(await self.json("GET", self.item(ref, f"?$select={FIELDS}")), ref.space)

    async def find(self, parent: Ref, name: str) -> Entry | None:
        """What has this name in a folder, in any case; None also where the folder itself is gone."""
        try:
            return entry(await self.json("GET", self.named(parent, name, f"?$select={FIELDS}")), parent.space)
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
        if self._own is None:
            data = await self.json("GET", f"{self.root}/me/drive?$select=id")
            if not isinstance(data, Mapping) or not isinstance(data.get("id"), str):
                raise Untrusted("not a drive", reason="shape")
            self._own = data["id"]
        return self._own

    async def children(self, folder: Ref, cursor: str | None, page_size: int) -> Page:
        """One page of a folder. The cursor is Graph's own link; it may only lead to children, and only in Graph."""
        url = self.item(folder, f"/children?$top={page_size}&$select={FIELDS}") if cursor is None else cursor
        self._check_cursor(url)
        try:
            data = await self.json("GET", url)
        except DriveError as error:
            if cursor is not None and type(error) is DriveError:
                raise Changed("the listing cannot be continued", reason=error.reason) from None
            raise
        following = data.get("@odata.nextLink") if isinstance(data, Mapping) else None
        if following is not None:
            if following == cursor:
                raise Untrusted("a listing without an end", reason="cursor")
            self._check_cursor(following)
        return Page([one for one in _entries(data, folder) if "trashed" not in one.flags], following)

    def _check_cursor(self, url: object) -> None:
        """The token goes along with it, so it must lead where our own first request led."""
        if isinstance(url, str) and url.startswith(self.root + "/"):
            path = urlsplit(url[len(self.root) :]).path
            if re.fullmatch(r"/(me/drive|drives/[\w!.~%-]+)/(items/[\w!.~%-]+|root)/children", path, re.ASCII):
                return
        raise Untrusted("a cursor that leads elsewhere", reason="cursor")


def _entries(data: object, folder: Ref) -> list[Entry]:
    """The items of a listing. Untrusted where there is no list: an answer without one is not an empty folder."""
    if not isinstance(data, Mapping) or not isinstance(data.get("value"), list):
        raise Untrusted("not a listing", reason="shape")
    return [entry(one, folder.space) for one in data["value"]]


def _checked(text: str) -> str:
    """An id as it may stand in a path; nothing in it can lead to another resource."""
    if not _ID.fullmatch(text):
        raise NotFound("not an id of this drive", reason="id")
    return quote(text, safe="!~")


def if_match(version: str | None, kind: Kind = Kind.FILE) -> dict[str, str]:
    """The header that makes Graph itself compare versions; only files have one."""
    return {"If-Match": version} if version is not None and version != "-" and kind is Kind.FILE else {}
