"""One account's calls: what `GoogleApi` builds, `AccountHttp` sends; and the account's stock of file ids."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Any

from providers.drive import Entry, Kind, Ref
from providers.errors import NotFound, Untrusted
from providers.google.api import GoogleApi, Prepared
from providers.google.traits import FOLDER
from providers.google.wire import FIELDS, entry, keyed, quoted
from providers.http import AccountHttp, decoded

IDS_AT_ONCE = 100
"""How many ids are fetched in one request; unused ones cost nothing."""


def keys(*refs: Ref | None) -> dict[str, str]:
    """The header that opens files shared by an old link. A key with a slash is that of a folder above: 'id/key'."""
    known = [ref.key if "/" in ref.key else f"{ref.id}/{ref.key}" for ref in refs if ref is not None and ref.key]
    return {"X-Goog-Drive-Resource-Keys": ",".join(known)} if known else {}


class Client:
    """Calls of one account."""

    def __init__(self, api: GoogleApi, http: AccountHttp) -> None:
        self.api = api
        self.http = http
        self._ids: deque[str] = deque()
        self._fetching = asyncio.Lock()

    async def send(self, prepared: Prepared, *, retry: bool = True, extra: Mapping[str, str] | None = None) -> Any:
        """Sends what was built; the decoded answer."""
        headers = {**prepared.headers, **(extra or {})}
        reply = await self.http.call(prepared.method, prepared.url, headers=headers, data=prepared.body, retry=retry)
        return decoded(reply)

    async def stat(self, ref: Ref) -> Entry:
        """The entry now."""
        request = self.api.build("files.get", fileId=ref.id, fields=FIELDS, supportsAllDrives=True)
        return keyed(entry(await self.send(request, extra=keys(ref))), ref)

    async def find(self, ref: Ref) -> Entry | None:
        """The entry now, or None."""
        try:
            return await self.stat(ref)
        except NotFound:
            return None

    async def by_name(self, parent: Ref, name: str, *, folders: bool | None = None) -> list[Entry]:
        """What has this name in a folder; on Drive that may be several. ``folders``: only them, or only others."""
        query = f"{quoted(parent.id)} in parents and name = {quoted(name)} and trashed = false"
        if folders is not None:
            query += f" and mimeType {'=' if folders else '!='} '{FOLDER}'"
        data = await self.send(self.listing(parent, query, page_size=100), extra=keys(parent))
        return [found for found in entries(data) if found.name == name]

    def listing(
        self, folder: Ref, query: str, *, page_size: int, cursor: str | None = None, order: str = "", more: str = ""
    ) -> Prepared:
        """The request for one page of what matches, in the account's own space or in a shared drive.

        ``order``: sort keys, '' for Google's own. ``more``: fields of each file beside those of an entry.
        """
        place = {"corpora": "drive", "driveId": folder.space} if folder.space else {"corpora": "user"}
        return self.api.build(
            "files.list",
            q=query,
            pageSize=page_size,
            pageToken=cursor,
            orderBy=order or None,
            fields=f"nextPageToken,incompleteSearch,files({','.join(filter(None, [FIELDS, more]))})",
            supportsAllDrives=True,
            includeItemsFromAllDrives=True,
            **place,
        )

    async def new_id(self) -> str:
        """An id that no file has yet: with it a request that is repeated makes no twin."""
        async with self._fetching:
            if not self._ids:
                request = self.api.build("files.generateIds", count=IDS_AT_ONCE, fields="ids", space="drive")
                data = await self.send(request)
                found = data.get("ids") if isinstance(data, Mapping) else None
                if not isinstance(found, list) or not all(isinstance(one, str) and one for one in found) or not found:
                    raise Untrusted("no ids", reason="shape")
                self._ids.extend(found)
            return self._ids.popleft()


def rows(data: object) -> list[Any]:
    """The files of a listing. Untrusted where there is no list: an answer without one is not an empty folder."""
    if not isinstance(data, Mapping) or not isinstance(data.get("files"), list):
        raise Untrusted("not a listing", reason="shape")
    return list(data["files"])


def entries(data: object) -> list[Entry]:
    """The same as entries."""
    return [entry(one) for one in rows(data)]


def following(data: Mapping[str, Any], name: str, cursor: str | None) -> str | None:
    """What continues a list, None at its end. Untrusted where it is no text, or leads to the page just read."""
    token = data.get(name)
    if token is not None and (not isinstance(token, str) or token == cursor):
        raise Untrusted("a listing without an end", reason="cursor")
    return token or None


def is_whole(found: Entry, size: int | None) -> bool:
    """Whether a file is what an upload of that size leaves."""
    return found.kind is Kind.FILE and (size is None or found.size == size)
