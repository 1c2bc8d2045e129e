"""Opening: hits, fills, ranges ahead of a fill, other people's copies, and drives that fail in the middle."""

from __future__ import annotations

import asyncio
import os
import time

import pytest

from cache.errors import Unavailable
from cache.keys import bucket_of
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.files import fills as fills_module
from gateway.files.cached import CachedFiles
from gateway.files.freshness import SECONDS
from gateway.files.opening import Asked, Opener
from providers.drive import Kind, Ref
from providers.errors import Changed, DownloadForbidden, Malware, Offline, Unsupported
from tests.gateway.files.conftest import LEO, MIA, Clock, Scripted, read_all

MIB = 1024 * 1024


async def stored(opener: Opener) -> None:
    """Wait until no fill runs."""
    while opener._fills._running:
        await asyncio.sleep(0.005)


async def test_second_open_comes_from_the_cache(opener: Opener) -> None:
    """A miss fills, a hit asks the drive for nothing but the item's facts."""
    source = Scripted(os.urandom(3 * MIB + 17))
    assert await read_all(opener, LEO, source) == ("stored", source.body)
    await stored(opener)
    assert await read_all(opener, LEO, source) == ("hit", source.body)
    assert await read_all(opener, LEO, source, 1_000_000, 1_000_100) == ("hit", source.body[1_000_000:1_000_100])
    assert source.ranges == [(0, None)]


async def test_a_copy_whose_expiry_key_was_lost_is_a_miss_and_is_filled_again(opener: Opener, vault: Vault) -> None:
    """As after a restart of the machine or the Redis that held it: with the key gone, and with another one made."""
    source = Scripted(os.urandom(MIB))
    await read_all(opener, LEO, source)
    await stored(opener)
    for made_anew in (False, True):
        now = await opener._database.now()
        assert await vault._keyring.expiry.expire(now + 2 * 3_600_000) == 1
        if made_anew:
            await vault._keyring.expiry.make(bucket_of(now + 3_600_000))
        assert await read_all(opener, LEO, source) == ("stored", source.body)
        await stored(opener)
        assert await read_all(opener, LEO, source) == ("hit", source.body)
    assert source.ranges == [(0, None)] * 3
    assert len(await opener._cached.list(LEO)) == 1


