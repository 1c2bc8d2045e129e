"""Of what a provider tells of a person only a written list is kept: everything else reaches no store in any form."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event

from cache.fields import Fields
from gateway.db.tables_people import persons
from gateway.identity import Claims
from gateway.inventory.tables import TABLES
from tests.canary import hits
from tests.gateway.identity.conftest import Browser

EXTRA: dict[str, Any] = {
    "birthdate": "2013-04-17-canary",
    "gender": "canary-gender-x",
    "phone_number": "+49 151 canary 4711",
    "address": {"street_address": "Canary Lane 12", "locality": "Canaryville"},
    "picture": "https://pictures.canary.example/leo.jpg",
    "groups": ["canary-class-7b", "canary-choir"],
    "nickname": "canary-leo",
    "preferred_username": "canary.leo.park",
    "religion": "canary-faith",
    "medical": {"allergies": ["canary-nuts"]},
}
"""What a school's sign-in might tell beside what was asked for."""


def leaves(value: Any) -> Iterator[str]:
    """Every text in a claim."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from leaves(one)
    else:
        yield str(value)


class Watch:
    """Everything that is handed to the database, and everything that is sealed before it is."""

    def __init__(self, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: list[str] = []
        for engine in (browser.database._write_engine, browser.database._read_engine, browser.database._inner_engine):
            event.listen(engine.sync_engine, "before_cursor_execute", self._statement)
        for name in ("seal", "index"):
            monkeypatch.setattr(Fields, name, self._watched(getattr(Fields, name)))

    def _statement(self, _connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        self.seen.append(f"{statement} {parameters!r}")

    def _watched(self, real: Any) -> Any:
        def watched(fields: Fields, *args: Any, **more: Any) -> Any:
            self.seen.append(repr((args, more)))
            return real(fields, *args, **more)

        return watched

    def found(self, words: list[str]) -> list[str]:
        """Which of the words were handed over."""
        return [word for word in words if any(word in text for text in self.seen)]


async def test_a_claim_that_is_not_on_the_list_is_never_stored(
    browser: Browser, monkeypatch: pytest.MonkeyPatch, tmp_path: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    await browser.spoil(claims=EXTRA)
    watch = Watch(browser, monkeypatch)
    done = await browser.sign()
    words = [word for value in EXTRA.values() for word in leaves(value)]
    assert watch.found(["Leo Park", "leo.park@riverside.example"]) == ["Leo Park", "leo.park@riverside.example"]
    assert watch.found(words) == []
    assert (await browser.people.get(done.scope)).name == "Leo Park"
    told = capfd.readouterr()
    assert not [word for word in words if word in told.out + told.err]
    await browser.database.checkpoint()
    assert browser.database.address.path is not None
    assert hits([browser.database.address.path.parent / "gateway.db"], words) == []


async def test_a_wrong_kind_of_value_is_dropped_rather_than_kept(browser: Browser) -> None:
    """A provider that says something odd where a name belongs has not said a name."""
    await browser.spoil(
        claims={"name": {"given": "canary"}, "email": ["canary@x"], "locale": "canary; drop", "age_band": 9}
    )
    person = await browser.people.get((await browser.sign()).scope)
    assert (person.name, person.email, person.locale, person.age_band) == ("", None, "en", "under_13")


def test_the_list_is_the_one_of_the_inventory() -> None:
    """What `Claims` can carry has a column of a known kind, and the table of people has no column for anything else."""
    carried = {field.name for field in dataclasses.fields(Claims)} - {"issuer", "proven_at"}
    about = {"name", "email", "role", "age_band", "locale", "subject"}
    assert carried == about
    made_here = {"id", "school", "state", "subject_index", "subject_version", "made", "seen"}
    assert {column.name for column in persons.columns} == about | made_here == set(TABLES["persons"].columns)
