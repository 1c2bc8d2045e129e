"""OneDrive behind the drive interface: one object per connected account."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from providers.drive import Entry, Kind, NewFile, OnConflict, Page, Progress, Read, Ref, Traits, UploadSession
from providers.errors import Busy, DriveError, NameTaken, Unsupported, Untrusted
from providers.http import AccountHttp, Outbound, Pace, Patience, Tokens
from providers.names import check
from providers.onedrive import deleting, listing
from providers.onedrive.changes import changes
from providers.onedrive.client import CONFLICT, Client, if_match
from providers.onedrive.copying import copy
from providers.onedrive.errors import translate
from providers.onedrive.pictures import thumbnail
from providers.onedrive.reading import read
from providers.onedrive.spaces import spaces
from providers.onedrive.traits import PERSONAL
from providers.onedrive.uploads import Uploads
from providers.onedrive.versions import versions
from providers.onedrive.wire import FIELDS
from providers.verbs import Changes, Picture, Space, Version, View


class OneDrive:
    """One account's OneDrive, of a school or not known of whom. ``graph_root`` ends with the version.

    `Drive` and the optional verbs but `HasTrash`, for which Graph v1.0 has no listing, and `CanRestore`, which it has
    for personal drives only (`PersonalOneDrive`).
    """

    def __init__(
        self,
        outbound: Outbound,
        tokens: Tokens,
        *,
        graph_root: str,
        pace: Pace | None = None,
        patience: Patience | None = None,
        page_size: int = 200,
    ) -> None:
        patience = patience or Patience()
        http = AccountHttp(outbound, tokens, self._translate, pace, patience=patience)
        self._client = Client(graph_root, http, patience)
        self._uploads = Uploads(self._client)
        self._page_size = page_size
        self._root: Ref | None = None

    def _translate(self, status: int, headers: Mapping[str, str], body: bytes) -> DriveError:
        """Personal accounts share a tenant only in name: one of them that is throttled holds up no other."""
        error = translate(status, headers, body)
        if isinstance(error, Busy) and self._client.places.kind("") == PERSONAL:
            error.wide = False
        return error

    @property
    def traits(self) -> Traits:
        """Limits and semantics."""
        return self._client.places.traits("")

    def traits_of(self, space: str) -> Traits:
        """Those of one of the `spaces`: a library may forbid more names than the account's own drive."""
        return self._client.places.traits(space)

    async def root(self) -> Ref:
        """The top folder of the account's own drive."""
        if self._root is None:
            found = await self._client.json("GET", f"{self._client.drive('')}/root?$select={FIELDS}")
            self._root = self._client.entry(found, "").ref
        return self._root

    async def stat(self, ref: Ref) -> Entry:
        """See `Source.stat`."""
        return await self._client.stat(ref)

    async def children(self, ref: Ref, cursor: str | None = None) -> Page:
        """See `Source.children`. A cursor that Graph no longer takes is Changed: begin again."""
        return await listing.children(self._client, ref, cursor, self._page_size)

    def read(
        self,
        ref: Ref,
        start: int = 0,
        stop: int | None = None,
        *,
        version: str | None = None,
        export: str | None = None,
    ) -> AbstractAsyncContextManager[Read]:
        """See `Source.read`. There are no exports."""
        return read(self._client, ref, start, stop, version, export)

    async def make_folder(self, parent: Ref, name: str, on_conflict: OnConflict = OnConflict.FAIL) -> Entry:
        """See `Drive.make_folder`. Graph is never asked to replace: what that does to a folder's content is unclear."""
        keep = on_conflict is OnConflict.REPLACE
        body = {"name": name, "folder": {}, CONFLICT: (OnConflict.FAIL if keep else on_conflict).value}
        try:
            async with self._client.places.naming(parent, name):
                made = await self._client.json("POST", self._client.item(parent, "/children"), body=body, retry=keep)
        except NameTaken:
            there = await self._client.find(parent, name) if keep else None
            if there is None or there.kind is not Kind.FOLDER:
                raise
            return there
        return self._client.entry(made, parent.space)

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
        """See `Drive.relocate`."""
        if name is not None:
            check(name, self.traits_of(ref.space))
        if parent is not None and parent.space != ref.space:
            raise Unsupported("a move stays inside one drive", reason="other_drive")
        current = await self._client.expected(ref, version)
        changes: dict[str, Any] = {} if name in (None, current.name) else {"name": name}
        if parent is not None and parent != current.parent:
            changes["parentReference"] = {"id": parent.id}
        if not changes:
            return current
        async with self._client.places.naming(parent or current.parent or current.ref, name or current.name):
            return await self._patched(current, changes, version)

    async def _patched(self, current: Entry, changes: dict[str, Any], version: str | None) -> Entry:
        url, condition = self._client.item(current.ref), if_match(version, current.kind)
        body = {**changes, CONFLICT: OnConflict.FAIL.value}
        moved = await self._client.json("PATCH", url, body=body, headers=condition)
        if current.kind is Kind.FOLDER:
            self._client.places.forget()
        return self._client.entry(moved, current.ref.space)

    async def trash(self, ref: Ref, *, version: str | None = None) -> None:
        """See `Drive.trash`. What is in the recycle bin is not found any more."""
        await deleting.trash(self._client, ref, version)

    async def delete(self, ref: Ref, *, version: str | None = None) -> None:
        """See `Drive.delete`. Where the drive has no such call the recycle bin, which empties itself, must do."""
        await deleting.delete(self._client, ref, version)

    async def copy(self, ref: Ref, parent: Ref, name: str, *, id: str | None = None) -> Entry:  # noqa: A002
        """See `CanCopy.copy`. ``id`` is of no use here: OneDrive gives ids itself."""
        return await copy(self._client, ref, parent, name)

    async def quota(self) -> tuple[int, int | None]:
        """See `HasQuota.quota`."""
        data = await self._client.json("GET", f"{self._client.drive('')}?$select=quota")
        try:
            return int(data["quota"]["used"]), int(data["quota"].get("total") or 0) or None
        except (KeyError, TypeError, ValueError, AttributeError):
            raise Untrusted("no quota", reason="shape") from None

    async def spaces(self) -> Sequence[Space]:
        """See `HasSpaces.spaces`: the libraries of the sites that the person follows."""
        return await spaces(self._client)

    async def changes(self, cursor: str | None = None, space: str = "") -> Changes:
        """See `HasChanges.changes`."""
        return await changes(self._client, cursor, space, self._page_size)

    async def search(self, text: str, cursor: str | None = None) -> Page:
        """See `CanSearch.search`: the account's own drive. What was just made may not be found yet."""
        return await listing.search(self._client, text, cursor, self._page_size)

    async def view(self, view: View, cursor: str | None = None) -> Page:
        """See `HasViews.view`. Only what others shared.

        Graph has no stars, and its list of recent items stops returning data in November 2026, without another in its
        place.
        """
        if view is not View.SHARED:
            raise Unsupported("this list is not offered", reason=view.value)
        return await listing.shared(self._client, cursor)

    async def versions(self, ref: Ref) -> Sequence[Version]:
        """See `HasVersions.versions`."""
        return await versions(self._client, ref)

    async def thumbnail(self, ref: Ref, edge: int = 256) -> Picture | None:
        """See `HasThumbnails.thumbnail`."""
        return await thumbnail(self._client, ref, edge)


class PersonalOneDrive(OneDrive):
    """The same of an account that is known to be personal: one that can be restored in."""

    async def restore(self, ref: Ref) -> Entry:
        """See `CanRestore.restore`. NameTaken where the name was taken meanwhile: Graph does not tell which it was."""
        return await deleting.restore(self._client, ref)
