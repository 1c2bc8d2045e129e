"""What is no proper HTTP, or cut short: answered as a problem that repeats nothing, and the server lives on."""

from __future__ import annotations

import asyncio

import pytest

from tests.gateway.api.live import Live, Person

SECRET = "kaufvertrag-4711"


async def raw(live: Live, sent: bytes) -> tuple[int, str, bytes]:
    """Status, head and body of the answer to these bytes."""
    host, port = live.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(sent)
        async with asyncio.timeout(10):
            answer = await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), head.decode("latin-1").lower(), body


def request(line: str, *headers: str) -> bytes:
    """A request's head; the connection ends after it."""
    return "\r\n".join([line, "Host: 127.0.0.1", "Connection: close", *headers, "", ""]).encode("latin-1")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (request(f"GET /v1/me?{SECRET}{'x' * 20_000} HTTP/1.1"), 400),
        (request("GET /v1/me HTTP/1.1", f"X-Long: {SECRET}{'x' * 20_000}"), 400),
        (request("GET /v1/me HTTP/1.1", f"Bad\x01Header: {SECRET}"), 400),
        (request("GET /v1/me HTTP/1.1", f"Two: {SECRET}\rlines: 1"), 400),
        (request("POST /v1/uploads HTTP/1.1", "Content-Length: 1", "Content-Length: 2"), 400),
        (request("POST /v1/uploads HTTP/1.1", "Content-Length: -1"), 400),
        (request("POST /v1/uploads HTTP/1.1", f"Content-Length: {SECRET}"), 400),
        (request("POST /v1/uploads HTTP/1.1", "Content-Length: 5", "Transfer-Encoding: chunked"), 400),
        (request("POST /v1/connections HTTP/1.1", "Transfer-Encoding: chunked") + b"zz\r\nabc", 400),
        (request(f"{SECRET} /v1/me HTTP/1.1"), 400),
        (request("GET /v1/me HTTP/9.9"), 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 60 + b"\r\n\r\n", 400),
        (request("POST /v1/token HTTP/1.1", f"Expect: {SECRET}"), 417),
    ],
    ids=[
        "long line", "long header", "bad name", "split", "two lengths", "negative length", "no length", "smuggled",
        "bad chunk", "method", "version", "tls", "expectation",
    ],
)  # fmt: skip
async def test_what_is_no_request(live: Live, nobody: Person, sent: bytes, status: int) -> None:
    """4xx as a problem with the usual headers; nothing of what was sent comes back."""
    got, head, body = await raw(live, sent)
    assert got == status
    assert "content-type: application/problem+json" in head
    assert "x-content-type-options: nosniff" in head
    assert "default-src 'none'" in head
    assert b'"code"' in body
    assert SECRET.encode() not in body
    assert SECRET not in head
    assert (await nobody.ask("GET", "/healthz")).status == 200


async def test_a_body_that_never_ends_is_not_waited_for(live: Live, session_cookie: dict[str, str]) -> None:
    """The reader says that it sends more and leaves: no 500, nothing stored."""
    cookie = f"Cookie: {session_cookie['Cookie']}"
    head = request(
        "POST /v1/transfers HTTP/1.1", cookie, f"Origin: {live.url}", "Content-Type: application/json",
        "Content-Length: 500",
    )  # fmt: skip
    host, port = live.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(head + b'{"mode":')
    writer.write_eof()
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    assert answer == b"" or b" 4" in answer.split(b"\r\n")[0]


@pytest.mark.parametrize(
    ("line", "header", "status"),
    [
        ("GET /v1/me", "Authorization: Bearer \xff\xfe", 401),
        ("GET /v1/me", "Authorization: \xff", 401),
        ("GET /v1/me", "Authorization: Bearer é", 401),
        ("GET /v1/me", "Cookie: session=\xff", 401),
        ("GET /metrics", "Authorization: Bearer \xff", 404),
        ("GET /", "Accept-Language: \xff", 200),
        ("GET /", "Cookie: session=\xff; session=\xfe; lang=\xff", 200),
        ("GET /signin/callback?code=%ff&state=%ff", "Cookie: signin=\xff.\xff", 400),
        ("GET /signin?school=%ff&next=%ff", "X: x", 400),
    ],
)
async def test_headers_that_are_no_text(live: Live, line: str, header: str, status: int) -> None:
    """Bytes that are not UTF-8 where a secret is expected: nobody's, and no 500."""
    got, _, _ = await raw(live, request(f"{line} HTTP/1.1", header))
    assert got == status


@pytest.mark.parametrize(
    ("line", "headers", "status"),
    [
        ("GET /v1/jobs", ["Cookie: {}; other=\xff"], 200),
        ("POST /v1/transfers", ["Idempotency-Key: \xff", "Content-Type: application/json"], 400),
        ("POST /v1/transfers", ["Content-Type: \xff"], 415),
        ("DELETE /v1/cache", ["Origin: \xff"], 403),
        ("POST /v1/uploads", ["Tus-Resumable: \xff"], 412),
        ("POST /v1/uploads", ["Tus-Resumable: 1.0.0", "Upload-Length: \xb2"], 400),
        ("POST /v1/uploads", ["Tus-Resumable: 1.0.0", "Upload-Length: \xd9\xa3"], 400),
        ("POST /v1/uploads", ["Tus-Resumable: 1.0.0", "Upload-Length: 1", "Upload-Metadata: \xff \xff"], 400),
        ("POST /v1/uploads", ["Tus-Resumable: 1.0.0", "Upload-Length: 1", "Upload-Metadata: drive \xff"], 400),
    ],
)
async def test_headers_that_are_no_text_of_a_person(
    live: Live, session_cookie: dict[str, str], line: str, headers: list[str], status: int
) -> None:
    """The same with a good session."""
    given = [f"Cookie: {session_cookie['Cookie']}", f"Origin: {live.url}"]
    if any(header.startswith("Origin") for header in headers):
        given.pop()
    sent = [*given, *headers, "Content-Length: 0"]
    got, _, _ = await raw(live, request(f"{line} HTTP/1.1", *sent))
    assert got == status


@pytest.mark.parametrize("path", ["/v1/drives/%00/items/root", "/v1/jobs/%ff%fe", "/v1/drives/native/items/%2e%2e%2f"])
async def test_odd_escapes_in_a_path(live: Live, session_cookie: dict[str, str], path: str) -> None:
    """Bytes that are no text, a null, an escaped slash: not there, or not understood."""
    got, head, _ = await raw(live, request(f"GET {path} HTTP/1.1", f"Cookie: {session_cookie['Cookie']}"))
    assert got in (400, 404)
    assert "application/problem+json" in head
