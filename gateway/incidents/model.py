"""An incident as values: what stands in the book, when the authority must know, what is still missing. No SQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal

from gateway.incidents.kinds import Origin, Severity

CLOCK_MS: Final = 72 * 3_600_000
"""GDPR, Article 33(1): the authority is notified within 72 hours of the school's awareness."""

About = Literal["authority", "people"]
OPERATOR: Final = "operator"
"""Who signs where no administrator does."""


class IncidentError(Exception):
    """Something cannot be entered into the book. ``code`` is stable."""

    code = "incident"


class NoSuchIncident(IncidentError):
    """This school has no such incident."""

    code = "not_found"


class Changed(IncidentError):
    """Somebody else wrote into it since it was read."""

    code = "changed"


class Closed(IncidentError):
    """It is closed: only notes are added, or it is opened again first."""

    code = "closed"


class NotYet(IncidentError):
    """Something must be done first; ``missing``: codes, see `Incident.missing`."""

    code = "not_yet"

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__("something is missing")
        self.missing = tuple(missing)


class Refused(IncidentError):
    """A time, a state or a choice makes no sense here; ``code`` says which."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Told:
    """What is told in words and numbers, sealed: of GDPR, Article 33(3).

    ``description`` is for the school and its authority, the other texts also for the people. ``people`` and ``data``:
    codes of `kinds`; the numbers are estimates.
    """

    description: str = ""
    consequences: str = ""
    measures: str = ""
    contact: str = ""
    people: Sequence[str] = ()
    data: Sequence[str] = ()
    people_count: int | None = None
    records_count: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Told:
        """From what was sealed; what a later version added is left out."""
        known = {one.name for one in fields(cls)}
        return cls(**{name: value for name, value in told.items() if name in known})


@dataclass(frozen=True, slots=True)
class Draft:
    """What is entered first. ``aware``: when the school became aware, where it did. Times in epoch ms."""

    kind: str
    severity: Severity
    told: Told = Told()
    began: int | None = None
    ended: int | None = None
    aware: int | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """One step. ``by``: random id of the administrator. ``told`` None: nothing, or it cannot be read now."""

    sequence: int
    at: int
    actor: str
    by: str | None
    act: str
    told: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Clock:
    """The school's time to notify its authority. ``state``: waiting (nobody is aware), running, overdue, met, late,
    or not_needed. Times in epoch ms, ``remaining`` in seconds, 0 once it is over.
    """

    state: str
    deadline: int | None = None
    remaining: int | None = None


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident. Times in epoch ms. ``authority`` and ``people``: whether they are to be notified, None: undecided.

    ``weighed``: the last step that changed what is signed. ``told`` None: cannot be read now.
    """

    id: str
    school: str
    kind: str
    severity: Severity
    origin: Origin
    state: str
    opened: int
    began: int | None
    ended: int | None
    noticed: int | None
    aware: int | None
    aware_by: str | None
    authority: bool | None
    authority_told: int | None
    people: bool | None
    people_told: int | None
    closed: int | None
    signs: int
    acts: int
    weighed: int
    told: Told | None = None
    signed: Collection[str] = frozenset()

    @property
    def needed(self) -> int:
        """Signatures of different people under what stands here now."""
        return 2 if self.severity == "high" else 1

    def clock(self, now: int) -> Clock:
        """Where the school's 72 hours stand at ``now``."""
        if self.aware is None:
            return Clock("waiting")
        deadline = self.aware + CLOCK_MS
        if self.authority_told is not None:
            return Clock("met" if self.authority_told <= deadline else "late", deadline)
        if self.authority is False:
            return Clock("not_needed", deadline)
        left = max(0, deadline - now)
        return Clock("running" if left else "overdue", deadline, left // 1000)

    @property
    def missing(self) -> list[str]:
        """What must be done before it can be closed: codes."""
        steps = {
            "awareness": self.aware is not None,
            "decision_authority": self.authority is not None,
            "decision_people": self.people is not None,
            "notice_authority": not self.authority or self.authority_told is not None,
            "notice_people": not self.people or self.people_told is not None,
            "signatures": len(self.signed) >= self.needed,
        }
        return [code for code, done in steps.items() if not done]


@dataclass(frozen=True, slots=True)
class Facts:
    """What a drafted notice is made from. ``school``: its name. ``affected``: how many of each kind are noted.

    ``reasons``: why the 'people' are not informed, and why there was a 'delay'.
    """

    incident: Incident
    school: str
    affected: Mapping[str, int]
    reasons: Mapping[str, str]
