"""The catalogues: in step with the texts, with every place kept, and a language for every wish."""

from __future__ import annotations

import re

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from gateway.web import catalogs, messages
from providers import errors

FOREIGN = [locale for locale in catalogs.LANGUAGES if locale != catalogs.SOURCE]


def ids(catalog: Catalog) -> set[str | tuple[str, ...]]:
    """The texts of a catalogue."""
    return {message.id if isinstance(message.id, str) else tuple(message.id) for message in catalog if message.id}


def places(text: str) -> list[str]:
    """The places that are filled in."""
    return sorted(re.findall(r"%\(\w+\)s", text))


def test_the_catalogues_are_in_step_with_the_texts() -> None:
    found = ids(messages.extract())
    with messages.TEMPLATE.open("rb") as file:
        assert ids(read_po(file)) == found, "run python -m gateway.web.messages"
    for locale in catalogs.LANGUAGES:
        assert ids(catalogs.catalog(locale)) == found, locale


def test_the_advice_of_errors_is_among_the_texts() -> None:
    assert errors.Busy.advice in ids(messages.extract())
    assert catalogs.translate("de", errors.Busy.advice) != errors.Busy.advice


@pytest.mark.parametrize("locale", FOREIGN)
def test_every_text_is_translated_and_keeps_its_places(locale: str) -> None:
    catalog = catalogs.catalog(locale)
    for message in catalog:
        if not message.id:
            continue
        source = message.id if isinstance(message.id, str) else message.id[1]
        forms = [message.string] if isinstance(message.string, str) else list(message.string or ())
        assert len(forms) == (1 if isinstance(message.id, str) else catalog.num_plurals), source
        for form in forms:
            assert form.strip(), source
            assert places(form) == places(source), form


@pytest.mark.parametrize("locale", FOREIGN)
def test_the_scripts_get_what_they_use_and_nothing_else(locale: str) -> None:
    found = catalogs.for_scripts(locale)
    assert "Loading…" in found
    assert "Sign in with your school" not in found
    assert isinstance(found["%(count)s item"], tuple)


def test_english_is_the_source() -> None:
    assert catalogs.for_scripts("en") == {}
    assert catalogs.translate("en", "Move") == "Move"
    assert catalogs.translate("de", "not in any catalogue") == "not in any catalogue"
    assert catalogs.translate("de", "") == ""


@pytest.mark.parametrize(
    ("wanted", "accepted", "chosen"),
    [
        ((), "", "en"),
        ((), "de-AT,de;q=0.9,en;q=0.5", "de"),
        ((), "ja,fr;q=0.4,pl;q=0.8", "pl"),
        ((), "de;q=0,fr;q=0.1", "fr"),
        (("ar", "de"), "fr", "ar"),
        ((None, "pt-BR"), "fr", "pt"),
        (("xx", "../../etc"), "tr", "tr"),
        ((), "fr;q=nonsense, it", "it"),
    ],
)
def test_a_language_is_chosen(wanted: tuple[str | None, ...], accepted: str, chosen: str) -> None:
    assert catalogs.choose(*wanted, accept_language=accepted) == chosen


@given(st.text(max_size=80), st.text(max_size=200))
def test_any_header_and_any_wish_lead_to_a_language_that_is_offered(wish: str, header: str) -> None:
    assert catalogs.choose(wish, accept_language=header) in catalogs.LANGUAGES
