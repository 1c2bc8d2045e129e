"""What can be corrected and how far a correction is, as values. No SQL, no key."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from gateway.policy import AGE_BANDS, ROLES

Field = Literal["name", "email", "role", "age_band", "locale"]
DIRECTORY: Final[tuple[Field, ...]] = ("name", "email", "role", "age_band")
"""What the school's directory says of a person."""
OWN: Final[tuple[Field, ...]] = ("locale",)
"""What the person says."""
OPEN: Final = ("asked", "accepting")
OVER: Final = ("refused", "withdrawn", "settled", "superseded")
_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]{1,135}")
_LOCALE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")


class BadValue(Exception):
    """This cannot be what is right: no name, no e-mail address, no such role."""


class CorrectionRefused(Exception):
    """Why not: ``code`` is pending (there is a request for the same), decided, oneself or nobody."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Correction:
    """One correction, opened. Times in epoch ms, ids random. ``wanted``: what is right, as whoever asked says."""

    id: str
    person: str
    field: Field
    state: str
    wanted: str
    why: str
    answer: str
    by: str
    made: int
    decided: int | None
    ended: int | None


def checked(field: Field, value: str) -> str:
    """The value in the form in which it is held. BadValue."""
    value = value.strip()
    good = {
        "name": 0 < len(value) <= 200 and value.isprintable(),
        "email": len(value) <= 200 and value.isprintable() and _EMAIL.fullmatch(value) is not None,
        "role": value in ROLES and value != "administrator",  # nobody becomes one by asking: the directory says so
        "age_band": value in AGE_BANDS,
        "locale": _LOCALE.fullmatch(value) is not None,
    }[field]
    if not good:
        raise BadValue
    return value
