"""Nothing is ever written under a key that does not exist: the database itself refuses it.

A value may be sealed long before its row is written, and meanwhile its key may have been followed by another and
destroyed: then the value could never be opened again. So a trigger on every table with sealed columns looks for the
key that a new box names, and holds it until the transaction ends; whoever destroys the key waits for that, and counts
what is under it afterwards. The same refuses what comes late for somebody who was forgotten.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.sealed import SealedTable, blind_of

MESSAGE = "vault_guard: sealed under a key that is gone"
"""What the database says; the transaction's rows are as they were."""

_SQLITE = "SELECT name, sql AS told FROM sqlite_master WHERE type = 'trigger' AND name GLOB 'vault_guard_*'"
_POSTGRESQL = (
    "SELECT t.tgname AS name, obj_description(t.oid, 'pg_trigger') AS told FROM pg_trigger t "
    "JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE starts_with(t.tgname, 'vault_guard_') AND n.nspname = current_schema()"
)
_HOLD = f"""
CREATE OR REPLACE FUNCTION vault_guard(kind text, whose text, subject_of text, wanted bigint) RETURNS void
LANGUAGE plpgsql AS $vault$
BEGIN
  IF kind = 'record' THEN
    PERFORM 1 FROM vault_record_keys k
      WHERE k.tenant = whose AND k.subject = subject_of AND k.version = wanted FOR KEY SHARE;
  ELSIF subject_of = '' THEN
    PERFORM 1 FROM vault_tenant_keys k WHERE k.tenant = whose AND k.version = wanted FOR KEY SHARE;
  ELSE
    PERFORM 1 FROM vault_subject_keys k
      WHERE k.tenant = whose AND k.subject = subject_of AND k.version = wanted FOR KEY SHARE;
  END IF;
  IF NOT FOUND THEN
    RAISE EXCEPTION '{MESSAGE}' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
END $vault$"""
_VERSION = """
CREATE OR REPLACE FUNCTION vault_version(box bytea) RETURNS bigint LANGUAGE sql IMMUTABLE AS $vault$
  SELECT CASE WHEN length(box) < 5 THEN -1 ELSE (get_byte(box, 1)::bigint << 24) + (get_byte(box, 2) << 16)
    + (get_byte(box, 3) << 8) + get_byte(box, 4) END $vault$"""


async def install(tx: AsyncConnection, tables: Iterable[SealedTable]) -> None:
    """Bring the triggers in line with these tables; nothing is touched where they are already."""
    sqlite = tx.dialect.name == "sqlite"
    wanted = dict(pair for table in tables for pair in (_on_sqlite(table) if sqlite else _on_postgresql(table)))
    there = {row.name: row.told for row in await tx.execute(text(_SQLITE if sqlite else _POSTGRESQL))}
    if there == {name: told for name, (told, _) in wanted.items()}:
        return
    if not sqlite:
        await tx.exec_driver_sql(_HOLD)
        await tx.exec_driver_sql(_VERSION)
    for _, statements in wanted.values():
        for statement in statements:
            await tx.exec_driver_sql(statement)


_Trigger = tuple[str, tuple[str, list[str]]]
"""A trigger's name, what the database tells of it once it is there, and the statements that make it."""


def _on_sqlite(one: SealedTable) -> Iterator[_Trigger]:
    for column, exists in _exist_on_sqlite(one):
        for kind, event in (("insert", "INSERT"), ("update", f'UPDATE OF "{column}"')):
            name = f"vault_guard_{one.table.name}_{column}_{kind}"
            made = (
                f"CREATE TRIGGER {name} BEFORE {event} ON {one.table.name} "
                f"WHEN NEW.\"{column}\" IS NOT NULL AND NOT ({exists}) BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
            )
            yield name, (made, [f"DROP TRIGGER IF EXISTS {name}", made])


def _exist_on_sqlite(one: SealedTable) -> Iterator[tuple[str, str]]:
    """Each column with the condition that its key is there."""
    tenant, subject = _whose(one)
    for column in one.columns:
        version = f"printf('%08X', k.version) = hex(substr(NEW.\"{column.name}\", 2, 4))"
        own = _exists("vault_tenant_keys", f"k.tenant = {tenant} AND {version}")
        theirs = f"k.tenant = {tenant} AND k.subject = {subject} AND {version}"
        if one.sealing.lasting:
            yield column.name, _exists("vault_record_keys", theirs)
        elif one.sealing.subject is None:
            yield column.name, own
        else:
            below = _exists("vault_subject_keys", theirs)
            yield column.name, f"CASE WHEN {subject} = '' THEN {own} ELSE {below} END"
    for named in _foreign(one):
        yield named, _exists("vault_tenant_keys", f'k.tenant = {tenant} AND k.version = NEW."{named}"')


def _exists(keys: str, which: str) -> str:
    return f"EXISTS (SELECT 1 FROM {keys} k WHERE {which})"  # noqa: S608  # names of our own tables and columns


def _on_postgresql(one: SealedTable) -> Iterator[_Trigger]:
    name, columns = f"vault_guard_{one.table.name}", [*(column.name for column in one.columns), *_foreign(one)]
    checks = "\n".join(_checks_on_postgresql(one))
    body = f"BEGIN\n{checks}\nRETURN NEW;\nEND"
    told = hashlib.sha256((body + _HOLD + _VERSION).encode()).hexdigest()
    listed = ", ".join(f'"{column}"' for column in columns)
    calls = f"EXECUTE FUNCTION {name}()"
    statements = [
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $vault$ {body} $vault$",
        f"DROP TRIGGER IF EXISTS {name} ON {one.table.name}",
        f"CREATE TRIGGER {name} BEFORE INSERT OR UPDATE OF {listed} ON {one.table.name} FOR EACH ROW {calls}",
        f"COMMENT ON TRIGGER {name} ON {one.table.name} IS '{told}'",
    ]
    yield name, (told, statements)


def _checks_on_postgresql(one: SealedTable) -> Iterator[str]:
    tenant, subject = _whose(one)
    kind = "record" if one.sealing.lasting else "own"
    wanted = [(column.name, kind, subject, f'vault_version(NEW."{column.name}")') for column in one.columns]
    wanted += [(column, "own", "''", f'NEW."{column}"') for column in _foreign(one)]
    for column, kind, whose, version in wanted:
        changed = f'NEW."{column}" IS NOT NULL AND NEW."{column}" IS DISTINCT FROM OLD."{column}"'
        yield f"IF {changed} THEN PERFORM vault_guard('{kind}', {tenant}, {whose}, {version}); END IF;"


def _whose(one: SealedTable) -> tuple[str, str]:
    """Tenant and subject of a new row."""
    tenant = f"'{one.sealing.always}'" if one.sealing.tenant is None else f'NEW."{one.sealing.tenant}"'
    subject = "''" if one.sealing.subject is None else f"coalesce(NEW.\"{one.sealing.subject}\", '')"
    return tenant, subject


def _foreign(one: SealedTable) -> list[str]:
    """Columns that name the tenant's key which an index is under."""
    return [made.version for column in one.foreign if (made := blind_of(column)) is not None and made.version]
