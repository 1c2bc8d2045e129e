"""Nothing may be forgotten to be forgotten: every table of a person or a school ends, or stays for a stated reason."""

from __future__ import annotations

import pytest

from gateway.db.schema import METADATAS
from gateway.erasure.held import COUNTS, dumped
from gateway.erasure.holdings import SCHOOL_STORES, STORES
from gateway.erasure.model import DONE, Asked, Erasure, Held
from gateway.erasure.receipt import of_many, of_person

STAYS = {
    "persons": "ended by its own step: only the id stays",
    "erasures": "the proof itself: ids, times and counts",
    "receipt_links": "the way to the proof, at first use or after a month",
    "ledger_entries": "details die with the person's key",
    "lawful_requests": "what the law made the school hand out, kept as long as its ledger",
    "holds": "what a legal hold keeps, and why, until it is released: the only thing that stops an erasure",
    "native_kept": "the same: under the hold's own key",
    "native_kept_parts": "the same",
    "sign_in_flows": "of nobody yet, ten minutes",
    "client_codes": "with client_grants (cascade)",
    "client_tokens": "with client_grants (cascade)",
    "upload_parts": "with uploads (cascade)",
    "containment_words": "with containments (cascade)",
    "incidents": "the school's record that it must keep; of people only ids that are never used again",
    "incident_acts": "the same",
    "incident_affected": "the same",
    "incident_detections": "ids, for days",
}
"""When a person is forgotten."""
_ENDS_WITH_THE_SCHOOL = {
    "ledger_entries", "lawful_requests", "incidents", "incident_detections",
    "holds", "native_kept", "native_kept_parts",
}  # fmt: skip
STAYS_OF_SCHOOL = {
    **{name: why for name, why in STAYS.items() if name not in _ENDS_WITH_THE_SCHOOL},
    "incident_acts": "with incidents (cascade)",
    "incident_affected": "with incidents (cascade)",
    "schools": "the id, and what keeps people from signing in to it again",
    "ledger_heads": "the end of the chain, which the receipt states",
}
"""When a school leaves."""
TABLES = [table for metadata in METADATAS[1:] for table in metadata.sorted_tables]
"""The vault's own tables are ended by shredding."""
SAID = {
    "persons": ("erasures", "random ids"),
    "erasures": ("erasures", "random ids, times and counts"),
    "receipt_links": ("erasures", "The link to this receipt"),
    "ledger_entries": ("ledger", "The record of what was done"),
    "lawful_requests": ("records", "what the law made it hand out"),
    "incidents": ("records", "book of incidents"),
    "incident_acts": ("records", "in their own words"),
    "incident_affected": ("records", "the random id of somebody whom it is about"),
    "incident_detections": ("records", "the random id of somebody whom it is about"),
    "holds": ("legal_holds", "A legal hold of the school keeps"),
    "native_kept": ("legal_holds", "these contents of files"),
    "native_kept_parts": ("legal_holds", "these contents of files"),
}
"""Under which store a receipt says that something of a table stays, and with which words."""
UNSAID = {"sign_in_flows": "of nobody yet: no person stands in it"}
HELD = Held("h" * 32, 1, 5, tells=True)


def test_every_personal_table_is_erased_or_stays_for_a_reason() -> None:
    erased = {rows.table.name for store in STORES for rows in store.rows if rows.person is not None}
    for table in TABLES:
        personal = any(column.info["held"].whose == "person" for column in table.columns)
        assert not personal or (table.name in erased) != (table.name in STAYS), table.name


@pytest.mark.parametrize("receipt", ["person", "people"])
def test_a_receipt_says_of_every_personal_table_that_stays_that_it_does(receipt: str) -> None:
    """Whoever lets another table stay has to say so to the people in it."""
    told = Erasure(
        id="e", sequence=1, school="s", person="p" if receipt == "person" else "", scope=receipt, target=None,
        asked=Asked("a"), step=DONE, counts={COUNTS: dumped([HELD])}, bundle=None, begun=1, destroyed=1, ended=1,
        dead_by=1,
    )  # fmt: skip
    made = of_person(told, 1, 1, STORES) if receipt == "person" else of_many(told, 1, 1, STORES, {}, 1, [], [HELD])
    why = {one["store"]: one["why"] for one in made["kept"]}
    staying = {name for name, reason in STAYS.items() if "cascade" not in reason}
    assert staying == SAID.keys() | UNSAID.keys()
    for name, (store, words) in SAID.items():
        assert words in why[store], name


def test_every_table_of_a_school_is_erased_or_stays_for_a_reason() -> None:
    erased = {rows.table.name for store in SCHOOL_STORES for rows in store.rows}
    for table in TABLES:
        held = any(column.info["held"].whose in ("person", "school") for column in table.columns)
        assert not held or (table.name in erased) != (table.name in STAYS_OF_SCHOOL), table.name


def test_what_stays_by_cascade_really_cascades() -> None:
    """The database deletes them with their parent."""
    tables = {table.name: table for metadata in METADATAS for table in metadata.sorted_tables}
    for name, why in {**STAYS, **STAYS_OF_SCHOOL}.items():
        if "cascade" in why:
            assert any(key.ondelete == "CASCADE" for key in tables[name].foreign_keys), name
