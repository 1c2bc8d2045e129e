"""Seals what a job knows about files under the key of the person who ordered it. It knows no drive and no state."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from cache.model import Scope


class Sealer(Protocol):
    """What `cache.vault.Fields` offers: synchronous, with the key already loaded."""

    def seal(self, table: str, column: str, row: str, value: bytes | str) -> bytes: ...
    def unseal(self, table: str, column: str, row: str, box: bytes) -> bytes: ...
    def index(self, label: str, value: bytes | str) -> bytes: ...


class Sealers(Protocol):
    """Where a sealer comes from: the vault."""

    async def fields(self, scope: Scope) -> Sealer:
        """The sealer of that person. Shredded where the person was forgotten."""
        ...

    async def renew(self, tx: AsyncConnection, scope: Scope) -> None:
        """Something of theirs was deleted for good: with the next cycle of keys it is dead in older copies, too."""
        ...


def seal(sealer: Sealer, table: str, column: str, row: str, value: Mapping[str, Any] | None) -> bytes | None:
    """A mapping as sealed JSON; None stays None."""
    if value is None:
        return None
    return sealer.seal(table, column, row, json.dumps(value, separators=(",", ":")))


def unseal(sealer: Sealer, table: str, column: str, row: str, box: bytes | None) -> dict[str, Any]:
    """What `seal` sealed, empty for None. Corrupt where it belongs to another row or person."""
    if box is None:
        return {}
    value: dict[str, Any] = json.loads(sealer.unseal(table, column, row, bytes(box)))
    return value
