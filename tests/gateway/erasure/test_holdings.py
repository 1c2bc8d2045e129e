"""Nothing of a person may be forgotten to be forgotten: every personal table ends, or stays for a stated reason."""

from __future__ import annotations

from gateway.db.schema import METADATAS
from gateway.erasure.holdings import STORES

STAYS = {
    "persons": "ended by its own step: only the id stays",
    "erasures": "the proof itself: ids, times and counts",
    "ledger_entries": "details die with the person's key",
    "lawful_requests": "what the law made the school hand out, kept as long as its ledger",
    "ledger_checkpoints": "of the school",
    "ledger_heads": "of the school",
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


def test_every_personal_table_is_erased_or_stays_for_a_reason() -> None:
    """The vault's own tables are ended by shredding."""
    erased = {rows.table.name for store in STORES for rows in store.rows}
    for metadata in METADATAS[1:]:
        for table in metadata.sorted_tables:
            personal = any(column.info["held"].whose == "person" for column in table.columns)
            assert not personal or (table.name in erased) != (table.name in STAYS), table.name


def test_what_stays_by_cascade_really_cascades() -> None:
    """The database deletes them with their parent."""
    tables = {table.name: table for metadata in METADATAS for table in metadata.sorted_tables}
    for name, why in STAYS.items():
        if "cascade" in why:
            assert any(key.ondelete == "CASCADE" for key in tables[name].foreign_keys), name
