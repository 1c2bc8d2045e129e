"""The bytes of a file: whole, one range, or only the headers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import structlog
from aiohttp import web

from cache.errors import StorageError
from gateway.api import headers
from gateway.api.presence import Presence
from gateway.api.ranges import Span, asked_span, check_match, none_match, strong_etag
from gateway.files.opening import Opened, Opener
from providers.errors import DriveError

log = structlog.get_logger()

WRITE_TIMEOUT = 60.0
"""Seconds in which a reader must take a piece; aiohttp has no write timeout of its own."""


async def serve(
    request: web.Request, opener: Opener, opened: Opened, reader: Presence, *, download: bool
) -> web.StreamResponse:
    """The answer to GET and HEAD of an opened file, with ranges where its size is known.

    It is cut off where the reader's sign-in ends before the file does.
    """
    etag = _etag(opened)
    check_match(request.headers.get("If-Match"), etag)
    common = headers.for_file(opened.name, opened.media_type, download=download) | {"ETag": etag}
    if none_match(request.headers.get("If-None-Match"), etag):
        return web.Response(status=304, headers={"ETag": etag, "Cache-Control": "no-store"})
    span = None
    if opened.size is not None:
        common["Accept-Ranges"] = "bytes"
        span = asked_span(request.headers.get("Range"), request.headers.get("If-Range"), etag, opened.size)
    start = span.start if span else 0
    stop = span.stop if span else opened.size
    if request.method == "HEAD" or opened.size == 0:
        return _headers_only(common, span, opened.size)
    how, fill = await opener.prepare(opened, start)
    common["Cache-Status"] = {
        "hit": "file-access; hit",
        "stored": "file-access; fwd=miss; stored",
        "direct": "file-access; fwd=miss",
    }[how]
    pieces = opener.read(opened, how, fill, start, stop)
    # The first piece decides whether this is an answer or a problem: nothing has been promised yet.
    first = await anext(pieces, b"")
    response = web.StreamResponse(status=206 if span else 200, headers=common)
    if stop is not None:
        response.content_length = stop - start
    if span:
        response.headers["Content-Range"] = span.content_range
    await response.prepare(request)
    await _pump(request, response, reader, first, pieces, None if stop is None else stop - start)
    return response


def _etag(opened: Opened) -> str:
    """Strong where these very bytes can come again: two exports of one version are two files, so each copy has its own.

    Weak for an export that is not kept: nothing may be resumed by it.
    """
    parts = (opened.drive, str(opened.entry.ref), opened.version, opened.export)
    if opened.export is None:
        return strong_etag(*parts)
    return strong_etag(*parts, opened.cached.object) if opened.cached is not None else "W/" + strong_etag(*parts)


def _headers_only(common: dict[str, str], span: Span | None, size: int | None) -> web.Response:
    response = web.Response(status=206 if span else 200, headers=common)
    if span:
        response.headers["Content-Range"] = span.content_range
        response.headers["Content-Length"] = str(span.stop - span.start)
    elif size is not None:
        response.headers["Content-Length"] = str(size)
    return response


async def _pump(
    request: web.Request,
    response: web.StreamResponse,
    reader: Presence,
    first: bytes,
    pieces: AsyncIterator[bytes],
    promised: int | None,
) -> None:
    """Write the pieces and count them. A body of another length breaks the connection: nobody takes it for whole."""
    sent = 0
    piece = first
    try:
        while piece:
            sent += len(piece)
            if promised is not None and sent > promised:
                break
            async with asyncio.timeout(WRITE_TIMEOUT):
                await response.write(piece)
            await asyncio.sleep(0)  # a write that does not block does not yield either
            piece = await anext(pieces, b"")
            if not await reader.still():
                log.info("body_cut_by_sign_out")
                _cut(request)
                return
        if promised is not None and sent != promised:
            log.warning("body_of_wrong_length", short=sent < promised)
            _cut(request)
            return
        await response.write_eof()
    except (ConnectionError, TimeoutError):
        _cut(request)  # the reader left or stalled
    except (DriveError, StorageError) as error:
        log.warning("body_interrupted", why=type(error).__name__)
        _cut(request)
    finally:
        await pieces.aclose()  # type: ignore[attr-defined]  # they are async generators


def _cut(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
