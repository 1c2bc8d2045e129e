"""Cursors: ours, for this list and this person, or nothing."""

from __future__ import annotations

import base64

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.api.paging import Cursors
from gateway.api.problems import Problem

KEY = bytes(range(32))


def test_round_trip_hides_the_place() -> None:
    """A provider's page token does not show in the cursor."""
    cursors = Cursors(KEY)
    text = cursors.make("secret-page-token", "person\0list")
    assert "secret" not in text
    assert cursors.read(text, "person\0list") == "secret-page-token"
    assert cursors.read(None, "x") is None


def test_no_two_lists_share_a_key() -> None:
    """Else the random nonces of everybody's cursors would be drawn for one key, until two are equal."""
    box = base64.urlsafe_b64decode(Cursors(KEY).make("place", "a") + "==")
    with pytest.raises(InvalidTag):
        AESGCM(KEY).decrypt(box[:12], box[12:], b"a")


def test_foreign_and_changed_cursors() -> None:
    """Another list, another person, another key, one changed character, no base64 at all."""
    cursors = Cursors(KEY)
    text = cursors.make("place", "a")
    changed = ("A" if text[0] != "A" else "B") + text[1:]
    tries = [(cursors, text, "b"), (Cursors(bytes(32)), text, "a"), (cursors, changed, "a"), (cursors, "ä!", "a"),
             (cursors, "", "a"), (cursors, "AAAA", "a")]  # fmt: skip
    for reader, given, bound in tries:
        with pytest.raises(Problem) as refused:
            reader.read(given, bound)
        assert refused.value.status == 400
