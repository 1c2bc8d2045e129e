"""A personal OneDrive beside a school's: what only one of them can do, each is offered and does."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import pytest

from tests.gateway.api.conftest import FOREIGN_TEACHER, TEACHER
from tests.gateway.api.live import Live, Person, person


@pytest.fixture
async def owner(live: Live) -> AsyncIterator[Person]:
    """Jonas Weber, whose Microsoft account is his own."""
    async with person(live, FOREIGN_TEACHER) as client:
        yield client


async def can(who: Person, drive: str) -> set[str]:
    """What the drive is said to be able to do."""
    (found,) = [one for one in (await who.get("/v1/drives"))["items"] if one["id"] == drive]
    assert found["kind"] == "onedrive"
    return set(found["can"])


async def binned(who: Person, drive: str, body: bytes) -> str:
    """The path of a file in the recycle bin."""
    path = f"/v1/drives/{drive}/items/{await who.upload(f'{secrets.token_hex(6)}.txt', body, drive)}"
    assert (await who.ask("DELETE", path)).status == 204
    assert (await who.ask("GET", f"{path}/content")).status == 404
    return path


async def test_what_was_deleted_at_home_comes_back(owner: Person) -> None:
    drive, body = await owner.connect("microsoft", FOREIGN_TEACHER), secrets.token_hex(300).encode()
    assert "restore" in await can(owner, drive)
    path = await binned(owner, drive, body)
    restored = await owner.ask("POST", f"{path}/restore", headers={"Idempotency-Key": secrets.token_hex(8)})
    assert restored.status == 200
    assert (await owner.ask("GET", f"{path}/content")).body == body


async def test_at_school_it_is_not_offered(teacher: Person) -> None:
    drive = await teacher.connect("microsoft", TEACHER)
    assert "restore" not in await can(teacher, drive)
    path = await binned(teacher, drive, b"gone")
    refused = await teacher.ask("POST", f"{path}/restore", headers={"Idempotency-Key": secrets.token_hex(8)})
    assert (refused.status, refused.code) == (422, "not_offered")


async def test_nobody_is_shown_the_providers_id_of_an_account(owner: Person) -> None:
    drive = await owner.connect("microsoft", FOREIGN_TEACHER)
    (found,) = [one for one in (await owner.get("/v1/drives"))["items"] if one["id"] == drive]
    assert "account" not in found
    assert "9188040d" not in str(found), "the tenant of all personal accounts"
