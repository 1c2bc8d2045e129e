"""Bytes into Drive: one multipart request up to 5 MB, a resumable session for everything else.

Every new file has an id made beforehand. So a success whose answer was lost is found by it, and a repeat makes no twin.
What becomes one of Google's own documents can have no such id: it bears a mark (`marks`), and always goes up by a
session, which by itself makes one document at most. A session's address is a bearer capability: it needs no token,
lives a week, and stays sealed in the session value.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from providers.drive import Entry, Kind, NewFile, Progress, Ref, UploadSession
from providers.errors import NameTaken, SessionLost, TooLarge, Unsupported, Untrusted
from providers.google.client import Client, is_whole, keys
from providers.google.errors import ID_IN_USE
from providers.google.marks import MARK, becomes, check_size, marked
from providers.google.moving import expect
from providers.google.naming import settle
from providers.google.traits import NATIVE, SESSION_DAYS, SIMPLE_LIMIT, TRAITS
from providers.google.wire import ARRIVED, entry, format_time
from providers.http import bounded, exactly, parsed
from providers.names import check

SIMPLE, RESUMABLE = "simple", "resumable"
BUFFERED = 256 * 1024
"""Up to this many bytes a small file is kept for a retry; larger ones go back to the caller."""

_ANSWERS = (200, 201, 308, 404, 410)
_MEDIA_TYPE = re.compile(r"[\w.+-]{1,100}/[\w.+-]{1,100}(; ?charset=[\w-]{1,40})?", re.ASCII)
_RECEIVED = re.compile(r"bytes=0-(\d+)")


@dataclass(frozen=True, slots=True)
class Target:
    """Where an upload goes: the ``id``, the settled ``name``, and the ``old`` version where content is replaced.

    ``mark``: what becomes a document is found by it; a new one has no ``id`` ('') before it is there.
    """

    id: str
    name: str
    old: str | None = None
    address: str | None = None
    mark: str | None = None

    @classmethod
    def of(cls, session: UploadSession) -> Target:
        """From a session's secret. SessionLost where it is not one of ours."""
        try:
            return cls(**json.loads(session.secret))
        except (ValueError, TypeError):
            raise SessionLost("not a session of this drive") from None

    def seal(self) -> bytes:
        """For `UploadSession.secret`."""
        return json.dumps(asdict(self)).encode()


