"""Sealed columns and blind indexes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.errors import Corrupt, Shredded
from cache.fields import Fields
from cache.keys import Key, new_key
from cache.model import Scope
from tests.cache.conftest import House


class Keys:
    """Some versions of one scope's key."""

    def __init__(self, scope: Scope, *versions: Key) -> None:
        self.scope = scope
        self._versions = versions

    def current(self) -> Key:
        return self._versions[-1]

    def version(self, version: int) -> Key | None:
        return next((key for key in self._versions if key.version == version), None)

    def live(self) -> tuple[Key, ...]:
        return self._versions


SCOPE = Scope("school", "person")
OLD, NEW = Key("person", 1, new_key()), Key("person", 2, new_key())
FIELDS = Fields(Keys(SCOPE, OLD))


@given(st.binary(max_size=100))
def test_values_come_back(value: bytes) -> None:
    assert FIELDS.unseal("t", "c", "r", FIELDS.seal("t", "c", "r", value)) == value


def test_lengths_are_hidden_in_steps_of_32() -> None:
    lengths = {n: len(FIELDS.seal("t", "c", "r", bytes(n))) for n in range(65)}
    assert len({lengths[n] for n in range(32)}) == 1
    assert lengths[32] == lengths[63] == lengths[0] + 32
    assert lengths[64] == lengths[0] + 64


def test_equal_values_seal_differently() -> None:
    assert FIELDS.seal("t", "c", "r", "same") != FIELDS.seal("t", "c", "r", "same")


@pytest.mark.parametrize("place", [("x", "c", "r"), ("t", "x", "r"), ("t", "c", "x"), ("tc", "", "r")])
def test_a_box_opens_only_in_its_place(place: tuple[str, str, str]) -> None:
    with pytest.raises(Corrupt):
        FIELDS.unseal(*place, FIELDS.seal("t", "c", "r", "value"))


def test_a_box_opens_only_for_its_person() -> None:
    box = FIELDS.seal("t", "c", "r", "value")
    for scope in (Scope("school", "other"), Scope("other", "person"), Scope("school", None)):
        with pytest.raises(Corrupt):
            Fields(Keys(scope, OLD)).unseal("t", "c", "r", box)


def test_every_flipped_bit_is_refused() -> None:
    box = FIELDS.seal("t", "c", "r", "value")
    for bit in range(len(box) * 8):
        broken = bytearray(box)
        broken[bit // 8] ^= 1 << bit % 8
        with pytest.raises((Corrupt, Shredded)):
            FIELDS.unseal("t", "c", "r", bytes(broken))
    for length in range(len(box)):
        with pytest.raises(Corrupt):
            FIELDS.unseal("t", "c", "r", box[:length])


def test_an_older_key_still_opens_what_it_sealed() -> None:
    box = FIELDS.seal("t", "c", "r", "old")
    both = Fields(Keys(SCOPE, OLD, NEW))
    assert both.text("t", "c", "r", box) == "old"
    fresh = both.seal("t", "c", "r", "new")
    with pytest.raises(Shredded):
        FIELDS.unseal("t", "c", "r", fresh)


async def test_an_index_finds_only_equals_of_one_person(house: House) -> None:
    other = await house.enrol(Scope("school", "other"))
    mine, theirs = await house.vault.fields(house.scope), await house.vault.fields(other)
    found = mine.index("name", "Homework")
    assert len(found) == 32
    assert found == mine.index("name", b"Homework")
    assert found not in (
        mine.index("name", "homework"),
        mine.index("email", "Homework"),
        theirs.index("name", "Homework"),
    )
