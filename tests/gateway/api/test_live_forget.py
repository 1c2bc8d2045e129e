"""Forgetting, live: only after a fresh sign-in, only by the page, only with the word; then nothing opens any more."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator

import aiohttp
import pytest
from sqlalchemy import update

from gateway.api.services import Services
from gateway.db.tables_people import sessions
from gateway.identity.secrets import digest
from gateway.signing import verify
from tests.gateway.api.live import Answer, Live, Person, person

ORDER = {"scope": "me", "confirm": "FORGET"}


@pytest.fixture
async def newcomer(live: Live) -> AsyncIterator[Person]:
    """A student whom nobody else knows, signed in a moment ago."""
    key = f"new.{secrets.token_hex(4)}"
    added = {"key": key, "name": "New Student", "school": "riverside"}
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{live.boxes['launchpad']}/_sandbox/users", json=added) as done,
    ):
        assert done.status == 200
    async with person(live, f"{key}@riverside.example") as client:
        yield client


def grow_old(live: Live, client: Person, seconds: int) -> None:
    """The sign-in is this much older from now on."""

    async def age(services: Services) -> None:
        then = await services.database.now() - seconds * 1000
        mine = sessions.c.secret == digest(client.cookie)
        async with services.database.write() as tx:
            await tx.execute(update(sessions).where(mine).values(signed_in_at=then))

    live.run(age)


async def receipt(who: Person, address: str) -> Answer:
    """The receipt, waited for."""
    async with asyncio.timeout(20):
        while (answer := await who.ask("GET", address)).status == 425:
            assert answer.code == "not_ready"
            assert answer.headers["Retry-After"] == "1"
            await asyncio.sleep(0.1)
    return answer


async def test_an_old_sign_in_forgets_nobody(live: Live, newcomer: Person) -> None:
    """403 with the way to sign in again, one second after the time; nothing has begun."""
    grow_old(live, newcomer, live.run(_fresh_seconds) + 1)
    answer = await newcomer.ask("POST", "/v1/erasures", json=ORDER)
    assert (answer.status, answer.code) == (403, "fresh_sign_in_required")
    assert answer.json["sign_in"] == "/signin?fresh=1&next=/forget"
    assert (await newcomer.ask("GET", "/v1/me")).status == 200


async def _fresh_seconds(services: Services) -> int:
    return services.settings.session.fresh_seconds


@pytest.mark.parametrize(
    "order",
    [{}, {"scope": "me"}, {"confirm": "FORGET"}, {**ORDER, "confirm": "forget"}, {**ORDER, "scope": "school"},
     {**ORDER, "person": "0" * 32}, {**ORDER, "confirm": ["FORGET"]}],
)  # fmt: skip
async def test_without_the_word(newcomer: Person, order: dict[str, object]) -> None:
    """422; nothing has begun."""
    answer = await newcomer.ask("POST", "/v1/erasures", json=order)
    assert (answer.status, answer.code) == (422, "invalid_body")
    assert (await newcomer.ask("GET", "/v1/me")).status == 200


async def test_forgotten(live: Live, newcomer: Person) -> None:
    """The receipt comes once and is signed; session, token and files are gone; a second order finds nobody."""
    file = await newcomer.upload("mine.txt", b"mine")
    tokens = await newcomer.extension()
    plan = await newcomer.get("/v1/erasure/plan")
    assert sum(one["count"] for one in plan["stores"]) > 0
    keys = await newcomer.get("/v1/receipt-keys")
    cookie = {"Cookie": f"session={newcomer.cookie}"}
    begun = await newcomer.ask("POST", "/v1/erasures", json=ORDER)
    assert begun.status == 202
    assert 'session=""' in begun.headers["Set-Cookie"]
    told = await receipt(newcomer, begun.json["receipt"])
    assert told.status == 200
    assert told.headers["Content-Type"].startswith("application/jose+json")
    assert verify(told.json, keys)
    again = await newcomer.ask("GET", begun.json["receipt"])
    assert (again.status, again.code) == (404, "not_found")
    async with person(live, token=tokens["access_token"]) as plugin:
        assert (await plugin.ask("GET", f"/v1/drives/native/items/{file}")).status == 401
    async with person(live) as other:
        origin = {"Origin": live.url}
        assert (await other.ask("GET", "/v1/me", headers=cookie)).status == 401
        assert (await other.ask("POST", "/v1/erasures", json=ORDER, headers={**cookie, **origin})).status == 401


async def test_two_orders_at_once_are_one(newcomer: Person) -> None:
    """One begins it, the other is told so or finds nobody; one receipt."""
    answers = await asyncio.gather(*(newcomer.ask("POST", "/v1/erasures", json=ORDER) for _ in range(4)))
    [begun] = [one for one in answers if one.status == 202]
    assert {one.status for one in answers} <= {202, 401, 409}
    assert (await receipt(newcomer, begun.json["receipt"])).status == 200
