"""The README's generated parts are what the code says now."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from providers import verbs
from providers.drive import Traits
from providers.onedrive import OneDrive, PersonalOneDrive

ROOT = Path(__file__).parent.parent
generate_readme = importlib.import_module("scripts.generate_readme")


def test_generated_parts_are_current() -> None:
    """Renew them with ./scripts/readme."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "generate_readme.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_each_drive_is_told_by_its_traits_and_its_verbs() -> None:
    """What a drive learns or forgets changes its column."""
    rows = {
        cells[1].strip(): cells[2:5] for line in generate_readme.drives().splitlines() if (cells := line.split("|"))
    }
    for label, verb in generate_readme.VERBS.items():
        for cell, (_, classes) in zip(rows[label], generate_readme.DRIVES.values(), strict=True):
            having = [issubclass(kind, verb) for kind in classes.values()]
            assert cell.strip() == ("yes" if all(having) else "no" if not any(having) else "personal accounts")
    assert not issubclass(OneDrive, verbs.CanRestore)
    assert issubclass(PersonalOneDrive, verbs.CanRestore), "otherwise nothing here differs by account"


def test_no_verb_is_left_out_of_the_table() -> None:
    optional = {kind for name, kind in inspect.getmembers(verbs, inspect.isclass) if name.startswith(("Can", "Has"))}
    told = {*generate_readme.VERBS.values(), verbs.HasViews}  # by the traits, which name each list
    assert optional == told


def test_a_verb_less_is_another_table(monkeypatch: pytest.MonkeyPatch) -> None:
    class Less:
        """A drive without any optional verb."""

    before = generate_readme.drives()
    traits: Traits = generate_readme.DRIVES["native"][0]
    monkeypatch.setitem(generate_readme.DRIVES, "native", (traits, {"": Less}))
    assert generate_readme.drives() != before
