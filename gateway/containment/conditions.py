"""What the rooms that obey a suspension ask of the database: conditions for their own queries, read with every use."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Select, exists, select

from gateway.containment.model import Kind
from gateway.db.tables_containment import containments
from gateway.db.tables_people import schools

ACTIVE = containments.c.lifted.is_(None)


def contained(kind: Kind, target: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether the connection, sign-in or signing key of this id is suspended now."""
    return exists().where(ACTIVE, containments.c.kind == kind, containments.c.target == target)


def suspended_schools() -> Select[tuple[str]]:
    """Ids of schools that are suspended now."""
    return select(schools.c.id).where(schools.c.state != "active")
