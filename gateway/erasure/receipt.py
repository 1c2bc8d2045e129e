"""What a receipt states: per store what was erased, what stays and why, what remains outside, when backups are dead.

Ids, times and counts only. It is for the person it is about, or of many for those who ordered it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from gateway.erasure.held import loaded
from gateway.erasure.model import Erasure, Held
from gateway.erasure.stores import Store
from gateway.erasure.things import WHAT

VERSION: Final = 3
TYPE: Final = "file-access-erasure-receipt"

_LINK: Final = "The link to this receipt is kept until it is used, for a month at most."
_KEPT_OF_PERSON: Final = (
    {
        "store": "ledger",
        "why": "The record of what was done keeps times, actions and random ids. Its details were sealed under your "
        "key and can no longer be read by anybody.",
    },
    {
        "store": "erasures",
        "why": "This erasure itself: random ids, times and counts, so that a restored backup cannot bring you back. "
        f"{_LINK}",
    },
)
_KEPT_OF_RECORDS: Final = {
    "store": "records",
    "why": "A school's book of incidents, or of what the law made it hand out, may keep the random id of somebody whom "
    "it is about, which is never used again, and what administrators wrote there in their own words.",
}
_KEPT_OF_ITEM: Final = (
    {
        "store": "ledger",
        "why": "The record of what was done keeps that this was stored, opened or moved, and that it was deleted. Its "
        "details can be read as long as your key lives.",
    },
    {
        "store": "erasures",
        "why": "This erasure itself: random ids, times and counts, so that a restored backup does not bring it back.",
    },
)
_KEPT_OF_PEOPLE: Final = (
    {
        "store": "ledger",
        "why": "The record of what was done keeps times, actions and random ids. Details that were sealed under the "
        "keys of these people can no longer be read by anybody.",
    },
    {
        "store": "erasures",
        "why": "The erasures themselves: random ids, times and counts, so that a restored backup cannot bring anybody "
        f"back. {_LINK}",
    },
)
_KEPT_OF_SCHOOL: Final = (
    {
        "store": "ledger",
        "why": "The end of the record's chain: its last number and its hash, so that an export of the record that the "
        "school keeps can still be checked.",
    },
    {
        "store": "erasures",
        "why": "The erasures themselves and the school's random id: ids, times and counts, so that a restored backup "
        "cannot bring anybody back, and no id is used again.",
    },
    {
        "store": "schools",
        "why": "What the identity provider calls the school, so that nobody signs in to it by an old configuration.",
    },
)

_HELD: Final = (
    "A legal hold of the school keeps these contents of files, under a key of their own, and nothing else. They are "
    "gone only once it is released; the school gets a second receipt then."
)
_UNTOLD: Final = 'What a legal hold keeps is listed under "kept", unless the law forbids to tell of it.'
_KEPT_OF_RELEASE: Final = (
    {
        "store": "ledger",
        "why": "The record of what was done keeps that there was this hold, on which basis, and that it was released.",
    },
    {
        "store": "erasures",
        "why": "This release itself: random ids, times and counts, so that a restored backup does not bring it back.",
    },
)


def of_person(erasure: Erasure, now: int, dead_by: int | None, stores: Sequence[Store]) -> dict[str, Any]:
    """The receipt of a person who was forgotten."""
    return {
        **_head(erasure, now, dead_by),
        "keys_destroyed": True,
        "destroyed": _iso(erasure.destroyed or now),
        "erased": _erased(erasure.counts, stores),
        "kept": [*_KEPT_OF_PERSON, _KEPT_OF_RECORDS, *_held(erasure)],
        "holds": _UNTOLD,
        "outside": list(erasure.counts.get("outside", [])),
        "uploads_cancelled": erasure.counts.get("sessions", 0),
        "backups": "Your keys are destroyed. " + _backups(dead_by, "A backup made before this holds them"),
    }


def of_item(erasure: Erasure, now: int, dead_by: int | None) -> dict[str, Any]:
    """The receipt of one thing."""
    gone = [
        {"store": name, "what": WHAT[name], **told}
        for name, told in erasure.counts.items()
        if name in WHAT and told["erased"]
    ]
    when = "" if dead_by is None else f"Deleted, shredded by {_day(dead_by)}. "
    ends = erasure.counts.get("ends")  # its bytes have an expiry key too; its name has not
    if ends is not None:
        when += f"What was in it cannot be opened in any backup from {_day(ends)} on. "
    return {
        **_head(erasure, now, dead_by),
        "kind": None if erasure.target is None else erasure.target.kind,
        "keys_destroyed": False,
        "contents_dead_by": None if ends is None else _iso(ends),
        "destroyed": _iso(erasure.destroyed or now),
        "erased": gone,
        "kept": [*_KEPT_OF_ITEM, *_held(erasure)],
        "holds": _UNTOLD,
        "outside": [],
        "backups": f"{when}It is gone from here. " + _backups(dead_by, "A backup made before this holds its key"),
    }


def of_many(
    erasure: Erasure,
    now: int,
    dead_by: int | None,
    stores: Sequence[Store],
    counts: Mapping[str, int],
    people: int,
    left: Sequence[Mapping[str, Any]],
    held: Sequence[Held],
) -> dict[str, Any]:
    """The one receipt of many people, or of a school that left, for its administrators: counts only.

    ``left``: by random id, whose access outside could not be given back; they must end it there themselves.
    ``held``: what legal holds keep back of them, for the administrators whose holds they are.
    """
    school = erasure.scope == "school"
    return {
        **_head(erasure, now, dead_by),
        "keys_destroyed": True,
        "destroyed": _iso(erasure.destroyed or now),
        "people": people,
        "erased": [{"store": one.name, "what": one.what, "erased": counts.get(one.name, 0)} for one in stores],
        "kept": [
            *(_KEPT_OF_SCHOOL if school else [*_KEPT_OF_PEOPLE, _KEPT_OF_RECORDS]),
            *map(_kept_back, held),
        ],
        "outside": list(left),
        **({"ledger": erasure.counts.get("head")} if school else {}),
        "backups": "All their keys are destroyed. " + _backups(dead_by, "A backup made before this holds them"),
    }


def of_release(erasure: Erasure, now: int, dead_by: int | None) -> dict[str, Any]:
    """The receipt of what a legal hold had kept back: the second one of the erasures that it finishes."""
    what = "Contents of files that a legal hold kept"
    return {
        **_head(erasure, now, dead_by),
        "hold": erasure.counts["hold"],
        "person": erasure.person,
        "finishes": list(erasure.counts["finishes"]),
        "keys_destroyed": True,
        "destroyed": _iso(erasure.destroyed or now),
        "erased": [{"store": "legal_holds", "what": what, **erasure.counts["legal_holds"]}],
        "kept": list(_KEPT_OF_RELEASE),
        "outside": [],
        "backups": "The key of the hold is destroyed. " + _backups(dead_by, "A backup made before this holds it"),
    }


def _held(erasure: Erasure) -> list[dict[str, Any]]:
    """What is kept back of a person, as far as they may know."""
    return [_kept_back(one) for one in loaded(erasure.counts) if one.tells]


def _kept_back(held: Held) -> dict[str, Any]:
    return {"store": "legal_holds", "hold": held.hold, "objects": held.count, "bytes": held.bytes, "why": _HELD}


def _head(erasure: Erasure, now: int, dead_by: int | None) -> dict[str, Any]:
    return {
        "type": TYPE,
        "version": VERSION,
        "erasure": erasure.id,
        "school": erasure.school,
        "scope": erasure.scope,
        "asked_by": _asked_by(erasure),
        "asked": _iso(erasure.begun),
        "finished": _iso(now),
        "backups_dead_by": None if dead_by is None else _iso(dead_by),
    }


def _asked_by(erasure: Erasure) -> str:
    """Who: never by name. 'retention': nobody, the time was over that the school keeps people who are away."""
    if erasure.person and erasure.asked.by is None and erasure.asked.batch is None:
        return "retention"
    if erasure.asked.through is not None:
        return "guardian"
    own = erasure.person and erasure.asked.by == erasure.person
    return "self" if own and erasure.asked.batch is None else "school"


def _erased(counts: Mapping[str, Any], stores: Sequence[Store]) -> list[dict[str, Any]]:
    return [
        {"store": one.name, "what": one.what, "erased": counts.get(one.name, {}).get("erased", 0)} for one in stores
    ]


def _backups(dead_by: int | None, held: str) -> str:
    wrapped = f"{held} wrapped under the school's key and the root key"
    if dead_by is None:
        return f"{wrapped}; it can be read only together with that root key, until both are replaced."
    return (
        f"{wrapped}: it can be read only together with that root key, and by {_day(dead_by)} by nobody, "
        "if the keys were replaced when due, and no backup and no copy of the root key is kept longer than the "
        "operator promised."
    )


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")


def _day(ms: int) -> str:
    """The first day on which it surely holds: the end of a day is not its beginning."""
    return datetime.fromtimestamp(ms / 1000 + 86_399, UTC).date().isoformat()
