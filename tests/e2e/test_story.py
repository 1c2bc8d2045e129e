"""The whole story through the public API, and then a search for what it must not have left anywhere: while everybody
is signed in, after two people were forgotten, and when nothing runs any more. Once with all on one machine, once with
what many machines need: PostgreSQL, a bucket, and a Redis for expiry keys.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from cache.keys import Wrap, unwrap_key
from cache.roots import Root
from tests.canary import files
from tests.databases import Server
from tests.e2e import clients
from tests.e2e.clients import noise, sha256
from tests.e2e.processes import Browser, House, arrived, blob, eventually, house, now, tour
from tests.e2e.stores import open_stores
from tests.e2e.traces import Traces
from tests.redis_server import RedisServer

pytestmark = [pytest.mark.slow, pytest.mark.both]

TEACHER, STUDENT = "amira.haddad@riverside.example", "leo.park@riverside.example"


class OwnServer(Server):
    """A PostgreSQL of this test alone: what other tests write is not searched."""

    def halt(self) -> None:
        """End the process; its files stay."""
        self._server.stop()


@dataclass
class Stage:
    """A house on its stores, and what is to be searched for there. ``blobs``: where sealed objects lie as files."""

    house: House
    traces: Traces
    blobs: Path
    server: OwnServer | None = None
    redis: RedisServer | None = None

    async def found(self) -> list[str]:
        """Every leak, in what Redis holds as well."""
        if self.redis is not None and self.redis.process is not None:
            self.traces.expiry_keys |= set(await self._held(self.redis))
        return self.traces.found()

    async def _held(self, redis: RedisServer) -> list[bytes]:
        """The expiry keys in Redis; all that it holds is written where it will be searched."""
        root = Root.parse((self.house.ours / "gateway-root.key").read_text())
        async with redis.look() as look:
            names: list[Any] = [name async for name in look.scan_iter()]
            values: dict[bytes, Any] = {name: await look.get(name) for name in names}
        (redis.folder / "held").write_bytes(b"\n".join(part for pair in values.items() for part in pair))
        keys = []
        for name, value in values.items():
            wrap = Wrap("expiry", "", "", "", int(name.rpartition(b":")[2]))
            keys.append(unwrap_key(value, root.key, wrap))
        return keys

    async def close(self) -> None:
        """Nothing runs any more but the stand-ins."""
        await self.house.stop()
        if self.server is not None:
            self.server.halt()
        if self.redis is not None:
            await self.redis.stop()

    def sealed(self) -> list[Path]:
        """Every sealed file."""
        return [path for path in self.blobs.rglob("*") if path.is_file()]


@pytest.fixture(params=["one machine", "many machines"])
async def stage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        if request.param == "one machine":
            running = await stack.enter_async_context(house(tmp_path / "house"))
            yield Stage(running, Traces(running, None), running.ours / "gateway" / "blobs")
            return
        server = await stack.enter_async_context(postgresql())
        stores = await stack.enter_async_context(open_stores(tmp_path / "stores"))
        running = await stack.enter_async_context(
            house(tmp_path / "house", database_url=server.url("files"), environment=stores.environment)
        )
        redis = stores.redis
        traces = Traces(running, server.folder, {redis.password}, [stores.folder, redis.folder])
        yield Stage(running, traces, stores.folder / "files" / "blobs", server, redis)


@asynccontextmanager
async def postgresql() -> AsyncIterator[OwnServer]:
    server = OwnServer()
    try:
        await server.run("CREATE DATABASE files TEMPLATE template0")
        yield server
    finally:
        server.halt()
        shutil.rmtree(server.folder, ignore_errors=True)


@dataclass
class Desk:
    """A person at their browser, with the ids of their drives."""

    who: Browser
    google: str
    onedrive: str
    native: str = "native"


async def sit_down(stage: Stage, who: Browser, person: str) -> Desk:
    """Sign in and connect both accounts."""
    key, _, school = person.removesuffix(".example").partition("@")
    await who.sign_in(school, key)
    google, onedrive = [await who.connect(provider, person) for provider in ("google", "microsoft")]
    stage.traces.cookies(who)
    return Desk(who, google, onedrive)


async def move(stage: Stage, desk: Desk) -> None:
    """A nested folder from Google Drive to OneDrive: every file arrives, and only then the source goes."""
    folder = await tour.find(desk.who, desk.google, "root", "Class 7b")
    before = await expected(stage.house, desk, folder["id"])
    order = {
        "mode": "move",
        "sources": [{"drive": desk.google, "item": folder["id"]}],
        "destination": {"drive": desk.onedrive, "item": "root"},
    }
    begun = await desk.who.api("POST", "/v1/transfers", 202, json=order, headers={"Idempotency-Key": "1" * 32})
    job = await tour.follow_job(desk.who, begun["id"])
    assert (job["state"], job["counts"]["failed"], job["counts"]["waiting"]) == ("done", 0, 0), job
    after = sorted(digest for _, digest in arrived(stage.house.microsoft, TEACHER, "Class 7b") if digest)
    assert after == before
    assert len(after) >= 17
    assert "Class 7b" not in [one["name"] async for one in desk.who.children(desk.google, "root")]


async def expected(house: House, desk: Desk, folder: str) -> list[str]:
    """SHA-256 of all files below the folder as Google has them, of documents as Google exports them."""
    known = {
        (row["name"], row["size"]): row["sha256"] for row in now(house.google, "files").values() if "sha256" in row
    }
    found = []
    async for one in desk.who.children(desk.google, folder):
        if one["kind"] == "folder":
            found += await expected(house, desk, one["id"])
        elif one["kind"] == "document":
            found.append((await desk.who.open(desk.google, one["id"], one["exports"][0]["id"]))[0])
        else:
            found.append(known[one["name"], one["size"]])
    return sorted(found)


async def open_often(stage: Stage, desk: Desk) -> tuple[str, str]:
    """A file twice, the second time from the cache, and a range of it; its id and SHA-256."""
    folder = await tour.find(desk.who, desk.google, "root", "My schoolwork")
    item = (await tour.find(desk.who, desk.google, folder["id"], "Project.bin"))["id"]
    [row] = [
        row
        for row in now(stage.house.google, "files").values()
        if (row["name"], row["owner"]) == ("Project.bin", STUDENT)
    ]
    content = blob(stage.house.google, row).read_bytes()
    first, second = [await desk.who.open(desk.google, item) for _ in range(2)]
    assert first[:2] == second[:2] == (sha256(content), len(content))
    assert "miss" in first[2]
    assert "hit" in second[2]
    address = f"{desk.who.gateway}/v1/drives/{desk.google}/items/{item}/content"
    async with desk.who.http.get(address, headers={"Range": "bytes=700001-1200000"}) as response:
        assert response.status == 206
        assert response.headers["Content-Range"] == f"bytes 700001-1200000/{len(content)}"
        assert await response.read() == content[700001:1200001]
    return item, first[0]


async def upload_everywhere(stage: Stage, desk: Desk) -> None:
    """To each drive; on the way a connection is lost, and the rest is sent over another one."""
    for drive in (desk.google, desk.onedrive, desk.native):
        content = noise(f"upload {drive}", 2_500_000) + b"These are the very last words of this recording."
        name = f"Interview with grandmother {drive[:5]}.bin"
        address = await clients.begin_upload(desk.who, drive, "root", name, len(content))
        await clients.dropped(desk.who, address, 0, content[:1_000_000], len(content))
        at = await kept_of(desk.who, address)
        assert 0 < at <= 1_000_000
        assert await clients.send(desk.who, address, at, content[at:]) == len(content)
        done = await clients.upload_done(desk.who, address)
        assert (await desk.who.open(drive, done["item"]))[:2] == (sha256(content), len(content))
        stage.traces.secrets |= {name, *stage.traces.of(content)}


async def kept_of(who: Browser, upload: str) -> int:
    """How much of what came before the connection was lost is safe, once the gateway has noticed."""

    async def kept() -> int:
        return await clients.offset(who, upload)

    return int(await eventually(kept))


async def keep_house(stage: Stage, desk: Desk) -> None:
    """A folder of one's own with a file in it that gets another name; an upload that is never finished."""
    folder = await desk.who.api(
        "POST", "/v1/drives/native/items/root/children", 201, json={"name": "Private thoughts", "kind": "folder"}
    )
    letter = b"Dear diary, nobody shall ever read this sentence but me."
    done = await clients.upload(desk.who, "native", folder["id"], "Letter to nobody.txt", letter)
    place = f"/v1/drives/native/items/{done['item']}"
    item = await desk.who.api("GET", place)
    await desk.who.api("PATCH", place, json={"name": "Letter to everybody.txt"}, headers={"If-Match": item["etag"]})
    half = noise("half", 400_000)
    address = await clients.begin_upload(desk.who, desk.onedrive, "root", "Never finished.bin", 2 * len(half))
    assert await clients.send(desk.who, address, 0, half) == len(half)
    stage.traces.secrets |= {"Private thoughts", "Letter to nobody", "Letter to everybody", "Never finished"}
    stage.traces.secrets |= {*stage.traces.of(letter), *stage.traces.of(half)}


