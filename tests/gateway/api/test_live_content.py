"""Opened files, live: headers that keep them harmless, ranges that never splice, preconditions, and the cache."""

from __future__ import annotations

import asyncio
import secrets

import pytest

from tests.gateway.api.live import Person, patch, tus

CONTENT = bytes(range(256)) * 1100
"""281,600 bytes: more than one segment."""


async def kept(who: Person, name: str, media_type: str, content: bytes = CONTENT) -> str:
    """A file of this type in the person's own drive; the address of its bytes."""
    folder = await who.post("/v1/drives/native/items/root/children", 201, json={"name": secrets.token_hex(6)})
    begun = await who.ask(
        "POST", "/v1/uploads", headers=tus(len(content), name, parent=folder["id"], filetype=media_type)
    )
    where = begun.headers["Location"]
    if content:
        assert (await who.ask("PATCH", where, headers=patch(0), data=content)).status == 204
    async with asyncio.timeout(20):
        while (now := await who.get(where))["state"] != "done":
            await asyncio.sleep(0.05)
    return f"/v1/drives/native/items/{now['item']}/content"


@pytest.mark.parametrize(
    ("media_type", "shown", "kind"),
    [
        ("text/html", "application/octet-stream", "attachment"),
        ("image/svg+xml", "application/octet-stream", "attachment"),
        ("application/javascript", "application/octet-stream", "attachment"),
        ("text/xml", "application/octet-stream", "attachment"),
        ("text/plain", "text/plain; charset=utf-8", "inline"),
        ("image/png", "image/png", "inline"),
        ("application/pdf", "application/pdf", "inline"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_an_opened_file_is_harmless(student: Person, media_type: str, shown: str, kind: str, method: str) -> None:
    """Never sniffed, never stored, without origin and script; what could be a page is downloaded."""
    path = await kept(student, 'evil"; filename=x.html', media_type, b"<script>alert(1)</script>")
    for query in ("", "?download=1"):
        opened = await student.ask(method, path + query)
        assert opened.status == 200
        assert opened.headers["Content-Type"] == shown
        assert opened.headers["X-Content-Type-Options"] == "nosniff"
        assert opened.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
        assert "script-src" not in opened.headers["Content-Security-Policy"]
        assert opened.headers["Cache-Control"] == "no-store"
        assert opened.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        wanted = "attachment" if query else kind
        assert opened.headers["Content-Disposition"].startswith(f'{wanted}; filename="evil_')
        assert opened.headers["Content-Disposition"].count('"') == 2


@pytest.mark.parametrize("name", ["Zürich 日本.txt", "a;b=c.txt", "100%.txt", "e\u0301.txt", "'*.txt"], ids=ascii)
async def test_names_in_the_disposition(student: Person, name: str) -> None:
    """Plain ASCII for old readers, the real one percent-encoded."""
    from urllib.parse import unquote

    told = (await student.ask("HEAD", await kept(student, name, "text/plain", b"x"))).headers["Content-Disposition"]
    assert told.isascii()
    assert unquote(told.partition("filename*=UTF-8''")[2]) == name


@pytest.mark.parametrize(
    ("header", "start", "stop"),
    [("bytes=0-0", 0, 1), ("bytes=100-", 100, len(CONTENT)), ("bytes=-7", len(CONTENT) - 7, len(CONTENT)),
     ("bytes=262100-262200", 262_100, 262_201), ("bytes=5-99999999", 5, len(CONTENT)),
     (f"bytes=-{len(CONTENT) * 2}", 0, len(CONTENT))],
)  # fmt: skip
async def test_one_range(file: str, student: Person, header: str, start: int, stop: int) -> None:
    """206 with exactly these bytes, for GET; the same headers for HEAD."""
    for method in ("GET", "HEAD"):
        part = await student.ask(method, file, headers={"Range": header})
        assert part.status == 206
        assert part.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(CONTENT)}"
        assert part.headers["Content-Length"] == str(stop - start)
        assert part.body == (CONTENT[start:stop] if method == "GET" else b"")


@pytest.mark.parametrize(
    "header", ["bytes=0-1,5-6", "bytes=5-4", "bytes=x", "bytes=", "", "lines=0-1", "bytes=0-1x", "bytes=-", "0-1", "%"]
)
async def test_what_is_no_single_range_is_the_whole(file: str, student: Person, header: str) -> None:
    """RFC 9110: ignored, never an error."""
    whole = await student.ask("GET", file, headers={"Range": header})
    assert (whole.status, whole.body) == (200, CONTENT)
    assert whole.headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize("header", [f"bytes={len(CONTENT)}-", "bytes=-0", f"bytes={'9' * 18}-{'9' * 19}"])
async def test_beyond_the_end(file: str, student: Person, header: str) -> None:
    """416 that tells the length."""
    answer = await student.ask("GET", file, headers={"Range": header})
    assert (answer.status, answer.code) == (416, "range_not_satisfiable")
    assert answer.headers["Content-Range"] == f"bytes */{len(CONTENT)}"


async def test_preconditions(file: str, student: Person) -> None:
    """If-Range, If-None-Match and If-Match with the right tag, a wrong one, a weak one and nonsense."""
    tag = (await student.ask("HEAD", file)).headers["ETag"]
    assert tag.startswith('"')
    part = {"Range": "bytes=1-2"}
    for given, status in (
        ({**part, "If-Range": tag}, 206),
        ({**part, "If-Range": '"other"'}, 200),
        ({**part, "If-Range": f"W/{tag}"}, 200),
        ({**part, "If-Range": "Mon, 23 Nov 2026 10:00:00 GMT"}, 200),
        ({"If-None-Match": tag}, 304),
        ({"If-None-Match": f'"x", W/{tag}'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"other"'}, 200),
        ({"If-Match": tag}, 200),
        ({"If-Match": "*"}, 200),
    ):
        answer = await student.ask("GET", file, headers=given)
        assert answer.status == status, given
        assert answer.headers["ETag"] == tag
        assert answer.body == {206: CONTENT[1:3], 200: CONTENT, 304: b""}[status]
        assert answer.headers["Cache-Control"] == "no-store"
    for given, status, code in (
        ({"If-Match": '"other"'}, 412, "changed"),
        ({"If-Match": f"W/{tag}"}, 412, "changed"),
        ({"If-Match": "nonsense"}, 400, "bad_precondition"),
        ({"If-None-Match": "nonsense"}, 400, "bad_precondition"),
    ):
        answer = await student.ask("GET", file, headers=given)
        assert (answer.status, answer.code) == (status, code)


async def test_an_empty_file(student: Person) -> None:
    """Nothing, of length 0; a range of it is beyond its end."""
    path = await kept(student, "empty.txt", "text/plain", b"")
    opened = await student.ask("GET", path)
    assert (opened.status, opened.body, opened.headers["Content-Length"]) == (200, b"", "0")
    part = await student.ask("GET", path, headers={"Range": "bytes=0-"})
    assert (part.status, part.code) == (416, "range_not_satisfiable")


async def test_what_cannot_be_opened(student: Person) -> None:
    """A folder, an export of a file, parameters nobody knows."""
    folder = await student.post("/v1/drives/native/items/root/children", 201, json={"name": secrets.token_hex(6)})
    path = f"/v1/drives/native/items/{folder['id']}/content"
    refused = await student.ask("GET", path)
    assert (refused.status, refused.code) == (422, "unsupported")
    path = await kept(student, "a.txt", "text/plain", b"x")
    refused = await student.ask("GET", path + "?export=pdf")
    assert (refused.status, refused.code) == (422, "unsupported")
    for query in ("download=2", "export=", f"export={'x' * 65}", "inline=1", "download=1&download=1"):
        refused = await student.ask("GET", f"{path}?{query}")
        assert (refused.status, refused.code) == (422, "invalid_query")


async def test_a_second_reader_is_served_from_the_cache(student: Person) -> None:
    """Miss, then hit, with the same bytes; the copy is shown and can be destroyed."""
    path = await kept(student, "cached.txt", "text/plain")
    first = await student.ask("GET", path)
    assert first.headers["Cache-Status"] == "file-access; fwd=miss; stored"
    async with asyncio.timeout(10):
        while (second := await student.ask("GET", path)).headers["Cache-Status"] != "file-access; hit":
            await asyncio.sleep(0.02)
    assert first.body == second.body == CONTENT
    part = await student.ask("GET", path, headers={"Range": "bytes=262000-262399"})
    assert part.body == CONTENT[262_000:262_400]
    [copy] = [one for one in (await student.get("/v1/cache"))["items"] if f"/{one['item']}/" in path]
    assert (copy["name"], copy["size"]) == ("cached.txt", len(CONTENT))
    assert (await student.ask("DELETE", f"/v1/cache/{copy['id']}")).status == 204
    gone = await student.ask("DELETE", f"/v1/cache/{copy['id']}")
    assert (gone.status, gone.code) == (404, "not_found")
    assert (await student.ask("GET", path)).headers["Cache-Status"] == "file-access; fwd=miss; stored"


async def test_a_changed_file_has_another_tag(student: Person) -> None:
    """What is uploaded in its place is never spliced with what was."""
    path = await kept(student, "v.txt", "text/plain", b"first version")
    old = (await student.ask("GET", path)).headers["ETag"]
    item = path.split("/")[-2]
    parent = (await student.get(f"/v1/drives/native/items/{item}"))["parent"]
    begun = await student.ask("POST", "/v1/uploads", headers=tus(6, "v.txt", parent=parent, on_conflict="replace"))
    where = begun.headers["Location"]
    await student.ask("PATCH", where, headers=patch(0), data=b"second")
    async with asyncio.timeout(20):
        while (now := await student.get(where))["state"] != "done":
            await asyncio.sleep(0.05)
    path = f"/v1/drives/native/items/{now['item']}/content"
    resumed = await student.ask("GET", path, headers={"Range": "bytes=3-", "If-Range": old})
    assert (resumed.status, resumed.body) == (200, b"second")
    assert resumed.headers["ETag"] != old


@pytest.fixture
async def file(student: Person) -> str:
    """The bytes of a file that all tests here may read."""
    if "file" not in _MADE:
        _MADE["file"] = await kept(student, "ranges.bin", "application/octet-stream")
    return _MADE["file"]


_MADE: dict[str, str] = {}
