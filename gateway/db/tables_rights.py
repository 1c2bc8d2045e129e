"""Tables of people's rights: what they want corrected, exports that were made, what they are told, who is away.

What a person wrote, or is told, is sealed under their own key. Of a notice a school's row says which version was
announced and accepted, never by whom: that stands in the ledger.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table

from cache.inventory import Whose, held, sealed_by
from gateway.db.metadata import metadata

_HISTORY: Final = "at the school's retention of history, or when the person is forgotten"
_CORRECTED: Final = "when the directory says something new and the school's retention of history is over"
_AWAY: Final = "when the person comes back, or is forgotten"


def _clear(name: str, kind: Any, what: str, ends: str, whose: Whose = "person", **more: Any) -> Column[Any]:
    return Column(name, kind, nullable=more.pop("nullable", False), info=held(what, whose, ends=ends), **more)


def _sealed(name: str, what: str, ends: str) -> Column[Any]:
    return Column(name, LargeBinary, nullable=True, info=held(what, "person", "sealed", ends))


corrections = Table(
    "corrections",
    metadata,
    _clear("id", String(32), "random id of a correction", _CORRECTED, primary_key=True),
    _clear("school", String(32), "random id of the school", _CORRECTED, "school"),
    _clear("person", String(32), "random id of whom it is about", _CORRECTED),
    _clear("field", String(16), "what is to be corrected: name, email, role, age_band or locale", _CORRECTED),
    _clear("state", String(16), "how far the correction is", _CORRECTED),
    _sealed("wanted", "what is right, as the person says", _CORRECTED),
    _sealed("told", "what the school's directory said when it was accepted", _CORRECTED),
    _sealed("why", "why the person says so", _CORRECTED),
    _sealed("answer", "what the school answered", _CORRECTED),
    _clear("by", String(32), "random id of who asked", _CORRECTED),
    _clear("through", String(32), "random id of the guardian's link", _CORRECTED, nullable=True),
    _clear("made", BigInteger, "when it was asked for, epoch ms", _CORRECTED),
    _clear("decider", String(32), "random id of the administrator who decided", _CORRECTED, nullable=True),
    _clear("decided", BigInteger, "when it was decided, epoch ms", _CORRECTED, nullable=True),
    _clear("ended", BigInteger, "when it ceased to hold, epoch ms", _CORRECTED, nullable=True),
    Index("ix_corrections_person", "person", "made"),
    Index("ix_corrections_school", "school", "state", "made", "id"),
    Index("ix_corrections_ended", "ended"),
    info=sealed_by("id", "school", "person"),
)

exports = Table(
    "exports",
    metadata,
    _clear("id", String(32), "random id of an export", _HISTORY, primary_key=True),
    _clear("school", String(32), "random id of the school", _HISTORY, "school"),
    _clear("person", String(32), "random id of whose data it holds", _HISTORY),
    _clear("by", String(32), "random id of who asked for it", _HISTORY),
    _clear("through", String(32), "random id of the guardian's link", _HISTORY, nullable=True),
    Column(
        "secret", LargeBinary(32), unique=True, info=held("hash of the one-time link", "person", "hash", "at first use")
    ),
    _clear("part", Integer, "which part of a large export", _HISTORY),
    _clear("state", String(16), "waiting, sending, done, broken or unused", _HISTORY),
    _clear("made", BigInteger, "when it was asked for, epoch ms", _HISTORY),
    _clear("ends", BigInteger, "when its link ends, epoch ms", _HISTORY),
    _clear("ended", BigInteger, "when the last byte left, epoch ms", _HISTORY, nullable=True),
    _clear("size", BigInteger, "bytes that left", _HISTORY, nullable=True),
    Index("ix_exports_person", "person", "made"),
    Index("ix_exports_ends", "state", "ends"),
    Index("ix_exports_made", "made"),
)

notifications = Table(
    "notifications",
    metadata,
    _clear("id", String(32), "random id of something a person is told", _HISTORY, primary_key=True),
    _clear("school", String(32), "random id of the school", _HISTORY, "school"),
    _clear("person", String(32), "random id of who is told", _HISTORY),
    _clear("kind", String(32), "what it is about, as a code", _HISTORY),
    _sealed("details", "what it is about: random ids, times, a field's name", _HISTORY),
    _clear("made", BigInteger, "when it came to be, epoch ms", _HISTORY),
    Index("ix_notifications_person", "person", "made", "id"),
    Index("ix_notifications_made", "made"),
    info=sealed_by("id", "school", "person"),
)

inactivity = Table(
    "inactivity",
    metadata,
    _clear("person", String(32), "random id of a person who was away for long", _AWAY, primary_key=True),
    _clear("school", String(32), "random id of the school", _AWAY, "school"),
    _clear("noticed", BigInteger, "when they and the school were told, epoch ms", _AWAY),
    _clear("due", BigInteger, "when they are forgotten unless they come back, epoch ms", _AWAY),
    Index("ix_inactivity_school", "school", "due", "person"),
)

notice_states = Table(
    "notice_states",
    metadata,
    _clear("school", String(32), "random id of the school", "when the school leaves", "school", primary_key=True),
    _clear("kind", String(16), "which notice", "when the school leaves", "school", primary_key=True),
    _clear(
        "version",
        Integer,
        "which version of it",
        "when the school leaves",
        "school",
        primary_key=True,
        autoincrement=False,
    ),
    _clear("fingerprint", String(64), "hash of its text", "when the school leaves", "school"),
    _clear("announced", BigInteger, "when the school was told of it, epoch ms", "when the school leaves", "school"),
    _clear(
        "accepted",
        BigInteger,
        "when the school accepted it, epoch ms",
        "when the school leaves",
        "school",
        nullable=True,
    ),
)
