"""The tables of the incident book: what happened, whom it touched, what was done about it step by step, and by whom.

What is told in words is sealed under the book's own key of each school, so that it can be read while the school's keys
are suspended. In the clear are codes, times and random ids. Acts are only ever added.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from cache.inventory import Whose, held, sealed_by
from gateway.db.metadata import metadata

_KEPT: Final = "kept as the school's record of the incident (GDPR, Article 33(5)), until the school leaves"
_SEALED: Final = "with the incident book's key of the school"


def _clear(name: str, kind: Any, what: str, whose: Whose = "school", *, nullable: bool = False) -> Column[Any]:
    return Column(name, kind, nullable=nullable, info=held(what, whose, ends=_KEPT))


def _time(name: str, what: str) -> Column[Any]:
    return _clear(name, BigInteger, f"{what}, epoch ms", nullable=True)


incidents = Table(
    "incidents",
    metadata,
    Column("id", String(32), primary_key=True, info=held("random id of an incident", "school", ends=_KEPT)),
    _clear("school", String(32), "random id of the school"),
    _clear("book", String(64), "whose key seals it: the school's incident book"),
    _clear("kind", String(32), "what kind of incident: a code"),
    _clear("severity", String(8), "low, medium or high"),
    _clear("origin", String(16), "who recorded it: gateway, administrator or operator"),
    _clear("state", String(8), "open or closed"),
    _clear("opened", BigInteger, "when it was recorded, epoch ms"),
    _time("began", "since when it happened"),
    _time("ended", "until when it happened"),
    _time("noticed", "when the school was given notice"),
    _time("aware", "when the school became aware"),
    _clear("aware_by", String(32), "random id of the administrator who did", "person", nullable=True),
    _clear("authority", Boolean, "whether the authority is to be notified", nullable=True),
    _time("authority_told", "when the authority was notified"),
    _clear("people", Boolean, "whether the people are to be notified", nullable=True),
    _time("people_told", "when the people were notified"),
    _time("closed", "when it was closed"),
    _clear("signs", BigInteger, "how often what was detected was seen"),
    _clear("acts", Integer, "how many steps there are"),
    _clear("weighed", Integer, "the last step that a signature must come after"),
    Column(
        "told",
        LargeBinary,
        nullable=False,
        info=held("description, consequences, measures, contact, categories", "school", "sealed", _SEALED),
    ),
    Index("incidents_of_school", "school", "opened", "id"),
    info=sealed_by("id", None, "book", always="deployment"),
)


def _incident() -> Column[Any]:
    return Column(
        "incident",
        String(32),
        ForeignKey("incidents.id", ondelete="CASCADE"),
        primary_key=True,
        info=held("random id of the incident", "school", ends=_KEPT),
    )


incident_acts = Table(
    "incident_acts",
    metadata,
    _incident(),
    Column("sequence", Integer, primary_key=True, autoincrement=False, info=held("which step", "school", ends=_KEPT)),
    Column("id", String(32), nullable=False, unique=True, info=held("random id of the step", "school", ends=_KEPT)),
    _clear("book", String(64), "whose key seals it, as above"),
    _clear("at", BigInteger, "when, epoch ms"),
    _clear("actor", String(16), "who took it: gateway, administrator or operator"),
    _clear("by", String(32), "random id of the administrator", "person", nullable=True),
    _clear("act", String(32), "what was done: a code"),
    Column("told", LargeBinary, info=held("what was decided or noted, and why", "school", "sealed", _SEALED)),
    info=sealed_by("id", None, "book", always="deployment"),
)

incident_affected = Table(
    "incident_affected",
    metadata,
    _incident(),
    Column("kind", String(16), primary_key=True, info=held("person, account, object or key", "school", ends=_KEPT)),
    Column(
        "target",
        String(64),
        primary_key=True,
        info=held("random id of whom or what it touched, never used again", "person", ends=_KEPT),
    ),
    _clear("at", BigInteger, "when it was noted, epoch ms"),
)

_WINDOW: Final = "a while after its window"

incident_detections = Table(
    "incident_detections",
    metadata,
    Column("school", String(32), primary_key=True, info=held("random id of the school", "school", ends=_WINDOW)),
    Column("cause", String(32), primary_key=True, info=held("what was seen: a code", "school", ends=_WINDOW)),
    Column("target", String(64), primary_key=True, info=held("of whom or where, random id", "person", ends=_WINDOW)),
    Column("since", BigInteger, nullable=False, info=held("first sign of this burst, epoch ms", ends=_WINDOW)),
    Column("count", BigInteger, nullable=False, info=held("signs in this burst", ends=_WINDOW)),
    Column("incident", String(32), info=held("random id of the incident it made", "school", ends=_WINDOW)),
    Column("until", BigInteger, nullable=False, info=held("no second incident before, epoch ms", ends=_WINDOW)),
    Index("incident_detections_until", "until"),
)
