"""The tag that every column carries: what it holds, about whom, in which form, and what ends it.

A test walks the tables of all three storeys and fails on a column without a tag, so a new kind of personal data
cannot enter the database unnoticed, and the privacy page can be generated from what is really stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Whose = Literal["person", "school", "gateway"]
Form = Literal["clear", "sealed", "index", "wrapped", "hash"]


@dataclass(frozen=True, slots=True)
class Held:
    """One column's entry: ``what`` in plain words, ``whose`` data it is, its ``form`` at rest, what ``ends`` it."""

    what: str
    whose: Whose
    form: Form
    ends: str


def held(what: str, whose: Whose = "gateway", form: Form = "clear", ends: str = "with its row") -> dict[str, Held]:
    """The value for ``Column(info=...)``."""
    return {"held": Held(what, whose, form, ends)}
