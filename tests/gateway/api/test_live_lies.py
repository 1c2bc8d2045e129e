"""A drive whose bytes are not those of the hash it states: the reader's end is broken, nothing of it is kept."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.gateway.api.conftest import TEACHER
from tests.gateway.api.live import Person

MEDIA = {
    "google": {"match": {"path": "*/files/*", "query": "*alt=media*"}, "do": {"corrupt": 3}},
    "microsoft": {"match": {"method": "GET", "path": "/y4m*"}, "do": {"corrupt": 3}},
}


@pytest.fixture(params=["google", "microsoft"])
async def lying(request: pytest.FixtureRequest, teacher: Person) -> AsyncIterator[str]:
    """A vendor that lies about each file from now on."""
    vendor: str = request.param
    faults = f"{teacher.live.boxes[vendor]}/_sandbox/faults"
    yield vendor
    await teacher.ask("DELETE", faults)


@pytest.mark.parametrize("size", [2000, 3_000_000])
async def test_it_is_broken_for_its_reader_and_gone_for_the_next(teacher: Person, lying: str, size: int) -> None:
    drive = await teacher.connect(lying, TEACHER)
    content = secrets.token_bytes(size)
    item = await teacher.upload(f"{secrets.token_hex(6)}.bin", content, drive)
    path = f"/v1/drives/{drive}/items/{item}/content"
    rule = [MEDIA[lying]]
    assert (await teacher.ask("POST", f"{teacher.live.boxes[lying]}/_sandbox/faults", json=rule)).status == 200
    for _ in range(2):
        try:
            answer = await teacher.ask("GET", path)
        except aiohttp.ClientPayloadError:
            assert size > 1_000_000, "a small file is held back whole"
        else:
            assert (answer.status, answer.code) == (502, "untrusted")
        assert item not in [one["item"] for one in (await teacher.get("/v1/cache"))["items"]]
    await teacher.ask("DELETE", f"{teacher.live.boxes[lying]}/_sandbox/faults")
    assert (await teacher.ask("GET", path)).body == content
    async with asyncio.timeout(10):
        while item not in [one["item"] for one in (await teacher.get("/v1/cache"))["items"]]:
            await asyncio.sleep(0.05)
