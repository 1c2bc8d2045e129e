"""The shapes of people's rights: what is held, corrections, exports, guardians, notices, what people are told."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from gateway.api.schemas import Continued, Wire

Right = Literal["review", "correct", "export", "erase"]
RandomId = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
By = Literal["self", "guardian", "school", "gateway"]


class RightsPaging(Continued):
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class ReviewColumn(Wire):
    """`unshown`: why its values are not shown, where they are not."""

    table: str
    column: str
    what: str
    unshown: str | None = None


class ReviewStore(Wire):
    """`records`: how many rows there are, by table."""

    store: str
    what: str
    records: dict[str, int]
    columns: list[ReviewColumn]


class ReviewOut(Wire):
    stores: list[ReviewStore]


class RecordOut(Wire):
    """One row, opened. Times are epoch ms, bytes hexadecimal, as they are kept."""

    table: str
    values: dict[str, Any]


class ReviewPage(Wire):
    items: list[RecordOut]
    next: str | None = None


class DeedOut(Wire):
    at: datetime
    action: str
    what: str
    by: By
    principal: str | None = None
    policy_version: str
    details: dict[str, Any] | None = None


class DeedPage(Wire):
    items: list[DeedOut]
    next: str | None = None


class CorrectionAsked(Wire):
    """`value` is what is right; `why` is for the school, where the school has to decide."""

    field: Literal["name", "email", "role", "age_band", "locale"]
    value: Annotated[str, Field(min_length=1, max_length=200)]
    why: Annotated[str, Field(max_length=2000)] = ""


class CorrectionOut(Wire):
    """`by`: who asked. `person` and `name`, of whom, where a school looks at what it is asked for."""

    id: str
    field: str
    state: Literal["asked", "accepting", "accepted", "refused", "withdrawn", "settled", "superseded"]
    value: str
    why: str
    answer: str
    by: str
    made: datetime
    decided: datetime | None = None
    ended: datetime | None = None
    person: str | None = None
    name: str | None = None


class CorrectionPage(Wire):
    items: list[CorrectionOut]
    next: str | None = None


class CorrectionDecision(Wire):
    """A refusal needs its reason in `answer`."""

    decision: Literal["accept", "refuse"]
    answer: Annotated[str, Field(max_length=2000)] = ""


class ExportAsked(Wire):
    """A very large export comes in parts; each is asked for by itself."""

    part: Annotated[int, Field(ge=1, le=10_000)] = 1


class ExportMade(Wire):
    """`download` works once, until `ends`, for whoever asked."""

    id: str
    download: str
    ends: datetime
    part: int
    parts: int


class ExportOut(Wire):
    id: str
    state: Literal["waiting", "sending", "done", "broken", "unused"]
    part: int
    by: By
    principal: str
    made: datetime
    ended: datetime | None = None
    size: int | None = None


class ExportPage(Wire):
    items: list[ExportOut]
    next: str | None = None


class NamedPerson(Wire):
    id: str
    name: str


class LinkOut(Wire):
    id: str
    child: NamedPerson
    guardian: NamedPerson
    rights: list[Right]
    made: datetime
    ends: datetime


class LinkList(Wire):
    items: list[LinkOut]
    next: str | None = None


class LinkAsked(Wire):
    """`until` lies before the child comes of age."""

    child: RandomId
    guardian: RandomId
    rights: Annotated[list[Right], Field(min_length=1, max_length=4)]
    until: AwareDatetime


class ChildErasure(Wire):
    confirm: Literal["FORGET"]


class NotificationOut(Wire):
    id: str
    kind: str
    what: str
    made: datetime
    details: dict[str, Any]


class NotificationPage(Wire):
    items: list[NotificationOut]
    next: str | None = None


class NoticeOut(Wire):
    """`changed`: since when this version holds here. `acceptable`: it waits for the school, and is the next."""

    kind: Literal["privacy", "terms"]
    version: int
    state: Literal["held", "holds", "announced"]
    title: str
    text: list[str]
    changes: str
    material: bool
    published: str
    changed: datetime | None = None
    accepted: datetime | None = None
    acceptable: bool
    fingerprint: str


class NoticeList(Wire):
    items: list[NoticeOut]


class SchoolPerson(Wire):
    """Without a name where ``unreadable`` says why nobody can read it now: the key is suspended that seals it."""

    id: str
    name: str | None = None
    email: str | None = None
    unreadable: Literal["suspended_key"] | None = None
    state: Literal["active", "suspended"]
    role: str
    age_band: str
    seen: datetime


class SchoolPeople(Wire):
    items: list[SchoolPerson]
    next: str | None = None


class AwayOut(Wire):
    person: str
    name: str
    noticed: datetime
    due: datetime


class AwayList(Wire):
    items: list[AwayOut]
    next: str | None = None
