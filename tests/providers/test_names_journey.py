"""A name goes Drive, OneDrive, native, Drive and is what it was, by the drives' own mapping rules."""

from __future__ import annotations

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from gateway.transfers.naming import mapped
from providers import google, native, onedrive
from providers.drive import Traits
from providers.errors import NameRefused
from providers.names import check, from_allowed, to_allowed
from tests import soak

STEPS = (onedrive.TRAITS, native.TRAITS, google.TRAITS)

# fmt: off
TRICKY = st.sampled_from([
    "‛", "：", ":", "‛：", "~", "$", ".", "..", " ", "_vti_", "con", "LPT1", ".lock", "desktop.ini", "␠", "␢", "/",
    "\\", "é", "e\u0301", "👩\u200d🏫", "ı", "İ", "ß", "اختبار", "'", '"', "\n", "\x7f", "\0", "#", "%41", "&",
    "+", "\u200f", "\u202e", "שלום", "\u0301", "\u200d", "\ufe0f", "🏳\ufe0f\u200d🌈", "ｆｕｌｌ", "．", "／", "＊",
    "＂", "‛‛", "‛．", "‛␠", "  ", " .", ". ", "aux.txt", "~$", ".~", "NUL", "한글", "\u1112\u1161\u11ab", "ﬁ", "Å",
    "\u212b", "\U00020000",
])
# fmt: on
NAMES = st.lists(TRICKY | st.characters(exclude_categories=["Cs"]), min_size=1, max_size=24).map("".join)


def journey(name: str, steps: tuple[Traits, ...] = STEPS) -> str:
    """The name after every drive on the way, allowed in each."""
    for traits in steps:
        name = to_allowed(name, traits) if traits is steps[0] else to_allowed(from_allowed(name), traits)
        check(name, traits)
    return name


@given(NAMES)
@settings(max_examples=300 * soak.FACTOR)
@example("~$lesson: 1/2?.docx ")
@example("...")
@example(" ")
@example("COM1")
@example("_vti__VTI_")
@example("👩\u200d🏫 e\u0301 اختبار\u200f ｆｕｌｌ： .")
@example("‛：‛‛␠. ")
@example("\u202egnp.exe ")
@example("aux.txt..")
def test_every_name_comes_back(name: str) -> None:
    assert from_allowed(journey(name)) == name
    if from_allowed(name) == name:
        assert journey(name) == name, "nor does it stay escaped where nothing forbids it"


@given(NAMES)
@settings(max_examples=300 * soak.FACTOR)
def test_every_name_comes_back_as_transfers_map_it(name: str) -> None:
    assume(from_allowed(name) == name)
    at = name
    for traits in STEPS:
        at = mapped(at, traits)
        check(at, traits)
        assert mapped(at, traits) == at
    assert at == name


@given(st.integers(200, 255), st.integers(1, 60))
@settings(max_examples=100 * soak.FACTOR)
def test_a_name_that_would_grow_too_long_is_refused_and_not_cut(length: int, forbidden: int) -> None:
    name = ":" * forbidden + "x" * (length - forbidden)
    if length + forbidden <= onedrive.TRAITS.max_name:
        assert journey(name) == name
        return
    with pytest.raises(NameRefused) as refused:
        journey(name)
    assert refused.value.reason == "too_long"


@pytest.mark.parametrize("traits", STEPS, ids=lambda traits: traits.kind)
@pytest.mark.parametrize("text", ["x", "é", "e\u0301", "漢", "🎒", "\U00020000", "👩\u200d🏫", "ا\u064e"])
def test_a_name_is_as_long_as_its_utf16_units_and_not_its_bytes(traits: Traits, text: str) -> None:
    units = len(text.encode("utf-16-le")) // 2
    name = text * (traits.max_name // units)
    name += "x" * (traits.max_name - len(name.encode("utf-16-le")) // 2)
    check(name, traits)
    assert to_allowed(name, traits) == name
    with pytest.raises(NameRefused) as refused:
        check(name + "x", traits)
    assert refused.value.reason == "too_long"
