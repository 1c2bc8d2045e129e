"""The sealed grant of one connected account: what `providers.consent` keeps its tokens in.

Saving counts a version, so that of two processes that refreshed at once the later one is noticed; a grant is opened
only for an account whose person has confirmed that it is theirs, and never while the account is suspended.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import select, update

from cache.model import Scope
from cache.vault import Vault
from gateway.containment import Contained
from gateway.db.engine import Database
from gateway.db.tables_people import accounts
from gateway.identity.errors import NoSuchAccount, WrongState
from gateway.suspended import Kind, contained

TABLE: Final = "accounts"
USABLE: Final = frozenset({"ready", "reconnect"})


class AccountGrant:
    """A `providers.consent.GrantKeeper`."""

    def __init__(
        self, vault: Vault, database: Database, scope: Scope, account: str, states: Collection[str] = USABLE
    ) -> None:
        self._vault = vault
        self._database = database
        self._scope = scope
        self._account = account
        self._states = states

    async def load(self) -> bytes:
        """The grant. NoSuchAccount, WrongState where it was not confirmed yet, Contained while it is suspended."""
        row = await self._row()
        fields = await self._vault.fields(self._scope)
        return fields.unseal(TABLE, "grant", self._account, row["grant"])

    async def save(self, data: bytes) -> None:
        """Keep a renewed grant; an account that had to be reconnected is ready again. NoSuchAccount, WrongState."""
        fields = await self._vault.fields(self._scope)
        box = fields.seal(TABLE, "grant", self._account, data)
        mine = [accounts.c.id == self._account, accounts.c.person == self._scope.subject]
        async with self._database.write() as tx:
            state = (await tx.execute(select(accounts.c.state).where(*mine).with_for_update())).scalar_one_or_none()
            self._check(state)
            new = "ready" if state == "reconnect" else state
            values: dict[str, Any] = {"grant": box, "version": accounts.c.version + 1, "state": new}
            await tx.execute(update(accounts).where(*mine).values(**values))

    async def dead(self, data: bytes) -> bool:
        """The provider refuses the grant ``data``: the person must connect again. False where a newer one is kept."""
        row = await self._row()
        fields = await self._vault.fields(self._scope)
        if fields.unseal(TABLE, "grant", self._account, row["grant"]) != data:
            return False
        same = (accounts.c.id == self._account) & (accounts.c.version == row["version"]) & (accounts.c.state == "ready")
        async with self._database.write() as tx:
            await tx.execute(update(accounts).where(same).values(state="reconnect"))
        return True

    async def _row(self) -> dict[str, Any]:
        mine = [accounts.c.id == self._account, accounts.c.person == self._scope.subject]
        mine.append(accounts.c.school == self._scope.tenant)
        query = select(accounts, contained(Kind.CONNECTION, accounts.c.id).label("contained")).where(*mine)
        async with self._database.read() as tx:
            row = (await tx.execute(query)).mappings().one_or_none()
        self._check(None if row is None else row["state"])
        assert row is not None
        if row["contained"]:
            raise Contained("this account is suspended")
        return dict(row)

    def _check(self, state: str | None) -> None:
        if state is None or state == "closed":
            raise NoSuchAccount("this account is not connected")
        if state not in self._states:
            raise WrongState("this account was not confirmed yet")
