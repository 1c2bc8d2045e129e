"""Where the ledger cannot be written nothing leaves: not for a provider, not for a webhook, on none of the ways out.

The database of a running gateway is made to fail in three ways: the ledger alone, only to be read, full. What counts
is what the stand-ins and a school's address have seen. Afterwards everything works again.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import insert, text, update
from sqlalchemy.exc import OperationalError

from gateway.api.services import Services
from gateway.db.tables_ledger import ledger_entries
from gateway.db.tables_people import accounts
from gateway.db.tables_webhooks import webhook_messages
from gateway.ids import new_id
from gateway.webhooks import outbox
from providers.http import Unrecorded
from tests.gateway.api.conftest import ADMINISTRATOR
from tests.gateway.api.live import Answer, Live, Person, person, tus
from tests.gateway.api.test_live_school import change
from tests.gateway.webhooks.receiver import Receiver, receiving


@pytest.fixture(scope="module")
def broken_live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A gateway of this module's own: its database fails."""
    with Live(tmp_path_factory.mktemp("broken")) as running:
        yield running


async def _away(services: Services, *, on: bool) -> None:
    names = ("ledger_entries", "ledger_gone") if on else ("ledger_gone", "ledger_entries")
    async with services.database.write() as tx:
        await tx.execute(text("ALTER TABLE {} RENAME TO {}".format(*names)))


async def _pragma(services: Services, name: str, value: str | None = None) -> Any:
    """What SQLite says to a pragma on the connection that writes."""
    async with services.database._writing, services.database._write_engine.connect() as tx:
        driver: Any = (await tx.get_raw_connection()).driver_connection
        cursor = await driver.execute(f"PRAGMA {name}" + ("" if value is None else f"={value}"))
        row = await cursor.fetchone()
        await cursor.close()
        return row and row[0]


async def _read_only(services: Services, *, on: bool) -> None:
    await _pragma(services, "query_only", "ON" if on else "OFF")


async def _full(services: Services, *, on: bool) -> None:
    pages = await _pragma(services, "page_count") if on else 1 << 30
    await _pragma(services, "max_page_count", str(pages))


Failure = Callable[..., Awaitable[None]]


@asynccontextmanager
async def failing(live: Live, failure: Failure) -> AsyncIterator[None]:
    """The database fails for as long as the block lasts; free pages of a full one are used up first."""
    live.run(lambda services: failure(services, on=True))
    try:
        if failure is _full:
            live.run(_use_up)
        yield
    finally:
        live.run(lambda services: failure(services, on=False))


async def _use_up(services: Services) -> None:
    """Until not one more row of the ledger fits."""
    row = {"school": "nobody", "at": 1, "policy_version": "p", "hash": b"h" * 32}
    for number in range(5000):
        try:
            async with services.database.write() as tx:
                more = {"sequence": number, "id": new_id(), "action": "x" * (3000 if number < 1000 else 10)}
                await tx.execute(insert(ledger_entries).values(**row, **more))
        except OperationalError as error:
            assert "full" in str(error)  # noqa: PT017
            if number > 1000:
                return
    raise AssertionError("the database is never full")


async def seen(who: Person) -> dict[str, list[str]]:
    """What reached the stand-ins since they were asked last."""
    found = {}
    for box, url in who.live.boxes.items():
        requests = await who.get(f"{url}/_sandbox/requests")
        await who.ask("DELETE", f"{url}/_sandbox/requests")
        found[box] = [f"{one['method']} {one['path']}" for one in requests]
    return found


async def nothing(who: Person) -> None:
    assert await seen(who) == {box: [] for box in who.live.boxes}


@pytest.fixture
async def teacher(broken_live: Live) -> AsyncIterator[Person]:
    async with person(broken_live) as client:
        await client.sign_in("amira.haddad@riverside.example")
        yield client


@pytest.fixture
async def drive(teacher: Person) -> str:
    found = [one for one in (await teacher.get("/v1/drives"))["items"] if one["kind"] == "google"]
    return str(found[0]["id"]) if found else await teacher.connect("google", "amira.haddad@riverside.example")


def refused(answer: Answer) -> None:
    """A problem that passes, and not one of ours."""
    assert (answer.status, answer.code) in ((503, "database_unavailable"), (500, "internal")), answer.body


