"""The person's answer to the extension's consent page, however its bytes arrive."""

from __future__ import annotations

import asyncio
import secrets
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from tests.gateway.api.conftest import STUDENT
from tests.gateway.api.live import Live, Person, authorization, person


async def test_an_answer_that_arrives_in_two_pieces_is_read_whole(live: Live) -> None:
    """What came first is not taken for all: the decision stands at the end."""
    asked = authorization(secrets.token_urlsafe(48))
    body = urlencode({**asked, "decision": "allow"}).encode()
    async with person(live, STUDENT) as client:
        cookie = "; ".join(f"{one.key}={one.value}" for one in client.jar)
    told = {
        "Host": "here", "Origin": live.url, "Cookie": cookie, "Connection": "close",
        "Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(body)),
    }  # fmt: skip
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(live.url).port)
    head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    writer.write(f"POST /extension/authorize HTTP/1.1\r\n{head}\r\n".encode() + body[:-8])
    await writer.drain()
    await asyncio.sleep(0.2)
    writer.write(body[-8:])
    async with asyncio.timeout(10):
        answer = (await reader.read()).decode()
    writer.close()
    lines = dict(line.split(": ", 1) for line in answer.split("\r\n\r\n")[0].split("\r\n")[1:])
    back = dict(parse_qsl(urlsplit(lines["Location"]).query))
    assert back["state"] == asked["state"]
    assert "code" in back


@pytest.mark.parametrize("body", ["&".join(f"f{n}=1" for n in range(60)), "a=1&a=2", "a=%ff"])
async def test_a_form_that_is_none_is_the_senders_mistake(student: Person, body: str) -> None:
    """Too many fields, one twice, no text: refused, and nothing breaks."""
    media = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await student.ask("POST", "/extension/authorize", data=body.encode(), headers=media)
    assert answer.status in (400, 422)
    assert answer.code in ("bad_form", "invalid_body")
