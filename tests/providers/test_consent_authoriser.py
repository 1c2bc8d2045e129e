"""One refresh at a time, kept before it is used, and no connection declared dead because another process was faster."""

from __future__ import annotations

import asyncio
import time

import pytest

from providers.consent.flow import Access, Authoriser
from providers.errors import Offline, Reconnect


class Keeper:
    """A grant in hand; ``broken`` makes saving fail that many times."""

    def __init__(self, data: bytes = b"grant-0", broken: int = 0) -> None:
        self.data, self.broken, self.buried = data, broken, False
        self.saves: list[bytes] = []

    async def load(self) -> bytes:
        return self.data

    async def save(self, data: bytes) -> None:
        if self.broken:
            self.broken -= 1
            raise OSError("the database is away")
        self.data = data
        self.saves.append(data)

    async def dead(self, data: bytes) -> bool:
        self.buried = data == self.data
        return self.buried


class Vendor:
    """Rotates strictly: every refresh ends the grant that was shown. Counts what it is asked."""

    def __init__(self, keeper: Keeper, seconds: float = 3600, rotates: bool = True) -> None:
        self.keeper, self.seconds, self.rotates = keeper, seconds, rotates
        self.alive = keeper.data
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.kept_at_use: list[bytes] = []

    async def renew(self, grant: bytes) -> Access:
        self.asked += 1
        number = self.asked
        if grant == self.alive and self.rotates:
            self.alive = b"grant-%d" % number
        elif grant != self.alive:
            raise Reconnect(reason="invalid_grant")
        answer = self.alive
        await self.gate.wait()
        return Access(f"token-{number}", time.time() + self.seconds, answer)


async def test_a_token_is_used_until_shortly_before_its_end() -> None:
    keeper = Keeper()
    vendor = Vendor(keeper)
    tokens = Authoriser(vendor, keeper)
    assert [await tokens.token() for _ in range(3)] == ["token-1"] * 3
    ending = Vendor(keeper, seconds=200)
    tokens = Authoriser(ending, keeper)
    assert [await tokens.token() for _ in range(2)] == ["token-1", "token-2"]


async def test_many_at_once_share_one_refresh_also_of_a_refused_token() -> None:
    keeper = Keeper()
    vendor = Vendor(keeper)
    tokens = Authoriser(vendor, keeper)
    vendor.gate.clear()
    askers = [asyncio.create_task(tokens.token(fresh=number % 2 == 1)) for number in range(20)]
    await asyncio.sleep(0)
    vendor.gate.set()
    assert set(await asyncio.gather(*askers)) == {"token-1"}
    assert vendor.asked == 1
    assert await tokens.token(fresh=True) == "token-2"


async def test_a_refresh_outlives_its_askers_so_that_the_new_grant_is_kept() -> None:
    keeper = Keeper()
    vendor = Vendor(keeper)
    tokens = Authoriser(vendor, keeper)
    vendor.gate.clear()
    asker = asyncio.create_task(tokens.token())
    while not vendor.asked:
        await asyncio.sleep(0)
    asker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asker
    vendor.gate.set()
    assert await tokens.token() == "token-1"
    assert keeper.saves == [b"grant-1"]


async def test_the_new_grant_is_kept_before_the_token_is_given_out() -> None:
    keeper = Keeper(broken=1)
    vendor = Vendor(keeper)
    tokens = Authoriser(vendor, keeper)
    with pytest.raises(OSError, match="away"):
        await tokens.token()
    assert keeper.data == b"grant-0"
    assert await tokens.token() == "token-1", "what was not kept is kept now, without a second refresh"
    assert keeper.saves == [b"grant-1"]
    assert vendor.asked == 1


async def test_a_grant_that_does_not_change_is_not_saved() -> None:
    keeper = Keeper()
    tokens = Authoriser(Vendor(keeper, rotates=False), keeper)
    assert await tokens.token() == "token-1"
    assert keeper.saves == []


async def test_two_processes_rotate_against_each_other_and_neither_is_dead() -> None:
    keeper = Keeper()
    vendor = Vendor(keeper)
    one, other = Authoriser(vendor, keeper), Authoriser(vendor, keeper)
    await one.token()
    loaded = keeper.load

    async def late() -> bytes:
        """The first read happens just before the other process rotates."""
        keeper.load = loaded  # type: ignore[method-assign]  # one read only
        await one.token(fresh=True)
        return b"grant-1"

    keeper.load = late  # type: ignore[method-assign]  # one read only
    assert await other.token()
    assert not keeper.buried
    assert keeper.data == vendor.alive


async def test_a_grant_that_is_refused_and_is_still_the_one_that_is_kept_is_dead() -> None:
    keeper = Keeper()
    vendor = Vendor(keeper)
    vendor.alive = b"another"
    tokens = Authoriser(vendor, keeper)
    with pytest.raises(Reconnect) as dead:
        await tokens.token()
    assert dead.value.reason == "invalid_grant"
    assert keeper.buried
    assert vendor.asked == 1


async def test_a_reconnected_account_wins_over_a_grant_that_could_not_be_kept() -> None:
    keeper = Keeper(broken=1)
    vendor = Vendor(keeper)
    tokens = Authoriser(vendor, keeper)
    with pytest.raises(OSError, match="away"):
        await tokens.token()
    keeper.data = vendor.alive = b"connected-again"
    assert await tokens.token() == "token-2"
    assert b"grant-1" not in keeper.saves


async def test_a_failure_is_everyones_and_does_not_stick() -> None:
    keeper = Keeper()

    class Down(Vendor):
        async def renew(self, grant: bytes) -> Access:
            if not self.asked:
                self.asked += 1
                await asyncio.sleep(0)
                raise Offline
            return await super().renew(grant)

    tokens = Authoriser(Down(keeper), keeper)
    results = await asyncio.gather(*(tokens.token() for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in results] == [Offline] * 3
    assert await tokens.token() == "token-2"
    assert not keeper.buried