def requests(drive: str, item: str) -> list[tuple[str, str, dict[str, Any]]]:
    """A request of every kind that reaches a provider."""
    at = f"/v1/drives/{drive}/items/{item}"
    return [
        ("GET", f"/v1/drives/{drive}/items/root/children", {}),
        ("GET", f"/v1/drives/{drive}/search?q=words", {}),
        ("GET", f"/v1/drives/{drive}/changes", {}),
        ("GET", f"/v1/drives/{drive}/quota", {}),
        ("GET", at, {}),
        ("GET", f"{at}/content", {}),
        ("GET", f"{at}/thumbnail", {}),
        ("POST", f"/v1/drives/{drive}/items/root/children", {"json": {"name": "nobody's"}}),
        ("PATCH", at, {"json": {"name": "x"}, "headers": {"If-Match": "*"}}),
        ("DELETE", at, {}),
        ("POST", f"{at}/restore", {}),
        ("POST", "/v1/transfers", {"json": _order(drive, item)}),
        ("POST", "/v1/transfers/preflight", {"json": _order(drive, item)}),
        ("POST", "/v1/uploads", {"headers": tus(3, "x.txt", drive=drive)}),
        ("POST", "/v1/connections", {"json": {"provider": "microsoft"}}),
        ("DELETE", f"/v1/connections/{drive}", {}),
    ]


def _order(drive: str, item: str) -> dict[str, Any]:
    return {
        "mode": "copy", "sources": [{"drive": drive, "item": item}],
        "destination": {"drive": drive, "item": "root"},
    }  # fmt: skip


@pytest.mark.parametrize("failure", [_away, _read_only, _full])
async def test_no_request_reaches_a_provider(broken_live: Live, teacher: Person, drive: str, failure: Failure) -> None:
    items = (await teacher.get(f"/v1/drives/{drive}/items/root/children"))["items"]
    item = next(one["id"] for one in items if one["kind"] == "file")
    async with person(broken_live) as again:  # a sign-in whose looks nobody has counted yet
        await again.sign_in("amira.haddad@riverside.example")
        await seen(again)
        async with failing(broken_live, failure):
            for method, path, more in requests(drive, item):
                refused(await again.ask(method, path, **more))
                assert (await seen(again))["google"] == [], (method, path)
            await nothing(again)
        for method, path, more in requests(drive, item)[:6]:
            assert (await again.ask(method, path, **more)).status in (200, 422), path


@pytest.mark.parametrize("failure", [_away, _read_only])
async def test_nobody_is_signed_in_and_no_account_connected(
    broken_live: Live, teacher: Person, failure: Failure
) -> None:
    """The school's own provider is asked who it is, which is exempt; without an entry nobody is let in."""
    begun = await teacher.post("/v1/connections", 201, json={"provider": "google"})
    async with person(broken_live) as stranger:
        async with failing(broken_live, failure):
            with pytest.raises(AssertionError):
                await stranger.sign_in(ADMINISTRATOR)
            assert (await stranger.ask("GET", "/v1/me")).status == 401
            await seen(teacher)
            with pytest.raises(AssertionError):
                await teacher.follow(begun["authorize_url"], "amira.haddad@riverside.example")
            assert "POST /token" not in (await seen(teacher))["google"], "the code stays here"
        await stranger.sign_in(ADMINISTRATOR)


async def test_an_order_is_told_before_its_first_byte_and_each_write_before_itself(
    broken_live: Live, teacher: Person, drive: str
) -> None:
    """Where the ledger fails between the two, nothing of it is written at the provider, and it goes on afterwards."""
    file = await teacher.upload("order.txt", b"bytes")
    folder = await teacher.post("/v1/drives/native/items/root/children", 201, json={"name": "ordered"})
    moved = await teacher.upload("inner.txt", b"more", parent=folder["id"])
    order = {
        "mode": "copy", "sources": [{"drive": "native", "item": one} for one in (file, folder["id"])],
        "destination": {"drive": drive, "item": "root"},
    }  # fmt: skip
    await seen(teacher)
    async with failing(broken_live, _away):
        refused(await teacher.ask("POST", "/v1/transfers", json=order))
        await nothing(teacher)
    job = await teacher.post("/v1/transfers", 202, json=order)
    async with failing(broken_live, _away):
        await seen(teacher)
        await asyncio.sleep(1.0)
        wrote = [one for one in (await seen(teacher))["google"] if one.startswith(("POST", "PATCH", "PUT", "DELETE"))]
        assert not [one for one in wrote if one == "POST /drive/v3/files"], "no folder without an entry of its own"
    async with asyncio.timeout(60):
        while (view := await teacher.get(f"/v1/jobs/{job['id']}"))["state"] not in ("done", "failed"):
            await asyncio.sleep(0.1)
    assert (view["state"], view["counts"]["copied"]) == ("done", 3), view
    assert moved


