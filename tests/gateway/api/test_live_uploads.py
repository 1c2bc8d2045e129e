"""Uploads by tus, live: wrong lengths, offsets and states are refused, and what was acknowledged stays safe."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator

import pytest

from providers.drive import Ref
from tests.gateway.api.live import Live, Person, patch, tus

BOUND = 64 << 20
"""`limits.upload_bytes` of the live gateway."""
VERSION = {"Tus-Resumable": "1.0.0"}


def fresh() -> str:
    """A name that no other test has."""
    return f"{secrets.token_hex(6)}.bin"


async def begin(who: Person, length: int | None = 10) -> str:
    """A new upload's address."""
    begun = await who.ask("POST", "/v1/uploads", headers=tus(length, fresh()))
    assert begun.status == 201
    assert begun.headers["Tus-Resumable"] == "1.0.0"
    return begun.headers["Location"]


async def offset(who: Person, where: str) -> int:
    """How many bytes are safe."""
    told = await who.ask("HEAD", where, headers=VERSION)
    assert told.status == 200
    assert told.headers["Cache-Control"] == "no-store"
    return int(told.headers["Upload-Offset"])


async def test_what_is_spoken(nobody: Person) -> None:
    """OPTIONS, by anybody."""
    told = await nobody.ask("OPTIONS", "/v1/uploads")
    assert told.status == 204
    assert told.headers["Tus-Version"] == "1.0.0"
    assert told.headers["Tus-Max-Size"] == str(BOUND)
    assert set(told.headers["Tus-Extension"].split(",")) == {"creation", "creation-defer-length", "termination"}


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ({"Tus-Resumable": "0.9"}, 412, "tus_version"),
        ({"Tus-Resumable": ""}, 412, "tus_version"),
        ({"Upload-Length": ""}, 400, "bad_length"),
        ({"Upload-Length": "-1"}, 400, "bad_length"),
        ({"Upload-Length": "+1"}, 400, "bad_length"),
        ({"Upload-Length": "1.0"}, 400, "bad_length"),
        ({"Upload-Length": "0x10"}, 400, "bad_length"),
        ({"Upload-Length": "1_0"}, 400, "bad_length"),
        ({"Upload-Length": "9" * 30}, 400, "bad_length"),
        ({"Upload-Length": "1", "Upload-Defer-Length": "1"}, 400, "bad_length"),
        ({"Upload-Defer-Length": "0"}, 400, "bad_length"),
        ({"Upload-Length": str(BOUND + 1)}, 413, "too_large"),
        ({"Upload-Metadata": ""}, 422, "metadata_missing"),
        ({"Upload-Metadata": "filename"}, 422, "metadata_missing"),
        ({"Upload-Metadata": "filename !!!"}, 400, "bad_metadata"),
        ({"Upload-Metadata": "filename /w=="}, 400, "bad_metadata"),
        ({"Upload-Metadata": "filename eA==,filename eA=="}, 400, "bad_metadata"),
        ({"Upload-Metadata": "owner eA=="}, 400, "bad_metadata"),
        ({"Upload-Metadata": ",,,"}, 400, "bad_metadata"),
    ],
)
async def test_beginnings_that_do_not_fit(student: Person, given: dict[str, str], status: int, code: str) -> None:
    """Refused before anything is stored."""
    headers = {**tus(1, fresh()), **given}
    answer = await student.ask("POST", "/v1/uploads", headers=headers)
    assert (answer.status, answer.code) == (status, code)
    assert "Location" not in answer.headers


