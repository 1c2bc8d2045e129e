"""Tables of schools, their people, how they are signed in, and the accounts they connected.

A person is known by a random id. What names them is sealed under their own key; their provider's subject is found by
a blind index under the school's. Secrets of cookies and tokens exist here only as hashes. A row of ``persons`` is
never deleted: what stays of a forgotten person is an id that is never used again.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table
from sqlalchemy import UniqueConstraint as Unique

from cache.inventory import blind, held, sealed_by
from gateway.db.metadata import metadata

_FORGOTTEN: Final = "when the person is forgotten"
_SESSION: Final = "when the sign-in ends"
_FLOW: Final = "after ten minutes, or when it was used"
_GRANT: Final = "when the extension is signed out"
_ACCOUNT: Final = "when the account is disconnected"


def _school(ends: str) -> Column[str]:
    told = held("random id of the school", "school", ends=ends)
    return Column("school", String(32), ForeignKey("schools.id"), nullable=False, info=told)


def _person(ends: str) -> Column[str]:
    told = held("random id of the person", "person", ends=ends)
    return Column("person", String(32), ForeignKey("persons.id"), nullable=False, index=True, info=told)


def _time(name: str, what: str, ends: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable, info=held(f"{what}, epoch ms", "person", ends=ends))


def _hash(name: str, what: str, ends: str, *, key: bool = False) -> Column[bytes]:
    told = held(f"hash of {what}", "person", "hash", ends)
    return Column(name, LargeBinary(32), primary_key=key, nullable=False, info=told)


schools = Table(
    "schools",
    metadata,
    Column("id", String(32), primary_key=True, info=held("random id of the school", "school", ends="never")),
    Column("issuer", String(512), nullable=False, info=held("the identity provider's address", "school")),
    Column("claim", String(255), nullable=False, info=held("what the provider calls the school", "school")),
    Column("name", String(255), nullable=False, info=held("the school's name", "school")),
    Column("region", String(64), nullable=False, info=held("where its data must stay", "school")),
    Column("made", BigInteger, nullable=False, info=held("when it was first configured, epoch ms", "school")),
    Column("state", String(16), nullable=False, server_default="active", info=held("active or suspended", "school")),
    Column(
        "again",
        Integer,
        nullable=False,
        server_default="0",
        info=held("how often it had left before", "school", ends="never"),
    ),
    Column("left", BigInteger, info=held("when it left, epoch ms", "school", ends="never")),
    Column(
        "was",
        String(300),
        info=held("what the provider called a school that left, so that it stays away", "school", ends="never"),
    ),
    Unique("issuer", "claim"),
)

persons = Table(
    "persons",
    metadata,
    Column("id", String(32), primary_key=True, info=held("random id, never used again", "person", ends="never")),
    _school("never"),
    Column(
        "state", String(16), nullable=False, info=held("active, suspended, erasing or erased", "person", ends="never")
    ),
    Column("role", String(16), info=held("role at the school", "person", ends=_FORGOTTEN)),
    Column("age_band", String(16), info=held("age band", "person", ends=_FORGOTTEN)),
    Column("locale", String(35), info=held("language of the page", "person", ends=_FORGOTTEN)),
    Column(
        "subject_index",
        LargeBinary(32),
        info=held("issuer and subject", "person", "index", _FORGOTTEN)
        | blind("subject", ("subject",), bytes, version="subject_version"),
    ),
    Column(
        "subject_version", Integer, info=held("the school's key that the index is under", "person", ends=_FORGOTTEN)
    ),
    Column("subject", LargeBinary, info=held("issuer and subject", "person", "sealed", _FORGOTTEN)),
    Column("name", LargeBinary, info=held("display name", "person", "sealed", _FORGOTTEN)),
    Column("email", LargeBinary, info=held("e-mail address", "person", "sealed", _FORGOTTEN)),
    _time("made", "first sign-in", _FORGOTTEN, nullable=True),
    _time("seen", "last sign-in", _FORGOTTEN, nullable=True),
    Unique("school", "subject_index"),
    info=sealed_by("id", "school", "id"),
)

guardian_links = Table(
    "guardian_links",
    metadata,
    Column("id", String(32), primary_key=True, info=held("random id", "person", ends=_FORGOTTEN)),
    _school(_FORGOTTEN),
    _person(_FORGOTTEN),
    Column(
        "guardian",
        String(32),
        ForeignKey("persons.id"),
        nullable=False,
        index=True,
        info=held("random id of the person's guardian", "person", ends=_FORGOTTEN),
    ),
    Column("scope", String(64), nullable=False, info=held("what the guardian may do", "person", ends=_FORGOTTEN)),
    _time("made", "when it was linked", _FORGOTTEN),
    _time("ends", "when it ends at the latest", _FORGOTTEN),
    Unique("person", "guardian"),
)

sign_in_flows = Table(
    "sign_in_flows",
    metadata,
    _hash("state", "the state of a sign-in under way", _FLOW, key=True),
    _hash("cookie", "the browser's cookie of this sign-in", _FLOW),
    Column("issuer", String(512), nullable=False, info=held("the identity provider's address", "school", ends=_FLOW)),
    Column("fresh", Boolean, nullable=False, info=held("whether the person must prove who they are anew", ends=_FLOW)),
    _time("made", "when it was begun", _FLOW),
    _time("ends", "when it ends", _FLOW),
    Index("ix_sign_in_flows_ends", "ends"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(32), primary_key=True, info=held("random id of a sign-in", "person", ends=_SESSION)),
    _school(_SESSION),
    _person(_SESSION),
    _hash("secret", "the session cookie", _SESSION),
    _time("signed_in_at", "when the person proved who they are", _SESSION),
    _time("used", "last use, to the minute", _SESSION),
    _time("ends", "when it ends at the latest", _SESSION),
    Unique("secret"),
    Index("ix_sessions_ends", "ends"),
)

client_grants = Table(
    "client_grants",
    metadata,
    Column("id", String(32), primary_key=True, info=held("random id of an extension's sign-in", "person", ends=_GRANT)),
    _school(_GRANT),
    _person(_GRANT),
    Column("client", String(64), nullable=False, info=held("which client it is", "person", ends=_GRANT)),
    _time("signed_in_at", "when the person proved who they are", _GRANT),
    _time("made", "when it was allowed", _GRANT),
    _time("used", "last use, to the minute", _GRANT, nullable=True),
    _time("ends", "when it ends at the latest", _GRANT),
    Index("ix_client_grants_ends", "ends"),
)

client_codes = Table(
    "client_codes",
    metadata,
    _hash("code", "an authorization code", "after a minute", key=True),
    Column(
        "grant",
        String(32),
        ForeignKey("client_grants.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
        info=held("random id of an extension's sign-in", "person", ends=_GRANT),
    ),
    Column("redirect_uri", String(512), nullable=False, info=held("the extension's address", "gateway", ends=_GRANT)),
    Column("challenge", String(43), nullable=False, info=held("the extension's PKCE challenge", form="hash")),
    Column("used", Boolean, nullable=False, info=held("whether it was shown before", ends=_GRANT)),
    _time("ends", "when it ends", _GRANT),
)

client_tokens = Table(
    "client_tokens",
    metadata,
    _hash("token", "an access or refresh token", _GRANT, key=True),
    Column(
        "grant",
        String(32),
        ForeignKey("client_grants.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
        info=held("random id of an extension's sign-in", "person", ends=_GRANT),
    ),
    Column("kind", String(8), nullable=False, info=held("access or refresh", ends=_GRANT)),
    Column("used", Boolean, nullable=False, info=held("whether a refresh token was exchanged", ends=_GRANT)),
    _time("ends", "when it ends", _GRANT),
    Index("ix_client_tokens_ends", "ends"),
)

accounts = Table(
    "accounts",
    metadata,
    Column("id", String(32), primary_key=True, info=held("random id of a connected account", "person", ends=_ACCOUNT)),
    _school(_ACCOUNT),
    _person(_ACCOUNT),
    Column("provider", String(16), nullable=False, info=held("google or microsoft", "person", ends=_ACCOUNT)),
    Column("state", String(16), nullable=False, info=held("unconfirmed, ready, reconnect or closed", ends=_ACCOUNT)),
    Column(
        "account_index",
        LargeBinary(32),
        nullable=False,
        info=held("provider's id", "person", "index", _ACCOUNT)
        | blind("account", ("provider", "account"), lambda provider, account: f"{provider}\0{account.decode()}"),
    ),
    Column("account", LargeBinary, nullable=False, info=held("provider's id", "person", "sealed", _ACCOUNT)),
    Column("label", LargeBinary, nullable=False, info=held("e-mail of the account", "person", "sealed", _ACCOUNT)),
    Column("grant", LargeBinary, nullable=False, info=held("tokens of the account", "person", "sealed", _ACCOUNT)),
    Column("version", Integer, nullable=False, info=held("counts changes of the tokens", ends=_ACCOUNT)),
    _time("made", "when it was connected", _ACCOUNT),
    Unique("person", "provider", "account_index"),
    info=sealed_by("id", "school", "person"),
)

connect_flows = Table(
    "connect_flows",
    metadata,
    _hash("state", "the state of a consent under way", _FLOW, key=True),
    Column(
        "session",
        String(32),
        ForeignKey("sessions.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
        info=held("random id of the sign-in that began it", "person", ends=_FLOW),
    ),
    _school(_FLOW),
    _person(_FLOW),
    Column("provider", String(16), nullable=False, info=held("google or microsoft", "person", ends=_FLOW)),
    Column("flow", LargeBinary, nullable=False, info=held("secrets of the consent", "person", "sealed", _FLOW)),
    _time("ends", "when it ends", _FLOW),
    Index("ix_connect_flows_ends", "ends"),
    info=sealed_by("state", "school", "person"),
)