@pytest.fixture
async def receiver(broken_live: Live) -> AsyncIterator[tuple[Person, Receiver]]:
    async with person(broken_live) as administrator, receiving() as started:
        await administrator.sign_in(ADMINISTRATOR)
        assert (await change(administrator, "*", {"webhook": {"url": started.url, "after": 0}})).status == 200
        yield administrator, started
        assert (await change(administrator, "*", {"webhook": None})).status == 200


@pytest.mark.parametrize("failure", [_away, _read_only])
async def test_no_message_reaches_a_schools_address(
    broken_live: Live, receiver: tuple[Person, Receiver], failure: Failure
) -> None:
    administrator, there = receiver
    me = await administrator.get("/v1/me")

    async def waiting(services: Services) -> None:
        async with services.database.write() as tx:
            now = await services.database.now(tx)
            await outbox.put(
                tx, school=me["school"]["id"], person=me["id"], kind="x", now=now, lasted=1, data={"x": 1}
            )  # fmt: skip
            await tx.execute(update(webhook_messages).values(not_before=now + 3_600_000))

    async def deliver(services: Services) -> object:
        return await services.webhooks.deliver(me["school"]["id"], await services.database.now() + 4_000_000)

    broken_live.run(waiting)
    async with failing(broken_live, failure):
        refused(await administrator.ask("POST", "/v1/school/webhook/test"))
        with pytest.raises(Exception, match=r"no such table|readonly"):
            await asyncio.to_thread(broken_live.run, deliver)  # the address answers on this loop
        assert there.came == []
    sent = await asyncio.to_thread(broken_live.run, deliver)
    assert len(there.came) == 1, sent
    assert json.loads(there.came[0][1])["type"] == "x"


@pytest.mark.parametrize("failure", [_away, _read_only])
async def test_no_grant_is_given_back(broken_live: Live, failure: Failure) -> None:
    """Neither by the sweep that ends a disconnection, nor by forgetting."""
    async with person(broken_live) as leo:
        me = await leo.sign_in("leo.park@riverside.example")
        account = await leo.connect("google", "leo.park@riverside.example")

        async def close(services: Services) -> None:
            async with services.database.write() as tx:
                await tx.execute(update(accounts).where(accounts.c.id == account).values(state="closed"))

        async def give_back(services: Services) -> dict[str, Any]:
            task = {"provider": "google", "grant": "e30=", "school": me["school"]["id"], "person": me["id"]}
            return await services.outside.give_back(task)

        async def sweep(services: Services) -> int:
            return await services.accounts.sweep(10)

        await seen(leo)
        async with failing(broken_live, failure):
            if failure is _away:
                broken_live.run(close)
                with pytest.raises(Exception, match="no such table"):
                    broken_live.run(sweep)
            with pytest.raises(Exception, match=r"no such table|readonly"):
                broken_live.run(give_back)
            await nothing(leo)
        broken_live.run(sweep)
        if failure is _away:
            assert (await seen(leo))["google"] == ["POST /revoke"]


async def test_whatever_forgets_to_say_on_whose_word_is_stopped_at_the_way_out(
    broken_live: Live, teacher: Person, drive: str
) -> None:
    """The connector itself, not a convention: a drive that is asked outside of any instruction reaches nothing."""
    await teacher.get(f"/v1/drives/{drive}/items/root/children")
    me = await teacher.get("/v1/me")

    async def forgetful(services: Services) -> None:
        source = await services.drives.reader(me["id"], me["school"]["id"], drive)
        await source.children(await source.root())

    await seen(teacher)
    with pytest.raises(Unrecorded):
        broken_live.run(forgetful)
    await nothing(teacher)
