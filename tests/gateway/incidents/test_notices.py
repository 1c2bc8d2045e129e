"""Drafted notices: what each addressee must be told, in every language, and nothing that they may not see."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from gateway.incidents.kinds import DATA, KINDS, PEOPLE
from gateway.incidents.model import CLOCK_MS, Facts, Incident, Told
from gateway.incidents.notices import LATER, OPEN, TITLES, draft
from gateway.web import catalogs

AT = 1_796_000_000_000
SAID = Told(
    description="The class list went to <b>another</b> parent",
    consequences="They could write to other families",
    measures="The mail was recalled",
    contact="Data protection: dpo@school.example",
    people=["students", "guardians"],
    data=["contact", "identity"],
    people_count=24,
    records_count=48,
    facts={"places": ["persons.name"]},
)
PERSON = "f" * 32


def facts(told: Told | None = SAID, affected: Mapping[str, int] | None = None, **more: Any) -> Facts:
    kept: dict[str, Any] = {
        "id": "i" * 32, "school": "s" * 32, "kind": "disclosure", "severity": "high", "origin": "administrator",
        "state": "open", "opened": AT, "began": AT - 7_200_000, "ended": AT - 3_600_000, "noticed": None, "aware": AT,
        "aware_by": "a" * 32, "authority": True, "authority_told": None, "people": True, "people_told": None,
        "closed": None, "signs": 0, "acts": 3, "weighed": 1, "told": told, "signed": frozenset({PERSON}),
    }  # fmt: skip
    return Facts(Incident(**{**kept, **more}), "Riverside School", affected or {}, {"people": "no risk", "delay": ""})


def text(audience: Any, locale: str = "en", form: Any = "text", **more: Any) -> str:
    return draft(audience, locale, form, facts(**more))


def test_the_authority_gets_what_article_33_asks_for() -> None:
    told = text("authority")
    for part in (
        "Riverside School", SAID.contact, SAID.description, SAID.consequences, SAID.measures, "students", "parents",
        "e-mail addresses", "24", "48", "72 hours", KINDS["disclosure"],
    ):  # fmt: skip
        assert part in told, part
    aware, deadline = (re.search(rf"{said} on (.*) UTC", told) for said in ("aware", "end"))
    assert aware is not None
    assert deadline is not None
    first, last = (datetime.strptime(found[1], "%d %B %Y, %H:%M") for found in (aware, deadline))  # noqa: DTZ007
    assert last - first == timedelta(milliseconds=CLOCK_MS)


def test_a_late_notification_tells_why_and_people_that_are_not_told_too() -> None:
    late = replace(facts(), reasons={"delay": "school holidays", "people": ""})
    assert "school holidays" in draft("authority", "en", "text", late)
    kept = replace(facts(people=False), reasons={"delay": "", "people": "the mail was never opened"})
    assert "the mail was never opened" in draft("authority", "en", "text", kept)
    assert "school holidays" not in text("authority")


@pytest.mark.parametrize("locale", list(catalogs.LANGUAGES))
@pytest.mark.parametrize("form", ["markdown", "text"])
def test_no_draft_names_anybody(locale: str, form: str) -> None:
    for audience in TITLES:
        told = text(audience, locale, form, affected={"person": 7})
        for secret in (PERSON, "a" * 32, "i" * 32, "s" * 32, "persons.name", "%("):
            assert secret not in told, (audience, secret)


def test_a_person_is_not_told_what_is_for_the_school() -> None:
    told = text("person")
    assert "another" not in told
    assert "no risk" not in told
    for part in (KINDS["disclosure"], SAID.consequences, SAID.measures, SAID.contact, "e-mail addresses"):
        assert part in told, part


def test_what_is_not_known_yet_is_said() -> None:
    told = text("authority", told=Told(), began=None, ended=None, people=None)
    assert told.count(OPEN) == 4
    assert told.count(LATER) == 5
    assert "not known yet" in told
    assert "7" in text("authority", told=Told(), affected={"person": 7}).split("How many people, about: ")[1][:3]


def test_the_books_words_are_never_markup() -> None:
    marked = text("authority", form="markdown", told=replace(SAID, measures="# [x](http://y) *now* `z` | a"))
    assert "\\<b\\>another\\</b\\>" in marked
    assert "\\# \\[x\\](http://y) \\*now\\* \\`z\\` \\| a" in marked
    assert marked.startswith("# Notification")


def test_what_the_gateway_saw_is_told_to_the_school() -> None:
    told = text("school", kind="failed_tags", signs=12, noticed=AT)
    assert "12" in told
    assert KINDS["failed_tags"] in told
    assert "72 hours" in told


@pytest.mark.parametrize("locale", [locale for locale in catalogs.LANGUAGES if locale != "en"])
def test_each_language_is_that_language(locale: str) -> None:
    """Every sentence of ours is translated; only the school's own words stay as they were written."""
    english = {line for audience in TITLES for line in sentences(text(audience))}
    foreign = {line for audience in TITLES for line in sentences(text(audience, locale))}
    own = {
        line for part in (SAID.description, SAID.consequences, SAID.measures, SAID.contact) for line in sentences(part)
    }
    assert (english & foreign) - own == set()


def sentences(told: str) -> set[str]:
    return {line for line in told.splitlines() if re.search("[A-Za-z]{3}", line)}


@pytest.mark.parametrize("locale", list(catalogs.LANGUAGES))
def test_every_kind_and_category_has_a_draft(locale: str) -> None:
    for kind in KINDS:
        for audience in TITLES:
            told = Told(people=list(PEOPLE), data=list(DATA))
            assert catalogs.translate(locale, KINDS[kind]) in text(audience, locale, kind=kind, told=told)