async def stumble(stage: Stage, desk: Desk) -> None:
    """What goes wrong is logged, and logs are searched too: refused requests, broken ones, and a provider's trouble."""
    secret = "Confession of a pupil.txt"
    stage.traces.secrets |= {secret, "confessed-token-4711"}
    who, place = desk.who, f"/v1/drives/{desk.google}/items/root"
    broken = b'{"name": "' + secret.encode()
    await who.api("GET", f"/v1/drives/{desk.google}/items/{quote(secret)}", 404)
    await who.api("GET", f"{place}/children?cursor={quote(secret)}", 400)
    await who.api("GET", f"/{quote(secret)}", 404)
    await who.api("POST", f"{place}/children", 422, json={"name": secret + "\0", "kind": "folder"})
    await who.api("POST", f"{place}/children", 400, data=broken, headers={"Content-Type": "application/json"})
    await who.api("GET", "/v1/me", 401, headers={"Authorization": "Bearer confessed-token-4711"})
    for trouble in ({"status": 403, "reason": secret}, {"html": True}, {"status": 404}):
        rule = {"match": {"path": "/drive/v3/files*"}, "do": trouble}
        async with stage.house.google.faults(rule), who.http.get(f"{who.gateway}{place}/children") as response:
            assert response.status >= 400
    reader, writer = await asyncio.open_connection("127.0.0.1", int(who.gateway.rpartition(":")[2]))
    writer.write(f"GET /{secret} HTTP/9.9\r\n{secret}\r\nCookie: confessed-token-4711\r\n\r\n".encode())
    assert b"400" in await reader.readline()
    writer.close()


