"""How an open file ends: with its person, with whatever breaks its fill, and never shorter than was stated."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from cache.errors import Shredded
from cache.vault import Vault
from gateway.api.content import _etag
from gateway.db.engine import Database
from gateway.files.opening import Asked, Opener
from gateway.identity.errors import NoSuchAccount
from providers.drive import Entry, Kind, Ref
from tests.gateway.files.conftest import LEO, Scripted, read_all
from tests.gateway.files.test_opening import stored

MIB = 1024 * 1024
FILE = Ref("", "file")


@pytest.mark.parametrize("how", ["direct", "stored"])
async def test_a_stream_from_a_drive_ends_with_its_person(
    opener: Opener, vault: Vault, database: Database, how: str
) -> None:
    """The drive's access token would serve for another hour; the stream is cut all the same."""
    source = Scripted(os.urandom(24 * MIB), gate=MIB)
    opened = await opener.open(LEO, "drive", source, Asked(FILE))
    _, fill = await opener.prepare(opened, 0)
    start = 12 * MIB if how == "direct" else 0
    pieces = opener.read(opened, how, fill, start, len(source.body))
    assert await anext(pieces)
    async with database.write() as tx:
        await vault.shred(tx, LEO)
    await opener._fills.stop(LEO.subject)
    got: list[int] = []
    with pytest.raises(Shredded):
        await asyncio.wait_for(drain(pieces, got), 5)
    assert sum(got) < 4 * MIB


async def drain(pieces: AsyncIterator[bytes], got: list[int]) -> None:
    """Read to the end, noting how much."""
    async for piece in pieces:
        got.append(len(piece))


class Revoked(Scripted):
    """A drive whose grant is gone by the time that bytes are asked for."""

    async def _pieces(self, start: int, stop: int) -> AsyncIterator[bytes]:
        raise NoSuchAccount("this account is not connected")
        yield b""


async def test_an_account_that_was_disconnected_ends_fill_and_reader(opener: Opener) -> None:
    """The error reaches whoever asked, and no task keeps it to itself."""
    with pytest.raises(NoSuchAccount):
        await read_all(opener, LEO, Revoked(b"x" * MIB))


class Shorter(Scripted):
    """A drive that states more bytes than it gives, and does not notice."""

    async def stat(self, ref: Ref) -> Entry:
        return replace(await super().stat(ref), size=len(self.body) + 1)


async def test_a_truncated_file_is_never_kept_as_a_whole_one(opener: Opener) -> None:
    """The reader counts for itself; the next open asks the drive again."""
    source = Shorter(os.urandom(MIB))
    assert (await read_all(opener, LEO, source, 0, MIB + 1))[1] == source.body
    await stored(opener)
    assert (await opener.open(LEO, "drive", source, Asked(FILE))).cached is None


async def test_two_exports_are_never_resumed_as_one(opener: Opener) -> None:
    """The same version exported twice is two files: their strong tags differ, and one that is not kept has none."""
    source = Scripted(os.urandom(1000), kind=Kind.DOCUMENT)
    tags = []
    for _ in range(2):
        opened = await opener.open(LEO, "drive", source, Asked(FILE))
        tags.append(_etag(opened))
        how, fill = await opener.prepare(opened, 0)
        assert b"".join([piece async for piece in opener.read(opened, how, fill, 0, None)]) == source.body
        await stored(opener)
        kept = await opener.open(LEO, "drive", source, Asked(FILE))
        tags.append(_etag(kept))
        assert kept.cached is not None
        async with opener._database.write() as tx:
            await opener._cached.destroy(tx, LEO)
    assert tags[0] == tags[2]
    assert tags[0].startswith("W/")
    assert not tags[1].startswith("W/")
    assert tags[1] != tags[3]
