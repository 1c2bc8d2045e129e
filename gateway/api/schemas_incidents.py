"""The shapes of incidents and suspensions under `/v1/school`. Codes are stable; `words` are sentences to be read."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field

from gateway.api.schemas import Paging, Wire

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_YEARS: Final = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))


def _time(text: object) -> datetime:
    """A moment as RFC 3339 writes it, of this century or the next: anything else is a mistake."""
    if not isinstance(text, str) or not _TIME.fullmatch(text):
        raise ValueError("not a time")
    found = datetime.fromisoformat(text)
    if not _YEARS[0] <= found < _YEARS[1]:
        raise ValueError("not a time of now")
    return found


Time = Annotated[datetime, BeforeValidator(_time)]
RandomId = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
Reason = Annotated[str, Field(min_length=1, max_length=2000)]
Text = Annotated[str, Field(max_length=10_000)]
Kind = Literal["disclosure", "access", "loss", "alteration", "unavailable", "key", "device", "other"]
AnyKind = Literal["failed_tags", "broken_chain", "token_reuse"] | Kind
Severity = Literal["low", "medium", "high"]
Origin = Literal["gateway", "administrator", "operator"]
PeopleKind = Literal["students", "guardians", "teachers", "staff", "outside"]
DataKind = Literal["identity", "contact", "sign_in", "files", "file_names", "usage", "special"]
Contained = Literal["school", "person", "connection", "client", "key"]
Number = Annotated[int, Field(ge=0, le=1_000_000_000, strict=True)]
Version = Annotated[int, Field(ge=1, le=2_147_483_647)]


class ContainmentHow(Paging):
    state: Literal["active", "lifted"] | None = None


class ContainmentWanted(Wire):
    """`target` is the id of a person, a connection or an extension's sign-in (`client`). A `school` needs none.

    A `key` is a `version` of the key of the person `target`, or without one of the school.
    """

    kind: Contained
    target: RandomId | None = None
    version: Annotated[Version, Field(strict=True)] | None = None
    reason: Reason
    incident: RandomId | None = None


class Lifting(Wire):
    reason: Reason


class ContainmentOut(Wire):
    """`reason` is left out while the key that seals it may not be read; without `by` it was the operator."""

    id: str
    kind: Literal["school", "person", "connection", "client", "key", "signing"]
    target: str | None = None
    version: int | None = None
    person: str | None = None
    incident: str | None = None
    reason: str | None = None
    began: datetime
    by: str | None = None
    lifted: datetime | None = None
    lifted_by: str | None = None
    lift_reason: str | None = None
    words: str


class ContainmentList(Wire):
    items: list[ContainmentOut]
    next: str | None = None


class WhoseKey(Wire):
    person: RandomId | None = None


class KeyOut(Wire):
    version: int
    made: datetime
    wrapped_by: int
    suspended: bool


class KeyList(Wire):
    items: list[KeyOut]


class IncidentHow(Paging):
    state: Literal["open", "closed"] | None = None


class IncidentFacts(Wire):
    """What GDPR, Article 33(3) asks for. `description` goes to the school and its authority, the rest to people too."""

    description: Text = ""
    consequences: Text = ""
    measures: Text = ""
    contact: Text = ""
    people: Annotated[list[PeopleKind], Field(max_length=5)] = Field(default_factory=list)
    data: Annotated[list[DataKind], Field(max_length=7)] = Field(default_factory=list)
    people_count: Number | None = None
    records_count: Number | None = None


class IncidentWanted(IncidentFacts):
    """`aware`: when the school became aware, by default now."""

    kind: Kind
    severity: Severity
    began: Time | None = None
    ended: Time | None = None
    aware: Time | None = None


class IncidentChange(Wire):
    """What is named is changed, the rest stays."""

    kind: AnyKind | None = None
    severity: Severity | None = None
    began: Time | None = None
    ended: Time | None = None
    description: Text | None = None
    consequences: Text | None = None
    measures: Text | None = None
    contact: Text | None = None
    people: Annotated[list[PeopleKind], Field(max_length=5)] | None = None
    data: Annotated[list[DataKind], Field(max_length=7)] | None = None
    people_count: Number | None = None
    records_count: Number | None = None


class ClockOut(Wire):
    """The 72 hours of GDPR, Article 33(1), counted from the school's awareness. `remaining` in seconds."""

    state: Literal["waiting", "running", "overdue", "met", "late", "not_needed"]
    deadline: datetime | None = None
    remaining: int | None = None