async def extension(stage: Stage, desk: Desk, item: str, digest: str) -> str:
    """The extension signs in and opens the file with its own token; that token."""
    tokens = await clients.extension(desk.who)
    stage.traces.secrets |= set(tokens.values())
    async with Browser(desk.who.gateway, tokens["access_token"]) as plugin:
        assert (await plugin.open(desk.google, item))[0] == digest
        again = await plugin.api(
            "POST",
            "/v1/token",
            data={
                "grant_type": "refresh_token",
                "client_id": clients.EXTENSION,
                "refresh_token": tokens["refresh_token"],
            },
        )
    stage.traces.secrets |= {again["access_token"], again["refresh_token"]}
    async with Browser(desk.who.gateway, again["access_token"]) as plugin:
        await plugin.api("POST", "/v1/erasures", 403, json={"scope": "me", "confirm": "FORGET"})
    return str(again["access_token"])


async def forget(stage: Stage, desk: Desk, person: str) -> dict[str, Any]:
    """After a fresh sign-in; what the verified receipt states."""
    await desk.who.sign_in("riverside", person, fresh=True)
    stage.traces.cookies(desk.who)
    keys = await desk.who.api("GET", "/v1/receipt-keys")
    address = await clients.forget(desk.who)
    stage.traces.secrets.add(address.rpartition("/")[2])
    statement = await clients.receipt(desk.who, address, keys)
    await desk.who.api("GET", address, 404)
    await desk.who.api("GET", "/v1/me", 401)
    assert statement["keys_destroyed"] is True
    return statement


async def test_the_whole_story_leaves_no_trace(stage: Stage) -> None:
    async with Browser(stage.house.url) as first, Browser(stage.house.url) as second:
        teacher, student = await sit_down(stage, first, TEACHER), await sit_down(stage, second, STUDENT)
        await move(stage, teacher)
        item, digest = await open_often(stage, student)
        for desk in (teacher, student):
            await upload_everywhere(stage, desk)
            await keep_house(stage, desk)
        token = await extension(stage, student, item, digest)
        await stumble(stage, teacher)
        assert len(stage.sealed()) >= 8
        assert await stage.found() == [], "while everybody is signed in"
        if stage.redis is not None:
            assert stage.traces.expiry_keys, "they are in Redis, and only there"
            assert list(stage.house.expiry.iterdir()) == []
            assert not (stage.house.ours / "gateway" / "blobs").exists()

        erased = {one["store"]: one["erased"] for one in (await forget(stage, student, "leo.park"))["erased"]}
        assert {name for name, count in erased.items() if count} >= {
            "cached", "uploads", "native", "connections", "sign_ins", "extensions",
        }  # fmt: skip
        async with Browser(stage.house.url, token) as plugin:
            await plugin.api("GET", "/v1/me", 401)
        assert (await first.api("GET", "/v1/me"))["email"] == TEACHER, "nobody else was touched"
        statement = await forget(stage, teacher, "amira.haddad")
        assert {one["provider"]: one["revoked"] for one in statement["outside"]} == {
            "Google Drive": True, "OneDrive": False,
        }  # fmt: skip

    async def nothing_is_sealed() -> bool:
        return not stage.sealed()

    assert await stage.found() == [], "after both were forgotten"
    await eventually(nothing_is_sealed, 15, 0.2)
    await stage.close()
    assert await stage.found() == [], "when nothing runs any more"


async def test_the_search_would_find_it(tmp_path: Path) -> None:
    """The same search, where a stand-in's own notes and small files were left behind, finds names, tokens and bytes."""
    async with house(tmp_path / "house") as running, Browser(running.url) as teacher:
        await teacher.sign_in("riverside", "amira.haddad")
        await teacher.connect("google", TEACHER)
        left = tmp_path / "left behind"
        left.mkdir()
        for path in files([running.google.state]):
            if path.stat().st_size < 500_000:
                shutil.copy(path, left)
        found = "\n".join(Traces(running, left).found())
    for word in ("Amira Haddad", TEACHER, "Class 7b", "ya29.", "1//", "Paramecium"):
        assert f": {word}" in found or f": b'{word}" in found, word
