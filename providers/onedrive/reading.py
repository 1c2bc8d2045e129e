"""Bytes out of OneDrive: ranges of files, counted, of one version, taken up again where they break off.

Graph answers /content with a redirect to a pre-authenticated address on another host. That address gets no token, it
runs out or falls silent in the middle, and it may answer a range with the whole file; all of that is settled here.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass

import aiohttp

from providers.checked import Checked
from providers.drive import Entry, Kind, Ref
from providers.errors import Changed, DriveError, Malware, Offline, Unsupported, Untrusted
from providers.http import PIECE, pieces
from providers.onedrive import versions
from providers.onedrive.client import Client

RESUMES = 4
"""How often one download is taken up again without progress in between."""

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


@asynccontextmanager
async def read(
    client: Client, ref: Ref, start: int, stop: int | None, version: str | None, export: str | None
) -> AsyncGenerator[Download]:
    """See `providers.drive.Source.read`."""
    entry, tail = await _wanted(client, ref, version)
    total = _total(entry, export)
    if start < 0 or start > total or (stop is not None and stop < start):
        raise ValueError("not a range of this file")
    end = total if stop is None else min(stop, total)
    async with _Fetch(client, entry, total, tail) as fetch:
        if start < end:
            await fetch.open(start, end)
        whole = (start, end) == (0, total)
        async with aclosing(fetch.checked(end) if whole else fetch.body(start, end)) as body:
            yield Download(start, end - start, total, entry.version, body)


async def _wanted(client: Client, ref: Ref, version: str | None) -> tuple[Entry, str]:
    """The file in that version, and where its content is."""
    if version is None or not versions.is_older(version):
        return await client.expected(ref, version), "/content"
    entry = await client.stat(ref)
    then = await versions.then(client, ref, version)
    return versions.as_entry(entry, then), f"/versions/{versions.number(version)}/content"


def _total(entry: Entry, export: str | None) -> int:
    """The file's size. Unsupported where the item has no bytes, Malware where the provider says so."""
    if entry.kind is not Kind.FILE or export is not None:
        raise Unsupported("this item has no bytes in that form", reason=entry.kind.value)
    if "malware" in entry.flags:
        raise Malware("the provider flagged the file", reason="malwareDetected")
    assert entry.size is not None, "files have a size"
    return entry.size


class _Fetch:
    """The one response that is open at a time."""

    def __init__(self, client: Client, entry: Entry, total: int, tail: str) -> None:
        self._client = client
        self._entry = entry
        self._total = total
        self._tail = tail
        self._stack = AsyncExitStack()
        self._response: aiohttp.ClientResponse | None = None

    async def __aenter__(self) -> _Fetch:
        return self

    async def __aexit__(self, *_cause: object) -> None:
        await self._stack.aclose()

    async def open(self, at: int, end: int) -> None:
        """A fresh address, asked for the bytes from ``at`` on."""
        await self._stack.aclose()
        headers = {} if (at, end) == (0, self._total) else {"Range": f"bytes={at}-{end - 1}"}
        url = self._client.item(self._entry.ref, self._tail)
        response = await self._stack.enter_async_context(self._client.http.download(url, headers=headers))
        _check(response, at, end, self._total)
        self._response = response

    async def checked(self, end: int) -> AsyncGenerator[bytes]:
        """The whole file. The last piece comes only where the hash agrees; without a hash the count must do."""
        try:
            async with aclosing(self.body(0, end)) as body:
                async for piece in Checked(body, self._entry.hashes):
                    yield piece
        except Untrusted as error:
            if error.reason == "hash":
                await self._same()  # a school drive may just have rewritten the file: a new version, and no lie
            raise

    async def body(self, at: int, end: int) -> AsyncGenerator[bytes]:
        """The bytes, over as many responses as it takes."""
        resumes = 0
        while at < end:
            before = at
            try:
                async for piece in self._pieces(at, end):
                    at += len(piece)
                    yield piece
                break
            except (Offline, Untrusted) as error:
                resumes = 1 if at - before >= PIECE else resumes + 1
                if at >= end or resumes > RESUMES:
                    raise
                await self._again(at, end, error)

    async def _again(self, at: int, end: int, error: DriveError) -> None:
        """Another response for the rest, if the file is still the same."""
        await self._stack.aclose()
        await self._client.patience.sleep(self._client.patience.first)
        await self._same()
        try:
            await self.open(at, end)
        except Offline:
            raise error from None

    async def _same(self) -> None:
        """Changed where the file is another one by now. An older version never is."""
        if not versions.is_older(self._entry.version):
            await self._client.expected(self._entry.ref, self._entry.version)

    async def _pieces(self, at: int, end: int) -> AsyncGenerator[bytes]:
        assert self._response is not None, "opened before it is read"
        if self._response.status == 206:
            async for piece in pieces(self._response, end - at):
                yield piece
            return
        seen = 0
        async for piece in pieces(self._response, self._total):
            part = piece[max(at - seen, 0) : max(end - seen, 0)]
            seen += len(piece)
            if part:
                yield part
            if seen >= end < self._total:
                return


def _check(response: aiohttp.ClientResponse, at: int, end: int, total: int) -> None:
    """Whether the answer is the range that was asked for, or the whole, of a file of that size."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise Untrusted("the bytes come in another encoding", reason="encoding")
    if response.status == 200:
        if response.content_length in (None, total):
            return
        if response.content_type == "text/html":
            raise Untrusted("a page instead of the file", reason="html")
        raise Changed("the file has another size")
    found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if found is None:
        raise Untrusted("the range was not told", reason="range")
    if int(found[3]) != total:
        raise Changed("the file has another size")
    if (int(found[1]), int(found[2])) != (at, end - 1):
        raise Untrusted("the range was not honoured", reason="range")
