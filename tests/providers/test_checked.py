"""What is read whole is what the provider says it is, or its end never comes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from providers import hashes
from providers.checked import CHEAPEST, Checked
from providers.errors import Untrusted
from tests.conformance.base import chunks, content

DATA = content(600_001, seed=9)


def stated(data: bytes, *names: str) -> dict[str, bytes]:
    """The digests a provider would state."""
    made = hashes.Hashes(names)
    made.update(data)
    return made.digests()


async def passed(checked: Checked) -> bytes:
    return b"".join([piece async for piece in checked])


@pytest.mark.parametrize("data", [b"", b"x", DATA])
@pytest.mark.parametrize("name", CHEAPEST)
async def test_the_stated_hash_lets_everything_pass(name: str, data: bytes) -> None:
    checked = Checked(chunks(data), stated(data, name))
    assert await passed(checked) == data
    assert checked.digests == stated(data, name)


@pytest.mark.parametrize("name", CHEAPEST)
async def test_another_hash_keeps_the_last_piece_back(name: str) -> None:
    seen: list[bytes] = []
    checked = Checked(chunks(DATA, 100_000), stated(DATA + b"x", name))

    async def read() -> None:
        async for piece in checked:
            seen.append(piece)

    with pytest.raises(Untrusted) as untrusted:
        await read()
    assert untrusted.value.reason == "hash"
    assert b"".join(seen) == DATA[:600_000]
    assert checked.digests == {}


async def test_an_empty_body_of_a_file_that_is_none() -> None:
    with pytest.raises(Untrusted):
        await passed(Checked(chunks(b""), stated(b"x", "sha256")))


async def test_one_hash_is_enough_and_it_is_the_cheapest() -> None:
    checked = Checked(chunks(DATA), {"md5": b"not looked at", **stated(DATA, "sha256")})
    assert await passed(checked) == DATA
    assert list(checked.digests) == ["sha256"]


async def test_nothing_stated_nothing_checked_and_nothing_held_back() -> None:
    sent: list[int] = []

    async def body() -> AsyncIterator[bytes]:
        for number in range(3):
            sent.append(number)
            yield b"x"

    async for _ in Checked(body(), {}):
        assert sent == [0]
        break
    assert await passed(Checked(chunks(DATA), {})) == DATA
