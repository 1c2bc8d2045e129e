"""OneDrive behind the drive interface: one object per connected account."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any

from providers.drive import Entry, Kind, NewFile, OnConflict, Page, Progress, Read, Ref, Traits, UploadSession
from providers.errors import DriveError, NameTaken, NotFound, Unsupported, Untrusted
from providers.http import AccountHttp, Outbound, Pace, Patience, Tokens
from providers.names import check
from providers.onedrive.client import CONFLICT, Client, if_match
from providers.onedrive.copying import copy
from providers.onedrive.errors import translate
from providers.onedrive.reading import read
from providers.onedrive.traits import TRAITS
from providers.onedrive.uploads import Uploads
from providers.onedrive.wire import FIELDS, entry


class OneDrive:
    """One account's OneDrive; satisfies `Drive`, `CanCopy` and `HasQuota`. ``graph_root`` ends with the version."""

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
        http = AccountHttp(outbound, tokens, translate, pace, patience=patience)
        self._client = Client(graph_root, http, patience)
        self._uploads = Uploads(self._client)
        self._page_size = page_size
        self._root: Ref | None = None

    @property
    def traits(self) -> Traits:
        """Limits and semantics."""
        return TRAITS

    async def root(self) -> Ref:
        """The top folder of the account's own drive."""
        if self._root is None:
            found = await self._client.json("GET", f"{self._client.drive('')}/root?$select={FIELDS}")
            self._root = entry(found, "").ref
        return self._root

    async def stat(self, ref: Ref) -> Entry:
        """See `Source.stat`."""
        return await self._client.stat(ref)

    async def children(self, ref: Ref, cursor: str | None = None) -> Page:
        """See `Source.children`. A cursor that Graph no longer takes is Changed: begin again."""
        return await self._client.children(ref, cursor, self._page_size)

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
        check(name, TRAITS)
        keep = on_conflict is OnConflict.REPLACE
        body = {"name": name, "folder": {}, CONFLICT: (OnConflict.FAIL if keep else on_conflict).value}
        try:
            made = await self._client.json("POST", self._client.item(parent, "/children"), body=body, retry=keep)
        except NameTaken:
            there = await self._client.find(parent, name) if keep else None
            if there is None or there.kind is not Kind.FOLDER:
                raise
            return there
        return entry(made, parent.space)

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
            check(name, TRAITS)
        if parent is not None and parent.space != ref.space:
            raise Unsupported("a move stays inside one drive", reason="other_drive")
        current = await self._client.expected(ref, version)
        changes: dict[str, Any] = {} if name in (None, current.name) else {"name": name}
        if parent is not None and parent != current.parent:
            changes["parentReference"] = {"id": parent.id}
        if not changes:
            return current
        moved = await self._client.json(
            "PATCH",
            self._client.item(ref),
            body={**changes, CONFLICT: OnConflict.FAIL.value},
            headers=if_match(version, current.kind),
        )
        return entry(moved, ref.space)

    async def trash(self, ref: Ref, *, version: str | None = None) -> None:
        """See `Drive.trash`. What is in the recycle bin is not found any more."""
        try:
            await self._client.http.call("DELETE", self._client.item(ref), headers=if_match(version))
        except NotFound:
            return

    async def delete(self, ref: Ref, *, version: str | None = None) -> None:
        """See `Drive.delete`. Where the drive has no such call the recycle bin, which empties itself, must do."""
        try:
            if version is not None:
                await self._client.expected(ref, version)
            url = self._client.item(ref, "/permanentDelete")
            await self._client.http.call("POST", url, headers=if_match(version))
        except NotFound:
            return
        except DriveError as error:
            if not _unknown_call(error):
                raise
            await self.trash(ref, version=version)

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


def _unknown_call(error: DriveError) -> bool:
    return isinstance(error, Unsupported) or error.reason == "BadRequest"
