"""What the running gateway sees by itself is an incident in the school's book: each of its three ways, end to end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from sqlalchemy import func, select, update

from gateway.api.services import Services
from gateway.db.tables_ledger import ledger_entries
from tests.gateway.api.live import Live, Person
from tests.gateway.api.test_live_rights import me, new_person


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A gateway of this module's own: what is spoiled here stays spoiled."""
    with Live(tmp_path_factory.mktemp("spoiled")) as running:
        yield running


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as made:
        yield made


@pytest.fixture
async def admin(live: Live, stack: AsyncExitStack) -> Person:
    return await new_person(live, stack, "administrator", "adult")


@pytest.fixture
async def pupil(live: Live, stack: AsyncExitStack) -> Person:
    return await new_person(live, stack)


async def noticed(admin: Person, kind: str) -> dict[str, Any]:
    """The one incident of a kind, waited for."""
    async with asyncio.timeout(30):
        while True:
            found = [one for one in (await admin.get("/v1/school/incidents"))["items"] if one["kind"] == kind]
            if found:
                (one,) = found
                assert one["origin"] == "gateway"
                return dict(one)
            await asyncio.sleep(0.2)


async def test_a_stored_file_that_was_altered(live: Live, admin: Person, pupil: Person) -> None:
    blobs = live.folder / "gateway" / "blobs"
    before = set(blobs.glob("??/*"))
    item = await pupil.upload("essay.txt", b"essay")
    for path in set(blobs.glob("??/*")) - before:
        raw = bytearray(path.read_bytes())
        raw[-1] ^= 1
        path.write_bytes(raw)
    for _ in range(10):
        answer = await pupil.ask("GET", f"/v1/drives/native/items/{item}/content")
        assert answer.status >= 500
        assert b"essay" not in answer.body
    assert (await noticed(admin, "failed_tags"))["severity"] == "high"


async def test_a_token_of_the_extension_that_is_shown_twice(live: Live, admin: Person, pupil: Person) -> None:
    tokens = await pupil.extension()
    form = {
        "grant_type": "refresh_token", "client_id": "file-access-extension", "refresh_token": tokens["refresh_token"],
    }  # fmt: skip
    await pupil.post("/v1/token", 200, data=form)
    assert (await pupil.ask("POST", "/v1/token", data=form)).status == 400
    one = await noticed(admin, "token_reuse")
    affected = (await admin.get(f"/v1/school/incidents/{one['id']}/affected"))["items"]
    assert [(row["kind"], row["id"]) for row in affected] == [("person", await me(pupil))]


async def test_an_entry_of_the_ledger_that_was_altered(live: Live, admin: Person) -> None:
    school = (await admin.get("/v1/me"))["school"]["id"]
    assert not [one for one in (await admin.get("/v1/school/incidents"))["items"] if one["kind"] == "broken_chain"]

    async def alter(services: Services) -> None:
        async with services.database.write() as tx:
            mine = ledger_entries.c.school == school
            last = (await tx.execute(select(func.max(ledger_entries.c.sequence)).where(mine))).scalar_one()
            this = mine & (ledger_entries.c.sequence == last)
            await tx.execute(update(ledger_entries).where(this).values(principal="f" * 32))

    async def look(services: Services) -> None:
        await services.keeping.sweep(50)

    live.run(alter)
    assert (await admin.ask("POST", "/v1/school/ledger/verify")).status == 202
    live.run(look)
    await noticed(admin, "broken_chain")
