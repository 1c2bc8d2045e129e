"""The name at the destination: mapped once, however many drives it has passed, and its own again where it may be."""

from __future__ import annotations

import pytest

from gateway.transfers.naming import free, key, mapped, numbered
from providers.drive import Traits
from providers.google.traits import TRAITS as GOOGLE
from providers.native.traits import TRAITS as NATIVE
from providers.onedrive.traits import TRAITS as ONEDRIVE

NAMES = ['a/b <draft> "2" | *.txt', " leading.txt", "Ends with a dot.", "Plan: week 1?.txt", "CON", "x\u201by", "plain"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_comes_back_from_a_journey(name: str) -> None:
    """Google to OneDrive, to the school's drive, to OneDrive again, home."""
    here = name
    for traits in (ONEDRIVE, NATIVE, ONEDRIVE, GOOGLE):
        here = mapped(here, traits)
    assert here == name


@pytest.mark.parametrize("traits", [GOOGLE, NATIVE, ONEDRIVE])
@pytest.mark.parametrize("name", NAMES)
def test_mapping_again_changes_nothing(name: str, traits: Traits) -> None:
    """What is planned, numbered and sent passes through here more than once."""
    there = mapped(name, traits)
    assert mapped(there, traits) == there


def test_the_second_of_a_forbidden_name() -> None:
    """A number does not escape it once more."""
    first = mapped("a:b.txt", ONEDRIVE)
    second = free(first, ONEDRIVE, {key(first, ONEDRIVE)}, rename=True)
    assert second == first.replace(".txt", " (2).txt") == numbered(first, 2, ONEDRIVE)
