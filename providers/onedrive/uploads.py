"""Bytes into OneDrive: one simple PUT for small and empty files, an upload session for the others.

A simple PUT cannot carry the file's own time, and setting it afterwards makes a second version; a session carries it.
Nothing that Graph documents puts a time into a simple PUT, no header, annotation or multipart body. So a small file
goes that way where nobody has stated its time; else through a session, which with its PUT is two requests: no more than
a simple PUT and a PATCH, and one version instead of two. Only empty files, of which a session cannot be made, get their
time by a PATCH; `versions` shows the two that come of it as one.

Nothing of ours marks what a simple PUT has made. That its answer was lost shows when the bytes are sent again: the name
was free when the upload began, and now has a file of exactly these bytes. Files that the drive rewrites cannot be told
by their bytes, so they always go through a session.

A replacement is not put in place by its last fragment, which compares no versions, but by a request of its own
(``deferCommit``). The session's address is a bearer capability: it takes no token.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import aiohttp

from providers.drive import Entry, Kind, NewFile, OnConflict, Progress, Ref, UploadSession
from providers.errors import Changed, NameTaken, SessionLost, SizeRequired, TooLarge, Untrusted
from providers.http import PIECE, bounded, decoded, exactly, parsed
from providers.names import check
from providers.onedrive.client import CONFLICT, Client, if_match
from providers.onedrive.reading import read
from providers.onedrive.target import Target, arrived, finished
from providers.onedrive.traits import PERSONAL, TRAITS
from providers.onedrive.wire import format_time, parse_time, same_time

SIMPLE, FRAGMENTS = "simple", "fragments"
SMALL = PIECE
"""The largest file that goes up by a simple PUT, bytes: it is in hand, to be sent again and to be compared."""

LOOKS = 4
"""How often a session that seems gone is asked again: some answer 404 for a moment."""

_GONE = (401, 404, 410)
_ANSWERS = (200, 201, 202, 416, *_GONE)
_ANSWER_LIMIT = 1024 * 1024


class Uploads:
    """The upload verbs of one account."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def begin(self, new: NewFile) -> UploadSession:
        """See `providers.drive.Drive.begin`."""
        places = self._client.places
        check(new.name, places.traits(new.parent.space))
        if new.size is None:
            raise SizeRequired("the size must be known")
        if new.size > TRAITS.max_size:
            raise TooLarge("the file is too large")
        if new.replaces is not None:
            return await self._begun(new)
        async with places.naming(new.parent, new.name):
            return await self._begun(new)

    async def _begun(self, new: NewFile) -> UploadSession:
        if self._is_simple(new):
            return UploadSession(SIMPLE, (await self._settled(new)).seal(), new)
        return await self._opened(new, Target(await self._name(new), new.replaces and new.replaces[1]))

    def _is_simple(self, new: NewFile) -> bool:
        space = new.parent.space if new.replaces is None else new.replaces[0].space
        kept = new.media_type not in self._client.places.traits(space).rewrites
        return new.size == 0 or (kept and not new.dated and (new.size or 0) <= SMALL)

    async def _name(self, new: NewFile) -> str:
        if new.replaces is None and new.on_conflict is OnConflict.RENAME:
            return await self._client.free(new.parent, new.name)
        return new.name

    async def _settled(self, new: NewFile) -> Target:
        """A simple PUT's target. What was there before is remembered, so that one's own can be told from it."""
        if new.replaces is not None:
            return Target(new.name, new.replaces[1])
        name = await self._name(new)
        there = None if new.on_conflict is OnConflict.RENAME else await self._client.find(new.parent, name)
        if there is not None and (new.on_conflict is OnConflict.FAIL or there.kind is not Kind.FILE):
            raise NameTaken("the name is taken")
        return Target(name, None if there is None else there.version)

    async def _opened(self, new: NewFile, target: Target) -> UploadSession:
        item: dict[str, Any] = {CONFLICT: _conflict(new), "fileSize": new.size, "fileSystemInfo": _times(new)}
        if new.replaces is None:
            item["name"] = target.name
        data = await self._client.json(
            "POST",
            self._address(new, target, "/createUploadSession"),
            body={"item": item, **({"deferCommit": True} if new.replaces else {})},
            headers=if_match(target.old if new.replaces else None),
        )
        if not isinstance(data, Mapping) or not isinstance(data.get("uploadUrl"), str):
            raise Untrusted("a session without an address", reason="shape")
        sealed = replace(target, address=data["uploadUrl"]).seal()
        return UploadSession(FRAGMENTS, sealed, new, _expires(data))

    def _address(self, new: NewFile, target: Target, tail: str) -> str:
        if new.replaces is not None:
            return self._client.item(new.replaces[0], tail)
        return self._client.named(new.parent, target.name, tail)

    async def progress(self, session: UploadSession) -> Progress:
        """See `providers.drive.Drive.progress`. What has no time of its own is found when it is sent again."""
        target = Target.of(session)
        if target.address is not None:
            return await self._status(session, target, target.address)
        done = await arrived(self._client, session.spec, target) if session.spec.dated else None
        return Progress(0) if done is None else finished(done, session.spec)

    async def send(
        self, session: UploadSession, offset: int, data: AsyncIterator[bytes], length: int, last: bool
    ) -> Progress:
        """See `providers.drive.Drive.send`. An empty last piece at the end commits what has arrived."""
        target, spec = Target.of(session), session.spec
        size = spec.size or 0
        if last != (offset + length == size):
            raise ValueError("the last piece ends where the file ends")
        if target.address is None:
            if offset or not last:
                raise ValueError("a small file is sent in one piece")
            return await self._whole(spec, target, await exactly(data, length))
        if not length and last:
            return await self._committed(session, target, target.address)
        if not length or (not last and length % TRAITS.alignment) or length > (TRAITS.max_piece or length):
            raise ValueError("a piece that is not the last must be a multiple of the alignment, and none too long")
        if last and offset and spec.replaces is not None:
            await self._client.expected(*spec.replaces)  # the session compared versions only when it was opened
        async with self._client.http.stream(
            "PUT",
            target.address,
            headers={"Content-Range": f"bytes {offset}-{offset + length - 1}/{size}"},
            data=await exactly(data, length) if length <= PIECE else data,
            length=length,
            retry=False,  # what was refused for now goes again where it is in hand; a lost answer is asked for
            authorised=False,
            ok=_ANSWERS,
        ) as response:
            status, told = response.status, await _told(response)
        progress = await self._outcome(session, target, target.address, status, told)
        waits = last and spec.replaces is not None and progress.done is None and progress.offset == size
        return await self._committed(session, target, target.address) if waits else progress

    async def abort(self, session: UploadSession) -> None:
        """See `providers.drive.Drive.abort`."""
        target = Target.of(session)
        if target.address is not None:
            await self._client.http.call("DELETE", target.address, authorised=False, ok=_GONE)

    async def _outcome(
        self, session: UploadSession, target: Target, address: str, status: int, told: object
    ) -> Progress:
        """What a fragment's answer means. 416: it was there already, so the session says how far it is."""
        if status in (200, 201):
            return finished(self._client.entry(told, session.spec.parent.space), session.spec)
        if status == 202:
            return Progress(_next(told, session.spec.size or 0))
        return await self._status(session, target, address, gone=status in _GONE)

    async def _status(self, session: UploadSession, target: Target, address: str, *, gone: bool = False) -> Progress:
        """How far the session is. One that is gone may have ended well; else it is asked again, then given up."""
        patience = self._client.patience
        for look in range(LOOKS):
            if not gone or look:
                reply = await self._client.http.call("GET", address, authorised=False, ok=_GONE, limit=_ANSWER_LIMIT)
                if reply.status not in _GONE:
                    return Progress(_next(decoded(reply), session.spec.size or 0))
            done = await arrived(self._client, session.spec, target)
            if done is not None:
                return finished(done, session.spec)
            if look + 1 < LOOKS:
                await patience.sleep(patience.first * 2**look)
        raise SessionLost("the upload session is gone")

    async def _committed(self, session: UploadSession, target: Target, address: str) -> Progress:
        """Everything is there. It replaces what it is meant for, or goes where a conflict at the end kept it from."""
        spec = session.spec
        if spec.replaces is not None:
            return await self._replaced(session, target, address, *spec.replaces)
        body = {"name": target.name, CONFLICT: _conflict(spec), "@microsoft.graph.sourceUrl": address}
        done = await self._client.json("PUT", self._client.named(spec.parent, target.name), body=body, retry=False)
        return finished(self._client.entry(done, spec.parent.space), spec)

    async def _replaced(self, session: UploadSession, target: Target, address: str, ref: Ref, version: str) -> Progress:
        """The version is compared once more with nothing but this one small request to follow.

        Personal drives commit by a PUT to the item, which compares it in the same moment; others by a POST to the
        session, for which that is not promised.
        """
        current = await self._client.expected(ref, version)
        if await self._client.kind(ref.space) == PERSONAL:
            body = {"name": current.name, CONFLICT: _conflict(session.spec), "@microsoft.graph.sourceUrl": address}
            url, headers = self._client.item(ref), if_match(version)
            done = await self._client.json("PUT", url, body=body, headers=headers, retry=False)
            return finished(self._client.entry(done, ref.space), session.spec)
        reply = await self._client.http.call(
            "POST", address, data=b"", headers=if_match(version), authorised=False, ok=_GONE, limit=_ANSWER_LIMIT
        )
        if reply.status in _GONE:
            return await self._status(session, target, address, gone=True)
        return finished(self._client.entry(decoded(reply), ref.space), session.spec)

    async def _whole(self, spec: NewFile, target: Target, body: bytes) -> Progress:
        """The simple PUT, and where it was stated the file's time."""
        try:
            made = await self._put(spec, target, body)
        except (NameTaken, Changed):
            found = await self._earlier(spec, target, body)
            if found is None:
                raise
            made = found
        if spec.dated and not same_time(made.modified, spec.modified):
            told = await self._client.json("PATCH", self._client.item(made.ref), body={"fileSystemInfo": _times(spec)})
            made = self._client.entry(told, made.ref.space)
        return finished(made, spec)

    async def _put(self, spec: NewFile, target: Target, body: bytes) -> Entry:
        """Under RENAME the name has been settled already: to rename once more makes two where an answer is lost."""
        conflict = OnConflict.FAIL.value if spec.on_conflict is OnConflict.RENAME else _conflict(spec)
        reply = await self._client.http.call(
            "PUT",
            self._address(spec, target, f"/content?{CONFLICT}={conflict}"),
            data=body,
            headers={"Content-Type": "application/octet-stream", **if_match(target.old if spec.replaces else None)},
        )
        return self._client.entry(decoded(reply), spec.parent.space)

    async def _earlier(self, spec: NewFile, target: Target, body: bytes) -> Entry | None:
        """What an earlier try made: the name was free, or the version another one, when the upload began."""
        if spec.replaces is not None:
            found: Entry | None = await self._client.stat(spec.replaces[0])
        else:
            found = await self._client.find(spec.parent, target.name)
        if found is None or found.kind is not Kind.FILE or found.version == target.old or found.size != len(body):
            return None
        async with read(self._client, found.ref, 0, None, found.version, None) as opened:
            return found if b"".join([piece async for piece in opened]) == body else None


