"""Bodies in and out: streamed in pieces of at most 256 KiB, hashed in passing, never whole in memory.

Received bytes are written and hashed in a worker thread, one batch behind the network, so that neither waits for the
other. What arrived before a lost connection stays in the file: resumable uploads go on from there.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from aiohttp import web

from providers.sandbox.faults import Dropped, fault, pause, struck
from providers.sandbox.spoiling import corrupted

PIECE = 256 * 1024
BATCH = 4 * PIECE
SMALL = 64 * 1024


class Hasher(Protocol):
    """What hashlib gives, as far as it is needed here."""

    def update(self, data: bytes, /) -> None:
        """Takes more bytes."""

    def digest(self) -> bytes:
        """The digest of all bytes so far."""


class Digests:
    """Several hashes over one stream. ``position`` is how many bytes they have seen."""

    def __init__(self, makers: Mapping[str, Callable[[], Hasher]]) -> None:
        self.position = 0
        self._hashers = {name: make() for name, make in makers.items()}

    def update(self, data: bytes) -> None:
        """Takes more bytes into every hash."""
        self.position += len(data)
        for hasher in self._hashers.values():
            hasher.update(data)

    def values(self) -> dict[str, bytes]:
        """Name -> digest."""
        return {name: hasher.digest() for name, hasher in self._hashers.items()}


async def digest_file(path: Path, digests: Digests) -> None:
    """Hashes the rest of a file, from ``digests.position`` on, in a thread."""

    def run() -> None:
        with path.open("rb") as file:
            file.seek(digests.position)
            while piece := file.read(PIECE):
                digests.update(piece)

    await asyncio.to_thread(run)


async def pieces(request: web.BaseRequest) -> AsyncGenerator[bytes]:
    """The request's body as it comes. Dropped where a fault cuts it (what came before the cut is yielded)."""
    left, speed = fault(request, "drop_after"), fault(request, "bandwidth")
    while chunk := await request.content.readany():
        if left is not None and len(chunk) >= left:
            yield chunk[:left]
            raise Dropped
        left = None if left is None else left - len(chunk)
        if speed:
            await pause(request, len(chunk) / speed)
        yield chunk


async def receive(body: AsyncIterator[bytes], path: Path, at: int, digests: Digests, limit: int | None = None) -> int:
    """Writes a body into the file at an offset and hashes it; the new length of the file.

    Bytes past ``limit`` (a length of the file) raise OverflowError; what is below it is kept. Any error of the body is
    raised again after everything that came before it is in the file. Hashes only what lines up with their position.
    """
    # A plain open is one quick syscall; the work is in the writes, and those run in threads.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    pending: asyncio.Future[None] | None = None
    batch: list[bytes] = []
    size, end = 0, at
    try:
        os.lseek(descriptor, at, os.SEEK_SET)
        try:
            async for chunk in body:
                if limit is not None and end + len(chunk) > limit:
                    raise OverflowError
                batch.append(chunk)
                size, end = size + len(chunk), end + len(chunk)
                if size >= BATCH:
                    await (pending or _nothing())
                    pending = asyncio.ensure_future(asyncio.to_thread(_absorb, descriptor, batch, digests))
                    batch, size = [], 0
        finally:
            await (pending or _nothing())
            _absorb(descriptor, batch, digests)  # less than a batch: cheaper than a hop
    finally:
        os.close(descriptor)
    return end


async def _nothing() -> None:
    return None


def _absorb(descriptor: int, batch: Sequence[bytes], digests: Digests) -> None:
    for chunk in batch:
        view = memoryview(chunk)
        while view:
            view = view[os.write(descriptor, view) :]
        digests.update(chunk)


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes [start, stop) of ``total``; ``partial`` where a range was asked for."""

    start: int
    stop: int
    total: int
    partial: bool


def span(header: str | None, total: int) -> Span | None:
    """What a Range header asks of so many bytes. None: not satisfiable. Anything odd is ignored, as RFC 9110 allows."""
    unit, _, text = (header or "").partition("=")
    first, dash, last = text.strip().partition("-")
    if unit.strip() != "bytes" or not dash or not (first + last).isascii() or not (first + last).isdigit():
        return Span(0, total, total, partial=False)
    if not first:
        wanted = int(last)
        return Span(max(0, total - wanted), total, total, partial=True) if wanted and total else None
    start, stop = int(first), min(int(last) + 1, total) if last else total
    if last and int(last) < start:
        return Span(0, total, total, partial=False)
    return Span(start, stop, total, partial=True) if start < total else None


class Whole(web.Response):
    """A small file as one write; by its own type nobody takes a JSON file for a JSON answer."""


async def send(request: web.BaseRequest, path: Path, part: Span, headers: Mapping[str, str]) -> web.StreamResponse:
    """Answers with a span of a file: 200, or 206 with Content-Range. HEAD gets the headers alone."""
    told = {**headers, "Accept-Ranges": "bytes"}
    if part.partial:
        told["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{part.total}"
    status, stop = 206 if part.partial else 200, max(part.start, part.stop - (fault(request, "shorten") or 0))
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if stop - part.start <= SMALL and request.method != "HEAD" and not struck(request):
            return Whole(body=await _read(descriptor, part.start, stop - part.start), status=status, headers=told)
        response = web.StreamResponse(status=status, headers=told)
        response.content_length = stop - part.start
        await response.prepare(request)
        if request.method != "HEAD":
            await _write(request, response, descriptor, range(part.start, stop))
        await response.write_eof()
    finally:
        os.close(descriptor)
    return response


async def _write(request: web.BaseRequest, response: web.StreamResponse, descriptor: int, part: range) -> None:
    cut, speed, spoil = (fault(request, name) for name in ("truncate", "bandwidth", "corrupt"))
    stop = part.stop if cut is None else min(part.stop, part.start + cut)
    for at in range(part.start, stop, PIECE):
        piece = await _read(descriptor, at, min(PIECE, stop - at))
        if spoil:
            piece = corrupted(request, piece, at - part.start)
        # write() alone does not let others run while the socket keeps up
        await (pause(request, len(piece) / speed) if speed else asyncio.sleep(0))
        await response.write(piece)
    if cut is not None:
        await cut_off(request)


async def cut_off(request: web.BaseRequest) -> None:
    """Ends a truncated answer: waits where the fault says so, then raises Dropped."""
    await pause(request, (fault(request, "stall_ms") or 0) / 1000)
    raise Dropped(flush=True)


async def _read(descriptor: int, at: int, length: int) -> bytes:
    """Reads inline what the page cache holds, in a thread what the disk must fetch."""
    buffer = bytearray(length)
    try:
        got = os.preadv(descriptor, [buffer], at, os.RWF_NOWAIT)
    except OSError:  # nothing cached, or a file system that does not know the flag
        got = 0
    return bytes(buffer) if got == length else await asyncio.to_thread(os.pread, descriptor, length, at)
