"""A drive from before there were owners' rows goes on where it was: its bytes counted, its tree open to changes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from alembic import command
from sqlalchemy import Connection, MetaData, select, text

from gateway.db.engine import Database
from gateway.db.migrate import config, migrate
from providers.native.tables import nodes, owners

BEFORE = "0002"
NODE = (
    "INSERT INTO native_nodes (id, tenant, subject, parent, kind, name, media_type, revision, modified) "
    "VALUES (:id, 'riverside', :subject, :parent, 'folder', :box, :box, 0, 0)"
)
PART = (
    "INSERT INTO native_parts (version, start, tenant, subject, size, object) "
    "VALUES ('v', :start, 'riverside', 'leo', :size, 'o')"
)


@pytest.fixture
def schema() -> Sequence[MetaData]:
    """None: the migrations make it."""
    return ()


def _before(connection: Connection) -> None:
    command.upgrade(config(connection), BEFORE)


@pytest.mark.both
async def test_owners_are_counted(database: Database) -> None:
    async with database.write() as tx:
        await tx.run_sync(_before)
        for one, subject, parent in (("r1", "leo", None), ("f1", "leo", "r1"), ("r2", "mia", None)):
            await tx.execute(text(NODE), {"id": one, "subject": subject, "parent": parent, "box": b"x"})
        for start, size in ((0, 400), (400, 23)):
            await tx.execute(text(PART), {"start": start, "size": size})
    await migrate(database)
    async with database.read() as tx:
        found = (await tx.execute(select(owners).order_by(owners.c.subject))).all()
        assert [(row.subject, row.number, row.bytes) for row in found] == [("leo", 0, 423), ("mia", 0, 0)]
        assert set((await tx.execute(select(nodes.c.changed))).scalars()) == {0}
