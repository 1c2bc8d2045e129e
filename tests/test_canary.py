"""The search itself finds what it must find; a search that finds nothing proves something only then."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from cache.roots import Root
from tests.aftermath import left
from tests.canary import hits

NAME = "Größe der Zelle 7b – Aufsatz.docx"


@pytest.mark.parametrize(
    "content",
    [
        NAME.encode(),
        b"x" + NAME.encode("utf-16-le"),
        NAME.encode("utf-16-be"),
        json.dumps({"name": NAME}).encode(),
        base64.b64encode(b"a" + NAME.encode() + b"bc"),
        base64.b64encode(b"ab" + NAME.encode()),
        base64.urlsafe_b64encode(NAME.encode()),
        NAME.encode().hex().encode(),
        b"GET /Gr%C3%B6%C3%9Fe%20der%20Zelle%207b%20%E2%80%93%20Aufsatz.docx",
    ],
)
def test_every_form_is_found(content: bytes, tmp_path: Path) -> None:
    """In the middle of a large file, too."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "file").write_bytes(b"\0" * 100_000 + content + b"\0" * 1000)
    assert hits([tmp_path], [NAME])


def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    """Random bytes and an empty file."""
    (tmp_path / "a").write_bytes(bytes(range(256)) * 1000)
    (tmp_path / "b").touch()
    assert hits([tmp_path], [NAME, b"\x01\x03\x07 key"]) == []


def test_many_needles_at_every_place_of_a_file(tmp_path: Path) -> None:
    """Short and long ones, at each alignment, at the very beginning and at the very end."""
    needles = [f"nr{number:04}" + "y" * (number % 24) for number in range(1500)]
    expected = set()
    for at in range(9):
        sought = needles[at * 38]
        for path, content in ((tmp_path / f"end{at}", "z" * at + sought), (tmp_path / f"start{at}", sought + "z" * at)):
            path.write_text(content)
            expected.add(f"{path}: {sought}")
    assert expected <= set(hits([tmp_path], needles))


def test_what_a_stand_in_knew_is_found_in_what_the_gateway_wrote(tmp_path: Path) -> None:
    """By the search that follows the tests; also where the stand-in has the file no longer."""
    row = {"key": "amira.haddad", "school": "riverside", "name": "Amira Haddad"}
    state = {"google": [["files", "1AbCdEfGhIj", {"name": NAME}]], "microsoft": [], "launchpad": [["people", "1", row]]}
    for vendor, lines in state.items():
        (tmp_path / vendor).mkdir()
        (tmp_path / vendor / "state.jsonl").write_text("".join(json.dumps([line]) + "\n" for line in lines))
    with (tmp_path / "google" / "state.jsonl").open("a") as log:
        log.write(json.dumps([["files", "1AbCdEfGhIj", None]]) + "\n")
    (tmp_path / "gateway-root.key").write_text(Root(1, b"0123456789abcdef" * 2).dump())
    (tmp_path / "gateway").mkdir()
    assert left(tmp_path) == []
    (tmp_path / "gateway" / "gateway.db-wal").write_bytes(f"\0\0\0{NAME} 1AbCdEfGhIj given by us".encode())
    (tmp_path / "gateway.log").write_text('{"email": "amira.haddad@riverside.example"}')
    found = {one.rpartition(": ")[2] for one in left(tmp_path, {"given by us"})}
    assert {NAME[:40], "1AbCdEfGhIj", "given by us", "amira.haddad@riverside.example"} <= found
