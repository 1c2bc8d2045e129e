"""What is done with somebody's data on anybody's word is told to them as an access, or is written down as none."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import gateway
from gateway.ledger.access_words import ACCESSES
from gateway.rights.accesses import WORDS

NO_ACCESS = {
    "correction.accepted": "their school changed it, which they are told",
    "correction.asked": "somebody wants it changed, which they are told",
    "correction.refused": "nothing happened",
    "correction.withdrawn": "nothing happened",
    "erasure.asked": "nothing of theirs is shown to anybody",
    "export.asked": "nothing has left: `export.sent` is written before anything does",
}
"""Acts for somebody by which nobody gets to see anything: each with its reason."""


def acts() -> Iterator[str]:
    """The actions of entries about whose rights somebody used, wherever the product writes them."""
    for path in sorted(Path(gateway.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                place = {"event": 0, "looked": 2}.get(called)
                if place is not None and len(node.args) > place and isinstance(named := node.args[place], ast.Constant):
                    yield str(named.value)


def test_every_access_says_what_it_is_about_in_the_record_too() -> None:
    assert {one.partition(".")[0] for one in ACCESSES} <= WORDS.keys()


def test_every_act_for_somebody_is_an_access_or_written_down() -> None:
    found = set(acts())
    assert {"review.records", "review.deeds"} <= found
    assert found - set(ACCESSES) == set(NO_ACCESS)
