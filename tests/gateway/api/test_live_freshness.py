"""What is known of a drive for ten seconds: no question for a cached file, and no trace after its account or person."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator

import aiohttp
import pytest

from gateway.api.services import Services
from gateway.files.freshness import SECONDS, Freshness
from providers.drive import Ref
from providers.http import Word, on_word
from tests.gateway.api.live import Live, Person, person

PATH = "/v1/drives/{}/items/{}"


@pytest.fixture
async def newcomer(live: Live) -> AsyncIterator[Person]:
    """A student whom nobody else knows, at Google and here."""
    key = f"fresh.{secrets.token_hex(4)}"
    added = {"key": key, "name": "New Student", "school": "riverside"}
    async with aiohttp.ClientSession() as http:
        for vendor in ("launchpad", "google"):
            async with http.post(f"{live.boxes[vendor]}/_sandbox/users", json=added) as done:
                assert done.status == 200
    async with person(live, f"{key}@riverside.example") as client:
        yield client


async def opened(who: Person) -> tuple[str, str]:
    """A Google drive of theirs, and a file in it that is cached."""
    me = await who.get("/v1/me")
    drive = await who.connect("google", me["email"])
    item = await who.upload("notes.txt", b"notes" * 100, drive)
    await who.get(PATH.format(drive, item))
    assert (await who.ask("GET", PATH.format(drive, item) + "/content")).status == 200
    async with asyncio.timeout(10):
        while not (await who.get("/v1/cache"))["items"]:
            await asyncio.sleep(0.05)
    return drive, item


def known(live: Live, of: str) -> int:
    """Entries of this person or drive that are remembered."""

    async def count(services: Services) -> int:
        found = services.freshness._drives.items()
        return sum(len(entries) for (scope, drive), entries in found if of in (scope.subject, drive))

    return live.run(count)


def pass_by(live: Live, seconds: float) -> None:
    """So many seconds pass for what is known, and for nothing else."""

    async def later(services: Services) -> None:
        fresh: Freshness = services.freshness
        before = fresh._clock
        fresh._clock = lambda: before() + seconds

    live.run(later)


async def test_a_cached_file_opens_without_a_question(live: Live, newcomer: Person) -> None:
    """Ten seconds long; then the drive is asked once, and if the file is in its trash, never again from here."""
    drive, item = await opened(newcomer)
    path, requests = PATH.format(drive, item), f"{live.boxes['google']}/_sandbox/requests"
    await newcomer.get(path)
    await newcomer.ask("DELETE", requests)
    for _ in range(3):
        again = await newcomer.ask("GET", f"{path}/content")
        assert (again.status, again.headers["Cache-Status"]) == (200, "file-access; hit")
    mine = [one for one in await newcomer.get(requests) if one["path"].startswith("/drive")]
    assert mine == []
    pass_by(live, SECONDS)
    assert (await newcomer.ask("GET", f"{path}/content")).headers["Cache-Status"] == "file-access; hit"
    assert len([one for one in await newcomer.get(requests) if one["path"].startswith("/drive")]) == 1


async def test_what_was_trashed_elsewhere_is_closed_in_ten_seconds(live: Live, newcomer: Person) -> None:
    drive, item = await opened(newcomer)
    path = PATH.format(drive, item)

    async def elsewhere(services: Services) -> None:
        with on_word(Word("elsewhere")):
            await services.drives._made[drive].drive.trash(Ref.parse(item))

    live.run(elsewhere)
    pass_by(live, SECONDS)
    assert (await newcomer.ask("GET", f"{path}/content")).status == 404
    assert (await newcomer.get("/v1/cache"))["items"] == [], "its bytes are destroyed"


async def test_nothing_is_known_after_a_disconnection(live: Live, newcomer: Person) -> None:
    drive, _ = await opened(newcomer)
    assert known(live, drive) > 0
    assert (await newcomer.ask("DELETE", f"/v1/connections/{drive}")).status == 204
    assert known(live, drive) == 0


async def test_nothing_is_known_of_who_is_forgotten(live: Live, newcomer: Person) -> None:
    await opened(newcomer)
    me = (await newcomer.get("/v1/me"))["id"]
    assert known(live, me) > 0
    begun = await newcomer.post("/v1/erasures", 202, json={"scope": "me", "confirm": "FORGET"})
    async with asyncio.timeout(20):
        while (await newcomer.ask("GET", begun["receipt"])).status == 425:
            await asyncio.sleep(0.1)
    assert known(live, me) == 0
