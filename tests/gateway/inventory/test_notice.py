"""What /privacy tells changes only together with a version of the privacy notice, so that no school is told by chance.

The page is made of the inventory, which anybody may change in passing; what changes in it is a changed notice.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from gateway.inventory.facts import facts
from gateway.inventory.page import shown
from gateway.inventory.recipients import RECIPIENTS
from gateway.rights.texts import NOTICES, TOLD
from tests.gateway.inventory.conftest import deployment

PRIVACY = {one.version: one for one in NOTICES if one.kind == "privacy"}


def told(folder: Path) -> dict[str, Any]:
    """What the page tells in every deployment: its own name, places and schools left out, what is usual put in."""
    usual = facts(deployment(folder))
    page = shown(usual, "en")
    said = {name: page[name] for name in ("stores", "kept")}
    said["words"] = [[one.word, one.means] for one in page["words"]]
    said["recipients"] = [[one.title, one.gets, one.when] for one in RECIPIENTS]
    return {**said, "seconds": dict(usual.times)}


def fingerprint(said: object) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def test_a_notice_says_when_what_the_page_tells_has_changed(tmp_path: Path) -> None:
    version, pinned = max(TOLD.items())
    found = fingerprint(told(tmp_path))
    assert found == pinned, (
        "What /privacy tells (stores, purposes, bases, recipients, how long) is no longer what version "
        f"{version} of the privacy notice stands for. If that version is published, which it is from "
        f"{PRIVACY[version].since} on, add version {version + 1} to NOTICES in gateway/rights/texts.py with what is "
        "new in `changes`, and `material=True` where it changes what is held, what for, for how long or who gets it; "
        f'then add {version + 1}: "{found}" to TOLD beside it. If it is not published yet, put this hash in its place.'
    )


def test_each_hash_belongs_to_a_version_that_says_what_is_new() -> None:
    assert set(TOLD) <= set(PRIVACY)
    assert len(set(TOLD.values())) == len(TOLD)
    assert all(PRIVACY[version].changes for version in TOLD if version > 1)


def test_every_kind_of_fact_is_in_the_hash(tmp_path: Path) -> None:
    said = told(tmp_path)
    (store, *_), (kept, *_) = said["stores"], said["kept"]
    assert {"title", "why", "basis", "until", "kinds", "plain", "forms"} <= set(store)
    assert {"name", "where", "what", "until"} <= set(kept)
    assert all(said.values())
