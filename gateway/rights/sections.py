"""What is held about a person, as data: the stores of forgetting, with every table and column of each.

Which columns there are, the inventory of the tables says, so a new one is shown without being named here. A column that
is not shown is named, with the reason; a personal table that stands in no section is, too. Tests fail otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Table, select

import cache.catalog as vault
from cache.inventory import Held
from cache.model import Scope
from gateway.db.tables_containment import containment_words
from gateway.db.tables_files import upload_parts, uploads
from gateway.db.tables_ledger import ledger_entries
from gateway.db.tables_people import client_codes, client_grants, client_tokens, persons
from gateway.erasure.holdings import STORES
from gateway.erasure.stores import Rows
from gateway.sentences import sentence

Mine = Callable[[Scope], ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one table that are about the person."""

    table: Table
    mine: Mine

    @property
    def columns(self) -> Sequence[Column[Any]]:
        """All columns whose values a person can be shown."""
        return [column for column in self.table.columns if unshown(column) is None]


@dataclass(frozen=True, slots=True)
class Section:
    """One store as a person reads of it. The first of ``parts`` is what they would count."""

    name: str
    what: str
    parts: Sequence[Part]


FORMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "index": sentence("A keyed hash by which something is found again. Nothing can be read from it."),
        "hash": sentence("Only a hash of it is kept. Nothing can be read from it."),
        "wrapped": sentence("A locked key. It opens what is shown here, and is never shown itself."),
    }
)
"""Why values of some forms are not shown."""

HIDDEN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "accounts.grant": sentence("Whoever has it could use your account. It is never shown to anybody."),
        "connect_flows.flow": sentence("Whoever has it could use your account. It is never shown to anybody."),
        "jobs.marks": sentence("A locked key. It opens what is shown here, and is never shown itself."),
        "items.work": sentence("Addresses of uploads under way. Whoever has one could write into your drive."),
    }
)
"""Values that could be shown and are not, with the reason."""

ELSEWHERE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "sign_in_flows": "of nobody yet: who it is, the school's provider has not said",
        "erasures": "of what was forgotten: the receipt tells it",
        "receipt_links": "only a mark of who may fetch a receipt once",
        "incident_acts": "the school's incident book: who did what for the school",
        "incident_affected": "the school's incident book: whom it concerns, the school's notice tells",
        "incident_detections": "the school's incident book: what was seen of whom, for days",
        "incidents": "the school's incident book: which administrator knew of it",
        "holds": "of the school: what the person may know of one stands in their own words of it",
        "native_kept": "what a legal hold keeps: the files themselves are shown, and the words of the hold",
        "native_kept_parts": "the same",
        "lawful_requests": "of the school: whom one is about, the ledger tells where that is lawful",
        "vault_shredded": "there is none of anybody who can ask: it names those who were forgotten",
    }
)
"""Personal tables that are not shown, with the reason."""


def unshown(column: Column[Any]) -> str | None:
    """Why the values of a column are not shown, None where they are."""
    told: Held = column.info["held"]
    return HIDDEN.get(f"{column.table.name}.{column.name}") or FORMS.get(told.form)


def _part(rows: Rows) -> Part:
    return Part(rows.table, rows.mine)


_KEYED: Final = (vault.subject_keys, vault.record_keys, vault.changes, vault.renewals, vault.suspended, vault.objects)


def _granted(table: Table) -> Part:
    mine = select(client_grants.c.id)
    return Part(table, lambda scope: table.c.grant.in_(mine.where(client_grants.c.person == scope.subject)))


def _uploaded(scope: Scope) -> ColumnElement[bool]:
    return upload_parts.c.upload.in_(select(uploads.c.id).where(uploads.c.person == scope.subject))


def _worded(scope: Scope) -> ColumnElement[bool]:
    return (containment_words.c.tenant == scope.tenant) & (containment_words.c.subject == scope.subject)


def _owned(table: Table) -> Part:
    return Part(table, lambda scope: (table.c.tenant == scope.tenant) & (table.c.subject == scope.owner))


def _about(scope: Scope) -> ColumnElement[bool]:
    return (ledger_entries.c.school == scope.tenant) & (ledger_entries.c.subject == scope.subject)


def _instructed(scope: Scope) -> ColumnElement[bool]:
    """What the person did that is about somebody else, or about the school."""
    by = (ledger_entries.c.school == scope.tenant) & (ledger_entries.c.principal == scope.subject)
    return by & ledger_entries.c.subject.is_distinct_from(scope.subject)


_BELOW: Final[Mapping[str, Sequence[Part]]] = MappingProxyType(
    {
        "uploads": [Part(upload_parts, _uploaded)],
        "extensions": [_granted(client_codes), _granted(client_tokens)],
        "suspensions": [Part(containment_words, _worded)],
    }
)
"""Tables that end with another one's rows."""

SECTIONS: Final[Sequence[Section]] = (
    Section(
        "person",
        sentence("Who you are here"),
        [Part(persons, lambda scope: (persons.c.id == scope.subject) & (persons.c.school == scope.tenant))],
    ),
    *(
        Section(store.name, store.what, [*map(_part, store.rows), *_BELOW.get(store.name, ())])
        for store in STORES
    ),
    Section(
        "ledger",
        sentence("What was done with your data, and what you did"),
        [Part(ledger_entries, _about), Part(ledger_entries, _instructed)],
    ),
    Section("keys", sentence("Your keys and what is sealed with them"), [_owned(table) for table in _KEYED]),
)  # fmt: skip
"""Everything, in the order in which it is shown."""


def section(name: str) -> Section | None:
    """By its name."""
    return next((one for one in SECTIONS if one.name == name), None)
