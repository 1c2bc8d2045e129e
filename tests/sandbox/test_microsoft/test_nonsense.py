"""Whatever is asked, the answer is Graph's: never a server error, never a surprise in the parser."""

from __future__ import annotations

import random
from contextlib import suppress
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from providers.sandbox.core import Refused
from providers.sandbox.microsoft import odata
from providers.sandbox.microsoft.addressing import Address, parse
from tests.sandbox.test_microsoft.client import Client

PIECES = ["/v1.0", "/me", "/drive", "/drives", "/root", "/items", ":", "/", "01A", "%3A", "%2F", "..", "a b", "%", "é"]
PIECES += ["children", "content", "search(q='", "')", "delta", "(token='x')", "''", "copy", "%00", "%FF", "b!x", "\\"]
BODIES: list[Any] = [
    None,
    7,
    "x",
    [],
    {},
    {"name": None},
    {"name": "x", "folder": []},
    {"item": 1},
    {"parentReference": {"id": 5}},
]
BODIES += [{"fileSystemInfo": {"createdDateTime": 5}}, {"item": {"fileSystemInfo": []}}, {"name": "x" * 9999}]
HEADERS: list[dict[str, str]] = [
    {},
    {"If-Match": "\xff,"},
    {"Range": "bytes=x"},
    {"Content-Range": "bytes 9-1/0"},
    {"If-None-Match": '"'},
]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
@example("/v1.0/me/drive/root:/a:/b:/children")
@example("/v1.0/drives//root")
def test_any_path_is_an_address_or_refused(path: str) -> None:
    with suppress(Refused):
        assert isinstance(parse(path), Address)


@given(st.text(max_size=60))
def test_any_token_is_opened_or_not(text: str) -> None:
    values = odata.unpack(text)
    assert values is None or odata.unpack(odata.pack(*values)) == values


async def test_five_hundred_odd_requests(teacher: Client) -> None:
    teacher.box.observers.clear()  # what is asked here has no shape to be judged by
    dice, seen = random.Random(7), set()  # the same requests every time
    item = await teacher.item("Welcome.txt")
    url = await teacher.session("New.bin")
    starts = ["/me/drive/root", "/me/drive/root:/Marking:", f"/me/drive/items/{item['id']}", "/me", "/drives", url]
    for _ in range(500):
        path = dice.choice(starts) + dice.choice(["", "".join(dice.choices(PIECES[1:], k=3)), "/children", "/copy"])
        method = dice.choice(["GET", "PUT", "POST", "PATCH", "DELETE"])
        query = dice.choice(
            ["", "?$select=", "?$top=999999999999999999999", "?%00=%00", "?$skiptoken=W10", "?token=W10"]
        )
        if (method, path) not in (("DELETE", "/me/drive/root:/Marking:"), ("DELETE", starts[2])):
            reply = await teacher.call(method, path + query, json=dice.choice(BODIES), headers=dice.choice(HEADERS))
            assert reply.status < 500, (method, path, query)
            seen.add(reply.status)
    assert {200, 400, 404, 405, 412} <= seen
