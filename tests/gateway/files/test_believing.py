"""A body is believed only when its hash agrees: else its end is broken and nothing of it is kept."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from gateway.files.opening import Asked, Opener
from providers.checked import Checked
from providers.drive import Entry, Ref
from providers.errors import Untrusted
from providers.hashes import new
from tests.gateway.files.conftest import LEO, Scripted, read_all
from tests.gateway.files.test_open_ends import drain
from tests.gateway.files.test_opening import stored

FILE = Ref("", "file")
KIB = 1024


@dataclass
class Stating(Scripted):
    """A drive that states a hash, and believes its bytes only where they have it, as drives do."""

    stated: bytes = b""

    async def stat(self, ref: Ref) -> Entry:
        return replace(await super().stat(ref), hashes={"sha256": self.stated})

    async def _pieces(self, start: int, stop: int) -> AsyncIterator[bytes]:
        whole = (start, stop) == (0, len(self.body))
        async for piece in Checked(super()._pieces(start, stop), {"sha256": self.stated} if whole else {}):
            yield piece


def sha256(body: bytes) -> bytes:
    made = new("sha256")
    made.update(body)
    return made.digest()


@pytest.mark.parametrize("size", [10, 64 * KIB, 3 * 1024 * KIB + 5])
async def test_a_body_of_another_hash_is_never_whole_nor_kept(opener: Opener, size: int) -> None:
    source = Stating(os.urandom(size), stated=sha256(b"what it should be"))
    got: list[int] = []
    opened = await opener.open(LEO, "drive", source, Asked(FILE))
    how, fill = await opener.prepare(opened, 0)
    with pytest.raises(Untrusted):
        await drain(opener.read(opened, how, fill, 0, opened.size), got)
    assert sum(got) < size
    assert source.ranges == [(0, None)], "nothing was asked for a second time"
    await stored(opener)
    assert await opener._cached.list(LEO) == []
    source.stated = sha256(source.body)
    assert await read_all(opener, LEO, source) == ("stored", source.body)


async def test_what_two_requests_brought_is_believed_only_as_a_whole(opener: Opener) -> None:
    """The fill dies halfway, and the drive gives the rest of another file: neither saw all of it."""
    body = os.urandom(4 * 1024 * KIB)
    source = Stating(body, stated=sha256(body), dies=2 * 1024 * KIB)
    assert await read_all(opener, LEO, source) == ("stored", body)
    await stored(opener)
    opened = await opener.open(LEO, "drive", source, Asked(FILE))
    how, fill = await opener.prepare(opened, 0)
    pieces = opener.read(opened, how, fill, 0, opened.size)
    got = [len(await anext(pieces))]
    source.body = body[: 2 * 1024 * KIB] + bytes(2 * 1024 * KIB)
    with pytest.raises(Untrusted):
        await drain(pieces, got)
    assert sum(got) < len(body)
