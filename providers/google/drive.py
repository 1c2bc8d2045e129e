"""Google Drive behind the drive interface: one object per connected account, all of them on one `GoogleApi`."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from providers.drive import Entry, Kind, NewFile, OnConflict, Page, Progress, Read, Ref, Traits, UploadSession
from providers.errors import NameTaken, NotFound, NotPicked, Offline, Unsupported, Untrusted
from providers.google.api import GoogleApi
from providers.google.changes import changes
from providers.google.client import Client, is_whole, keys
from providers.google.errors import ID_IN_USE, NOT_PICKED, translate, translate_picked
from providers.google.listings import OWN, Listings
from providers.google.marks import MARK, marked
from providers.google.moving import expect, relocate, update
from providers.google.naming import settle
from providers.google.reading import read, read_listed
from providers.google.revisions import versions
from providers.google.shortcuts import resolved
from providers.google.spaces import shared_drives
from providers.google.thumbnails import thumbnail
from providers.google.traits import FOLDER, TRAITS
from providers.google.uploads import Uploads
from providers.google.wire import FIELDS, entry, format_time, top
from providers.http import AccountHttp, Outbound, Pace, Patience, Tokens
from providers.names import check
from providers.verbs import Changes, Picture, Space, Version, View

USER_RATE = 200
"""Requests a second: Google's published limit for one user is 12,000 a minute."""


