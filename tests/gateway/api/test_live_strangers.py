"""What is somebody else's is not there: to the byte the same answer as for an id that never was.

Another person of the same school and a teacher of the other school try everything that a teacher has.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from typing import Any

import pytest

from providers.drive import Ref
from tests.gateway.api.conftest import FOREIGN_TEACHER, STUDENT, TEACHER
from tests.gateway.api.live import Answer, Live, Person, patch, person, tus

UNKNOWN = "0123456789abcdef" * 2
UNKNOWN_ITEM = str(Ref("", UNKNOWN))


@dataclass(frozen=True)
class Belongings:
    """Ids of what the teacher has, by what they are: drive, item, native, folder, job, upload, cached, token."""

    ids: dict[str, str]
    cursors: dict[str, str]

    def __getitem__(self, name: str) -> str:
        return self.ids[name]


async def gather(teacher: Person) -> Belongings:
    """Have something of each kind."""
    drive = await teacher.connect("google", TEACHER)
    first = await teacher.get(f"/v1/drives/{drive}/items/root/children")
    file = await teacher.upload("mine.txt", b"mine" * 500)
    folder = await teacher.post("/v1/drives/native/items/root/children", 201, json={"name": secrets.token_hex(4)})
    opened = await teacher.ask("GET", f"/v1/drives/native/items/{file}/content")
    assert opened.status == 200
    opened = await teacher.ask("GET", f"/v1/drives/{drive}/items/{await smallest(teacher, drive)}/content")
    assert opened.status == 200
    async with asyncio.timeout(10):
        while not (kept := (await teacher.get("/v1/cache"))["items"]):
            await asyncio.sleep(0.05)
    for _ in range(2):
        order = {"mode": "copy", "sources": [{"drive": "native", "item": file}]}
        whole = order | {"destination": {"drive": "native", "item": folder["id"]}}
        job = await teacher.post("/v1/transfers", 202, json=whole)
    upload = await teacher.ask("POST", "/v1/uploads", headers=tus(10, "half.txt"))
    await teacher.extension()
    [token, *_] = (await teacher.get("/v1/tokens"))["items"]
    jobs = await teacher.get("/v1/jobs?limit=1")
    ids = {
        "drive": drive, "item": first["items"][0]["id"], "native": file, "folder": folder["id"], "job": job["id"],
        "upload": upload.headers["Location"].rpartition("/")[2], "cached": kept[0]["id"], "token": token["id"],
    }  # fmt: skip
    return Belongings(ids, {"jobs": jobs["next"]})


async def smallest(who: Person, drive: str) -> str:
    """A file to open that is not large."""
    found = (await who.get(f"/v1/drives/{drive}/items/root/children"))["items"]
    files = [one for one in found if one["kind"] == "file" and one["size"]]
    return str(min(files, key=lambda one: one["size"])["id"])


@pytest.fixture(scope="module")
def belongings(live: Live) -> Belongings:
    """What the teacher has."""

    async def made() -> Belongings:
        async with person(live, TEACHER) as teacher:
            return await gather(teacher)

    return asyncio.run(made())


@pytest.fixture(params=[STUDENT, FOREIGN_TEACHER], ids=["same school", "other school"])
def stranger(request: pytest.FixtureRequest) -> str:
    """Who tries."""
    return str(request.param)


ITEM = "/v1/drives/{drive}/items/{item}"
NATIVE = "/v1/drives/native/items/{native}"
TRIES: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", ITEM, {}),
    ("GET", "/v1/drives/{drive}/items/root", {}),
    ("GET", ITEM + "/children", {}),
    ("GET", ITEM + "/content", {}),
    ("POST", ITEM + "/children", {"json": {"name": "x"}}),
    ("PATCH", ITEM, {"json": {"name": "x"}, "headers": {"If-Match": "*"}}),
    ("DELETE", ITEM, {}),
    ("GET", NATIVE, {}),
    ("GET", NATIVE + "/content", {}),
    ("GET", "/v1/drives/native/items/{folder}/children", {}),
    ("POST", "/v1/drives/native/items/{folder}/children", {"json": {"name": "x"}}),
    ("PATCH", NATIVE, {"json": {"name": "x"}, "headers": {"If-Match": "*"}}),
    ("DELETE", NATIVE, {}),
    ("DELETE", NATIVE + "?permanent=true", {}),
    ("POST", "/v1/connections/{drive}/confirm", {}),
    ("DELETE", "/v1/connections/{drive}", {}),
    ("GET", "/v1/jobs/{job}", {}),
    ("GET", "/v1/jobs/{job}/items", {}),
    ("GET", "/v1/jobs/{job}/events", {}),
    ("POST", "/v1/jobs/{job}/cancel", {}),
    ("POST", "/v1/jobs/{job}/pause", {}),
    ("POST", "/v1/jobs/{job}/resume", {}),
    ("POST", "/v1/jobs/{job}/retry", {}),
    ("GET", "/v1/jobs/{job}/report", {}),
    ("GET", "/v1/transfers/preflight/{job}", {}),
    ("GET", "/v1/transfers/preflight/{job}/findings", {}),
    ("GET", "/v1/drives/{drive}/spaces", {}),
    ("GET", "/v1/drives/{drive}/search?q=cells", {}),
    ("GET", "/v1/drives/{drive}/views/recent", {}),
    ("GET", "/v1/drives/{drive}/trash", {}),
    ("GET", "/v1/drives/{drive}/quota", {}),
    ("GET", "/v1/drives/{drive}/changes", {}),
    ("POST", ITEM + "/restore", {}),
    ("GET", ITEM + "/versions", {}),
    ("GET", ITEM + "/thumbnail", {}),
    ("POST", NATIVE + "/restore", {}),
    ("GET", NATIVE + "/versions", {}),
    ("GET", NATIVE + "/content?version={native}", {}),
    ("POST", "/v1/connections/{drive}/pick", {}),
    ("GET", "/v1/uploads/{upload}", {}),
    ("HEAD", "/v1/uploads/{upload}", {}),
    ("PATCH", "/v1/uploads/{upload}", {"headers": patch(0), "data": b"theirs"}),
    ("DELETE", "/v1/uploads/{upload}", {"headers": {"Tus-Resumable": "1.0.0"}}),
    ("DELETE", "/v1/cache/{cached}", {}),
    ("DELETE", "/v1/tokens/{token}", {}),
]


def told(answer: Answer) -> tuple[int, bytes, dict[str, str]]:
    """All of an answer but the time."""
    return answer.status, answer.body, {name: value for name, value in answer.headers.items() if name != "Date"}


@pytest.mark.parametrize(("method", "path", "more"), TRIES, ids=[f"{method} {path}" for method, path, _ in TRIES])
async def test_foreign_is_unknown(
    live: Live, belongings: Belongings, stranger: str, method: str, path: str, more: dict[str, Any]
) -> None:
    """The same 404, whether it is somebody's or nobody's."""
    nowhere = dict.fromkeys(belongings.ids, UNKNOWN) | dict.fromkeys(("item", "native", "folder"), UNKNOWN_ITEM)
    async with person(live, stranger) as client:
        foreign = await client.ask(method, path.format(**belongings.ids), **more)
        unknown = await client.ask(method, path.format(**nowhere), **more)
    assert foreign.status == 404
    assert told(foreign) == told(unknown)
    if method != "HEAD":
        assert foreign.code in ("not_found", "no_such_account")


async def test_nothing_of_it_was_touched(live: Live, belongings: Belongings) -> None:
    """After all these tries, the teacher still has everything as it was."""
    async with person(live, TEACHER) as teacher:
        drives = {one["id"]: one["state"] for one in (await teacher.get("/v1/drives"))["items"]}
        assert drives[belongings["drive"]] == "ready"
        assert (await teacher.get(NATIVE.format(**belongings.ids)))["name"] == "mine.txt"
        assert (await teacher.get(f"/v1/uploads/{belongings['upload']}"))["offset"] == 0
        assert belongings["cached"] in {one["id"] for one in (await teacher.get("/v1/cache"))["items"]}
        assert belongings["token"] in {one["id"] for one in (await teacher.get("/v1/tokens"))["items"]}
        assert (await teacher.get(f"/v1/jobs/{belongings['job']}"))["state"] != "cancelled"


async def test_lists_hold_only_ones_own(live: Live, belongings: Belongings, stranger: str) -> None:
    """No list shows anything of another."""
    async with person(live, stranger) as client:
        for path in ("/v1/drives", "/v1/jobs", "/v1/cache", "/v1/tokens", "/v1/drives/native/items/root/children"):
            ids = {one["id"] for one in (await client.get(path))["items"]}
            assert not ids & set(belongings.ids.values()), path


async def test_orders_cannot_name_what_is_foreign(live: Live, belongings: Belongings, stranger: str) -> None:
    """A transfer's source and destination, an upload's folder, a rename's parent."""
    own = {"drive": "native", "item": "root"}
    theirs = [
        {"drive": belongings["drive"], "item": belongings["item"]},
        {"drive": belongings["drive"], "item": "root"},
        {"drive": "native", "item": belongings["folder"]},
    ]
    async with person(live, stranger) as client:
        mine = await client.upload(f"{secrets.token_hex(4)}.txt", b"x")
        source = {"drive": "native", "item": mine}
        jobs = len((await client.get("/v1/jobs"))["items"])
        for place in theirs:
            for sources, to in (([place], own), ([source], place)):
                order = {"mode": "move", "sources": sources, "destination": to}
                refused = await client.ask("POST", "/v1/transfers", json=order)
                assert (refused.status, refused.code) == (404, "not_found")
            begun = tus(1, "x", drive=place["drive"], parent=place["item"])
            refused = await client.ask("POST", "/v1/uploads", headers=begun)
            assert (refused.status, refused.code) == (404, "not_found")
        change = {"json": {"parent": belongings["folder"]}, "headers": {"If-Match": "*"}}
        refused = await client.ask("PATCH", f"/v1/drives/native/items/{mine}", **change)
        assert (refused.status, refused.code) == (404, "not_found")
        assert len((await client.get("/v1/jobs"))["items"]) == jobs, "nothing was stored"


async def test_a_cursor_is_its_owners(live: Live, belongings: Belongings, stranger: str) -> None:
    """Another's cursor is as good as an invented one."""
    cursor = belongings.cursors["jobs"]
    async with person(live, stranger) as client:
        refused = await client.ask("GET", f"/v1/jobs?cursor={cursor}")
        invented = await client.ask("GET", f"/v1/jobs?cursor={'A' * len(cursor)}")
    assert (refused.status, refused.code) == (400, "bad_cursor")
    assert told(refused) == told(invented)


async def test_an_idempotency_key_is_its_owners(live: Live, belongings: Belongings, stranger: str) -> None:
    """The same key of another person replays nothing."""
    key = {"Idempotency-Key": secrets.token_hex(16)}
    folder = {"name": secrets.token_hex(6)}
    path = "/v1/drives/native/items/root/children"
    async with person(live, TEACHER) as teacher, person(live, stranger) as client:
        first = await teacher.ask("POST", path, json=folder, headers=key)
        second = await client.ask("POST", path, json=folder, headers=key)
    assert (first.status, second.status) == (201, 201)
    assert "Idempotent-Replayed" not in second.headers
    assert first.json["id"] != second.json["id"]
