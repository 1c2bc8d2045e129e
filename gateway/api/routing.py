"""Routes as data: who may call them, what they take and what they answer. The OpenAPI document is read off the same.

A route cannot be written without an ``action``; `gateway.policy` decides it before the handler runs, so a forgotten
rule denies. ``public`` is said aloud.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl

from aiohttp import web
from pydantic import BaseModel, ValidationError

from cache.vault import Scope
from gateway.api.problems import Problem
from gateway.policy.principal import Principal
from gateway.web import catalogs

if TYPE_CHECKING:
    from gateway.api.services import Services

PUBLIC = "public"

Model = TypeVar("Model", bound=BaseModel)


@dataclass(slots=True)
class Call:
    """One request on its way through a route: the raw request, the services, and who asks (None where public)."""

    request: web.Request
    services: Services
    principal: Principal | None
    query: Any = None
    body: Any = None
    word: str | None = None
    """The id of this request's instruction, where a repeat of the request must have the same."""
    instruction: str = ""
    """The id under which the ledger knows of this request; empty where the route is public."""

    @property
    def me(self) -> Principal:
        """Who asks. Only routes that are not public have one."""
        if self.principal is None:
            raise Problem(401, "sign_in_required", "Sign in first.")
        return self.principal

    @property
    def scope(self) -> Scope:
        """The caller's own keys: what is theirs is asked for, sealed and opened under it."""
        return Scope(self.me.school, self.me.person)

    def say(self, text: str) -> str:
        """A sentence in the caller's language."""
        return catalogs.translate(spoken(self.request), text)

    def path(self, name: str) -> str:
        """A path parameter."""
        return self.request.match_info[name]


def spoken(request: web.Request) -> str:
    """The language that the caller asks for, of those that are offered."""
    return catalogs.choose(accept_language=request.headers.get("Accept-Language", ""))


Handler = Callable[[Call], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Header:
    """A request header that a route reads, for the document."""

    name: str
    text: str
    required: bool = False
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})


@dataclass(frozen=True, slots=True)
class Route:
    """One route. ``answer`` is the model of ``status``; ``media`` other than JSON is raw bytes or events;
    several, with ", " between them, where the caller's Accept chooses.

    ``problems``: the statuses of errors beyond those every route can give. ``idempotent``: takes Idempotency-Key.
    ``page``: where a person comes back to who must sign in again for it.
    ``counted``: one address may ask only so often, see `gateway.api.arrivals`; ``rate``: so often a minute one person.
    ``told``: whether each request has an entry in the ledger; None: if it may change something.
    """

    method: str
    path: str
    handler: Handler
    action: str
    summary: str
    tag: str
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    status: int = 200
    media: str = "application/json"
    also: Mapping[int, str] = field(default_factory=dict)
    headers: Sequence[Header] = ()
    problems: Sequence[int] = ()
    idempotent: bool = False
    counted: bool = False
    rate: int = 0
    form: bool = False
    raw_body: str | None = None
    documented: bool = True
    told: bool | None = None

    @property
    def records(self) -> bool:
        """Whether each request has an entry of its own in the ledger; else they are counted, as what only looks is."""
        return self.method not in ("GET", "HEAD", "OPTIONS") if self.told is None else self.told

    page: str = "/"


def parse_query(model: type[BaseModel], request: web.Request) -> BaseModel:
    """The query as the model; 422 with the places where it does not fit. Repeated parameters are refused."""
    if len(set(request.query)) != len(request.query):
        raise Problem(422, "invalid_query", "A parameter is given more than once.")
    return _validate(model, dict(request.query), "invalid_query")


async def parse_json(model: type[BaseModel], request: web.Request, most: int) -> BaseModel:
    """The JSON body as the model, of at most so many bytes, before it is read."""
    if request.content_type != "application/json":
        raise Problem(415, "wrong_media_type", "Send application/json.")
    if request.content_length is not None and request.content_length > most:
        raise Problem(413, "too_large", "The request is too large.")
    try:
        raw = await _read_bounded(request, most)
        data = json.loads(raw.decode("utf-8"), parse_constant=_refuse_constant, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        raise Problem(400, "bad_json", "The body is not JSON.") from None
    if not isinstance(data, dict):
        raise Problem(422, "invalid_body", "The body must be a JSON object.")
    return _validate(model, data, "invalid_body")


async def parse_form(model: type[BaseModel], request: web.Request, most: int) -> BaseModel:
    """A urlencoded form as the model."""
    return _validate(model, await read_form(request, most), "invalid_body")


async def read_form(request: web.Request, most: int) -> dict[str, str]:
    """A urlencoded form, whole. Never multipart: aiohttp would write its parts to plaintext files."""
    if request.content_type != "application/x-www-form-urlencoded":
        raise Problem(415, "wrong_media_type", "Send application/x-www-form-urlencoded.")
    raw = await _read_bounded(request, most)
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=50, errors="strict")
    except (ValueError, UnicodeDecodeError):
        raise Problem(400, "bad_form", "The body is not a form.") from None
    if len(dict(pairs)) != len(pairs):
        raise Problem(422, "invalid_body", "A field is given more than once.")
    return dict(pairs)


async def _read_bounded(request: web.Request, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size > most:
            raise Problem(413, "too_large", "The request is too large.")
        parts.append(chunk)
    return b"".join(parts)


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; ValueError where a name is given twice, since readers would disagree about which one counts."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is given twice")
    return found


@functools.cache
def _names(model: type[BaseModel]) -> frozenset[str]:
    """The names of all fields of a model and of what is in it."""
    schema = model.model_json_schema()
    parts = [schema, *schema.get("$defs", {}).values()]
    return frozenset(name for part in parts for name in part.get("properties", {}))


def _place(model: type[BaseModel], place: Sequence[int | str]) -> str:
    """Where something does not fit. A name that is not ours is the caller's own text, and is not repeated."""
    known = _names(model)
    return ".".join(str(part) if isinstance(part, int) or part in known else "?" for part in place)


def _validate(model: type[Model], data: dict[str, Any], code: str) -> Model:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        places = [
            {"field": _place(model, one["loc"]), "why": one["type"]}
            for one in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        raise Problem(422, code, "Some fields are missing or not valid.", fields=places[:20]) from None


def answer(
    model: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None, *, nulls: bool = False
) -> web.Response:
    """A JSON answer of a model, never stored by any cache. ``nulls``: a null says something here."""
    return web.Response(
        status=status,
        body=model.model_dump_json(exclude_none=not nulls).encode(),
        content_type="application/json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def nothing(headers: Mapping[str, str] | None = None) -> web.Response:
    """204."""
    return web.Response(status=204, headers={"Cache-Control": "no-store", **(headers or {})})
