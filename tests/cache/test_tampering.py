"""What is done to a stored file is seen by whoever opens it: whole or in part, the bytes are true or there are none."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from cache.errors import Corrupt, StorageError, Unavailable
from cache.sealing import HEADER, SEGMENT, TAG, Layout
from cache.vault import Scope, Sealed
from tests.cache.conftest import House

FIRST = SEGMENT - HEADER - TAG
SIZES = [0, 1, FIRST - 1, FIRST, FIRST + 1, 4 * (SEGMENT - TAG) - HEADER, 5 * (SEGMENT - TAG) + 7]
"""Around the boundaries of segments, below and above what is fetched in one read."""


async def read(house: House, item: Sealed, start: int = 0, stop: int | None = None) -> bytes | None:
    """The bytes, None where they are refused: as damage, or as a file that is too short."""
    try:
        return await house.get(item, start, stop)
    except (Corrupt, Unavailable):
        return None


def write(path: Path, content: bytes) -> None:
    path.chmod(0o600)
    path.write_bytes(content)


async def test_every_flipped_byte_and_every_truncation_of_a_small_file_is_refused(house: House) -> None:
    item = await house.keep(b"a small file of a pupil")
    path = house.blob(item)
    sealed = path.read_bytes()
    for at in range(len(sealed)):
        write(path, sealed[:at] + bytes([sealed[at] ^ 1 << at % 8]) + sealed[at + 1 :])
        assert await read(house, item) is None, at
        write(path, sealed[:at])
        assert await read(house, item) is None, at
    write(path, sealed + b"\0")
    assert await read(house, item) is None
    write(path, sealed)
    assert await read(house, item) == b"a small file of a pupil"


@pytest.mark.parametrize("size", SIZES)
async def test_a_range_of_a_damaged_file_is_true_or_refused(house: House, size: int) -> None:
    """Wherever the damage is: who reads past it may get true bytes, never wrong ones; who reads all of it gets none."""
    dice = random.Random(size)
    data = dice.randbytes(size)
    item = await house.keep(data)
    path = house.blob(item)
    sealed = path.read_bytes()
    assert len(sealed) == Layout(size).sealed
    for _ in range(25):
        broken = damaged(dice, sealed)
        write(path, broken)
        start = dice.randint(0, size)
        stop = dice.randint(start, size)
        found = await read(house, item, start, stop)
        assert found in (None, data[start:stop])
        assert await read(house, item) is None
    write(path, sealed)
    assert await house.get(item) == data


def damaged(dice: random.Random, sealed: bytes) -> bytes:
    """The stream with a bit flipped, cut anywhere or at a boundary, or with two of its segments changed round."""
    blocks = [sealed[at : at + SEGMENT] for at in range(0, len(sealed), SEGMENT)]
    match dice.choice(["flip", "flip", "cut", "boundary", "swap"]):
        case "swap" if len(blocks) > 1:
            one, other = dice.sample(range(len(blocks)), 2)
            blocks[one], blocks[other] = blocks[other], blocks[one]
            return b"".join(blocks)
        case "boundary" if len(blocks) > 1:
            return b"".join(blocks[: dice.randint(1, len(blocks) - 1)])
        case "cut" | "boundary":
            return sealed[: dice.randrange(len(sealed))]
        case _:
            at = dice.randrange(len(sealed))
            return sealed[:at] + bytes([sealed[at] ^ 1 << dice.randrange(8)]) + sealed[at + 1 :]


async def test_files_of_two_people_cannot_be_swapped(house: House) -> None:
    """Of the same length, of one person or of two, of one school or of two: each opens as itself only."""
    scopes = [house.scope, Scope("school", "another"), Scope("elsewhere", "person")]
    for scope in scopes[1:]:
        await house.enrol(scope)
    stored = [(scope, await house.keep(bytes([number]) * 5000, scope=scope)) for number, scope in enumerate(scopes)]
    stored.append((house.scope, await house.keep(b"x" * 5000)))
    sealed = {item.id: house.blob(item).read_bytes() for _, item in stored}
    for scope, item in stored:
        for other, content in sealed.items():
            write(house.blob(item), content)
            if other == item.id:
                assert len(await house.get(item, scope=scope)) == 5000
            else:
                with pytest.raises(StorageError):
                    await house.get(item, scope=scope)
