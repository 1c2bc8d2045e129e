"""The shapes of legal holds: what a school must keep of a person, and how far that is."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from gateway.api.schemas import Id, Wire
from gateway.api.schemas_lawful import Line
from gateway.api.schemas_ledger import PersonId
from gateway.holds.model import MOST_ITEMS

Basis = Annotated[str, Field(min_length=1, max_length=2000)]


class HoldWanted(Wire):
    """`items`: files and folders of the person's native drive, with all that is in them now; null for all of it.

    `review`: when the school looks at it again. `untold`: the law on which the person may not know of it, else empty.
    """

    person: PersonId
    items: Annotated[list[Id], Field(min_length=1, max_length=MOST_ITEMS)] | None = None
    basis: Basis
    authority: Line
    reference: Line
    review: AwareDatetime
    untold: Annotated[str, Field(max_length=2000)] = ""


class HoldOut(Wire):
    """`contents`, `bytes`: what it keeps: contents of files, older versions among them. `overdue`: `review` has passed.

    `opened_by`: null where the hold is known from the erasure journal alone, after a backup was put back. `waits`: the
    key that is suspended, so that nothing goes on with the hold; while it is the school's, nobody can read `basis`,
    `authority`, `reference`, `items` and `untold`, which are left out.
    """

    id: str
    person: str
    state: Literal["proposed", "opening", "open", "releasing", "released", "cancelled", "void"]
    words: str
    waits: Literal["school_key", "person_key"] | None = None
    items: list[str] | None = None
    basis: str | None = None
    authority: str | None = None
    reference: str | None = None
    untold: str | None = None
    review: datetime
    overdue: bool
    opened_by: str | None = None
    approval: str | None = None
    release: str | None = None
    contents: int
    bytes: int
    parts: int
    made: datetime
    began: datetime | None = None
    ended: datetime | None = None


class HoldList(Wire):
    items: list[HoldOut]
    next: str | None = None


class HoldReleased(Wire):
    """`receipt`: the one-time address of the receipt of what the hold kept back."""

    hold: HoldOut
    receipt: str


class HeldContent(Wire):
    """One content of a file, as it was named when the hold took it. `damaged`: nobody could open it even then."""

    id: str
    item: str
    path: list[str]
    name: str
    size: int
    modified: datetime
    sha256: str
    current: bool
    trashed: bool
    damaged: bool


class HeldContents(Wire):
    items: list[HeldContent]
    next: str | None = None


class HoldExported(Wire):
    """`part`: which of the hold's archives."""

    part: Annotated[int, Field(ge=1, le=1_000_000)] = 1
