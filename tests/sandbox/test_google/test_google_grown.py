"""A folder with 100,000 files, made by request: whole lists in pages, and each child is a file like any other."""

from __future__ import annotations

import hashlib
import tracemalloc
from typing import Any

from providers.sandbox.generated import generated
from providers.sandbox.google.grown import CONTENT
from tests.sandbox.test_google.client import Client

COUNT = 100_000


async def _grow(drive: Client, count: int) -> str:
    folder = await drive.folder("Many")
    await drive.control("google", {"grow": {folder: count}})
    return folder


async def _all(drive: Client, **params: Any) -> list[dict[str, Any]]:
    found, token = list[dict[str, Any]](), dict[str, Any]()
    while True:
        page = (await drive.call("GET", "/files", **params, **token)).json
        found += page["files"]
        if "nextPageToken" not in page:
            return found
        token = {"pageToken": page["nextPageToken"]}


async def test_a_hundred_thousand_come_once_each_in_bounded_memory(drive: Client) -> None:
    folder = await _grow(drive, COUNT)
    q, seen, token = f"'{folder}' in parents and trashed=false", set[str](), dict[str, Any]()
    fields = "nextPageToken,files(id)"
    tracemalloc.start()
    try:
        await drive.call("GET", "/files", q=q, pageSize=1000, fields=fields)
        before, _ = tracemalloc.get_traced_memory()
        await drive.call("GET", "/files", q=q, pageSize=1000, fields=fields)
        assert tracemalloc.get_traced_memory()[1] - before < 16 * 1024 * 1024
    finally:
        tracemalloc.stop()
    while True:
        page = (await drive.call("GET", "/files", q=q, pageSize=1000, fields=fields, **token)).json
        assert not seen & {one["id"] for one in page["files"]}
        seen |= {one["id"] for one in page["files"]}
        if "nextPageToken" not in page:
            break
        token = {"pageToken": page["nextPageToken"]}
    assert len(seen) == COUNT


async def test_real_children_and_conditions_count_too(drive: Client) -> None:
    folder = await _grow(drive, 250)
    await drive.put("real.txt", b"1", folder)
    q = f"'{folder}' in parents"
    for size in (1, 7, 251, 1000):
        found = await _all(drive, q=q, pageSize=max(size, 7))
        assert len({one["id"] for one in found}) == len(found) == 251
    assert found[0]["name"] == "real.txt"
    assert len(await _all(drive, q=f"{q} and name contains 'item'", pageSize=100)) == 250
    assert await drive.names(f"{q} and name = 'item 0000042.txt'") == ["item 0000042.txt"]
    assert (await _all(drive, q=q, orderBy="name desc"))[-1]["name"] == "item 0000000.txt"
    assert await drive.names("name = 'item 0000042.txt'") == [], "only its folder lists it"


async def test_each_child_is_a_file(drive: Client, student: Client) -> None:
    folder = await _grow(drive, 20)
    first, second, third = await _all(drive, q=f"'{folder}' in parents", pageSize=3, fields="files(id,name)")
    assert (await drive.call("GET", f"/files/{first['id']}", alt="media")).body == CONTENT
    assert (await drive.file(first["id"]))["parents"] == [folder]
    await student.call("GET", f"/files/{first['id']}", status=404)
    await drive.call("PATCH", f"/files/{first['id']}", body={"name": "renamed"})
    await drive.call("PATCH", f"/files/{second['id']}", body={"trashed": True})
    await drive.call("DELETE", f"/files/{third['id']}", status=204)
    left = await drive.names(f"'{folder}' in parents and trashed=false")
    assert len(left) == 18
    assert "renamed" in left
    await drive.call("GET", f"/files/{third['id']}", status=404)
    await drive.call("DELETE", f"/files/{second['id']}", status=204)
    fourth = (await drive.call("GET", "/files", q=f"'{folder}' in parents")).json["files"][-1]["id"]
    assert (await drive.call("GET", f"/files/{fourth}", alt="media")).body == CONTENT
    await drive.call("DELETE", f"/files/{folder}", status=204)
    await drive.call("GET", f"/files/{fourth}", status=404)


async def test_large_ones_share_their_bytes(drive: Client) -> None:
    size = (1 << 20) + 77
    content = generated(size, f"grown-{size}")
    for name in ("Large", "Large too"):
        folder = await drive.folder(name)
        await drive.control("google", {"grow": {folder: {"count": 3, "size": size}}})
        for one in await _all(drive, q=f"'{folder}' in parents", pageSize=2, fields="nextPageToken,files(id,size)"):
            assert one["size"] == str(size)
            assert (await drive.file(one["id"]))["sha256Checksum"] == hashlib.sha256(content).hexdigest()
            assert (await drive.call("GET", f"/files/{one['id']}", alt="media")).body == content
        await drive.call("DELETE", f"/files/{one['id']}", status=204)


async def test_what_cannot_be_steered(drive: Client) -> None:
    for body, status in (({"grow": {"none": 5}}, 404), ({"colour": {}}, 400), ({"limits": {"none": 1}}, 404)):
        async with drive.session.post(f"{drive.box.url}/_sandbox/google", json=body) as reply:
            assert reply.status == status
