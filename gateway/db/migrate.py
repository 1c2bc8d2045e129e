"""Brings a database to this version's tables, under a lock where several processes start at once."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from cache.guards import install
from gateway.db.engine import Database
from gateway.db.schema import METADATAS, SEALED

FOLDER: Final = Path(__file__).parent / "migrations"
_LOCK: Final = 0x46494C45  # any number that other programs in the same database do not use


class DatabaseTooNew(RuntimeError):
    """The database was migrated by a later version of this program."""


def config(connection: Connection) -> Config:
    """Alembic's configuration for one connection; there is no ini file."""
    made = Config()
    made.set_main_option("script_location", str(FOLDER))
    made.set_main_option("path_separator", "os")
    made.attributes["connection"] = connection
    return made


async def migrate(database: Database) -> None:
    """To the newest revision, and with its guards, in one transaction. DatabaseTooNew."""
    async with database.write() as tx:
        if database.dialect == "postgresql":
            await tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        await tx.run_sync(_upgrade)
        await install(tx, SEALED)


def _upgrade(connection: Connection) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(config(connection)).walk_revisions()}
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in known:
        raise DatabaseTooNew("This database belongs to a later version of File Access Gateway. Install that version.")
    command.upgrade(config(connection), "head")


async def is_empty(database: Database) -> bool:
    """Whether the database has no table yet: only then may a new root key be made for it."""
    async with database.read() as tx:
        names: list[str] = await tx.run_sync(lambda connection: inspect(connection).get_table_names())
    return not names


def differences(connection: Connection) -> list[object]:
    """What the migrations left different from the tables in the code: nothing, in a release."""
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, list(METADATAS)))  # type: ignore[arg-type]  # several are allowed
