"""The gateway's own tables hang on this one MetaData; the lower storeys have theirs.

Constraint names follow a convention, so that a migration can name what it alters on both databases.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import MetaData

NAMING: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

metadata = MetaData(naming_convention=NAMING)
