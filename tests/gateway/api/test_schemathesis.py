"""The document keeps its word: thousands of requests made from it, good and bad, and each answer is one it promised.

The requests follow from the document alone and are the same at every run. The signed-in person here has nothing to
lose: an old sign-in, so that forgetting is asked for but refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from schemathesis.checks import not_a_server_error
from schemathesis.config import GenerationConfig, SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import update

from gateway.api.services import Services
from gateway.api.table import openapi_document
from gateway.db.tables_people import sessions
from tests.gateway.api.conftest import FOREIGN_ADMINISTRATOR
from tests.gateway.api.live import Live, Person, person

REFUSED = (400, 401, 403, 404, 405, 412, 413, 415, 422, 428)
"""How a request that does not fit the document may be answered."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
    negative_data_rejection,
]
BOUNDED = hypothesis_settings(
    max_examples=12, derandomize=True, database=None, deadline=None, print_blob=False,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)  # fmt: skip

Found = TypeVar("Found")
Case = schemathesis.Case[Any]


@schemathesis.serializer("application/offset+octet-stream")
def raw(_context: Any, value: Any) -> bytes:
    """Bytes as they are."""
    return value if isinstance(value, bytes) else str(value).encode()


def document() -> schemathesis.BaseSchema:
    """The table's document; credentials are the test's business."""
    config = SchemathesisConfig()
    config.projects.default.generation = GenerationConfig(deterministic=True, with_security_parameters=False)
    config.projects.default.checks.negative_data_rejection.expected_statuses = [str(status) for status in REFUSED]
    return schemathesis.openapi.from_dict(openapi_document("http://127.0.0.1"), config=config)


schema = document()


def test_the_document_is_the_one_that_is_served(live: Live) -> None:
    """The tests are made before the gateway runs, hence from the table."""
    with requests.Session() as client:
        assert client.get(f"{live.url}/v1/openapi.json").json() == openapi_document(live.url)


def with_person(live: Live, what: Callable[[Person], Awaitable[Found]]) -> Found:
    """Do something as Noor Khan of hillcrest, whom no other test knows."""

    async def done() -> Found:
        async with person(live, FOREIGN_ADMINISTRATOR) as client:
            return await what(client)

    return asyncio.run(done())


@pytest.fixture(scope="module")
def browser(live: Live) -> Iterator[requests.Session]:
    """A session whose sign-in is too old to forget anybody."""

    async def found(client: Person) -> tuple[str, str]:
        return client.cookie, (await client.get("/v1/me"))["id"]

    secret, me = with_person(live, found)

    async def age(services: Services) -> None:
        async with services.database.write() as tx:
            await tx.execute(update(sessions).where(sessions.c.person == me).values(signed_in_at=0))

    live.run(age)
    with requests.Session() as client:
        client.headers.update({"Origin": live.url, "Cookie": f"session={secret}"})
        yield client
        assert client.get(f"{live.url}/v1/me").status_code == 200, "the session did not live through it"


@pytest.fixture(scope="module")
def places(live: Live) -> dict[str, str]:
    """Path parameters that exist: without them all requests would end at the first 404."""

    async def made(client: Person) -> dict[str, str]:
        item = await client.upload("notes.txt", b"0123456789" * 100)
        drive = await client.get("/v1/drives/native/items/root")
        order: dict[str, Any] = {"mode": "copy", "sources": [{"drive": "native", "item": item}]}
        order |= {"destination": {"drive": "native", "item": drive["id"]}}
        job = await client.post("/v1/transfers", 202, json=order)
        return {"drive": "native", "item": item, "job": job["id"]}

    return with_person(live, made)


@schema.parametrize()
@BOUNDED
def test_anonymous(case: Case, live: Live) -> None:
    """Nobody: what is public answers, all else denies."""
    case.call_and_validate(base_url=live.url, checks=CHECKS)


@schema.parametrize()
@BOUNDED
def test_signed_in(case: Case, live: Live, browser: requests.Session) -> None:
    """A person with ids that belong to nobody."""
    case.call_and_validate(base_url=live.url, session=browser, checks=CHECKS)


@schema.include(path_regex=r"\{(drive|item|job)\}").parametrize()
@BOUNDED
def test_on_what_exists(case: Case, live: Live, browser: requests.Session, places: dict[str, str]) -> None:
    """The same with ids of the person's own, so that bodies, queries and headers are what is looked at."""
    given: dict[str, Any] = case.path_parameters
    given |= {name: places[name] for name in given if name in places}
    case.call_and_validate(base_url=live.url, session=browser, checks=CHECKS)
