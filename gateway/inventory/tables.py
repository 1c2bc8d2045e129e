"""Every table and column of the database: which store it belongs to, and which kind of data a column holds.

What a column holds exactly, about whom, in which form and what ends it stands at the column itself (`cache.inventory`).
A test fails where a column is missing here, or is here and not in a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Listed:
    """A table's entry: the key of its store, and the kind of each column by name."""

    store: str
    columns: Mapping[str, str]


def _of(store: str, **kinds: str) -> Listed:
    """``kinds``: for each kind of data the names of its columns, with a space between them."""
    return Listed(store, {column: kind for kind, columns in kinds.items() for column in columns.split()})


TABLES: Final[Mapping[str, Listed]] = MappingProxyType(
    {
        "schools": _of(
            "school", ids="id", school="issuer claim name region was", states="state", sizes="again", times="made left"
        ),
        "persons": _of(
            "people", ids="id school", states="state", machine="subject_version", role="role age_band",
            language="locale", marks="subject_index", account="subject", name="name", email="email", times="made seen",
        ),
        "guardian_links": _of("guardians", ids="id school person", guardian="guardian scope", times="made ends"),
        "sign_in_flows": _of("sign_ins", signin="state cookie", school="issuer", choices="fresh", times="made ends"),
        "sessions": _of("sign_ins", ids="id school person", signin="secret", times="signed_in_at used ends"),
        "client_grants": _of(
            "extensions", ids="id school person", choices="client", times="signed_in_at made used ends"
        ),
        "client_codes": _of(
            "extensions", signin="code challenge", ids="grant", choices="redirect_uri", states="used", times="ends"
        ),
        "client_tokens": _of("extensions", signin="token", ids="grant", choices="kind", states="used", times="ends"),
        "accounts": _of(
            "connections", ids="id school person", choices="provider", states="state version", marks="account_index",
            account="account", email="label", access="grant", times="made",
        ),
        "connect_flows": _of(
            "connections", signin="state", ids="session school person", choices="provider", access="flow", times="ends"
        ),
        "cached_files": _of(
            "cached", ids="id school person drive object", marks="lookup", filenames="facts", sizes="size",
            times="stored ends",
        ),
        "uploads": _of(
            "uploads", ids="id school person drive instruction job", filenames="spec", sizes="length offset",
            states="state", times="created ends",
        ),
        "upload_parts": _of("uploads", ids="upload object", sizes="seq size"),
        "idempotency": _of(
            "answers", ids="school person owner", marks="key request", states="status", reply="reply", times="ends"
        ),
        "jobs": _of(
            "jobs", ids="id tenant person instruction", choices="kind mode policy_version", states="state priority",
            times="created cancelled ended", sizes="totals pauses", order="spec", keys="marks",
        ),
        "items": _of(
            "jobs", ids="id job tenant person lane other owner folder after", choices="kind",
            states="state priority attempt failures losses reason", times="not_before ended",
            sizes="seq depth size done", marks="identity taken", filenames="entry result", access="work",
        ),
        "lanes": _of(
            "jobs", ids="id tenant person", times="not_before served used", sizes="strikes concurrency"
        ),
        "native_owners": _of("native", ids="tenant subject", sizes="number bytes"),
        "native_nodes": _of(
            "native", ids="id tenant subject parent version", choices="kind", filenames="name media_type",
            marks="name_index", sizes="revision changed", times="modified trashed",
        ),
        "native_gone": _of("native", ids="tenant subject node", sizes="number", times="since"),
        "native_versions": _of(
            "native", ids="id tenant subject node", sizes="number size", times="modified", fingerprints="sha256"
        ),
        "native_parts": _of("native", ids="version tenant subject object", sizes="start size"),
        "native_uploads": _of(
            "native", ids="id tenant subject version node", sizes="received", states="closed", times="ends"
        ),
        "ledger_entries": _of(
            "ledger", ids="school id principal subject instruction", sizes="sequence items", times="at",
            acts="action policy_version details", marks="root hash",
        ),
        "ledger_heads": _of(
            "ledger", ids="school", sizes="sequence base checkpoint walked broken", marks="hash proof",
            times="signed kept verified", states="why",
        ),
        "ledger_checkpoints": _of(
            "ledger", ids="school", sizes="sequence", choices="kind", marks="hash", times="at", machine="signed"
        ),
        "holds": _of(
            "holds", ids="id school person approval release", states="state tells", acts="told",
            times="review made began ended",
        ),
        "hold_words": _of("holds", ids="hold school person", acts="told", times="began ended"),
        "native_kept": _of(
            "holds", ids="tenant subject content owner node", sizes="number size", times="modified", filenames="told"
        ),
        "native_kept_parts": _of("holds", ids="tenant subject content object", sizes="start size"),
        "lawful_requests": _of(
            "lawful", ids="id school keeper approval", states="state", acts="told", times="made ended"
        ),
        "erasures": _of(
            "erasures", ids="id school person bundle target by through batch owner", sizes="sequence counts",
            choices="scope", states="step", times="begun destroyed ended dead_by until",
        ),
        "receipts": _of("erasures", ids="erasure", times="made", proof="signed"),
        "receipt_links": _of("erasures", ids="erasure", signin="secret", times="made"),
        "erasure_state": _of("erasures", machine="id applied generation starting clock parked"),
        "journal_seen": _of("erasures", machine="sequence"),
        "signing_keys": _of("keys", machine="id purpose succession", keys="public secret", times="made"),
        "approvals": _of(
            "approvals", ids="id school", choices="kind needed", states="state", sizes="people", order="details",
            times="delay made due ended",
        ),
        "approval_subjects": _of("approvals", ids="approval person"),
        "approval_votes": _of("approvals", ids="approval person", times="at"),
        "containments": _of(
            "suspensions", ids="id school target person incident by lifted_by", choices="kind", times="began lifted",
            machine="noted lift_noted",
        ),
        "containment_words": _of("suspensions", ids="id containment tenant subject", choices="lifting", acts="told"),
        "corrections": _of(
            "requests", ids="id school person by through decider", choices="field", states="state",
            order="wanted why", name="told", reply="answer", times="made decided ended",
        ),
        "exports": _of(
            "requests", ids="id school person by through", signin="secret", choices="part", states="state",
            times="made ends ended", sizes="size",
        ),
        "notifications": _of("requests", ids="id school person", choices="kind", reply="details", times="made"),
        "inactivity": _of("requests", ids="person school", times="noticed due"),
        "notice_states": _of(
            "school", ids="school", choices="kind version", machine="fingerprint", times="announced accepted"
        ),
        "incidents": _of(
            "incidents", ids="id school book aware_by", choices="kind severity origin authority people",
            states="state", acts="told", sizes="signs acts weighed",
            times="opened began ended noticed aware authority_told people_told closed",
        ),
        "incident_acts": _of(
            "incidents", ids="incident id book by", sizes="sequence", choices="actor act", acts="told", times="at"
        ),
        "incident_affected": _of("incidents", ids="incident target", choices="kind", times="at"),
        "incident_detections": _of(
            "incidents", ids="school target incident", choices="cause", sizes="count", times="since until"
        ),
        "school_settings": _of("school", ids="school", sizes="version", times="changed", settings="told"),
        "webhooks": _of(
            "school", ids="school", settings="told after", states="stopped failure status", times="succeeded failed",
            sizes="given_up",
        ),
        "webhook_messages": _of(
            "school", ids="id school person", states="body", times="created not_before", sizes="attempts"
        ),
        "processes": _of("operation", machine="id started beaten"),
        "leases": _of("operation", machine="name owner until"),
        "vault_roots": _of(
            "keys", machine="version made state kms missing due gone attested", keys="check box"
        ),
        "vault_tenant_keys": _of("keys", ids="tenant", machine="version root_version state", keys="box", times="made"),
        "vault_subject_keys": _of(
            "keys", ids="tenant subject", machine="version tenant_version state", keys="box", times="made"
        ),
        "vault_record_keys": _of(
            "keys", ids="tenant subject", machine="version key_version", keys="box", times="made"
        ),
        "vault_changes": _of("keys", ids="tenant subject", machine="epoch"),
        "vault_renewals": _of("keys", ids="tenant subject", machine="bulk", times="since"),
        "vault_cycles": _of("keys", machine="id kind step begun stepped finished counts owner until"),
        "vault_objects": _of(
            "keys", ids="id tenant subject blob", choices="life", machine="format segment key_version expiry_version",
            sizes="size", times="bucket stored ends used", keys="box", fingerprints="hashes",
        ),
        "vault_graves": _of("keys", ids="id", times="since"),
        "vault_shredded": _of("keys", ids="tenant subject", machine="epoch"),
        "vault_suspended": _of("keys", ids="tenant subject", machine="version newest active epoch"),
        "vault_epoch": _of("operation", machine="id value"),
        "alembic_version": _of("operation", machine="version_num"),
    }
)  # fmt: skip
"""By the table's name."""
