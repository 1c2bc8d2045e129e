"""What goes over the wire about being forgotten, and about what needs two administrators."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gateway.api.schemas import HeldPlan, Id, StorePlan, Wire

Person = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Reason = Annotated[str, Field(max_length=500)]


class Thing(Wire):
    """One thing. `id`: of the item (`native`, `version`), the upload, the cached copy or the job (`report`).

    `version`: of an older content of a file. `temporary` has neither: it is everything that would end by itself.
    """

    kind: Literal["native", "version", "upload", "cached", "report", "temporary"]
    id: Id | None = None
    version: Id | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.id is None) != (self.kind == "temporary") or (self.version is None) == (self.kind == "version"):
            raise ValueError("an id for all kinds but temporary, a version for version alone")
        return self


class ThingPlanned(Wire):
    target: Thing


class ThingForgotten(Wire):
    target: Thing
    confirm: Literal["FORGET"]
    receipt: bool = True


class ThingPlan(Wire):
    stores: list[StorePlan]
    held: list[HeldPlan] = Field(default_factory=list)


class ThingStarted(Wire):
    id: str
    receipt: str | None = None


class ErasureOut(Wire):
    """`dead_by`: when it is gone from backups too. `people`, `forgotten`: of many, how many there are and are gone."""

    id: str
    scope: Literal["person", "item", "people", "school", "released"]
    kind: Literal["native", "version", "upload", "cached", "report", "temporary"] | None = None
    state: Literal["running", "done"]
    words: str
    asked: datetime
    destroyed: datetime | None = None
    finished: datetime | None = None
    dead_by: datetime | None = None
    person: str | None = None
    people: int | None = None
    forgotten: int | None = None


class ErasureList(Wire):
    items: list[ErasureOut]
    next: str | None = None


class SchoolErasurePlanned(Wire):
    """`people`: random ids of people of the school, for scope `people`."""

    scope: Literal["people", "school"]
    people: Annotated[list[Person], Field(max_length=5000)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if bool(self.people) != (self.scope == "people"):
            raise ValueError("people for scope people alone")
        return self


class SchoolErasure(Wire):
    """`person`: one of `people`, at once; `people` and `school`: a request that a second administrator must approve."""

    scope: Literal["person", "people", "school"]
    people: Annotated[list[Person], Field(max_length=5000)] = Field(default_factory=list)
    confirm: Literal["FORGET"]
    reason: Reason = ""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        least, most = {"person": (1, 1), "people": (1, 5000), "school": (0, 0)}[self.scope]
        if not least <= len(self.people) <= most:
            raise ValueError("one person, people, or none for the school")
        return self


class AccountsLeft(Wire):
    """Connected accounts at one provider, whose files stay there."""

    provider: str
    count: int
    what: str


class SchoolErasurePlan(Wire):
    """`held`: what legal holds would keep back. `refused`: why the school cannot leave now, null where it can."""

    people: int
    stores: list[StorePlan]
    outside: list[AccountsLeft]
    held: list[HeldPlan] = Field(default_factory=list)
    refused: str | None = None


class BehindIt(Wire):
    person: str
    at: datetime


class ApprovalOut(Wire):
    """`behind`: who stands behind it, the first one asked for it. `due`: when it is done unless it is cancelled."""

    id: str
    kind: str
    state: Literal["proposed", "approved", "done", "cancelled", "lapsed"]
    words: str
    needed: int
    behind: list[BehindIt]
    people: int
    reason: str | None = None
    delay_seconds: int
    made: datetime
    due: datetime | None = None
    ended: datetime | None = None


class ApprovalList(Wire):
    items: list[ApprovalOut]
    next: str | None = None


class ApprovalPeople(Wire):
    """Random ids of the people whom a request is about."""

    items: list[str]
    next: str | None = None


class ApprovalGiven(Wire):
    """`receipt`: the one-time address of the receipt, where the request is to forget."""

    approval: ApprovalOut
    receipt: str | None = None


class SchoolErasureStarted(Wire):
    """`erasure` where it runs already, `approval` where a second administrator must approve it."""

    erasure: str | None = None
    approval: ApprovalOut | None = None
    receipt: str