async def test_where_expiry_keys_cannot_be_asked_the_drive_is(
    opener: Opener, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy stays for later."""
    source = Scripted(os.urandom(MIB))
    await read_all(opener, LEO, source)
    await stored(opener)

    async def silent(bucket: int) -> bytes | None:
        raise Unavailable("away")

    monkeypatch.setattr(vault._keyring.expiry, "find", silent)
    assert (await read_all(opener, LEO, source))[1] == source.body
    monkeypatch.undo()
    assert await read_all(opener, LEO, source) == ("hit", source.body)
    assert len(source.ranges) == 2


async def test_two_readers_share_one_fill(opener: Opener) -> None:
    """Both get everything; the drive is asked once."""
    source = Scripted(os.urandom(2 * MIB), gate=MIB)
    first = asyncio.create_task(read_all(opener, LEO, source))
    second = asyncio.create_task(read_all(opener, LEO, source))
    await asyncio.sleep(0.05)
    source.release.set()
    assert (await first)[1] == (await second)[1] == source.body
    assert source.ranges == [(0, None)]


async def test_a_copy_is_never_shared_between_people(opener: Opener) -> None:
    """The same item of the same drive is fetched again for somebody else."""
    source = Scripted(os.urandom(MIB))
    await read_all(opener, LEO, source)
    await stored(opener)
    assert (await read_all(opener, MIA, source))[0] == "stored"
    assert source.ranges == [(0, None), (0, None)]


async def test_another_version_is_another_file(opener: Opener, clock: Clock) -> None:
    """A cached copy of an older version is not served."""
    source = Scripted(b"old" * 1000)
    await read_all(opener, LEO, source)
    await stored(opener)
    source.version, source.body = "v2", b"new" * 1000
    clock.now += SECONDS
    assert await read_all(opener, LEO, source) == ("stored", source.body)


async def test_a_range_far_ahead_goes_straight_to_the_drive(opener: Opener) -> None:
    """It does not wait for the fill, which goes on beside it."""
    source = Scripted(os.urandom(12 * MIB), gate=256 * 1024)
    how, body = await asyncio.wait_for(read_all(opener, LEO, source, 11 * MIB, 11 * MIB + 10), 5)
    assert (how, body) == ("direct", source.body[11 * MIB : 11 * MIB + 10])
    assert (11 * MIB, 11 * MIB + 10) in source.ranges


async def test_readers_go_on_where_a_fill_dies(opener: Opener) -> None:
    """The rest comes from the drive, in the same version; nothing is stored of the half."""
    source = Scripted(os.urandom(4 * MIB), dies=2 * MIB)
    how, body = await read_all(opener, LEO, source)
    assert body == source.body
    assert how == "stored"
    assert source.ranges[0] == (0, None)
    assert source.ranges[1][0] > 0
    await stored(opener)
    source.dies = None
    assert (await read_all(opener, LEO, source))[0] == "stored"


async def test_a_fill_that_dies_at_once_tells_why(opener: Opener) -> None:
    """Before the first byte the drive's own error is the answer."""
    source = Scripted(b"x" * MIB, dies=0)
    with pytest.raises(Offline):
        await read_all(opener, LEO, source)


async def test_a_version_that_changes_midway_is_never_spliced(opener: Opener) -> None:
    """The rest of another version is refused."""
    source = Scripted(os.urandom(4 * MIB), gate=2 * MIB, dies=2 * MIB)
    reading = asyncio.create_task(read_all(opener, LEO, source))
    await asyncio.sleep(0.05)
    source.version = "v2"
    source.release.set()
    with pytest.raises(Changed):
        await reading


async def test_a_reader_that_leaves_harms_nobody(opener: Opener) -> None:
    """One takes a piece and goes; the fill completes and the other reads all."""
    source = Scripted(os.urandom(3 * MIB), gate=MIB)
    opened = await opener.open(LEO, "drive", source, Asked(Ref("", "file")))
    how, fill = await opener.prepare(opened, 0)
    leaver = opener.read(opened, how, fill, 0, opened.size)
    await anext(leaver)
    other = asyncio.create_task(read_all(opener, LEO, source))
    await leaver.aclose()  # type: ignore[attr-defined]  # it is an async generator
    source.release.set()
    assert (await other)[1] == source.body
    await stored(opener)
    assert (await read_all(opener, LEO, source))[0] == "hit"


async def test_a_fill_nobody_reads_is_given_up(opener: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    """After half a minute without a reader nothing is stored."""
    monkeypatch.setattr(fills_module, "ABANDONED_AFTER", 0.0)
    source = Scripted(os.urandom(3 * MIB), gate=MIB)
    opened = await opener.open(LEO, "drive", source, Asked(Ref("", "file")))
    how, fill = await opener.prepare(opened, 0)
    reader = opener.read(opened, how, fill, 0, opened.size)
    await anext(reader)
    await reader.aclose()  # type: ignore[attr-defined]  # it is an async generator
    time.sleep(0.001)
    source.release.set()
    await stored(opener)
    assert fill is not None
    assert not fill.stored
    assert fill.error is None


async def test_documents_are_exported_and_cached_by_format(opener: Opener) -> None:
    """Their size is known only from the cached copy."""
    source = Scripted(b"words" * 100_000, kind=Kind.DOCUMENT)
    opened = await opener.open(LEO, "drive", source, Asked(Ref("", "file")))
    assert (opened.name, opened.media_type, opened.size) == ("Cells.docx", "application/docx", None)
    assert (await read_all(opener, LEO, source))[1] == source.body
    await stored(opener)
    again = await opener.open(LEO, "drive", source, Asked(Ref("", "file")))
    assert again.size == len(source.body)
    with pytest.raises(Unsupported):
        await opener.open(LEO, "drive", source, Asked(Ref("", "file"), "pdf"))


@pytest.mark.parametrize(
    ("source", "error"),
    [
        (Scripted(b"", kind=Kind.FOLDER), Unsupported),
        (Scripted(b"", kind=Kind.PACKAGE), Unsupported),
        (Scripted(b"x", may=frozenset()), DownloadForbidden),
        (Scripted(b"x", entry_flags=frozenset({"malware"})), Malware),
    ],
)
async def test_what_cannot_be_opened_says_why(opener: Opener, source: Scripted, error: type[Exception]) -> None:
    """Before a byte was asked for."""
    with pytest.raises(error):
        await opener.open(LEO, "drive", source, Asked(Ref("", "file")))
    assert source.ranges == []


async def test_cached_rows_are_the_persons_own(opener: Opener, vault: Vault, database: Database) -> None:
    """Listed with name and end for their owner, nothing for others; destroyed on request."""
    source = Scripted(b"y" * 1000)
    await read_all(opener, LEO, source)
    await stored(opener)
    cached = CachedFiles(vault, database)
    (mine,) = await cached.list(LEO)
    assert (mine.name, mine.size, mine.ends - mine.stored) == ("Cells", 1000, 3_600_000)
    assert await cached.list(MIA) == []
    async with database.write() as tx:
        assert await cached.destroy(tx, MIA, [mine.id]) == 0
        assert await cached.destroy(tx, LEO, [mine.id]) == 1
    assert (await read_all(opener, LEO, source))[0] == "stored"
