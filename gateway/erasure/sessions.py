"""Upload sessions that are open at providers: their addresses, found while the person's key lives, and their end."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

from sqlalchemy import select

from cache.errors import Corrupt
from cache.vault import Scope, Vault
from gateway.db.engine import Database
from gateway.db.tables_work import items
from gateway.jobs.model import OPEN
from gateway.jobs.sealing import unseal
from providers.cancelling import address_of, cancel
from providers.drive import UploadSession
from providers.http import Outbound
from providers.together import together

_PAGE: Final = 500
_AT_ONCE: Final = 4
"""Sessions that are given up side by side."""
MOST: Final = 2000
"""Sessions that are given up for one person; what is beyond ends by itself."""


class OpenSessions:
    """The sessions of people's transfers and uploads."""

    def __init__(self, vault: Vault, database: Database, outbound: Outbound) -> None:
        self._vault = vault
        self._database = database
        self._outbound = outbound

    async def collect(self, scope: Scope) -> Sequence[str]:
        """Their addresses. Missing, Shredded."""
        fields, found, after = await self._vault.fields(scope), list[str](), 0
        while len(found) < MOST:
            mine = (items.c.person == scope.subject, items.c.tenant == scope.tenant, items.c.state.in_(OPEN))
            query = select(items.c.seq, items.c.id, items.c.work).where(
                *mine, items.c.work.is_not(None), items.c.seq > after
            )
            async with self._database.read() as tx:
                rows = (await tx.execute(query.order_by(items.c.seq).limit(_PAGE))).all()
            for row in rows:
                with suppress(Corrupt):  # a damaged row must not keep a person from being forgotten
                    work = unseal(fields, "items", "work", row.id, row.work)
                    if (address := _address(work.get("session"))) is not None:
                        found.append(address)
            if len(rows) < _PAGE:
                break
            after = rows[-1].seq
        return found

    async def give_back(self, addresses: Sequence[str]) -> int:
        """How many of these sessions are over now."""
        return sum(await together((partial(cancel, self._outbound, address) for address in addresses), _AT_ONCE))


def _address(saved: Any) -> str | None:
    try:
        return address_of(UploadSession.load(saved.encode())) if isinstance(saved, str) else None
    except (ValueError, KeyError, TypeError):
        return None
