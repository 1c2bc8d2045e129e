"""Bytes in: simple, multipart and resumable uploads, with everything that goes wrong on the way."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import aiohttp
import pytest

from providers.sandbox.core import Sandbox
from tests.sandbox.test_google.client import DOC, STUDENT, Client, Reply

KIB256 = 256 * 1024
UPLOAD = "/upload/drive/v3/files"


async def _chunk(
    drive: Client, place: str, data: bytes, start: int, total: int | str, *, status: int, verb: str = "PUT"
) -> Reply:
    headers = {"Content-Range": f"bytes {start}-{start + len(data) - 1}/{total}"}
    return await drive.call(verb, place, data=data, headers=headers, status=status)


async def _asked(drive: Client, place: str, total: int | str, status: int = 308) -> Reply:
    return await drive.call("PUT", place, headers={"Content-Range": f"bytes */{total}"}, status=status)


async def _check(drive: Client, file_id: str, data: bytes) -> None:
    found = await drive.file(file_id, "size,md5Checksum,sha1Checksum,sha256Checksum")
    assert found["size"] == str(len(data))
    assert found["md5Checksum"] == hashlib.md5(data).hexdigest()
    assert found["sha1Checksum"] == hashlib.sha1(data).hexdigest()
    assert found["sha256Checksum"] == hashlib.sha256(data).hexdigest()
    assert (await drive.call("GET", f"/files/{file_id}", alt="media")).body == data


async def test_simple(drive: Client) -> None:
    headers = {"Content-Type": "text/csv"}
    made = (await drive.call("POST", UPLOAD, data=b"a,b", headers=headers, uploadType="media", fields="*")).json
    assert (made["name"], made["mimeType"]) == ("Untitled", "text/csv")
    await _check(drive, made["id"], b"a,b")


async def test_multipart_beyond_five_megabytes(drive: Client) -> None:
    data = os.urandom(6 * 1024 * 1024)
    await _check(drive, await drive.put("six.bin", data), data)


async def test_multipart_in_base64(drive: Client) -> None:
    data = os.urandom(1000)
    head = '--b\r\nContent-Type: application/json\r\n\r\n{"name": "x"}\r\n--b\r\nContent-Type: image/png\r\n'
    body = f"{head}Content-Transfer-Encoding: base64\r\n\r\n{base64.b64encode(data).decode()}\r\n--b--".encode()
    headers = {"Content-Type": 'multipart/related; boundary="b"'}
    made = (await drive.call("POST", UPLOAD, data=body, headers=headers, uploadType="multipart")).json
    assert made["mimeType"] == "image/png"
    await _check(drive, made["id"], data)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--b\r\n\r\n{}\r\n--b--",
        b"--b\r\nContent-Type: application/json\r\n\r\n[]\r\n--b\r\n\r\nx\r\n--b--",
        b"--b\r\nContent-Type: application/json\r\n\r\n{\r\n--b\r\n\r\nx\r\n--b--",
        b"no multipart at all",
    ],
)
async def test_malformed_multipart_is_400(box: Sandbox, drive: Client, body: bytes) -> None:
    headers = {"Content-Type": "multipart/related; boundary=b"}
    await drive.call("POST", UPLOAD, data=body, headers=headers, uploadType="multipart", status=400)
    assert list(box.store.blobs.iterdir()) == []


@pytest.mark.parametrize("params", [{}, {"uploadType": "magic"}, {"uploadType": "multipart"}])
async def test_an_upload_says_which_way(drive: Client, params: dict[str, str]) -> None:
    await drive.call("POST", UPLOAD, data=b"x", status=400, **params)  # type: ignore[arg-type]  # all are strings


@pytest.mark.parametrize("size", [0, 1, KIB256 - 1, KIB256, KIB256 + 1, 3 * 1024 * 1024])
async def test_one_put_for_everything(drive: Client, size: int) -> None:
    data = os.urandom(size)
    place = await drive.session_for(size=size, fields="id,size")
    made = await drive.call("PUT", place, data=data, headers={"Authorization": ""})
    assert made.json == {"id": made.json["id"], "size": str(size)}
    await _check(drive, made.json["id"], data)


@pytest.mark.parametrize("verb", ["PUT", "POST"])
async def test_chunks(drive: Client, verb: str) -> None:
    data = os.urandom(2 * KIB256 + 5)
    place = await drive.session_for({"name": "big.bin", "modifiedTime": "2026-01-01T00:00:00Z"}, len(data))
    first = await _chunk(drive, place, data[:KIB256], 0, len(data), status=308, verb=verb)
    assert first.headers["Range"] == f"bytes=0-{KIB256 - 1}"
    await _chunk(drive, place, data[KIB256 : 2 * KIB256], KIB256, len(data), status=308, verb=verb)
    made = (await _chunk(drive, place, data[2 * KIB256 :], 2 * KIB256, len(data), status=200, verb=verb)).json
    await _check(drive, made["id"], data)
    assert (await drive.file(made["id"]))["modifiedTime"] == "2026-01-01T00:00:00.000Z"
    assert (await _asked(drive, place, len(data), 200)).json["id"] == made["id"]  # the answer may have been lost


async def test_state_before_any_byte_has_no_range(drive: Client) -> None:
    place = await drive.session_for(size=10)
    assert "Range" not in (await _asked(drive, place, 10)).headers
    assert "Range" not in (await _asked(drive, place, "*")).headers


async def test_unknown_total(drive: Client) -> None:
    data = os.urandom(KIB256 + 100)
    place = await drive.session_for()
    await _chunk(drive, place, data[:KIB256], 0, "*", status=308)
    made = (await _chunk(drive, place, data[KIB256:], KIB256, len(data), status=200)).json
    await _check(drive, made["id"], data)


async def test_unknown_total_that_turns_out_to_be_a_multiple(drive: Client) -> None:
    data = os.urandom(2 * KIB256)
    place = await drive.session_for()
    await _chunk(drive, place, data, 0, "*", status=308)
    await _check(drive, (await _asked(drive, place, len(data), 200)).json["id"], data)


async def test_a_stream_without_length(drive: Client) -> None:
    async def stream() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b"x" * 1000

    place = await drive.session_for()
    await _check(drive, (await drive.call("PUT", place, data=stream())).json["id"], b"x" * 5000)


async def test_only_multiples_of_256_kib_count(drive: Client) -> None:
    data = os.urandom(KIB256 + 1000)
    place = await drive.session_for(size=2 * KIB256)
    reply = await _chunk(drive, place, data, 0, 2 * KIB256, status=308)
    assert reply.headers["Range"] == f"bytes=0-{KIB256 - 1}"
    rest = os.urandom(KIB256)
    made = (await _chunk(drive, place, rest, KIB256, 2 * KIB256, status=200)).json
    await _check(drive, made["id"], data[:KIB256] + rest)


async def test_bytes_sent_again_are_skipped_and_a_gap_is_not_filled(drive: Client) -> None:
    data = os.urandom(2 * KIB256)
    place = await drive.session_for(size=len(data))
    await _chunk(drive, place, data[:KIB256], 0, len(data), status=308)
    made = (await _chunk(drive, place, data, 0, len(data), status=200)).json
    await _check(drive, made["id"], data)
    gap = await drive.session_for(size=len(data))
    reply = await _chunk(drive, gap, data[KIB256:], KIB256, len(data), status=308)
    assert "Range" not in reply.headers


async def test_resume_after_a_cut(drive: Client) -> None:
    data = os.urandom(5 * KIB256)
    place = await drive.session_for(size=len(data))
    await drive.fault({"method": "PUT", "times": 1}, drop_after=3 * KIB256 + 77)
    with pytest.raises(aiohttp.ClientError):
        await drive.call("PUT", place, data=data)
    have = int((await _asked(drive, place, len(data))).headers["Range"].rpartition("-")[2]) + 1
    assert have == 3 * KIB256
    made = (await _chunk(drive, place, data[have:], have, len(data), status=200)).json
    await _check(drive, made["id"], data)


async def test_resume_after_the_client_vanished(drive: Client) -> None:
    data = os.urandom(4 * KIB256)
    place = await drive.session_for(size=len(data))
    parts = urlsplit(place)
    _, writer = await asyncio.open_connection(parts.hostname, parts.port)
    head = f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: {len(data)}\r\n\r\n"
    writer.write(head.encode() + data[: 2 * KIB256 + 1])
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    async with asyncio.timeout(5):
        while "Range" not in (reply := await _asked(drive, place, len(data))).headers:
            await asyncio.sleep(0.01)
    have = int(reply.headers["Range"].rpartition("-")[2]) + 1
    assert have == 2 * KIB256
    await _check(drive, (await _chunk(drive, place, data[have:], have, len(data), status=200)).json["id"], data)


async def test_a_lost_answer_has_done_the_work(drive: Client) -> None:
    data = os.urandom(1000)
    place = await drive.session_for(size=len(data))
    await drive.fault({"method": "PUT", "times": 1}, drop="answer")
    with pytest.raises(aiohttp.ClientError):
        await drive.call("PUT", place, data=data)
    await _check(drive, (await _asked(drive, place, len(data), 200)).json["id"], data)
    assert await drive.names("name='new.bin'") == ["new.bin"]


async def test_sessions_end(drive: Client) -> None:
    place = await drive.session_for(size=10)
    await drive.fault({"method": "PUT", "times": 1}, expire_session=True)
    assert (await drive.call("PUT", place, data=b"x" * 10, status=404)).reason == "notFound"
    other = await drive.session_for(size=10)
    await drive.control("clock", {"ahead": 8 * 86400})
    assert (await _asked(drive, other, 10, 404)).reason == "notFound"
    await drive.control("clock", {"ahead": 0})
    assert await drive.names("trashed=false") == []


async def test_a_session_can_be_given_up(box: Sandbox, drive: Client) -> None:
    place = await drive.session_for(size=10)
    await drive.call("DELETE", place, status=499)
    await _asked(drive, place, 10, 404)
    assert list(box.store.blobs.iterdir()) == []


@pytest.mark.parametrize(
    ("header", "length"),
    [
        ("bytes 0-9/10", 5),
        ("bytes 5-4/10", 10),
        ("bytes 0-19/10", 20),
        ("bytes 0-9", 10),
        ("items 0-9/10", 10),
        ("bytes 0-9/11", 10),
        ("bytes */11", 0),
    ],
)
async def test_content_range_that_cannot_be(drive: Client, header: str, length: int) -> None:
    place = await drive.session_for(size=10)
    await drive.call("PUT", place, data=b"x" * length, headers={"Content-Range": header}, status=400)
    assert "Range" not in (await _asked(drive, place, 10)).headers


async def test_more_bytes_than_announced_are_400(drive: Client) -> None:
    async def stream() -> AsyncIterator[bytes]:
        yield b"x" * 20

    place = await drive.session_for(size=10)
    await drive.call("PUT", place, data=stream(), headers={"Content-Range": "bytes 0-9/10"}, status=400)
    await drive.call("PUT", place, data=b"x" * 11, status=400)


async def test_new_content_keeps_the_id(drive: Client) -> None:
    file_id = await drive.put("v.txt", b"one")
    before = await drive.file(file_id)
    headers = {"Content-Type": "multipart/related; boundary=b", "X-Upload-Content-Length": "3"}
    body = b"--b\r\nContent-Type: application/json\r\n\r\n{}\r\n--b\r\nContent-Type: text/plain\r\n\r\ntwo\r\n--b--"
    path = f"{UPLOAD}/{file_id}"
    await drive.call("PATCH", path, data=body, headers=headers, uploadType="multipart", keepRevisionForever=False)
    await _check(drive, file_id, b"two")
    after = await drive.file(file_id)
    assert after["headRevisionId"] != before["headRevisionId"]
    assert int(after["version"]) > int(before["version"])
    await drive.call("PATCH", path, data=b"three", uploadType="media")
    await _check(drive, file_id, b"three")


async def test_new_content_by_a_session(box: Sandbox, drive: Client) -> None:
    file_id = await drive.put("v.txt", b"one")
    headers = {"X-Upload-Content-Type": "text/plain; charset=utf-8"}
    reply = await drive.call(
        "PATCH", f"{UPLOAD}/{file_id}", body={}, headers=headers, uploadType="resumable", setModifiedDate="true"
    )
    made = (await drive.call("POST", reply.headers["Location"], data=b"two!")).json
    assert made["id"] == file_id
    assert made["mimeType"] == "text/plain; charset=utf-8"
    await _check(drive, file_id, b"two!")
    assert len(list(box.store.blobs.iterdir())) == 2, "the older content is a revision"
    await drive.call("DELETE", f"/files/{file_id}", status=204)
    assert list(box.store.blobs.iterdir()) == []


async def test_an_id_taken_meanwhile_is_409_at_the_end(drive: Client) -> None:
    wanted = (await drive.call("GET", "/files/generateIds", count=1)).json["ids"][0]
    place = await drive.session_for({"name": "a", "id": wanted})
    await drive.call("POST", "/files", body={"name": "b", "id": wanted})
    assert (await drive.call("PUT", place, data=b"x", status=409)).reason == "fileIdInUse"
    assert (
        await drive.call("POST", UPLOAD, body={"id": wanted}, uploadType="resumable", status=409)
    ).reason == "fileIdInUse"


async def test_beginning_is_refused_for_what_could_never_end(drive: Client, student: Client) -> None:
    async def begin(body: object, status: int, **headers: str) -> str:
        reply = await drive.call("POST", UPLOAD, body=body, headers=headers, uploadType="resumable", status=status)
        return reply.reason

    assert await begin({"parents": ["nowhere"]}, 404) == "notFound"
    assert await begin({"mimeType": DOC}, 400) == "badRequest"
    assert await begin({}, 400, **{"X-Upload-Content-Length": "ten"}) == "badRequest"
    await drive.control("google", {"quota": {STUDENT: 100}})
    headers = {"X-Upload-Content-Length": "101"}
    refused = await student.call("POST", UPLOAD, body={}, headers=headers, uploadType="resumable", status=403)
    assert refused.reason == "storageQuotaExceeded"
    refused = await student.call("POST", UPLOAD, data=b"x" * 101, uploadType="media", status=403)
    assert refused.reason == "storageQuotaExceeded"
    await student.put("fits", b"x" * 100)
    assert (
        json.loads((await student.call("GET", "/about", fields="storageQuota")).body)["storageQuota"]["usage"] == "100"
    )


async def test_location_uses_the_name_by_which_it_was_called(drive: Client) -> None:
    headers = {"Host": "www.googleapis.com"}
    reply = await drive.call("POST", UPLOAD, body={}, headers=headers, uploadType="resumable")
    assert reply.headers["Location"].startswith("http://www.googleapis.com/upload/drive/v3/files?uploadType=resumable")


async def test_two_at_once_on_one_session_do_not_mix(drive: Client) -> None:
    data = os.urandom(4 * KIB256)
    place = await drive.session_for(size=len(data))
    await asyncio.gather(*(drive.call("PUT", place, data=data) for _ in range(3)))
    assert await drive.names("name='new.bin'") == ["new.bin"]
    found = await drive.call("GET", "/files", q="name='new.bin'")
    await _check(drive, found.json["files"][0]["id"], data)
