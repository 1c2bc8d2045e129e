"""A whole gateway with its blobs in a bucket: what lies there tells nobody anything, and goes with the person."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.cache.servers import ACCESS, SECRET, make_bucket, s3_server
from tests.e2e import clients
from tests.e2e.clients import noise, sha256
from tests.e2e.processes import Browser, House, eventually, house, tour
from tests.e2e.traces import Traces

pytestmark = pytest.mark.slow

TEACHER = "amira.haddad@riverside.example"


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[House]:
    """rclone keeps each object as a file, so that a test can look into it."""
    async with s3_server("rclone", tmp_path / "s3") as endpoint:
        await asyncio.to_thread(make_bucket, endpoint)
        environment = {
            "FILE_ACCESS_BLOBS_URL": f"s3://blobs/school?endpoint={endpoint}&region=eu-central-1",
            "AWS_ACCESS_KEY_ID": ACCESS,
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }
        async with house(tmp_path / "house", environment=environment) as made:
            yield made


async def move(who: Browser, google: str) -> None:
    """A nested folder from Google Drive to the person's own."""
    folder = await tour.find(who, google, "root", "Class 7b")
    before = sorted(digest for _, digest, _ in await who.tree(google, folder["id"]))
    order = {
        "mode": "move",
        "sources": [{"drive": google, "item": folder["id"]}],
        "destination": {"drive": "native", "item": "root"},
    }
    begun = await who.api("POST", "/v1/transfers", 202, json=order)
    job = await tour.follow_job(who, begun["id"])
    assert (job["state"], job["counts"]["failed"], job["counts"]["waiting"]) == ("done", 0, 0), job
    moved = await tour.find(who, "native", "root", "Class 7b")
    assert sorted(digest for _, digest, _ in await who.tree("native", moved["id"])) == before
    assert "Class 7b" not in [one["name"] async for one in who.children(google, "root")]


async def test_a_bucket_holds_nothing_readable_and_in_the_end_nothing(running: House, tmp_path: Path) -> None:
    bucket = tmp_path / "s3" / "files" / "blobs"
    traces = Traces(running, tmp_path / "s3")

    async def empty() -> bool:
        return not any(path.is_file() for path in bucket.rglob("*"))

    async with Browser(running.url) as who:
        await who.sign_in("riverside", "amira.haddad")
        google = await who.connect("google", TEACHER)
        content = noise("in a bucket", 20_000_000)
        done = await clients.upload(who, "native", "root", "Interview with grandfather.bin", content)
        assert (await who.open("native", done["item"]))[:2] == (sha256(content), len(content))
        await move(who, google)
        traces.cookies(who)
        traces.secrets |= {"Interview with grandfather", *traces.of(content)}
        assert len([path for path in bucket.rglob("*") if path.is_file()]) >= 10
        assert not (running.ours / "gateway" / "blobs").exists()
        assert traces.found() == [], "while the person is signed in"
        await who.sign_in("riverside", "amira.haddad", fresh=True)
        keys = await who.api("GET", "/v1/receipt-keys")
        statement = await clients.receipt(who, await clients.forget(who), keys)
        assert statement["keys_destroyed"] is True
    assert traces.found() == [], "after the person was forgotten"
    await eventually(empty, 15, 0.2)
