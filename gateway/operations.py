"""What the operator does, in the deployment's own chain: starting, stopping, changed settings, replaced signing keys.

Settings are told by name with their values, a secret by a keyed digest, so that a change is seen and nothing leaks.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import structlog
from pydantic import BaseModel, SecretStr
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.engine import Database
from gateway.db.tables_ledger import ledger_entries
from gateway.ids import new_id
from gateway.ledger import Ends, Ledger, operated
from gateway.settings import Settings
from gateway.signing import DEPLOYMENT, SigningKeys

log = structlog.get_logger(__name__)

STARTED: Final = "operator.started"
STOPPED: Final = "operator.stopped"
SETTINGS: Final = "operator.settings"
KEY: Final = "operator.signing_key_replaced"
_OF_A_PROCESS: Final = frozenset({"host", "port"})
"""Settings that differ between the processes of one deployment."""


class Operations:
    """One process's part. ``key``: 32 bytes for the digests of secrets."""

    def __init__(self, ledger: Ledger, database: Database, ends: Ends, key: bytes) -> None:
        self._ledger = ledger
        self._database = database
        self._ends = ends
        self._key = key
        self._process = new_id()

    async def started(self, settings: Settings) -> None:
        """This process has opened the stores with these settings; what changed since the last one is told."""
        now = told(settings, self._key)
        before = await self._before()
        changed = sorted(name for name in now.keys() | before.keys() if now.get(name) != before.get(name))
        async with self._database.write() as tx:
            if await self._ends.read(tx, DEPLOYMENT.tenant) is None:
                await self._ends.adopt(tx)  # chains of a version that proved no ends
            if changed:
                await self._append(tx, SETTINGS, {"changed": changed, "settings": now})
            await self._append(tx, STARTED, {"process": self._process, "version": version("file-access-gateway")})

    async def stopped(self) -> None:
        """It ends in order. Who is killed says nothing, and the next start shows it."""
        try:
            await self._ledger.operate(STOPPED, {"process": self._process})
        except Exception as error:  # noqa: BLE001  # a database that is away must not keep a process from ending
            log.warning("stop_untold", why=type(error).__name__)

    async def _append(self, tx: AsyncConnection, action: str, details: Mapping[str, Any]) -> None:
        await self._ledger.append(tx, DEPLOYMENT.tenant, operated(action, details))

    async def _before(self) -> Mapping[str, Any]:
        """The settings as they were told last."""
        mine = (ledger_entries.c.school == DEPLOYMENT.tenant) & (ledger_entries.c.action == SETTINGS)
        query = select(ledger_entries.c.sequence).where(mine).order_by(ledger_entries.c.sequence.desc()).limit(1)
        async with self._database.read() as tx:
            last = (await tx.execute(query)).scalar_one_or_none()
        if last is None:
            return {}
        (entry,) = await self._ledger.read(DEPLOYMENT.tenant, after=last - 1, limit=1)
        return dict((entry.details or {}).get("settings", {}))


async def replace_keys(signing: SigningKeys, ledger: Ledger, database: Database) -> int:
    """Put new signing keys in the place of those that are a year old; how many."""
    count = 0
    for purpose in await signing.due():
        async with database.write() as tx:
            key = await signing.rotate(tx, purpose)
            if key is not None:
                await ledger.append(tx, DEPLOYMENT.tenant, operated(KEY, {"purpose": purpose, "key": key}))
                count += 1
    return count


def told(settings: Settings, key: bytes) -> dict[str, str]:
    """Every setting as text, by its name; of a secret only a digest."""
    found = {name: getattr(settings, name) for name in Settings.model_fields if name not in _OF_A_PROCESS}
    return {name: json.dumps(_plain(value, key), sort_keys=True) for name, value in found.items()}


def _plain(value: Any, key: bytes) -> Any:
    match value:
        case SecretStr():
            return "secret " + hmac.new(key, value.get_secret_value().encode(), "sha256").hexdigest()[:16]
        case BaseModel():
            return {name: _plain(getattr(value, name), key) for name in type(value).model_fields}
        case Mapping():
            return {str(name): _plain(one, key) for name, one in value.items()}
        case tuple() | list():
            return [_plain(one, key) for one in value]
        case Path():
            return str(value)
    return value
