"""Bytes out of Drive: ranges of files, exports of documents; counted, and of one version.

Drive cannot be asked for a version of the current content, so the file is looked up first and what then comes must
have the size that was promised, and the hash where the whole of it is read. What was listed before is not looked up
again where it is read as a whole: its hash tells.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import aiohttp

from providers.checked import Checked
from providers.drive import Entry, ExportChoice, Kind, Ref
from providers.errors import Changed, DownloadForbidden, Unsupported, Untrusted
from providers.google.client import Client, keys
from providers.google.exporting import exported
from providers.google.revisions import older
from providers.http import pieces

_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


@dataclass(frozen=True, slots=True)
class Download:
    """An open download; a `providers.drive.Read`. ``digests``: see `providers.checked.Checked`."""

    start: int
    length: int | None
    total: int | None
    version: str
    body: AsyncIterator[bytes]
    digests: Mapping[str, bytes] = field(default_factory=dict)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self.body


@dataclass(frozen=True, slots=True)
class _Content:
    """Bytes that Drive keeps: a file's, or a revision's. ``size`` in bytes, ``hashes`` as stated."""

    ref: Ref
    version: str
    size: int
    hashes: Mapping[str, bytes]
    address: str


async def _nothing() -> AsyncGenerator[bytes]:
    return
    yield b""


@asynccontextmanager
async def read(
    client: Client, ref: Ref, start: int, stop: int | None, version: str | None, export: str | None
) -> AsyncGenerator[Download]:
    """See `providers.drive.Source.read`."""
    entry = await client.stat(ref)
    choice = _choice(entry, export)
    if choice is not None and version not in (None, entry.version):
        raise Changed("the document has another version")
    content = None if choice is not None else await _content(client, entry, version)
    if "read" not in entry.may:
        raise DownloadForbidden("downloading is disabled", reason="canDownload")
    if start < 0 or (stop is not None and stop < start):
        raise ValueError("not a range")
    if content is not None:
        opened = _bytes(client, content, start, stop)
    elif choice is not None:
        opened = _document(client, entry, choice, start, stop)
    async with opened as download:
        yield download


@asynccontextmanager
async def read_listed(client: Client, entry: Entry) -> AsyncGenerator[Download]:
    """See `providers.verbs.ReadsListed`."""
    if entry.size is None or not entry.hashes:
        raise ValueError("nothing would prove which version the bytes are")
    content = _Content(entry.ref, entry.version, entry.size, entry.hashes, client.api.media(entry.ref.id))
    async with _bytes(client, content, 0, None) as download:
        yield replace(download, body=_of_version(client, entry, download.body))


async def _of_version(client: Client, entry: Entry, body: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """The bytes; where they are not those that were listed, whether the file has changed since."""
    try:
        async for piece in body:
            yield piece
    except Untrusted as lie:
        if (await client.stat(entry.ref)).version != entry.version:
            raise Changed("the file has another version") from lie
        raise


async def _content(client: Client, entry: Entry, version: str | None) -> _Content:
    """The file's bytes, or those of an older version that is still kept. Changed where it is not."""
    api, ref = client.api, entry.ref
    if version not in (None, entry.version):
        size, hashes = await older(client, entry, version)
        request = api.build("revisions.get_media", fileId=ref.id, revisionId=version)
        return _Content(ref, version, size, hashes, request.url)
    if entry.size is None:
        raise Untrusted("a file without a size", reason="size")
    return _Content(ref, entry.version, entry.size, entry.hashes, api.media(ref.id))


def _choice(entry: Entry, export: str | None) -> ExportChoice | None:
    """The export that was asked for. Unsupported where the item has no bytes, or not in that form."""
    if entry.kind is Kind.FILE and export is None:
        return None
    found = [choice for choice in entry.exports if choice.id == export]
    if not found:
        raise Unsupported("this item has no bytes in that form", reason=entry.kind.value)
    return found[0]


@asynccontextmanager
async def _bytes(client: Client, content: _Content, start: int, stop: int | None) -> AsyncGenerator[Download]:
    total = content.size
    if start > total:
        raise ValueError("the start is beyond the end")
    end = total if stop is None else min(stop, total)
    if start == end:
        yield Download(start, 0, total, content.version, _nothing())
        return
    headers = keys(content.ref)
    partial = (start, end) != (0, total)
    if partial:
        headers["Range"] = f"bytes={start}-{end - 1}"
    async with client.http.download(content.address, headers=headers) as response:
        _check(response, start, end, total, partial)
        body = Checked(pieces(response, end - start), {} if partial else content.hashes)
        yield Download(start, end - start, total, content.version, aiter(body), body.digests)


def _check(response: aiohttp.ClientResponse, start: int, end: int, total: int, partial: bool) -> None:
    """Whether the answer is the range that was asked for, of a file of that size."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise Untrusted("the bytes come in another encoding", reason="encoding")
    if partial != (response.status == 206):
        raise Untrusted("the range was not honoured", reason="range")
    if partial:
        found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if found is None:
            raise Untrusted("the range was not told", reason="range")
        if int(found[3]) != total:
            raise Changed("the file has another size")
        if (int(found[1]), int(found[2])) != (start, end - 1):
            raise Untrusted("the range was not honoured", reason="range")
    elif response.content_length not in (None, total):
        if response.content_type == "text/html":
            raise Untrusted("a page instead of the file", reason="html")
        raise Changed("the file has another size")


@asynccontextmanager
async def _document(
    client: Client, entry: Entry, choice: ExportChoice, start: int, stop: int | None
) -> AsyncGenerator[Download]:
    """An export is made anew for each request and knows no ranges: what lies before ``start`` is thrown away."""
    async with exported(client, entry, choice) as response:
        total = response.content_length
        if total is not None and start > total:
            raise ValueError("the start is beyond the end")
        end = total if stop is None else stop if total is None else min(stop, total)
        length = None if total is None or end is None else end - start
        yield Download(start, length, total, entry.version, _part(pieces(response, total), start, end))


async def _part(body: AsyncIterator[bytes], start: int, end: int | None) -> AsyncGenerator[bytes]:
    at = 0
    async for piece in body:
        part = piece[max(start - at, 0) : None if end is None else max(end - at, 0)]
        at += len(piece)
        if part:
            yield part
        if end is not None and at >= end:
            return
    if start > at:
        raise ValueError("the start is beyond the end")