class Uploads:
    """The upload verbs of one account."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def begin(self, new: NewFile) -> UploadSession:
        """See `providers.drive.Drive.begin`."""
        check(new.name, TRAITS)
        if new.size is not None and new.size > TRAITS.max_size:
            raise TooLarge("the file is too large")
        target = await self._target(new)
        if new.size is not None and new.size <= SIMPLE_LIMIT and target.mark is None:
            return UploadSession(SIMPLE, target.seal(), new)
        request = self._client.api.session(
            "files.create" if target.old is None else "files.update",
            _media_type(new),
            new.size,
            **_parameters(new, target),
        )
        reply = await self._client.http.call(
            request.method, request.url, headers={**request.headers, **keys(new.parent)}, data=request.body
        )
        address = reply.headers.get("Location")
        if not address:
            raise Untrusted("a session without an address", reason="location")
        expires = datetime.now(UTC) + timedelta(days=SESSION_DAYS)
        return UploadSession(RESUMABLE, replace(target, address=address).seal(), new, expires)

    async def _target(self, new: NewFile) -> Target:
        if becomes(new) is not None:
            return await self._document(new)
        if new.replaces is not None:
            ref, version = new.replaces
            current = await self._client.stat(ref)
            expect(current, version)
            return Target(ref.id, new.name, version)
        name, current_or_none = await settle(self._client, new.parent, new.name, new.on_conflict, Kind.FILE)
        if current_or_none is not None:
            return Target(current_or_none.ref.id, name, current_or_none.version)
        return Target(new.id or await self._client.new_id(), name)

    async def _document(self, new: NewFile) -> Target:
        """Where a conversion goes. Only a document's content can be replaced by one."""
        await check_size(self._client, new)
        mark = new.id or secrets.token_urlsafe(24)
        if new.replaces is not None:
            ref, version = new.replaces
            current = await self._client.stat(ref)
            expect(current, version)
            if current.media_type != becomes(new):
                raise Unsupported("this cannot become the content of that item", reason="convert")
            return Target(ref.id, new.name, version, mark=mark)
        name, there = await settle(self._client, new.parent, new.name, new.on_conflict, Kind.DOCUMENT)
        if there is not None and there.media_type == becomes(new):
            return Target(there.ref.id, name, there.version, mark=mark)
        return Target("", name, mark=mark)

    async def progress(self, session: UploadSession) -> Progress:
        """See `providers.drive.Drive.progress`."""
        target = Target.of(session)
        if target.address is None:
            done = await self._arrived(session, target)
            return Progress(0) if done is None else _finished(done, session.spec.size)
        total = "*" if session.spec.size is None else str(session.spec.size)
        headers = {"Content-Range": f"bytes */{total}"}
        async with self._client.http.stream(
            "PUT", target.address, headers=headers, data=b"", authorised=False, ok=_ANSWERS
        ) as response:
            return await self._state(session, target, response, session.spec.size)

    async def send(
        self, session: UploadSession, offset: int, data: AsyncIterator[bytes], length: int, last: bool
    ) -> Progress:
        """See `providers.drive.Drive.send`."""
        target = Target.of(session)
        if session.spec.size is not None and last != (offset + length == session.spec.size):
            raise ValueError("the last piece ends where the file ends")
        if target.address is None:
            if offset or not last:
                raise ValueError("a small file is sent in one piece")
            return await self._whole(session, target, data, length)
        if not last and (length % TRAITS.alignment or not length):
            raise ValueError("a piece that is not the last must be a multiple of the alignment")
        if target.mark is not None and offset == 0:
            done = await self._arrived(session, target)
            if done is not None:  # an earlier session, whose end nobody heard of
                return _finished(done, session.spec.size)
        total = str(offset + length) if last else "*" if session.spec.size is None else str(session.spec.size)
        extent = f"{offset}-{offset + length - 1}" if length else "*"
        async with self._client.http.stream(
            "PUT",
            target.address,
            headers={"Content-Range": f"bytes {extent}/{total}", "Content-Type": _media_type(session.spec)},
            data=data if length else b"",
            length=length,
            authorised=False,
            ok=_ANSWERS,
        ) as response:
            return await self._state(session, target, response, offset + length)

    async def abort(self, session: UploadSession) -> None:
        """See `providers.drive.Drive.abort`."""
        target = Target.of(session)
        if target.address is not None:  # 499 is how Google says that the session has been cancelled
            await self._client.http.call("DELETE", target.address, authorised=False, ok=(404, 410, 499))

    async def _state(
        self, session: UploadSession, target: Target, response: aiohttp.ClientResponse, sent: int | None
    ) -> Progress:
        """308 tells how much there is, 200 gives the file; a session that is gone may have ended well."""
        if response.status == 308:
            return Progress(_received(response.headers.get("Range")))
        if response.status in (200, 201):
            return _finished(entry(_json(await bounded(response, 1024 * 1024))), sent)
        done = await self._arrived(session, target)
        if done is None:
            raise SessionLost("the upload session is gone")
        return _finished(done, sent)

    async def _arrived(self, session: UploadSession, target: Target) -> Entry | None:
        """The finished file of an upload whose answer never came, or None."""
        spec = session.spec
        if target.mark is not None:
            made = await marked(self._client, spec.parent, target.mark, becomes(spec))
            return made if made is None or target.id in ("", made.ref.id) else None
        found = await self._client.find(Ref(spec.parent.space, target.id))
        if found is None or not is_whole(found, spec.size):
            return None
        if target.old is None:
            return found
        same_time = format_time(found.modified) == format_time(spec.modified)
        return found if found.version != target.old and same_time else None

    async def _whole(self, session: UploadSession, target: Target, data: AsyncIterator[bytes], length: int) -> Progress:
        """One multipart/related request: metadata, then the bytes as they come."""
        spec = session.spec
        request = self._client.api.multipart(
            "files.create" if target.old is None else "files.update", **_parameters(spec, target)
        )
        mark = secrets.token_hex(16)
        head, tail = _envelope(mark, request.body or b"{}", _media_type(spec))
        body: bytes | AsyncIterator[bytes] = _framed(head, data, tail)
        if length <= BUFFERED:
            body = b"".join([head, await exactly(data, length), tail])
        size = len(head) + length + len(tail)
        headers = {"Content-Type": f'multipart/related; boundary="{mark}"', **keys(spec.parent)}
        try:
            async with self._client.http.stream(
                request.method,
                request.url,
                headers=headers,
                data=body,
                length=size,
                ok=(200, 201),
            ) as response:
                return _finished(entry(_json(await bounded(response, 1024 * 1024))), length)
        except NameTaken as error:
            if error.reason != ID_IN_USE:
                raise
        done = await self._arrived(session, target)
        if done is None:
            raise Untrusted("an id of ours is in use by something else", reason=ID_IN_USE)
        return _finished(done, length)


def _received(told: str | None) -> int:
    """Bytes that are stored: no Range at all means none, whatever was sent."""
    if told is None:
        return 0
    found = _RECEIVED.fullmatch(told)
    if found is None:
        raise Untrusted("a range that is none", reason="range")
    return int(found[1]) + 1


def _finished(done: Entry, sent: int | None) -> Progress:
    """``sent``: bytes that went there, where the result has no size that says so."""
    return Progress((done.size if done.size is not None else sent) or 0, done)


def _json(body: bytes) -> Any:
    try:
        return parsed(body)
    except ValueError:
        raise Untrusted("the answer is not JSON", reason="json") from None


def _parameters(new: NewFile, target: Target) -> dict[str, Any]:
    """For files.create or files.update; times go along, so that no second version is made."""
    media_type = _media_type(new) if target.mark is None else becomes(new)
    body: dict[str, Any] = {"mimeType": media_type, "modifiedTime": format_time(new.modified)}
    if target.mark is not None:
        body["appProperties"] = {MARK: target.mark}
    known: dict[str, Any] = {"fields": ARRIVED, "supportsAllDrives": True, "body": body}
    if target.old is not None:
        return {**known, "fileId": target.id}
    body |= {"name": target.name, "parents": [new.parent.id]}
    if target.id:
        body["id"] = target.id
    return known


def _media_type(new: NewFile) -> str:
    """The type as it may stand in a header; one of Google's own would ask for a conversion."""
    known = _MEDIA_TYPE.fullmatch(new.media_type) and not new.media_type.startswith(NATIVE)
    return new.media_type if known else "application/octet-stream"


def _envelope(mark: str, metadata: bytes, media_type: str) -> tuple[bytes, bytes]:
    head = b"".join(
        [
            f"--{mark}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n".encode(),
            metadata,
            f"\r\n--{mark}\r\nContent-Type: {media_type}\r\nContent-Transfer-Encoding: binary\r\n\r\n".encode(),
        ]
    )
    return head, f"\r\n--{mark}--\r\n".encode()


async def _framed(head: bytes, data: AsyncIterator[bytes], tail: bytes) -> AsyncIterator[bytes]:
    yield head
    async for chunk in data:
        yield chunk
    yield tail