@pytest.mark.parametrize(
    ("metadata", "status", "code"),
    [
        ({"drive": "nobody"}, 404, "not_found"),
        ({"parent": "x"}, 404, "not_found"),
        ({"parent": str(Ref("", "0" * 32))}, 404, "not_found"),
        ({"drive": ""}, 422, "metadata_missing"),
        ({"filetype": "text"}, 422, "bad_metadata"),
        ({"filetype": "text/html\r\nX-Injected: 1"}, 422, "bad_metadata"),
        ({"filetype": "té/xt"}, 422, "bad_metadata"),
        ({"modified": "yesterday"}, 422, "bad_metadata"),
        ({"modified": "2026-11-23T10:00:00"}, 422, "bad_metadata"),
        ({"modified": "0001-01-01T00:00:00+14:00"}, 422, "bad_metadata"),
        ({"on_conflict": "steal"}, 422, "bad_metadata"),
        ({"filename": "x" * 1025}, 422, "bad_metadata"),
    ],
)
async def test_metadata_that_does_not_fit(student: Person, metadata: dict[str, str], status: int, code: str) -> None:
    """The place, the name, the type, the time, the conflict rule."""
    told = {"filename": fresh(), **metadata}
    answer = await student.ask("POST", "/v1/uploads", headers=tus(1, told.pop("filename"), **told))
    assert (answer.status, answer.code) == (status, code)


async def test_into_a_file(student: Person) -> None:
    """Files are put into folders."""
    file = await student.upload(fresh(), b"x")
    answer = await student.ask("POST", "/v1/uploads", headers=tus(1, fresh(), parent=file))
    assert (answer.status, answer.code) == (422, "not_a_folder")


async def test_bytes_with_the_beginning(student: Person) -> None:
    """Creation-with-upload is not spoken here."""
    answer = await student.ask("POST", "/v1/uploads", headers=tus(1, fresh()), data=b"x")
    assert (answer.status, answer.code) == (415, "wrong_media_type")


@pytest.mark.parametrize(
    ("given", "data", "status", "code"),
    [
        ({"Tus-Resumable": "2"}, b"x", 412, "tus_version"),
        ({"Content-Type": "application/octet-stream"}, b"x", 415, "wrong_media_type"),
        ({"Upload-Offset": ""}, b"x", 400, "bad_length"),
        ({"Upload-Offset": "-1"}, b"x", 400, "bad_length"),
        ({"Upload-Offset": "1"}, b"x", 409, "wrong_offset"),
        ({"Upload-Offset": "11"}, b"x", 409, "wrong_offset"),
        ({"Upload-Offset": "9" * 15}, b"x", 409, "wrong_offset"),
        ({}, b"12345678901", 413, "too_large"),
        ({"Upload-Length": "9"}, b"x", 413, "too_large"),
        ({"Upload-Length": "x"}, b"x", 400, "bad_length"),
    ],
)
async def test_pieces_that_do_not_fit(
    student: Person, given: dict[str, str], data: bytes, status: int, code: str
) -> None:
    """Nothing of them is kept; the upload goes on where it was."""
    where = await begin(student)
    answer = await student.ask("PATCH", where, headers=patch(0, **given), data=data)
    assert (answer.status, answer.code) == (status, code)
    if code == "wrong_offset":
        assert answer.headers["Upload-Offset"] == "0"
    assert await offset(student, where) == 0
    assert (await student.ask("PATCH", where, headers=patch(0), data=b"1234")).headers["Upload-Offset"] == "4"