def _conflict(new: NewFile) -> str:
    return (OnConflict.REPLACE if new.replaces is not None else new.on_conflict).value


def _times(new: NewFile) -> dict[str, str]:
    return {"lastModifiedDateTime": format_time(new.modified)}


def _expires(data: Mapping[str, Any]) -> datetime | None:
    """When the session ends unless more is sent; fragments push it further out, so it is only a hint."""
    try:
        return parse_time(data["expirationDateTime"])
    except (KeyError, ValueError, TypeError):
        return None


async def _told(response: aiohttp.ClientResponse) -> object:
    """The JSON of a fragment's answer, None where a refusal has none."""
    body = await bounded(response, _ANSWER_LIMIT)
    try:
        return parsed(body)
    except ValueError:
        if response.status < 300:
            raise Untrusted("the answer is not JSON", reason="json") from None
        return None


def _next(told: object, size: int) -> int:
    """The first byte that is missing; it need not be aligned. No ranges left: everything has arrived."""
    ranges = told.get("nextExpectedRanges") if isinstance(told, Mapping) else None
    if not isinstance(ranges, list):
        raise Untrusted("a session without its ranges", reason="shape")
    try:
        first = min((int(str(one).partition("-")[0]) for one in ranges), default=size)
    except ValueError:
        raise Untrusted("a range that is none", reason="range") from None
    if not 0 <= first <= size:
        raise Untrusted("a range beyond the file", reason="range")
    return first
