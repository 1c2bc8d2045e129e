"""The erasure journal as `gateway.containment` needs it: suspensions stand beside erasures: no restore lifts them."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.erasure.journal import Line
from gateway.erasure.restoring import Restorer


class Noted:
    """A `gateway.containment.Journal`."""

    def __init__(self, restorer: Restorer) -> None:
        self._restorer = restorer

    async def note(self, containment: str, school: str, person: str, scope: str, at: int, note: str | None) -> int:
        """One entry, durable on return; its sequence. OSError, JournalRefused."""
        (line,) = await self._restorer.write([Line(0, containment, school, person, scope, at, note)])
        return line.sequence

    async def seen(self, tx: AsyncConnection, *sequences: int) -> None:
        """What these entries say holds in the database."""
        await self._restorer.seen(tx, *sequences)
