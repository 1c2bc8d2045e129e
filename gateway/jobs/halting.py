"""Which items nobody may take up now: their school, person, account or key is suspended. They go on when it is lifted.

Read with every claim and every look at what runs, so a suspension is obeyed within a second by whichever process works.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import ColumnElement, and_, or_, select

from gateway.db.tables_containment import containments
from gateway.db.tables_work import items
from gateway.suspended import ACTIVE, Kind

HALTED: Final = "contained"
"""The reason that is shown meanwhile."""
_SCHOOLS = select(containments.c.school).where(
    ACTIVE,
    or_(containments.c.kind == Kind.SCHOOL, and_(containments.c.kind == Kind.KEY, containments.c.person.is_(None))),
)
_PEOPLE = select(containments.c.person).where(
    ACTIVE, containments.c.kind.in_((Kind.PERSON, Kind.KEY)), containments.c.person.is_not(None)
)
_LANES = select(containments.c.school + ":" + containments.c.person + ":" + containments.c.target).where(
    ACTIVE, containments.c.kind == Kind.CONNECTION
)


def halted() -> ColumnElement[bool]:
    """Items that must not be at work."""
    lanes = or_(items.c.lane.in_(_LANES), and_(items.c.other.is_not(None), items.c.other.in_(_LANES)))
    return or_(items.c.tenant.in_(_SCHOOLS), items.c.person.in_(_PEOPLE), lanes)
