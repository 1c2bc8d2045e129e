"""Taking away everything that is held about a person: a link that works once, and the archive that leaves by it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from functools import partial
from typing import Final

import structlog
from aiohttp import web

from cache.errors import StorageError
from gateway.api.acting import acting, lasts, looked, still
from gateway.api.content import WRITE_TIMEOUT
from gateway.api.headers import for_file
from gateway.api.paging import link_next
from gateway.api.presence import Presence
from gateway.api.problems import Problem, not_found
from gateway.api.routes_account import moment
from gateway.api.routes_rights import CHILD, MINE, PERSON, after, place
from gateway.api.routing import Call, Route, answer, spoken
from gateway.api.schemas_rights import ExportAsked, ExportMade, ExportOut, ExportPage, RightsPaging
from gateway.identity.errors import NotActive
from gateway.rights import Export, NoExport, Wanted
from gateway.rights.archive import gathered

log = structlog.get_logger()

_PIECE: Final = 64 * 1024


async def ask_export(call: Call) -> web.StreamResponse:
    """Ask for everything as a zip. The answer's `download` works once, for minutes, and only for whoever asked.

    The person is told, whoever asked. A download that broke is asked for again.
    """
    asks = await acting(call, "export")
    parts = await call.services.rights.exporter.parts(asks.scope)
    if call.body.part > parts:
        raise not_found()
    export, secret = await call.services.rights.exports.ask(asks, call.body.part)
    made = ExportMade(
        id=export.id, download=f"/v1/exports/{secret}", ends=moment(export.ends), part=export.part, parts=parts
    )
    return answer(made, 201)


async def list_exports(call: Call) -> web.StreamResponse:
    """Copies that were asked for, by whom, and whether they left whole; the newest first."""
    asks = await acting(call, "review")
    await looked(call, asks, "review.exports")
    bound = f"{call.me.person}\0exports\0{asks.person}"
    found, more = await call.services.rights.exports.list(asks.scope, place(call, bound), call.query.limit)
    following = after(call, bound, more)
    page = ExportPage(items=[_out(one) for one in found], next=following)
    return answer(page, headers=link_next(call.request.path, following))


def _out(one: Export) -> ExportOut:
    return ExportOut(
        id=one.id,
        state=one.state,
        part=one.part,
        by=one.acting.how,
        principal=one.by,
        made=moment(one.made),
        ended=None if one.ended is None else moment(one.ended),
        size=one.size,
    )


async def download(call: Call) -> web.StreamResponse:
    """The archive, once. It is cut off where the reader's sign-in or their link to a child ends, and never looks whole
    then.
    """
    exports, secret = call.services.rights.exports, call.path("secret")
    try:
        await still(call, call.me, (await exports.find(call.me, secret)).acting)
        if call.services.rights.exporter.busy:
            raise Problem(
                503, "busy", "Many copies are being made at the moment. Try again shortly.",
                headers={"Retry-After": "30"},
            )  # fmt: skip
        export = await exports.begin(call.me, secret)
    except NoExport:
        raise not_found() from None
    return await _send(call, export)


async def _send(call: Call, export: Export) -> web.StreamResponse:
    sent, whole, response = 0, False, None
    try:
        wanted = await _wanted(call, export)
        async with aclosing(gathered(call.services.rights.exporter.pieces(wanted), _PIECE)) as pieces:  # type: ignore[type-var]
            response = await _begun(call, wanted)
            presence = Presence(call.services, call.me, using=True, also=partial(lasts, call, call.me, export.acting))
            async for size in _written(presence, response, pieces):
                sent += size
        await response.write_eof()
        whole = True
    except (ConnectionError, TimeoutError, StorageError, _SignedOut) as error:
        if response is None:
            raise
        log.info("export_broken", why=type(error).__name__)
        _cut(call.request)
    finally:
        await asyncio.shield(call.services.rights.exports.ended(export, sent, whole=whole))
    return response


class _SignedOut(Exception):
    """Whoever reads is not signed in any more, or their link has ended."""


async def _wanted(call: Call, export: Export) -> Wanted:
    services = call.services
    try:
        name = (await services.people.get(export.scope)).name
    except NotActive:
        name = ""
    return Wanted(
        scope=export.scope, how=export.acting.how, name=name, school=services.schools.get(export.scope.tenant).name,
        part=export.part, parts=await services.rights.exporter.parts(export.scope),
        made=await services.database.now(), locale=spoken(call.request),
    )  # fmt: skip


async def _begun(call: Call, wanted: Wanted) -> web.StreamResponse:
    day = datetime.fromtimestamp(wanted.made / 1000, UTC).strftime("%Y-%m-%d")
    part = f"-{wanted.part}" if wanted.parts > 1 else ""
    headers = for_file(f"my-data-{day}{part}.zip", "application/zip", download=True)
    response = web.StreamResponse(headers={**headers, "Content-Type": "application/zip"})
    await response.prepare(call.request)
    return response


async def _written(
    presence: Presence, response: web.StreamResponse, pieces: AsyncIterator[bytes]
) -> AsyncIterator[int]:  # fmt: skip
    """Write the pieces; the size of each. _SignedOut."""
    async for piece in pieces:
        if not await presence.still():
            raise _SignedOut
        async with asyncio.timeout(WRITE_TIMEOUT):
            await response.write(piece)
        yield len(piece)
        await asyncio.sleep(0)


def _cut(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def _routes(base: str, tag: str, read: str, export: str) -> tuple[Route, ...]:
    return (
        Route(
            "POST", f"{base}/exports", ask_export, export, "Ask for a copy of everything", tag,
            body=ExportAsked, answer=ExportMade, status=201, rate=60,
        ),
        Route(
            "GET", f"{base}/exports", list_exports, read, "Copies that were asked for", tag,
            query=RightsPaging, answer=ExportPage,
        ),
    )  # fmt: skip


ROUTES = (
    *_routes(MINE, "rights", "rights.read", "rights.export"),
    *_routes(CHILD, "children", "child.act", "child.act"),
    *_routes(PERSON, "school", "school.rights", "school.rights"),
    Route(
        "GET", "/v1/exports/{secret}", download, "rights.read", "Fetch a copy of everything, once", "rights",
        media="application/zip", rate=30,
    ),
)  # fmt: skip