class IncidentBrief(Wire):
    id: str
    kind: AnyKind
    words: str
    severity: Severity
    origin: Origin
    state: Literal["open", "closed"]
    opened: datetime
    began: datetime | None = None
    ended: datetime | None = None
    noticed: datetime | None = None
    aware: datetime | None = None
    aware_by: str | None = None
    notify_authority: bool | None = None
    authority_notified: datetime | None = None
    notify_people: bool | None = None
    people_notified: datetime | None = None
    closed: datetime | None = None
    signs: int
    acts: int
    clock: ClockOut


class IncidentOut(IncidentBrief):
    """`facts` is left out while the book's key may not be read. `missing`: what must be done before it can be closed.

    `signed`: ids of administrators, and `operator`. `detected`: codes and random ids of what was seen.
    """

    facts: IncidentFacts | None = None
    detected: dict[str, str | int | list[str]]
    affected: dict[str, int]
    signed: list[str]
    signatures_needed: int
    missing: list[str]


class IncidentList(Wire):
    items: list[IncidentBrief]
    next: str | None = None


class ActOut(Wire):
    """`told`: what was decided or noted; without `by` it was the operator or the gateway, as `actor` says."""

    sequence: int
    at: datetime
    actor: Origin
    by: str | None = None
    act: str
    told: dict[str, object] | None = None


class ActList(Wire):
    items: list[ActOut]
    next: str | None = None


class Awareness(Wire):
    at: Time


class Note(Wire):
    text: Annotated[str, Field(min_length=1, max_length=10_000)]


class Decision(Wire):
    about: Literal["authority", "people"]
    notify: Annotated[bool, Field(strict=True)]
    reason: Reason


class Notified(Wire):
    """`delay`: why the authority was notified later than 72 hours after the school became aware."""

    about: Literal["authority", "people"]
    at: Time
    reference: Annotated[str, Field(max_length=500)] = ""
    delay: Annotated[str, Field(max_length=2000)] = ""


class Affected(Wire):
    kind: Literal["person", "account", "object", "key"]
    id: Annotated[str, Field(pattern="^[0-9a-f]{32}(:[0-9]{1,9})?$|^:[0-9]{1,9}$")]


class AffectedWanted(Wire):
    items: Annotated[list[Affected], Field(min_length=1, max_length=500)]


class AffectedAdded(Wire):
    added: int


class AffectedOut(Wire):
    kind: str
    id: str
    noted: datetime


class AffectedList(Wire):
    items: list[AffectedOut]
    next: str | None = None


class NoticeHow(Wire):
    language: Annotated[str, Field(max_length=35)] | None = None
    format: Literal["markdown", "text"] = "markdown"


class OfObject(Paging):
    """Either `object`, or `drive` and `item`; of the drive `native` also whose it is: `person`."""

    object: RandomId | None = None
    drive: Annotated[str, Field(pattern="^(native|[0-9a-f]{32})$")] | None = None
    item: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    person: RandomId | None = None


class AccessOut(Wire):
    sequence: int
    at: datetime
    action: str
    principal: str | None = None
    person: str | None = None
    client: str | None = None


class AccessList(Wire):
    """`unclear`: entries met on this page that cover many items or a whole person, or cannot be read any more."""

    items: list[AccessOut]
    unclear: int
    next: str | None = None


class OfKey(Paging):
    person: RandomId | None = None
    version: Version


class ObjectOut(Wire):
    id: str
    person: str | None = None
    life: str
    size: int
    stored: datetime
    key_version: int


class ObjectList(Wire):
    items: list[ObjectOut]
    next: str | None = None


class OfTime(Paging):
    """Either `since` and `until`, or `key_version`: a version of the school's key."""

    since: Time | None = None
    until: Time | None = None
    key_version: Version | None = None


class SpanOut(Wire):
    person: str
    accesses: int | None = None
    first: datetime | None = None
    last: datetime | None = None


class SpanList(Wire):
    items: list[SpanOut]
    next: str | None = None
