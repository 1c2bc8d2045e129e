"""The made-up people who exist in every stand-in: the same six, at two schools, plus those that a test adds.

An account is found by its e-mail address; ``sub`` is what LaunchPad calls the person, ``id`` a stable number-like text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from providers.sandbox.store import Table

ROLES = ("student", "teacher", "administrator", "guardian")
AGE_BANDS = ("under_13", "13_15", "16_17", "adult")


@dataclass(frozen=True, slots=True)
class Person:
    """One account. ``key`` is 'amira.haddad', ``role`` one of ROLES, ``age_band`` one of AGE_BANDS."""

    key: str
    name: str
    school: str
    role: str = "student"
    age_band: str = "13_15"
    locale: str = "en"

    @property
    def email(self) -> str:
        """NAME@SCHOOL.example."""
        return f"{self.key}@{self.school}.example"

    @property
    def id(self) -> str:
        """A stable decimal account id, as vendors give."""
        return str(int.from_bytes(hashlib.sha256(self.email.encode()).digest()[:8], "big"))

    @property
    def sub(self) -> str:
        """The subject that the identity provider names the person by: never the e-mail address."""
        return f"{self.school}-{self.key}"

    @classmethod
    def parse(cls, doc: Mapping[str, Any]) -> Self:
        """A Person of JSON. ValueError for missing or unknown fields."""
        try:
            person = cls(**{str(name): str(value) for name, value in doc.items()})
        except TypeError as error:
            raise ValueError("a user needs key, name and school, and may have role, age_band and locale") from error
        if person.role not in ROLES or person.age_band not in AGE_BANDS:
            raise ValueError(f"role is one of {ROLES}, age_band one of {AGE_BANDS}")
        return person


PEOPLE = (
    Person("amira.haddad", "Amira Haddad", "riverside", "teacher", "adult"),
    Person("leo.park", "Leo Park", "riverside", "student", "13_15"),
    Person("sofia.rossi", "Sofia Rossi", "riverside", "administrator", "adult"),
    Person("jonas.weber", "Jonas Weber", "hillcrest", "teacher", "adult"),
    Person("mia.chen", "Mia Chen", "hillcrest", "student", "16_17"),
    Person("noor.khan", "Noor Khan", "hillcrest", "administrator", "adult"),
)


class People:
    """The accounts of one stand-in, kept in its store."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def add(self, person: Person) -> None:
        """Keeps a person; one with the same address is replaced."""
        self._table.put(person.email, asdict(person))

    def all(self) -> list[Person]:
        """Everyone, in the order in which they came."""
        return [Person.parse(doc) for doc in self._table.values()]

    def find(self, text: str) -> Person | None:
        """By e-mail address, by sub or by account id."""
        if text in self._table:  # by address is the way of every request
            return Person.parse(self._table[text])
        return next((person for person in self.all() if text in (person.sub, person.id)), None)
