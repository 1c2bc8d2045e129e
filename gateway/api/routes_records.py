"""The records that a school keeps for its authority, made of the data inventory: for its administrators, as files."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from aiohttp import web

from gateway.api.headers import for_file
from gateway.api.problems import not_found
from gateway.api.routing import Call, Route, answer
from gateway.api.schemas import Wire
from gateway.inventory.facts import Facts
from gateway.inventory.records import RECORDS

PATH = "/v1/school/records"


class RecordHow(Wire):
    """How a record is to be had."""

    format: Literal["json", "markdown"] | None = None


class RecordOut(Wire):
    """A record: what it is called in addresses, and for reading."""

    name: str
    title: str
    about: str


class RecordList(Wire):
    """Every record there is."""

    items: list[RecordOut]


def _facts(call: Call) -> Facts:
    """What this deployment is to the caller's school: other schools of it are nobody's business."""
    school, known = call.services.schools.get(call.me.school), call.services.facts
    mine = [one for one in known.schools if (one.name, one.region) == (school.name, school.region)]
    return replace(known, schools=tuple(mine))


async def list_records(call: Call) -> web.StreamResponse:
    """The records that can be had: of processing (GDPR Article 30), for an assessment (35), of sub-processors (28)."""
    made = [make(_facts(call)) for make in RECORDS.values()]
    return answer(RecordList(items=[RecordOut(name=one.name, title=one.title, about=one.about) for one in made]))


async def get_record(call: Call) -> web.StreamResponse:
    """One record as a file: `format` json or markdown, else what `Accept` names. It is made anew at each request."""
    make = RECORDS.get(call.path("record"))
    if make is None:
        raise not_found()
    markdown = _is_markdown(call.query.format, call.request.headers.get("Accept", ""))
    made = make(_facts(call))
    media, text, suffix = (
        ("text/markdown", made.markdown(), "md") if markdown else ("application/json", made.json(), "json")
    )
    headers = {**for_file(f"{made.name}.{suffix}", media, download=True), "Content-Type": f"{media}; charset=utf-8"}
    return web.Response(text=text, headers=headers)


def _is_markdown(chosen: str | None, accept: str) -> bool:
    return chosen == "markdown" if chosen is not None else "text/markdown" in accept.lower()


ROUTES = (
    Route("GET", PATH, list_records, "school.records", "Records for authorities", "school", answer=RecordList),
    Route(
        "GET", f"{PATH}/{{record}}", get_record, "school.records", "A record for authorities as a file", "school",
        query=RecordHow, media="application/json, text/markdown",
    ),
)  # fmt: skip
