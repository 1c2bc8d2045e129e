"""The erasure journal as rooms need it that make it so themselves: suspensions and disconnections stand beside
erasures, and no restore undoes them.
"""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.erasure.journal import Line
from gateway.erasure.restoring import Restorer


class Noted:
    """A `Journal` of `gateway.containment` and of `gateway.identity.accounts`."""

    def __init__(self, restorer: Restorer) -> None:
        self._restorer = restorer

    async def note(
        self, noted: str, school: str, person: str, scope: str, at: int, note: str | None = None
    ) -> int:  # fmt: skip
        """One entry, durable on return; its sequence. OSError, JournalRefused."""
        (line,) = await self._restorer.write([Line(0, noted, school, person, scope, at, note)])
        return line.sequence

    async def seen(self, tx: AsyncConnection, *sequences: int) -> None:
        """What these entries say holds in the database."""
        await self._restorer.seen(tx, *sequences)
