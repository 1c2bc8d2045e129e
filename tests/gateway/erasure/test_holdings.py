"""Nothing may be forgotten to be forgotten: every table of a person or a school ends, or stays for a stated reason."""

from __future__ import annotations

from gateway.db.schema import METADATAS
from gateway.erasure.holdings import SCHOOL_STORES, STORES

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


def test_every_personal_table_is_erased_or_stays_for_a_reason() -> None:
    erased = {rows.table.name for store in STORES for rows in store.rows if rows.person is not None}
    for table in TABLES:
        personal = any(column.info["held"].whose == "person" for column in table.columns)
        assert not personal or (table.name in erased) != (table.name in STAYS), table.name


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
