"""Google Drive behind the drive interface: one object per connected account, all of them on one `GoogleApi`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from providers.drive import Entry, Kind, NewFile, OnConflict, Page, Progress, Read, Ref, Traits, UploadSession
from providers.errors import Changed, DriveError, NameTaken, NotFound, Unsupported, Untrusted
from providers.google.api import GoogleApi
from providers.google.client import Client, entries, is_whole, keys
from providers.google.errors import ID_IN_USE, translate
from providers.google.naming import settle
from providers.google.reading import read
from providers.google.spaces import shared_drives
from providers.google.traits import FOLDER, TRAITS
from providers.google.uploads import Uploads
from providers.google.wire import FIELDS, entry, quoted
from providers.http import AccountHttp, Outbound, Pace, Patience, Tokens
from providers.names import check
from providers.verbs import Space

USER_RATE = 200
"""Requests a second: Google's published limit for one user is 12,000 a minute."""


class GoogleDrive:
    """One account's Google Drive; satisfies `Drive`, `CanCopy`, `CanRestore`, `CanSearch`, `HasQuota`, `HasSpaces`."""

    def __init__(
        self,
        api: GoogleApi,
        outbound: Outbound,
        tokens: Tokens,
        *,
        pace: Pace | None = None,
        patience: Patience | None = None,
        page_size: int = 1000,
    ) -> None:
        usual = Pace(rate=USER_RATE, burst=2 * USER_RATE)
        http = AccountHttp(outbound, tokens, translate, pace or usual, patience=patience)
        self._client = Client(api, http)
        self._uploads = Uploads(self._client)
        self._page_size = page_size
        self._root: Ref | None = None

    @property
    def traits(self) -> Traits:
        """Limits and semantics."""
        return TRAITS

    async def root(self) -> Ref:
        """My Drive's top folder."""
        if self._root is None:
            self._root = (await self._client.stat(Ref("", "root"))).ref
        return self._root

    async def stat(self, ref: Ref) -> Entry:
        """See `Source.stat`."""
        return await self._client.stat(ref)

    async def children(self, ref: Ref, cursor: str | None = None) -> Page:
        """See `Source.children`. A cursor that Google no longer takes is Changed: begin again."""
        query = f"{quoted(ref.id)} in parents and trashed = false"
        return await self._page(ref, query, cursor)

    async def search(self, text: str, cursor: str | None = None) -> Page:
        """See `CanSearch.search`. Names match by the beginnings of words, texts by whole words."""
        if not text.strip():
            raise ValueError("nothing to search for")
        words = quoted(text)
        query = f"(name contains {words} or fullText contains {words}) and trashed = false"
        return await self._page(Ref("", "root"), query, cursor)

    async def _page(self, folder: Ref, query: str, cursor: str | None) -> Page:
        request = self._client.listing(folder, query, page_size=self._page_size, cursor=cursor)
        try:
            data = await self._client.send(request, extra=keys(folder))
        except DriveError as error:
            if cursor is not None and type(error) is DriveError:
                raise Changed("the listing cannot be continued", reason=error.reason) from None
            raise
        found = entries(data)
        following = data.get("nextPageToken")
        if following is not None and (not isinstance(following, str) or following == cursor):
            raise Untrusted("a listing without an end", reason="cursor")
        return Page(found, following or None, not data.get("incompleteSearch"))

    def read(
        self,
        ref: Ref,
        start: int = 0,
        stop: int | None = None,
        *,
        version: str | None = None,
        export: str | None = None,
    ) -> AbstractAsyncContextManager[Read]:
        """See `Source.read`. A range of an export is cut from the whole."""
        return read(self._client, ref, start, stop, version, export)

    async def make_folder(self, parent: Ref, name: str, on_conflict: OnConflict = OnConflict.FAIL) -> Entry:
        """See `Drive.make_folder`. FAIL is NameTaken here too, as far as a look beforehand can tell."""
        free, existing = await settle(self._client, parent, name, on_conflict, Kind.FOLDER)
        if existing is not None:
            return existing
        body = {"name": free, "mimeType": FOLDER, "parents": [parent.id], "id": await self._client.new_id()}
        return await self._made("files.create", body, keys(parent))

    async def begin(self, new: NewFile) -> UploadSession:
        """See `Drive.begin`."""
        return await self._uploads.begin(new)

    async def progress(self, session: UploadSession) -> Progress:
        """See `Drive.progress`."""
        return await self._uploads.progress(session)

    async def send(
        self, session: UploadSession, offset: int, data: AsyncIterator[bytes], length: int, *, last: bool
    ) -> Progress:
        """See `Drive.send`."""
        return await self._uploads.send(session, offset, data, length, last)

    async def abort(self, session: UploadSession) -> None:
        """See `Drive.abort`."""
        await self._uploads.abort(session)

    async def relocate(self, ref: Ref, parent: Ref | None, name: str | None, *, version: str | None = None) -> Entry:
        """See `Drive.relocate`. An item has one parent."""
        if name is not None:
            check(name, TRAITS)
        current = await self._expected(ref, version)
        changes: dict[str, Any] = {"body": {"name": name} if name not in (None, current.name) else {}}
        if parent is not None and (current.parent is None or parent.id != current.parent.id):
            changes["addParents"] = parent.id
            changes["removeParents"] = current.parent and current.parent.id
        if changes == {"body": {}}:
            return current
        return await self._update(ref, keys(ref, parent), **changes)

    async def trash(self, ref: Ref, *, version: str | None = None) -> None:
        """See `Drive.trash`."""
        if version is not None:
            current = await self._client.stat(ref)
            if "trashed" in current.flags:
                return
            _expect(current, version)
        await self._update(ref, keys(ref), body={"trashed": True})

    async def restore(self, ref: Ref) -> Entry:
        """See `CanRestore.restore`. Below a folder in the trash an item stays trashed, and its flags say so."""
        current = await self._client.stat(ref)
        if "trashed" not in current.flags:
            return current
        return await self._update(ref, keys(ref), body={"trashed": False})

    async def delete(self, ref: Ref, *, version: str | None = None) -> None:
        """See `Drive.delete`."""
        try:
            if version is not None:
                await self._expected(ref, version)
            request = self._client.api.build("files.delete", fileId=ref.id, supportsAllDrives=True)
            await self._client.send(request, extra=keys(ref))
        except NotFound:
            return

    async def copy(self, ref: Ref, parent: Ref, name: str, *, id: str | None = None) -> Entry:  # noqa: A002
        """See `CanCopy.copy`. Google's own documents take no id, so their copy is asked for once only."""
        check(name, TRAITS)
        source = await self._client.stat(ref)
        if source.kind is Kind.FOLDER:
            raise Unsupported("folders are not copied by Google", reason=source.kind.value)
        body: dict[str, Any] = {"name": name, "parents": [parent.id]}
        if source.kind is Kind.FILE:
            body["id"] = id or await self._client.new_id()
        return await self._made("files.copy", body, keys(ref, parent), size=source.size, fileId=ref.id)

    async def quota(self) -> tuple[int, int | None]:
        """See `HasQuota.quota`."""
        data = await self._client.send(self._client.api.build("about.get", fields="storageQuota"))
        try:
            told = data["storageQuota"]
            return int(told["usage"]), int(told["limit"]) if "limit" in told else None
        except (KeyError, TypeError, ValueError):
            raise Untrusted("no quota", reason="shape") from None

    async def spaces(self) -> Sequence[Space]:
        """See `HasSpaces.spaces`: the shared drives. The scope drive.file does not show them."""
        return await shared_drives(self._client)

    async def _expected(self, ref: Ref, version: str | None) -> Entry:
        current = await self._client.stat(ref)
        _expect(current, version)
        return current

    async def _update(self, ref: Ref, extra: Mapping[str, str], **changes: Any) -> Entry:
        request = self._client.api.build(
            "files.update", fileId=ref.id, fields=FIELDS, supportsAllDrives=True, **changes
        )
        return entry(await self._client.send(request, extra=extra))

    async def _made(
        self, method: str, body: dict[str, Any], extra: Mapping[str, str], *, size: int | None = None, **known: Any
    ) -> Entry:
        """Makes something under an id of ours; when it turns out to be there already, an earlier try has made it."""
        request = self._client.api.build(method, body=body, fields=FIELDS, supportsAllDrives=True, **known)
        try:
            return entry(await self._client.send(request, retry="id" in body, extra=extra))
        except NameTaken as error:
            if error.reason != ID_IN_USE:
                raise
        found = await self._client.stat(Ref("", body["id"]))
        if found.kind is not Kind.FOLDER and not is_whole(found, size):
            raise Untrusted("an id of ours is in use by something else", reason=ID_IN_USE)
        return found


def _expect(current: Entry, version: str | None) -> None:
    if version is not None and current.version != version:
        raise Changed("the item has another version")
