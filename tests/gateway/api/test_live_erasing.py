"""Requests that are under way while their person is forgotten: each ends with a precise answer, none with a bug's."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
from sqlalchemy import func, select

from gateway.api.services import Services
from gateway.db.tables_files import cached_files, idempotency, upload_parts, uploads
from gateway.db.tables_people import accounts, client_grants, connect_flows, sessions
from gateway.db.tables_work import items, jobs, lanes
from providers.native import tables as native
from tests.gateway.api.conftest import STUDENT
from tests.gateway.api.live import Live, Person, patch, person, tus

HERE = "/v1/drives/native/items/root"
LEFT = (cached_files, uploads, upload_parts, idempotency, accounts, connect_flows, sessions, client_grants)
LEFT_OF_WORK = (jobs, items, lanes, native.nodes, native.versions, native.parts, native.uploads)


async def test_what_runs_while_a_person_is_forgotten(tmp_path: Path) -> None:
    """No answer is a 500, no row of theirs comes back, and who signs in again is a new person."""
    with Live(tmp_path) as live:
        async with person(live) as client, person(live) as other:
            await client.sign_in(STUDENT)
            await other.sign_in(STUDENT)
            google = await client.connect("google", STUDENT)
            await client.connect("microsoft", STUDENT)
            file = await client.upload("Essay.txt", secrets.token_bytes(400_000))
            target = (await client.post(f"{HERE}/children", 201, json={"name": "Target"}))["id"]
            seen: Counter[int] = Counter()
            over = asyncio.Event()
            going = [asyncio.create_task(again(other, ask, seen, over)) for ask in asks(google, file, target)]
            await asyncio.sleep(0.5)
            me = await client.sign_in(STUDENT, fresh=True)
            begun = await client.post("/v1/erasures", 202, json={"scope": "me", "confirm": "FORGET"})
            receipt = await fetched(client, begun["receipt"])
            over.set()
            await asyncio.gather(*going)
            assert receipt["payload"]
            assert seen[401]
            assert not {status for status in seen if status >= 500 and status != 503}, seen
            assert live.run(rows_left) == {}
            assert (await other.sign_in(STUDENT))["id"] != me["id"]


def asks(google: str, file: str, target: str) -> list[Callable[[Person], Awaitable[int]]]:
    """What a page and an extension do all the time."""

    async def folder(client: Person) -> int:
        key = {"Idempotency-Key": secrets.token_hex(8)}
        return (await client.ask("POST", f"{HERE}/children", json={"name": secrets.token_hex(6)}, headers=key)).status

    async def order(client: Person) -> int:
        told = {
            "mode": "copy",
            "sources": [{"drive": google, "item": "root"}, {"drive": "native", "item": file}],
            "destination": {"drive": "native", "item": target},
        }
        answer = await client.ask("POST", "/v1/transfers", json=told, headers={"Idempotency-Key": secrets.token_hex(8)})
        if answer.status == 202:
            return (await client.ask("GET", f"/v1/jobs/{answer.json['id']}/events")).status
        return answer.status

    async def send(client: Person) -> int:
        begun = await client.ask("POST", "/v1/uploads", headers=tus(50_000, f"{secrets.token_hex(6)}.bin"))
        if begun.status != 201:
            return begun.status
        return (await client.ask("PATCH", begun.headers["Location"], data=bytes(50_000), headers=patch(0))).status

    async def begin(client: Person) -> int:
        return (await client.ask("POST", "/v1/connections", json={"provider": "google"})).status

    def get(path: str) -> Callable[[Person], Awaitable[int]]:
        async def asked(client: Person) -> int:
            return (await client.ask("GET", path)).status

        return asked

    return [
        folder, order, send, begin, get("/v1/drives"), get("/v1/me"), get("/v1/jobs"), get("/v1/cache"), get("/"),
        get(f"/v1/drives/{google}/items/root/children"), get(f"/v1/drives/native/items/{file}/content"),
        get("/v1/erasure/plan"), get("/v1/tokens"),
    ]  # fmt: skip


async def again(
    client: Person, ask: Callable[[Person], Awaitable[int]], seen: Counter[int], over: asyncio.Event
) -> None:
    """Until the receipt was there, and once more."""
    while True:
        last = over.is_set()
        try:
            seen[await ask(client)] += 1
        except (aiohttp.ClientError, TimeoutError):  # a stream that was cut
            seen[0] += 1
        if last:
            return
        await asyncio.sleep(0.01)


async def fetched(client: Person, where: str) -> dict[str, str]:
    """The receipt, once it is there."""
    async with asyncio.timeout(40):
        while (answer := await client.ask("GET", where)).status == 425:
            await asyncio.sleep(0.1)
    assert answer.status == 200
    told: dict[str, str] = answer.json
    return told


async def rows_left(services: Services) -> dict[str, int]:
    """What is still in any table that holds a person's things."""
    async with services.database.read() as tx:
        counts = {
            table.name: (await tx.execute(select(func.count()).select_from(table))).scalar_one()
            for table in (*LEFT, *LEFT_OF_WORK)
        }
    return {name: count for name, count in counts.items() if count}
