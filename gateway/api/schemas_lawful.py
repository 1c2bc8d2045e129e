"""The shapes of lawful requests: what an authority asks a school for, and how far that is."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from gateway.api.schemas import Wire
from gateway.api.schemas_ledger import PersonId
from gateway.lawful.model import MOST_PEOPLE

Line = Annotated[str, Field(min_length=1, max_length=500)]
Part = Literal["profile", "accounts", "ledger"]


class LawfulWanted(Wire):
    """`basis`: the law or order it rests on; `tells`: whether the people see that data about them was handed out."""

    authority: Line
    reference: Line
    basis: Annotated[str, Field(min_length=1, max_length=2000)]
    people: Annotated[list[PersonId], Field(min_length=1, max_length=MOST_PEOPLE)]
    parts: Annotated[list[Part], Field(min_length=1, max_length=3)]
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    tells: bool = True


class LawfulOut(Wire):
    """`opened_by`: an administrator's random id, null where the operator wrote it down."""

    id: str
    state: Literal["open", "approved", "handed_out", "refused", "lapsed"]
    authority: str
    reference: str
    basis: str
    people: list[str]
    parts: list[Part]
    since: datetime | None = None
    until: datetime | None = None
    tells: bool
    opened_by: str | None = None
    approval: str | None = None
    why: str | None = None
    made: datetime
    ended: datetime | None = None


class LawfulList(Wire):
    items: list[LawfulOut]
    next: str | None = None


class LawfulRefused(Wire):
    why: Annotated[str, Field(min_length=1, max_length=2000)]
