"""Rotating grants in a database that two processes share: nobody is declared dead because another one was quicker."""

from __future__ import annotations

import asyncio
import time

import pytest
from sqlalchemy import select

from cache.model import Scope
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.db.tables_people import accounts as table
from gateway.identity import Accounts
from gateway.identity.grants import AccountGrant
from gateway.policy import Principal
from providers.consent.flow import Access, Authoriser
from providers.errors import Reconnect
from tests.gateway.identity.test_accounts import Consents, accounts, connected, google, me

__all__ = ["accounts", "google", "me"]
pytestmark = pytest.mark.both


class Vendor:
    """Rotates strictly: a grant is good for one refresh."""

    def __init__(self, alive: bytes) -> None:
        self.alive, self.asked = alive, 0

    async def renew(self, grant: bytes) -> Access:
        self.asked += 1
        await asyncio.sleep(0)
        if grant != self.alive:
            raise Reconnect(reason="invalid_grant")
        self.alive = b"grant-%d" % self.asked
        return Access(f"token-{self.asked}", time.time() + 3600, self.alive)


class Slow(AccountGrant):
    """A process that has the new grant and does not get to keep it before it may."""

    may: asyncio.Event
    has: asyncio.Event

    async def save(self, data: bytes) -> None:
        self.has.set()
        await self.may.wait()
        await super().save(data)


async def state_of(database: Database, account: str) -> str:
    async with database.read() as tx:
        return str((await tx.execute(select(table.c.state).where(table.c.id == account))).scalar_one())


async def usable(accounts: Accounts, google: Consents, me: Principal) -> tuple[Scope, str]:
    account = await connected(accounts, google, me)
    await accounts.confirm(me, account)
    return Scope(me.school, me.person), account


async def test_twenty_at_once_are_one_refresh_kept_first(
    accounts: Accounts, google: Consents, me: Principal, database: Database
) -> None:
    scope, account = await usable(accounts, google, me)
    vendor = Vendor(google.grant.data)
    tokens = Authoriser(vendor, accounts.keeper(scope, account))
    assert set(await asyncio.gather(*(tokens.token() for _ in range(20)))) == {"token-1"}
    assert vendor.asked == 1
    assert await accounts.keeper(scope, account).load() == vendor.alive


async def test_a_refused_process_finds_the_grant_that_the_quicker_one_is_about_to_keep(
    accounts: Accounts, google: Consents, me: Principal, database: Database, vault: Vault
) -> None:
    scope, account = await usable(accounts, google, me)
    vendor = Vendor(google.grant.data)
    quick = Slow(vault, database, scope, account)
    quick.may, quick.has = asyncio.Event(), asyncio.Event()

    async def later(_: float) -> None:
        """While the refused one waits, the other one's commit goes through."""
        quick.may.set()
        await first

    first = asyncio.create_task(Authoriser(vendor, quick).token())
    await quick.has.wait()  # it holds the new grant, and the database still the old one
    elsewhere = accounts.keeper(scope, account)
    assert await Authoriser(vendor, elsewhere, sleep=later).token() == "token-3"
    assert await first == "token-1"
    assert vendor.asked == 3, "one rotation, one refusal, one rotation of what was kept"
    assert await elsewhere.load() == vendor.alive
    assert await state_of(database, account) == "ready"


async def test_two_processes_that_rotate_all_the_time_both_go_on(
    accounts: Accounts, google: Consents, me: Principal, database: Database
) -> None:
    scope, account = await usable(accounts, google, me)
    vendor = Vendor(google.grant.data)
    both = [Authoriser(vendor, accounts.keeper(scope, account)) for _ in range(2)]
    for _ in range(5):
        told = await asyncio.gather(*(tokens.token(fresh=True) for tokens in both))
        assert len(set(told)) == 2
    assert await state_of(database, account) == "ready"


async def test_a_grant_that_is_really_dead_is_told_once_and_for_all(
    accounts: Accounts, google: Consents, me: Principal, database: Database
) -> None:
    scope, account = await usable(accounts, google, me)
    waited: list[float] = []

    async def at_once(seconds: float) -> None:
        waited.append(seconds)

    with pytest.raises(Reconnect):
        await Authoriser(Vendor(b"another"), accounts.keeper(scope, account), sleep=at_once).token()
    assert waited
    assert await state_of(database, account) == "reconnect"
