"""Lengths of time in every language: a number and a word of that language, never a name of a format."""

from __future__ import annotations

import pytest

from gateway.inventory.durations import spoken
from gateway.web import catalogs


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (1, "1 second"),
        (90, "90 seconds"),
        (3600, "1 hour"),
        (5400, "90 minutes"),
        (86_400, "1 day"),
        (2_592_000, "30 days"),
    ],
)
def test_the_largest_whole_unit(seconds: int, said: str) -> None:
    assert spoken(seconds, "en") == said


@pytest.mark.parametrize("locale", catalogs.LANGUAGES)
@pytest.mark.parametrize("days", [1, 2, 3, 11, 30, 100, 365])
def test_every_language_has_a_word(locale: str, days: int) -> None:
    said = spoken(days * 86_400, locale)
    assert "duration" not in said
    assert any(sign.isalpha() for sign in said)
    assert locale == "en" or said != spoken(days * 86_400, "en")