class GoogleDrive:
    """One account's Google Drive; satisfies `Drive` and every protocol of `providers.verbs`.

    ``picked``: the grant is ``drive.file``, which covers what this application made and what the person chose for it.
    """

    def __init__(
        self,
        api: GoogleApi,
        outbound: Outbound,
        tokens: Tokens,
        *,
        pace: Pace | None = None,
        patience: Patience | None = None,
        page_size: int = 1000,
        picked: bool = False,
    ) -> None:
        usual = Pace(rate=USER_RATE, burst=2 * USER_RATE)
        meaning = translate_picked if picked else translate
        self._client = Client(api, AccountHttp(outbound, tokens, meaning, pace or usual, patience=patience))
        self._uploads = Uploads(self._client)
        self._listings = Listings(self._client, page_size, picked=picked)
        self._page_size = page_size
        self._picked = picked
        self._root: Ref | None = None

    @property
    def traits(self) -> Traits:
        """Limits and semantics."""
        return TRAITS

    async def root(self) -> Ref:
        """My Drive's top folder. A narrow grant may not show it: it then has no id but its name."""
        if self._root is None:
            try:
                self._root = (await self._client.stat(OWN)).ref
            except NotPicked:
                self._root = OWN
        return self._root

    async def stat(self, ref: Ref) -> Entry:
        """See `Source.stat`. Of a shortcut the target is looked for, too."""
        try:
            found = await self._client.stat(ref)
        except NotPicked:
            if self._picked and ref == OWN:
                return top()
            raise
        return await resolved(self._client, found) if found.kind is Kind.SHORTCUT else found

    async def children(self, ref: Ref, cursor: str | None = None) -> Page:
        """See `Source.children`. The top folder of a narrow grant shows all that was granted."""
        if self._picked and ref in (OWN, await self.root()):
            return await self._listings.granted(ref, cursor)
        return await self._listings.children(ref, cursor)

    async def search(self, text: str, cursor: str | None = None) -> Page:
        """See `CanSearch.search`. Names match by the beginnings of words, texts by whole words."""
        return await self._listings.search(text, cursor)

    async def view(self, view: View, cursor: str | None = None) -> Page:
        """See `HasViews.view`."""
        return await self._listings.view(view, cursor)

    async def trashed(self, cursor: str | None = None) -> Page:
        """See `HasTrash.trashed`."""
        return await self._listings.trashed(cursor)

    async def changes(self, cursor: str | None = None, space: str = "") -> Changes:
        """See `HasChanges.changes`."""
        return await changes(self._client, cursor, space, self._page_size)

    async def versions(self, ref: Ref) -> Sequence[Version]:
        """See `HasVersions.versions`."""
        return await versions(self._client, ref)

    async def thumbnail(self, ref: Ref, edge: int = 256) -> Picture | None:
        """See `HasThumbnails.thumbnail`."""
        return await thumbnail(self._client, ref, edge)

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

    def read_listed(self, entry: Entry) -> AbstractAsyncContextManager[Read]:
        """See `ReadsListed.read_listed`."""
        return read_listed(self._client, entry)

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
        """See `Drive.relocate`. AcrossDrives where Google leaves the item in its drive or with its owner."""
        return await relocate(self._client, ref, parent, name, version)

    async def trash(self, ref: Ref, *, version: str | None = None) -> None:
        """See `Drive.trash`."""
        if version is not None:
            current = await self._client.stat(ref)
            if "trashed" in current.flags:
                return
            expect(current, version)
        await update(self._client, ref, keys(ref), body={"trashed": True})

    async def restore(self, ref: Ref) -> Entry:
        """See `CanRestore.restore`. Below a folder in the trash an item stays trashed, and its flags say so."""
        current = await self._client.stat(ref)
        if "trashed" not in current.flags:
            return current
        return await update(self._client, ref, keys(ref), body={"trashed": False})

    async def delete(self, ref: Ref, *, version: str | None = None) -> None:
        """See `Drive.delete`."""
        try:
            if version is not None:
                expect(await self._client.stat(ref), version)
            request = self._client.api.build("files.delete", fileId=ref.id, supportsAllDrives=True)
            await self._client.send(request, extra=keys(ref))
        except NotFound as error:
            if isinstance(error, NotPicked) and error.reason != NOT_PICKED:
                raise  # it is there, and this application may not touch it
            return

    async def copy(self, ref: Ref, parent: Ref, name: str, *, id: str | None = None) -> Entry:  # noqa: A002
        """See `CanCopy.copy`. Google's own documents take no id, so their copies bear a mark."""
        check(name, TRAITS)
        source = await self._client.stat(ref)
        if source.kind is Kind.FOLDER:
            raise Unsupported("folders are not copied by Google", reason=source.kind.value)
        body: dict[str, Any] = {
            "name": name, "parents": [parent.id], "modifiedTime": format_time(source.modified),
        }  # fmt: skip
        if source.kind is not Kind.FILE:
            return await self._marked_copy(source, parent, body, id)
        body["id"] = id or await self._client.new_id()
        return await self._made("files.copy", body, keys(ref, parent), size=source.size, fileId=ref.id)

    async def _marked_copy(self, source: Entry, parent: Ref, body: dict[str, Any], mark: str | None) -> Entry:
        """``mark``: one that an earlier try may have used."""
        made = await marked(self._client, parent, mark, source.media_type) if mark else None
        if made is not None:
            return made
        mark = mark or secrets.token_urlsafe(24)
        body["appProperties"] = {MARK: mark}
        try:
            return await self._made("files.copy", body, keys(source.ref, parent), fileId=source.ref.id)
        except (Offline, Untrusted):
            made = await marked(self._client, parent, mark, source.media_type)
            if made is None:
                raise
            return made

    async def quota(self) -> tuple[int, int | None]:
        """See `HasQuota.quota`."""
        data = await self._client.send(self._client.api.build("about.get", fields="storageQuota"))
        try:
            told = data["storageQuota"]
            return int(told["usage"]), int(told["limit"]) if "limit" in told else None
        except (KeyError, TypeError, ValueError):
            raise Untrusted("no quota", reason="shape") from None

    async def spaces(self) -> Sequence[Space]:
        """See `HasSpaces.spaces`: the shared drives. A narrow grant shows none, and is not asked."""
        return [] if self._picked else await shared_drives(self._client)

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
