"""The extension as a package: the files its manifest names, its texts, and that it asks for no more than it needs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import gateway

HERE = Path(gateway.__file__).parent / "extension"
MANIFEST: dict[str, Any] = json.loads((HERE / "manifest.json").read_text())
SCRIPTS = sorted(HERE.glob("*.js"))
PAGES = sorted(HERE.glob("*.html"))
LOCALES = sorted(path.name for path in (HERE / "_locales").iterdir())


def texts(locale: str) -> dict[str, Any]:
    """The messages of a language."""
    found: dict[str, Any] = json.loads((HERE / "_locales" / locale / "messages.json").read_text())
    return found


def test_every_file_that_the_manifest_names_is_there() -> None:
    named = {
        *MANIFEST["icons"].values(), *MANIFEST["action"]["default_icon"].values(), MANIFEST["action"]["default_popup"],
        MANIFEST["background"]["service_worker"], MANIFEST["options_ui"]["page"], MANIFEST["storage"]["managed_schema"],
    }  # fmt: skip
    assert [name for name in sorted(named) if not (HERE / name).is_file()] == []


def test_it_can_reach_only_this_computer_until_the_person_allows_more() -> None:
    assert MANIFEST["host_permissions"] == ["http://127.0.0.1/*"]
    assert set(MANIFEST["permissions"]) == {"activeTab", "contextMenus", "identity", "scripting", "storage"}
    assert "content_scripts" not in MANIFEST, "nothing runs in a page before the person asks for it"
    policy = MANIFEST["content_security_policy"]["extension_pages"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "unsafe" not in policy


@pytest.mark.parametrize("locale", LOCALES)
def test_every_language_has_every_text_with_its_places(locale: str) -> None:
    english, found = texts("en"), texts(locale)
    assert found.keys() == english.keys()
    for name, entry in found.items():
        assert entry["message"].strip()
        assert entry.get("placeholders") == english[name].get("placeholders"), name
        assert entry["message"].count("$value$") == english[name]["message"].count("$value$"), name


def test_the_languages_are_those_of_the_pages() -> None:
    from gateway.web.catalogs import LANGUAGES

    assert set(LOCALES) == set(LANGUAGES)


def test_every_text_that_is_used_exists_and_none_is_left_over() -> None:
    code = "\n".join(path.read_text() for path in (*SCRIPTS, *PAGES))
    used = set(re.findall(r'data-(?:text|label)="(\w+)"', code))
    used |= set(re.findall(r'\b(?:t|told)\("(\w+)"', code))
    used |= set(re.findall(r'problem: "(\w+)"', code))
    used |= set(re.findall(r"__MSG_(\w+)__", json.dumps(MANIFEST)))
    used |= {"saveImage", "saveLink", "savePage", "attachMenu"}  # the menus, named in a table
    assert used == texts("en").keys()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_hold_no_inline_script_and_nothing_from_elsewhere(page: Path) -> None:
    text = page.read_text()
    assert re.findall(r"<script(?![^>]*\bsrc=)", text) == []
    assert re.findall(r"\bon\w+=|style=|https?://", text) == []
    for name in re.findall(r'(?:src|href)="([^"]+)"', text):
        assert (HERE / name).is_file()


def test_the_service_worker_remembers_nothing() -> None:
    worker = (HERE / MANIFEST["background"]["service_worker"]).read_text()
    assert re.findall(r"^(?:let|var) ", worker, re.MULTILINE) == []


def test_tokens_are_never_written_to_disk() -> None:
    code = "\n".join(path.read_text() for path in SCRIPTS)
    assert re.findall(r"storage\.local\.set\((.*)\)", code) == ["{ gateway: origin }"]
    assert "storage.sync" not in code
    assert "indexedDB" not in code
    assert "caches" not in code
