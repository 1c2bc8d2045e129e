"""A job's report as a file, CSV or JSON, written page by page: no report is ever held whole.

A cell that a spreadsheet would take for a formula is marked as text. Whether its reader is signed in, every page asks.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final

from aiohttp import web

from gateway.api.headers import for_file
from gateway.api.schemas import Job, JobItem

PAGE: Final = 500
"""Items that are in memory at once."""
_WRITE_TIMEOUT: Final = 60.0
COLUMNS: Final = ("path", "name", "kind", "state", "size", "done", "renamed_to", "reason", "advice", "drive", "item")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_INNER: Final = re.compile(r"([;\t\r\n][\s\"]{0,20})(?=[=+\-@＝＋－＠])")
"""What begins a cell where semicolons separate, as in most of Europe: such a spreadsheet splits inside our cells."""
_COUNTS: Final = ("found", "copied", "skipped", "failed", "unsupported", "waiting")

Pages = AsyncIterator[Sequence[JobItem]]


def wanted(chosen: str | None, accept: str) -> str:
    """'csv' or 'json': what the query says, else what the caller accepts first."""
    if chosen is not None:
        return chosen
    return "csv" if "text/csv" in accept.lower() else "json"


async def send(
    request: web.Request, kind: str, job: Job, pages: Pages, still: Callable[[], Awaitable[bool]]
) -> web.StreamResponse:
    """The report as a download; broken off, so that it never looks whole, where the reader leaves or is signed out."""
    media = {"csv": "text/csv", "json": "application/json"}[kind]
    headers = {**for_file(f"report.{kind}", media, download=True), "Content-Type": f"{media}; charset=utf-8"}
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    written = _csv(job, pages) if kind == "csv" else _json(job, pages)
    try:
        async for part in written:
            if not await still():
                _break_off(request)
                return response
            async with asyncio.timeout(_WRITE_TIMEOUT):
                await response.write(part.encode())
        await response.write_eof()
    except (ConnectionError, TimeoutError):
        _break_off(request)
    return response


def _break_off(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


async def _csv(job: Job, pages: Pages) -> AsyncIterator[str]:
    """A byte order mark for spreadsheets, a header, a row for each item, at the end the sums and what came of all."""
    yield "\ufeff" + _rows([COLUMNS])
    async for page in pages:
        yield _rows([[cell(value) for value in _values(item)] for item in page])
        await asyncio.sleep(0)
    yield _rows([("", name, "total", "", getattr(job.counts, name)) for name in _COUNTS])
    if job.outcome is not None:
        yield _rows([("", "kept", "total", "", job.kept or 0), ("", "outcome", "total", job.outcome, "")])


def _rows(rows: Sequence[Sequence[object]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue()


def _values(item: JobItem) -> list[object]:
    place = item.destination
    plain = [getattr(item, name) for name in COLUMNS[:-2]]
    return [*plain, place.drive if place else None, place.item if place else None]


def cell(value: object) -> object:
    """The value as a spreadsheet shows it: text that it would calculate is led by an apostrophe."""
    if not isinstance(value, str):
        return "" if value is None else value
    told = _INNER.sub(r"\1'", value)
    return f"'{told}" if told.lstrip(" ").startswith(_FORMULA) else told


async def _json(job: Job, pages: Pages) -> AsyncIterator[str]:
    yield f'{{"job":{job.model_dump_json(exclude_none=True)},"items":['
    first = True
    async for page in pages:
        text = ",".join(json.dumps(item.model_dump(mode="json", exclude_none=True)) for item in page)
        yield text if first else f",{text}"
        first = False
        await asyncio.sleep(0)
    yield "]}"
