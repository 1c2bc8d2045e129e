"""Names round-trip through every drive's rules, and what comes out is allowed there."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from providers import names
from providers.drive import Traits
from providers.errors import NameRefused

STRICT = Traits(
    kind="strict",
    hash="quickxor",
    needs_size=True,
    unique_names=True,
    case_sensitive=False,
    max_size=1,
    alignment=1,
    max_piece=None,
    max_name=255,
    max_path=400,
    forbidden=frozenset('"*:<>?/\\|') | {chr(code) for code in range(32)},
    reserved=frozenset({".lock", "con", "com1", "desktop.ini", "~*", " *", "* ", "*.", "*_vti_*"}),
)
LOOSE = replace(STRICT, forbidden=frozenset(), reserved=frozenset(), max_name=4096, max_path=None)
MIDDLE = replace(STRICT, forbidden=frozenset("/\0"), reserved=frozenset({".", ".."}))

TRICKY = st.sampled_from(
    ["‛", "：", ":", "‛：", "~", "$", ".", " ", "_vti_", "con", "CON", "␠", "␢", "a", "é", "👩‍🏫", "K", "ı"]
)
NAMES = st.lists(TRICKY | st.characters(exclude_categories=["Cs"]), max_size=24).map("".join)


@given(NAMES, st.sampled_from([STRICT, LOOSE, MIDDLE]))
def test_every_name_comes_back_and_is_allowed_in_between(name: str, traits: Traits) -> None:
    mapped = names.to_allowed(name, traits)
    names.check(mapped, traits)
    assert names.from_allowed(mapped) == name


@given(NAMES)
def test_a_name_survives_a_journey_over_all_drives(name: str) -> None:
    assume(name)
    there = names.to_allowed(name, STRICT)
    beside = names.to_allowed(names.from_allowed(there), MIDDLE)
    assert names.from_allowed(names.to_allowed(names.from_allowed(beside), LOOSE)) == name


@given(NAMES)
def test_a_name_that_is_allowed_and_holds_no_escape_stays_as_it_is(name: str) -> None:
    assume(names.ESCAPE not in name and name)
    assert names.to_allowed(name, LOOSE) == name
    assert names.from_allowed(name) == name


@pytest.mark.parametrize(
    ("name", "mapped"),
    [
        ("a:b", "a‛：b"),
        ("日本語：メモ", "日本語：メモ"),
        ("what?.txt", "what‛？.txt"),
        ("CON", "‛ＣON"),
        ("console", "console"),
        ("~$draft.docx", "‛～$draft.docx"),
        ("trailing. ", "trailing.‛␠"),
        ("..", ".‛．"),
        ("_vti_vti_", "‛＿vti‛＿vti_"),
        ("it‛s", "it‛s"),
        ("it‛‛s", "it‛‛‛‛s"),
        ("", "‛␢"),
        ("tab\there", "tab‛␉here"),
    ],
)
def test_how_mapped_names_look(name: str, mapped: str) -> None:
    assert names.to_allowed(name, STRICT) == mapped
    assert names.from_allowed(mapped) == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "empty"),
        ("x" * 256, "too_long"),
        ("👩" * 128, "too_long"),
        ("a/b", "forbidden_character"),
        ("Desktop.INI", "reserved"),
        ("bad\ud800", "not_text"),
    ],
)
def test_a_refusal_says_which_rule(name: str, reason: str) -> None:
    with pytest.raises(NameRefused) as caught:
        names.check(name, STRICT)
    assert caught.value.reason == reason
    assert not name or name not in str(caught.value)


def test_a_mapping_that_would_not_fit_is_refused_and_not_cut() -> None:
    assert len(names.to_allowed("x" * 255, STRICT)) == 255
    with pytest.raises(NameRefused):
        names.to_allowed("x" * 254 + ":", STRICT)


def test_a_path_is_measured_with_its_separators() -> None:
    names.check_path(["x" * 199, "y" * 200], STRICT)
    with pytest.raises(NameRefused):
        names.check_path(["x" * 200, "y" * 200], STRICT)
    names.check_path(["x" * 9000], LOOSE)


@given(st.text(max_size=12))
def test_a_collision_key_ignores_case_and_composition(name: str) -> None:
    key = names.collision_key(name)
    assert key == names.collision_key(unicodedata.normalize("NFD", name))
    assert key == names.collision_key(unicodedata.normalize("NFC", name))
    assert key == names.collision_key(name.casefold())


def test_collision_keys_tell_different_names_apart() -> None:
    assert names.collision_key("Résumé.TXT") == names.collision_key("résumé.txt")
    assert names.collision_key("resume.txt") != names.collision_key("résumé.txt")


@pytest.mark.parametrize(
    ("name", "free"),
    [
        ("report.pdf", "report (2).pdf"),
        ("archive.tar.gz", "archive (2).tar.gz"),
        (".bashrc", ".bashrc (2)"),
        ("Mr. Smith and his class", "Mr. Smith and his class (2)"),
        ("folder", "folder (2)"),
    ],
)
def test_a_free_name_keeps_the_suffix(name: str, free: str) -> None:
    assert names.free_name(name, 2) == free


@given(NAMES, st.integers(1, 10**6), st.integers(30, 60))
def test_a_free_name_fits(name: str, n: int, longest: int) -> None:
    free = names.free_name(name, n, longest)
    assert len(free.encode("utf-16-le")) // 2 <= longest
    assert f" ({n})" in free


def test_a_shortened_name_keeps_its_suffix() -> None:
    assert names.shorten("x" * 300 + ".docx", 255) == "x" * 250 + ".docx"
    assert names.shorten("short.docx", 255) == "short.docx"
