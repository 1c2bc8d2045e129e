"""On whose word a request leaves: said once by whoever has it in the ledger, demanded by the connector.

It holds for a task and for those that it begins, so that nothing in between has to carry it. What is said here is the
id of an instruction that was written down before, or why there is none; the connector knows no more of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum


class Unrecorded(Exception):
    """A request was about to leave on nobody's word: a mistake in this program, and nothing left."""


class Exempt(StrEnum):
    """Why a request needs no instruction: the whole list."""

    SIGN_IN = "sign_in"
    """Who signs in is nobody yet: what leaves is a code of the school's own provider, back to that provider."""


@dataclass(frozen=True, slots=True)
class Word:
    """``instruction``: the id that an entry of the ledger names."""

    instruction: str


_spoken: ContextVar[Word | Exempt | None] = ContextVar("word", default=None)


def spoken() -> Word | Exempt | None:
    """On whose word the running task works; None where nobody said."""
    return _spoken.get()


@contextmanager
def on_word(word: Word | Exempt) -> Iterator[None]:
    """What leaves inside, leaves on this word."""
    before = _spoken.set(word)
    try:
        yield
    finally:
        _spoken.reset(before)
