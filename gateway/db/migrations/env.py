"""Alembic's way in: the connection comes from `gateway.db.migrate`, the tables from all three storeys."""

from __future__ import annotations

from alembic import context

from gateway.db.schema import METADATAS

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=list(METADATAS),
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
