"""Bytes out of Drive: ranges of files, exports of documents; counted, and of one version.

Drive cannot be asked for a version of the current content, so the file is looked up first and what then comes must
have the size that was promised.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from providers.drive import Entry, ExportChoice, Kind, Ref
from providers.errors import Changed, DownloadForbidden, Unsupported, Untrusted
from providers.google.client import Client, keys
from providers.google.exporting import exported
from providers.http import pieces

_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


@dataclass(frozen=True, slots=True)
class Download:
    """An open download; a `providers.drive.Read`."""

    start: int
    length: int | None
    total: int | None
    version: str
    body: AsyncIterator[bytes]

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self.body


async def _nothing() -> AsyncGenerator[bytes]:
    return
    yield b""


@asynccontextmanager
async def read(
    client: Client, ref: Ref, start: int, stop: int | None, version: str | None, export: str | None
) -> AsyncGenerator[Download]:
    """See `providers.drive.Source.read`."""
    entry = await client.stat(ref)
    if version is not None and entry.version != version:
        raise Changed("the file has another version")
    choice = _choice(entry, export)
    if "read" not in entry.may:
        raise DownloadForbidden("downloading is disabled", reason="canDownload")
    if start < 0 or (stop is not None and stop < start):
        raise ValueError("not a range")
    opened = _file(client, entry, start, stop) if choice is None else _document(client, entry, choice, start, stop)
    async with opened as download:
        yield download


def _choice(entry: Entry, export: str | None) -> ExportChoice | None:
    """The export that was asked for. Unsupported where the item has no bytes, or not in that form."""
    if entry.kind is Kind.FILE and export is None:
        return None
    found = [choice for choice in entry.exports if choice.id == export]
    if not found:
        raise Unsupported("this item has no bytes in that form", reason=entry.kind.value)
    return found[0]


@asynccontextmanager
async def _file(client: Client, entry: Entry, start: int, stop: int | None) -> AsyncGenerator[Download]:
    total = entry.size
    if total is None:
        raise Untrusted("a file without a size", reason="size")
    if start > total:
        raise ValueError("the start is beyond the end")
    end = total if stop is None else min(stop, total)
    if start == end:
        yield Download(start, 0, total, entry.version, _nothing())
        return
    request = client.api.build("files.get_media", fileId=entry.ref.id, supportsAllDrives=True)
    headers = keys(entry.ref)
    partial = (start, end) != (0, total)
    if partial:
        headers["Range"] = f"bytes={start}-{end - 1}"
    async with client.http.download(request.url, headers=headers) as response:
        _check(response, start, end, total, partial)
        yield Download(start, end - start, total, entry.version, pieces(response, end - start))


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
