"""The pages as text: escaped, without inline script or style, complete in every language."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from jinja2 import UndefinedError

import gateway.forgetting
from gateway.inventory.facts import facts
from gateway.inventory.page import shown
from gateway.settings import Operator, Settings
from gateway.web import catalogs, pages

ME: dict[str, Any] = {
    "id": "0" * 32,
    "name": "</script><b>Amira & Co",
    "email": "amira@riverside.example",
    "role": "teacher",
    "school": {"id": "riverside", "name": "Riverside <School>", "region": "local"},
    "signed_in_at": "2026-11-23T08:00:00Z",
}
CONTEXTS: dict[pages.Page, dict[str, Any]] = {
    "signin": {"schools": [{"id": "a&b", "name": "<b>School"}], "next": "/forget", "notice": "<i>"},
    "drives": {"me": {**ME, "role": "administrator"}},
    "guardian": {"me": {**ME, "role": "guardian"}},
    "receipt": {},
    "signed_in": {},
    "extension_consent": {"me": ME, "fields": {"state": '"><script>', "items": "x"}},
    "privacy": shown(facts(Settings(operator=Operator(name="<u>", contact='"><script>', officer="<i>"))), "en"),
    "problem": {"title": "<u>", "detail": "", "advice": "<i>", "action": None},
}
EVERY = [(page, locale) for page in CONTEXTS for locale in catalogs.LANGUAGES]


class Shape(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.unbalanced: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "link", "img", "input", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)


@pytest.mark.parametrize(("page", "locale"), EVERY)
def test_a_page_is_whole_and_obeys_its_content_policy(page: pages.Page, locale: str) -> None:
    text = pages.render(page, locale, **CONTEXTS[page])
    shape = Shape(text)
    assert shape.unbalanced == []
    assert shape.open == []
    root = next(attributes for tag, attributes in shape.tags if tag == "html")
    assert root == {"lang": locale, "dir": "rtl" if locale == "ar" else "ltr"}
    for tag, attributes in shape.tags:
        assert "style" not in attributes
        assert [name for name in attributes if name.startswith("on")] == []
        if tag == "script":
            assert attributes.get("type") == "application/json" or str(attributes["src"]).startswith("/static/")
        for name in ("src", "href", "action"):
            address = attributes.get(name)
            assert address is None or address[0] in "/#?", address
            if address and address.startswith("/static/"):
                assert (pages.STATIC / address.removeprefix("/static/")).is_file()


@pytest.mark.parametrize("page", CONTEXTS)
def test_what_people_wrote_is_shown_as_text(page: pages.Page) -> None:
    text = pages.render(page, "en", **CONTEXTS[page])
    for wild in ("</script><b>", "<b>School", "<i>", "<u>", '"><script>'):
        assert wild not in text


def test_what_the_scripts_read_is_json() -> None:
    text = pages.render("drives", "de", me=ME)
    blocks = dict(re.findall(r'<script type="application/json" id="(\w+)">(.*?)</script>', text, re.DOTALL))
    assert json.loads(blocks["me"]) == ME
    assert json.loads(blocks["messages"])["Move"] == catalogs.translate("de", "Move")


def test_a_missing_value_raises_rather_than_shows_blank() -> None:
    with pytest.raises(UndefinedError):
        pages.render("signin", "en", schools=[])


def test_addresses_of_schools_are_encoded() -> None:
    assert "/signin?school=a%26b&amp;next=/forget" in pages.render("signin", "en", **CONTEXTS["signin"])


def test_forms_carry_their_origin() -> None:
    assert '<meta name="referrer" content="same-origin">' in pages.render("drives", "en", me=ME)


def test_a_receipt_is_titled_by_what_was_forgotten() -> None:
    """Every scope that can be erased has a title of its own in the script that shows a receipt."""
    scopes = re.findall(r'"(\w+)": .*\.flow,', Path(gateway.forgetting.__file__).read_text())
    script = (pages.STATIC / "receipt.js").read_text()
    titles = re.search(r"const TITLES = {\n(.*?)\n};", script, re.DOTALL)
    assert titles is not None
    titled = dict(re.findall(r"^  (\w+): (.*)$", titles[1], re.MULTILINE))
    assert set(titled) == set(scopes) >= {"person", "item", "released"}
    words = [text for told in titled.values() for text in re.findall(r'_\("(.*?)"\)', told)]
    assert len(set(words)) == len(words) == len(scopes) + 2, "a person: oneself or another; an item: one or all"
    assert [scope for scope, told in titled.items() if "You have been forgotten" in told] == ["person"]
