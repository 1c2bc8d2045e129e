"""A store that lies to the native drive: what was damaged, cut, swapped or lost is named, and none of it is given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select, update

from providers.drive import Entry, Ref
from providers.errors import Changed, DriveError, Untrusted
from providers.native import NativeDrive
from providers.native.tables import nodes, parts, versions
from providers.verbs import View
from tests.conformance.base import content, get, put
from tests.providers.native.conftest import School

DATA = content(700_000, seed=51)


async def blob_of(school: School, entry: Entry) -> Path:
    """The file that holds the first bytes of an item's content."""
    first = select(parts.c.object).where(parts.c.version == entry.version).order_by(parts.c.start).limit(1)
    async with school.database.read() as tx:
        name = str((await tx.execute(first)).scalar_one())
    return school.folder / "blobs" / name[:2] / name


def _flipped(raw: bytes) -> bytes:
    return raw[:1000] + bytes([raw[1000] ^ 1]) + raw[1001:]


LIES: dict[str, Callable[[bytes], bytes]] = {
    "another byte": _flipped,
    "cut": lambda raw: raw[:-1],
    "cut at a segment": lambda raw: raw[: 256 * 1024],
    "longer": lambda raw: raw + b"\0",
    "nothing": lambda raw: b"",
    "zeros of the right length": lambda raw: bytes(len(raw)),
    "a page": lambda raw: b"<!doctype html><title>Sign in</title>".ljust(len(raw)),
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_damaged_blob(school: School, drive: NativeDrive, folder: Ref, lie: str) -> None:
    made = await put(drive, folder, "a.bin", DATA)
    path = await blob_of(school, made)
    path.write_bytes(LIES[lie](path.read_bytes()))
    seen = bytearray()
    with pytest.raises(DriveError) as error:
        await _read(drive, made, seen)
    assert isinstance(error.value, Untrusted)
    assert DATA.startswith(seen)
    assert len(seen) < 400_000, "less than the part that was damaged"


async def _read(drive: NativeDrive, entry: Entry, seen: bytearray) -> None:
    async with drive.read(entry.ref) as read:
        async for piece in read:
            seen += piece


async def test_a_blob_of_another_file(school: School, drive: NativeDrive, folder: Ref) -> None:
    mine, other = [await put(drive, folder, name, content(300_000, seed=at)) for at, name in enumerate("ab")]
    path, strange = await blob_of(school, mine), await blob_of(school, other)
    path.write_bytes(strange.read_bytes())
    with pytest.raises(Untrusted):
        await get(drive, mine.ref)
    assert await get(drive, other.ref) == content(300_000, seed=1)


async def test_a_lost_blob(school: School, drive: NativeDrive, folder: Ref) -> None:
    made = await put(drive, folder, "a.bin", DATA)
    (await blob_of(school, made)).unlink()
    with pytest.raises(DriveError) as error:
        await get(drive, made.ref)
    assert isinstance(error.value, (Changed, Untrusted))


@pytest.mark.parametrize("column", ["name", "media_type", "sha256"])
async def test_a_sealed_value_of_another_row(school: School, drive: NativeDrive, folder: Ref, column: str) -> None:
    """Who can write to the database, but has no key, cannot pass one item's values off as another's."""
    first, second = [await put(drive, folder, f"{name}.bin", name.encode()) for name in ("first", "second")]
    table = versions if column == "sha256" else nodes
    ids = (first.version, second.version) if column == "sha256" else (first.ref.id, second.ref.id)
    strange = select(table.c[column]).where(table.c.id == ids[1]).scalar_subquery()
    async with school.database.write() as tx:
        await tx.execute(update(table).where(table.c.id == ids[0]).values(**{column: strange}))
    for told in (drive.stat(first.ref), drive.children(folder), drive.view(View.RECENT), drive.search("bin")):
        with pytest.raises(Untrusted):
            await told
