"""Upload sessions: fragments, resumption, conflicts, deferral, expiry, and what they refuse."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from pathlib import Path

import aiohttp
import pytest

from providers.sandbox.core import serve
from providers.sandbox.microsoft.quickxor import QuickXor
from tests.sandbox.test_microsoft.client import ALIGNED, Client

CONTENT = hashlib.shake_256(b"upload").digest(3 * ALIGNED + 1234)
TIMES = {"createdDateTime": "2026-01-02T03:04:05Z", "lastModifiedDateTime": "2026-02-03T04:05:06Z"}


def quickxor(content: bytes) -> str:
    hasher = QuickXor()
    hasher.update(content)
    return base64.b64encode(hasher.digest()).decode()


async def test_in_fragments(teacher: Client) -> None:
    url = await teacher.session(
        "Marking/film.bin", item={"fileSystemInfo": TIMES, "fileSize": len(CONTENT), "description": "d"}
    )
    for start in range(0, 3 * ALIGNED, ALIGNED):
        reply = await teacher.fragment(url, CONTENT[start : start + ALIGNED], start, len(CONTENT))
        assert (reply.status, reply.json["nextExpectedRanges"]) == (202, [f"{start + ALIGNED}-"])
        assert (await teacher.call("GET", url)).json["nextExpectedRanges"] == [f"{start + ALIGNED}-"]
    reply = await teacher.fragment(url, CONTENT[3 * ALIGNED :], 3 * ALIGNED, len(CONTENT))
    assert reply.status == 201
    assert (reply.json["fileSystemInfo"], reply.json["description"]) == (TIMES, "d")
    assert reply.json["file"]["hashes"] == {"quickXorHash": quickxor(CONTENT)}
    assert reply.json["eTag"].endswith(',1"'), "dates that come with the upload make no second version"
    assert await teacher.read("Marking/film.bin") == CONTENT
    assert (await teacher.call("GET", url)).error == (404, "itemNotFound")


async def test_a_personal_drive_hashes_all_three(owner: Client) -> None:
    url = await owner.session("film.bin")
    await owner.fragment(url, CONTENT[:ALIGNED], 0, len(CONTENT))
    item = (await owner.fragment(url, CONTENT[ALIGNED:], ALIGNED, len(CONTENT))).json
    expected = {"quickXorHash": quickxor(CONTENT), "sha1Hash": hashlib.sha1(CONTENT).hexdigest().upper()}
    assert item["file"]["hashes"] == {**expected, "sha256Hash": hashlib.sha256(CONTENT).hexdigest().upper()}


async def test_new_content_for_a_file_by_its_id(teacher: Client) -> None:
    before = await teacher.item("Welcome.txt")
    reply = await teacher.call("POST", f"/me/drive/items/{before['id']}/createUploadSession")
    after = (await teacher.fragment(reply.json["uploadUrl"], b"new", 0, 3)).json
    assert (after["id"], after["size"]) == (before["id"], 3)
    assert after["cTag"] != before["cTag"]
    assert after["eTag"] != before["eTag"]


async def test_without_a_conflict_behaviour_it_replaces(teacher: Client) -> None:
    before = await teacher.item("Welcome.txt")
    reply = await teacher.fragment(await teacher.session("Welcome.txt"), b"new", 0, 3)
    assert (reply.status, reply.json["id"]) == (200, before["id"])


async def test_rename_takes_a_free_name(teacher: Client) -> None:
    conflict = {"@microsoft.graph.conflictBehavior": "rename"}
    for expected in ("Welcome 1.txt", "Welcome 2.txt"):
        reply = await teacher.fragment(await teacher.session("Welcome.txt", item=conflict), b"new", 0, 3)
        assert (reply.status, reply.json["name"]) == (201, expected)


async def test_fail_says_so_at_once_where_the_name_is_taken(teacher: Client) -> None:
    body = {"item": {"@microsoft.graph.conflictBehavior": "fail"}}
    reply = await teacher.call("POST", "/me/drive/root:/WELCOME.TXT:/createUploadSession", json=body)
    assert reply.error == (409, "nameAlreadyExists")


async def test_a_conflict_at_the_end_leaves_the_session_to_be_redirected(teacher: Client) -> None:
    url = await teacher.session("New.txt", item={"@microsoft.graph.conflictBehavior": "fail"})
    await teacher.put("New.txt", b"someone was quicker")
    assert (await teacher.fragment(url, b"mine", 0, 4)).error == (409, "nameAlreadyExists")
    assert (await teacher.call("GET", url)).json["nextExpectedRanges"] == []
    body = {"name": "Mine.txt", "@microsoft.graph.sourceUrl": url, "@microsoft.graph.conflictBehavior": "fail"}
    reply = await teacher.call("PUT", "/me/drive/root:/Mine.txt:", json=body)
    assert (reply.status, reply.json["size"]) == (201, 4)
    assert await teacher.read("New.txt") == b"someone was quicker"
    assert await teacher.read("Mine.txt") == b"mine"
    assert (await teacher.call("PUT", "/me/drive/root:/Mine.txt:", json=body)).error == (404, "itemNotFound")


async def test_a_deferred_upload_waits_for_its_commit(teacher: Client) -> None:
    url = await teacher.session("Later.txt", deferCommit=True)
    assert (await teacher.call("POST", url)).error == (400, "invalidRequest")
    reply = await teacher.fragment(url, b"later", 0, 5)
    assert (reply.status, reply.json["nextExpectedRanges"]) == (202, [])
    assert (await teacher.call("GET", "/me/drive/root:/Later.txt")).status == 404
    assert (await teacher.call("POST", url)).status == 201
    assert await teacher.read("Later.txt") == b"later"


async def test_a_personal_drive_commits_by_put(owner: Client) -> None:
    url = await owner.session("Later.txt", deferCommit=True)
    await owner.fragment(url, b"later", 0, 5)
    assert (await owner.call("POST", url)).error == (400, "invalidRequest")
    body = {"name": "Later.txt", "@microsoft.graph.sourceUrl": url}
    assert (await owner.call("PUT", "/me/drive/root:/Later.txt", json=body)).status == 201


async def test_what_was_received_before_overlaps(teacher: Client) -> None:
    url = await teacher.session("film.bin")
    for _ in range(2):
        reply = await teacher.fragment(url, CONTENT[:ALIGNED], 0, len(CONTENT))
    assert reply.error == (416, "invalidRange")
    assert reply.json["error"]["innererror"]["code"] == "fragmentOverlap"
    assert (await teacher.call("GET", url)).json["nextExpectedRanges"] == [f"{ALIGNED}-"]


@pytest.mark.parametrize(
    ("stated", "length", "status", "inner"),
    [
        ("bytes 0-99/1000", 100, 400, None),
        (f"bytes 0-{ALIGNED - 1}/1000000", 99, 400, "fragmentLengthMismatch"),
        ("bytes 0-99/99", 100, 400, "fragmentLengthMismatch"),
        ("bytes 5-4/99", 1, 400, "fragmentLengthMismatch"),
        (f"bytes {ALIGNED}-{2 * ALIGNED - 1}/1000000", ALIGNED, 416, "fragmentOutOfOrder"),
        ("bytes 0-99", 100, 400, None),
        ("bytes */100", 100, 400, None),
        ("", 100, 400, None),
        (f"bytes 0-{ALIGNED - 1}/{251 << 30}", ALIGNED, 413, "maxFileSizeExceeded"),
    ],
)
async def test_fragments_that_do_not_fit(
    teacher: Client, stated: str, length: int, status: int, inner: str | None
) -> None:
    url = await teacher.session("film.bin")
    reply = await teacher.call("PUT", url, data=CONTENT[:length], headers={"Content-Range": stated})
    assert reply.status == status
    assert reply.json["error"]["innererror"].get("code") == inner
    assert (await teacher.call("GET", url)).json["nextExpectedRanges"] == ["0-"]


async def test_the_total_never_changes(teacher: Client) -> None:
    url = await teacher.session("film.bin")
    await teacher.fragment(url, CONTENT[:ALIGNED], 0, len(CONTENT))
    reply = await teacher.fragment(url, CONTENT[ALIGNED : 2 * ALIGNED], ALIGNED, len(CONTENT) + 1)
    assert reply.error == (400, "invalidRequest")


async def test_sixty_mebibytes_are_too_much_for_one_fragment(teacher: Client) -> None:
    url = await teacher.session("film.bin")
    size = 60 * 1024 * 1024
    headers = {"Content-Range": f"bytes 0-{size - 1}/{2 * size}", "Content-Length": str(size)}
    assert " 413 " in await teacher.announce("PUT", url, headers)


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE"])
async def test_an_upload_address_takes_no_token(teacher: Client, method: str) -> None:
    url = await teacher.session("film.bin")
    reply = await teacher.call(method, url, headers={"Authorization": f"Bearer {teacher.token}"})
    assert reply.error == (401, "unauthenticated")


async def test_cancel(teacher: Client) -> None:
    url = await teacher.session("film.bin")
    await teacher.fragment(url, CONTENT[:ALIGNED], 0, len(CONTENT))
    blobs = list(teacher.box.store.blobs.iterdir())
    assert (await teacher.call("DELETE", url)).status == 204
    assert len(list(teacher.box.store.blobs.iterdir())) == len(blobs) - 1
    assert (await teacher.fragment(url, b"x", 0, 1)).error == (404, "itemNotFound")


async def test_a_session_ends_in_time(teacher: Client) -> None:
    url = await teacher.session("film.bin")
    teacher.box.ahead = 24 * 3600 + 1
    assert (await teacher.call("GET", url)).error == (404, "itemNotFound")


async def test_expiry_on_request(teacher: Client) -> None:
    url = await teacher.session("film.bin")
    await teacher.fragment(url, CONTENT[:ALIGNED], 0, len(CONTENT))
    await teacher.fault({"path": "/up/*", "times": 1}, expire_session=True)
    reply = await teacher.fragment(url, CONTENT[ALIGNED:], ALIGNED, len(CONTENT))
    assert reply.error == (404, "itemNotFound")


async def test_a_broken_fragment_is_ignored_as_a_whole(teacher: Client) -> None:
    url = await teacher.session("film.bin")
    await teacher.fragment(url, CONTENT[:ALIGNED], 0, len(CONTENT))
    await teacher.fault({"method": "PUT", "path": "/up/*", "times": 1}, drop_after=100_000)
    with pytest.raises(aiohttp.ClientError):
        await teacher.fragment(url, CONTENT[ALIGNED:], ALIGNED, len(CONTENT))
    assert (await teacher.call("GET", url)).json["nextExpectedRanges"] == [f"{ALIGNED}-"]
    item = (await teacher.fragment(url, CONTENT[ALIGNED:], ALIGNED, len(CONTENT))).json
    assert item["file"]["hashes"]["quickXorHash"] == quickxor(CONTENT)


async def test_a_broken_fragment_can_be_kept_in_part(teacher: Client) -> None:
    url = await teacher.session("film.bin")
    await teacher.fault({"method": "PUT", "path": "/up/*", "times": 1}, drop_after=100_001, reason="partial")
    with pytest.raises(aiohttp.ClientError):
        await teacher.fragment(url, CONTENT, 0, len(CONTENT))
    assert (await teacher.call("GET", url)).json["nextExpectedRanges"] == ["100001-"]
    item = (await teacher.fragment(url, CONTENT[100_001:], 100_001, len(CONTENT))).json
    assert item["file"]["hashes"]["quickXorHash"] == quickxor(CONTENT)
    assert await teacher.read("film.bin") == CONTENT


async def test_a_lost_answer_is_a_finished_upload(teacher: Client) -> None:
    url = await teacher.session("film.bin")
    await teacher.fault({"method": "PUT", "path": "/up/*", "times": 1}, drop="answer")
    with pytest.raises(aiohttp.ClientError):
        await teacher.fragment(url, b"whole", 0, 5)
    assert (await teacher.call("GET", url)).status == 404
    assert await teacher.read("film.bin") == b"whole"


async def test_two_at_once_do_not_tear_the_file(teacher: Client) -> None:
    url = await teacher.session("film.bin")
    replies = await asyncio.gather(*(teacher.fragment(url, CONTENT[:ALIGNED], 0, len(CONTENT)) for _ in range(2)))
    assert sorted(reply.status for reply in replies) == [202, 416]
    assert (await teacher.fragment(url, CONTENT[ALIGNED:], ALIGNED, len(CONTENT))).status == 201
    assert await teacher.read("film.bin") == CONTENT


async def test_a_session_outlives_the_process(seeded: Path, http: aiohttp.ClientSession, tmp_path: Path) -> None:
    urls: list[str] = []
    for part in (CONTENT[:ALIGNED], CONTENT[ALIGNED:]):
        async with serve("microsoft", tmp_path / "again") as box:
            client = Client(http, box, "amira.haddad@riverside.example")
            await client.sign_in()
            urls.append(urls[0] if urls else await client.session("film.bin"))
            url = box.url + "/up/" + urls[0].rpartition("/")[2]
            reply = await client.fragment(url, part, 0 if part[0] == CONTENT[0] else ALIGNED, len(CONTENT))
    assert reply.json["file"]["hashes"]["quickXorHash"] == quickxor(CONTENT)


async def test_if_match(teacher: Client) -> None:
    item = await teacher.item("Welcome.txt")
    path = "/me/drive/root:/Welcome.txt:/createUploadSession"
    for tag in (item["eTag"], item["cTag"], "*"):
        assert (await teacher.call("POST", path, headers={"If-Match": tag})).status == 200
    await teacher.put("Welcome.txt", b"meanwhile")
    assert (await teacher.call("POST", path, headers={"If-Match": item["eTag"]})).error == (412, "resourceModified")
    path = "/me/drive/root:/None.txt:/createUploadSession"
    assert (await teacher.call("POST", path, headers={"If-Match": "*"})).error == (412, "resourceModified")
    path = "/me/drive/root:/Welcome.txt:/createUploadSession"
    assert (await teacher.call("POST", path, headers={"If-None-Match": "*"})).error == (412, "resourceModified")


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("root:/film.bin:", {"items": {}}, 400, "invalidRequest"),
        ("root:/film.bin:", {"item": {"colour": "red"}}, 400, "invalidRequest"),
        ("root:/film.bin:", {"item": {"name": "other.bin"}}, 400, "invalidRequest"),
        ("root:/film.bin:", {"item": {"@microsoft.graph.conflictBehavior": "merge"}}, 400, "invalidRequest"),
        ("root:/film.bin:", {"item": {"fileSize": "big"}}, 400, "invalidRequest"),
        ("root:/film.bin:", {"item": {"fileSize": 2 << 40}}, 413, "invalidRequest"),
        ("root:/film.bin:", {"item": {"fileSystemInfo": {"createdDateTime": "today"}}}, 400, "invalidRequest"),
        ("root:/a?b.bin:".replace("?", "%3F"), {}, 400, "invalidRequest"),
        ("root:/Nowhere/film.bin:", {}, 404, "itemNotFound"),
        ("root", {}, 400, "invalidRequest"),
        ("root:/Marking:", {"item": {}}, 409, "nameAlreadyExists"),
    ],
)
async def test_sessions_that_cannot_be(
    teacher: Client, path: str, body: dict[str, object], status: int, code: str
) -> None:
    reply = await teacher.call("POST", f"/me/drive/{path}/createUploadSession", json=body)
    assert reply.error == (status, code)


async def test_what_does_not_fit_is_refused_before_and_after(teacher: Client) -> None:
    drives = teacher.box.store.table("drives")
    drives.merge(teacher.drive, total=teacher.graph.tree.used(teacher.drive) + 10)
    path = "/me/drive/root:/film.bin:/createUploadSession"
    reply = await teacher.call("POST", path, json={"item": {"fileSize": 11}})
    assert reply.error == (507, "quotaLimitReached")
    url = await teacher.session("film.bin")
    assert (await teacher.fragment(url, b"x" * 11, 0, 11)).error == (507, "quotaLimitReached")
    assert (await teacher.put("film.bin", b"x" * 11)).error == (507, "quotaLimitReached")
    assert (await teacher.fragment(url, b"x" * 10, 0, 10)).status == 201
    assert (await teacher.call("GET", "/me/drive")).json["quota"]["state"] == "exceeded"


async def test_bytes_are_discarded_on_request(teacher: Client) -> None:
    await teacher.call("POST", f"{teacher.box.url}/_sandbox/microsoft", json={"discards": True})
    kept = set(teacher.box.store.blobs.iterdir())
    url = await teacher.session("film.bin")
    await teacher.fragment(url, CONTENT[:ALIGNED], 0, len(CONTENT))
    film = (await teacher.fragment(url, CONTENT[ALIGNED:], ALIGNED, len(CONTENT))).json
    note = (await teacher.put("note.txt", CONTENT)).json
    for item in (film, note):
        assert (item["size"], item["file"]["hashes"]) == (len(CONTENT), {"quickXorHash": quickxor(CONTENT)})
        told = (await teacher.call("GET", f"/me/drive/items/{item['id']}")).json
        assert (await teacher.call("GET", told["@microsoft.graph.downloadUrl"])).error == (404, "itemNotFound")
        assert (await teacher.call("DELETE", f"/me/drive/items/{item['id']}")).status == 204
    assert set(teacher.box.store.blobs.iterdir()) == kept


async def test_a_session_without_bytes_ends_with_its_hash(teacher: Client) -> None:
    await teacher.call("POST", f"{teacher.box.url}/_sandbox/microsoft", json={"discards": True})
    url = await teacher.session("film.bin")
    await teacher.fragment(url, CONTENT[:ALIGNED], 0, len(CONTENT))
    await teacher.call("POST", f"{teacher.box.url}/_sandbox/faults", json=[{"match": {}, "do": {"drop_after": 9}}])
    with pytest.raises(aiohttp.ClientError):
        await teacher.fragment(url, CONTENT[ALIGNED:], ALIGNED, len(CONTENT))
    await teacher.call("DELETE", f"{teacher.box.url}/_sandbox/faults")
    again = await teacher.fragment(url, CONTENT[ALIGNED:], ALIGNED, len(CONTENT))
    assert again.error == (404, "itemNotFound")
