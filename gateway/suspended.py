"""What the rooms that obey a suspension ask of the database: conditions for their own queries, read with every use.

Suspensions are made and lifted by `gateway.containment`; this knows only where they stand.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from sqlalchemy import ColumnElement, Select, exists, select

from gateway.db.tables_containment import containments
from gateway.db.tables_people import schools

ACTIVE: Final = containments.c.lifted.is_(None)


class Kind(StrEnum):
    """``client``: a sign-in of the browser extension, with all its tokens; ``signing``: a key of the deployment's."""

    SCHOOL = "school"
    PERSON = "person"
    CONNECTION = "connection"
    CLIENT = "client"
    KEY = "key"
    SIGNING = "signing"


def contained(kind: Kind, target: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether the connection, sign-in or signing key of this id is suspended now."""
    return exists().where(ACTIVE, containments.c.kind == kind, containments.c.target == target)


def locked(school: ColumnElement[str], person: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether a version of this person's key, or of their school's, is suspended now: nothing of theirs is opened."""
    theirs = containments.c.person.is_(None) | (containments.c.person == person)
    return exists().where(ACTIVE, containments.c.kind == Kind.KEY, containments.c.school == school, theirs)


def suspended_schools() -> Select[tuple[str]]:
    """Ids of schools that are suspended now."""
    return select(schools.c.id).where(schools.c.state != "active")
