"""The tag that every column carries: what it holds, about whom, in which form, and what ends it.

A test walks the tables of all three storeys and fails on a column without a tag, so a new kind of personal data
cannot enter the database unnoticed, and the privacy page can be generated from what is really stored.

A table with sealed columns also tells under whose key they are (`sealed_by`), and a blind index what it is made of
(`blind`): when a key is replaced, everything under it is sealed and made anew by these words alone. Another test fails
on a sealed column or an index that does not tell.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

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


@dataclass(frozen=True, slots=True)
class Sealing:
    """Under whose key a table's sealed columns are, told by the names of its columns.

    ``row``: what stands for the row in the associated data (bytes as hex). ``subject``: None for what is sealed under
    the tenant's own key; a row in which that column is empty is as well. ``always``: the tenant, where no column says.
    ``lasting``: under the record key, see `Keyring.records`; such values are never sealed anew.
    """

    row: str
    tenant: str | None
    subject: str | None = None
    always: str | None = None
    lasting: bool = False


@dataclass(frozen=True, slots=True)
class Blind:
    """What a blind index is made of: ``value`` of the (opened) columns ``of``, under ``label``.

    ``value`` None: the row need not be found by it again once the key was replaced. ``version``, where an index is
    under the school's key: the column that tells which one; None: it goes with the sealed columns.
    """

    label: str
    of: tuple[str, ...] = ()
    value: Callable[..., bytes | str] | None = None
    version: str | None = None


def sealed_by(
    row: str, tenant: str | None, subject: str | None = None, *, always: str | None = None, lasting: bool = False
) -> dict[str, Any]:
    """The value for ``Table(info=...)``, see `Sealing`."""
    return {"sealing": Sealing(row, tenant, subject, always, lasting)}


def blind(
    label: str, of: tuple[str, ...] = (), value: Callable[..., bytes | str] | None = None, *, version: str | None = None
) -> dict[str, Any]:
    """To be merged into ``Column(info=...)`` of an index, see `Blind`."""
    return {"blind": Blind(label, of, value, version)}


def blind_by_its_own() -> dict[str, Any]:
    """The same for a keyed hash under a secret that is itself sealed in a row: nothing is to be made anew."""
    return {"blind": None}
