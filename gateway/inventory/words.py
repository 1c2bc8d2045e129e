"""The few words of which the inventory is made, each a sentence for a person: kinds of data, purposes, forms, bases.

A closed vocabulary, so that what is told of 200 columns can be told in every language. Nothing here knows a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from gateway.sentences import sentence

KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "name": sentence("your name"),
        "email": sentence("e-mail addresses of your accounts"),
        "account": sentence("your user number at your school's sign-in, at Google or at Microsoft"),
        "role": sentence("your role at school and your age group"),
        "language": sentence("your language"),
        "guardian": sentence("who your guardians are and what they may do for you"),
        "contents": sentence("what is in your files"),
        "filenames": sentence("names, places and types of files and folders"),
        "fingerprints": sentence("fingerprints of files, to see whether two are the same"),
        "access": sentence("your permission to use your account at Google or Microsoft"),
        "signin": sentence("proof that you are signed in, kept so that nobody can copy it from here"),
        "order": sentence("what you asked for"),
        "reply": sentence("the answer that you got"),
        "acts": sentence("who did what, and by which rules"),
        "choices": sentence("which drive, program or way of working it is"),
        "settings": sentence("what your school's administrators chose"),
        "school": sentence("the name of your school and of its sign-in"),
        "proof": sentence("signed proof that something was deleted: numbers only"),
        "keys": sentence("keys, which are locked themselves"),
        "marks": sentence("marks to find something again, which say nothing without the key"),
        "ids": sentence("random numbers in place of names"),
        "times": sentence("dates and times"),
        "sizes": sentence("sizes and counts"),
        "states": sentence("how far something is and how it ended"),
        "machine": sentence("what only the machines need, about nobody"),
    }
)
"""Every kind of data that there is here. The order is the one in which a person reads them."""

PLAIN: Final = frozenset({"marks", "ids", "times", "sizes", "states", "machine"})
"""Kinds that name nobody; nearly every store has them."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word, and what it means here; both translated where they are shown."""

    word: str
    means: str


Basis = Literal["task", "duty", "rights"]
BASES: Final[Mapping[Basis, Word]] = MappingProxyType(
    {
        "task": Word(
            sentence("your school's task"),
            sentence(
                "Your school needs it for its task of teaching you (GDPR Article 6(1)(e); where a school has no public "
                "task, the contract or legitimate interest that it names, Article 6(1)(b) or (f))."
            ),
        ),
        "duty": Word(
            sentence("security and its proof"),
            sentence("The law asks for security and for proof of it (GDPR Article 6(1)(c) with 5(2), 24 and 32)."),
        ),
        "rights": Word(
            sentence("your rights"),
            sentence("You have rights, and it is needed to keep them (GDPR Article 6(1)(c) with 12 to 22)."),
        ),
    }
)

FORMS: Final[Mapping[str, Word]] = MappingProxyType(
    {
        "sealed": Word(
            sentence("sealed"), sentence("unreadable without the key of the person or school that it belongs to")
        ),
        "wrapped": Word(sentence("locked key"), sentence("a key, sealed under another key")),
        "index": Word(sentence("mark"), sentence("a mark that can only be compared, and only with the key")),
        "hash": Word(sentence("fingerprint"), sentence("a fingerprint, which cannot be turned back")),
        "clear": Word(
            sentence("readable"),
            sentence("readable by who runs this service: numbers, times and states, no names of people or files"),
        ),
    }
)
"""How something lies on a disk; the same words as `cache.inventory.Form`."""


@dataclass(frozen=True, slots=True)
class Store:
    """One kind of thing that is kept: its name, why, until when and what ends it, in words for the person.

    ``title``, ``why`` and ``until`` are translated where they are shown.
    """

    key: str
    title: str
    why: str
    basis: Basis
    until: str