async def test_too_many_bytes_of_unknown_number(student: Person) -> None:
    """Chunked over the length: refused as soon as it is too much."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"12345"

    where = await begin(student)
    answer = await student.ask("PATCH", where, headers=patch(0), data=pieces())
    assert (answer.status, answer.code) == (413, "too_large")
    assert await offset(student, where) == 0


async def test_two_at_once(student: Person) -> None:
    """The second is told that it is locked, and the first goes on."""
    where, go_on = await begin(student), asyncio.Event()
    begun = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"12345"
        begun.set()
        await go_on.wait()
        yield b"67890"

    first = asyncio.create_task(student.ask("PATCH", where, headers=patch(0), data=slowly()))
    async with asyncio.timeout(5):
        await begun.wait()
        await asyncio.sleep(0.1)
        second = await student.ask("PATCH", where, headers=patch(0), data=b"x")
        gone = await student.ask("DELETE", where, headers=VERSION)
        go_on.set()
        assert (second.status, second.code) == (423, "locked")
        assert (gone.status, gone.code) == (423, "locked")
        assert (await first).headers["Upload-Offset"] == "10"


async def test_many_at_once_keep_each_byte_once(student: Person) -> None:
    """Ten of the same offset: one is taken."""
    where = await begin(student, 1000)
    sent = [student.ask("PATCH", where, headers=patch(0), data=b"x" * 100) for _ in range(10)]
    statuses = [one.status for one in await asyncio.gather(*sent)]
    assert statuses.count(204) == 1
    assert set(statuses) <= {204, 409, 423}
    assert await offset(student, where) == 100


async def test_a_broken_connection_loses_only_what_did_not_arrive(live: Live, student: Person) -> None:
    """The head promises 1000 bytes, 700 come: they are kept."""
    where = await begin(student, 1000)
    host, port = live.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = {
        **patch(0), "Host": host, "Cookie": f"session={student.cookie}", "Origin": live.url, "Content-Length": "1000",
    }  # fmt: skip
    lines = [f"PATCH {where} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items()), "", ""]
    writer.write("\r\n".join(lines).encode() + b"x" * 700)
    await writer.drain()
    await asyncio.sleep(0.2)
    writer.close()
    async with asyncio.timeout(10):
        while await offset(student, where) == 0:
            await asyncio.sleep(0.05)
    assert await offset(student, where) == 700
    assert (await student.ask("PATCH", where, headers=patch(700), data=b"y" * 300)).status == 204


async def test_a_length_that_comes_later(student: Person) -> None:
    """Deferred: told with a piece, once, never below what is there."""
    where = await begin(student, None)
    assert (await student.ask("HEAD", where, headers=VERSION)).headers["Upload-Defer-Length"] == "1"
    assert (await student.ask("PATCH", where, headers=patch(0), data=b"12345")).status == 204
    short = await student.ask("PATCH", where, headers=patch(5, **{"Upload-Length": "4"}), data=b"")
    assert (short.status, short.code) == (413, "too_large")
    large = await student.ask("PATCH", where, headers=patch(5, **{"Upload-Length": str(BOUND + 1)}), data=b"6")
    assert (large.status, large.code) == (413, "too_large")
    last = await student.ask("PATCH", where, headers=patch(5, **{"Upload-Length": "6"}), data=b"6")
    assert (last.status, last.headers["Upload-Offset"]) == (204, "6")
    assert (await student.get(where))["state"] in ("sending", "done")


async def test_after_the_end(student: Person) -> None:
    """A complete upload takes no bytes and is not given up."""
    where = await begin(student, 1)
    assert (await student.ask("PATCH", where, headers=patch(0), data=b"x")).status == 204
    more = await student.ask("PATCH", where, headers=patch(1), data=b"")
    assert (more.status, more.code) == (423, "locked")
    gone = await student.ask("DELETE", where, headers=VERSION)
    assert (gone.status, gone.code) == (409, "already_sent")


async def test_given_up(student: Person) -> None:
    """It is not there any more, for any method."""
    where = await begin(student)
    assert (await student.ask("PATCH", where, headers=patch(0), data=b"1234")).status == 204
    assert (await student.ask("DELETE", where, headers=VERSION)).status == 204
    for method, headers in (("HEAD", VERSION), ("GET", {}), ("PATCH", patch(4)), ("DELETE", VERSION)):
        assert (await student.ask(method, where, headers=headers)).status == 404


@pytest.mark.parametrize("size", [0, 1, 262_144, 262_145])
async def test_bytes_arrive_as_they_were(student: Person, size: int) -> None:
    """Also none at all, and around the edge of a segment."""
    content = secrets.token_bytes(size)
    item = await student.upload(fresh(), content)
    opened = await student.ask("GET", f"/v1/drives/native/items/{item}/content")
    assert (opened.status, opened.body) == (200, content)


async def test_names_arrive_as_they_were(student: Person) -> None:
    """Any text, by base64."""
    name = f"{secrets.token_hex(4)} Zürich 日本 🦆.txt"
    item = await student.upload(name, b"x")
    assert (await student.get(f"/v1/drives/native/items/{item}"))["name"] == name
