"""A bucket per account below one per school and provider: fair, held where it is meant, gone with its drives."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import dataclass, replace

import pytest

from cache.vault import Scope
from gateway.pacing import Paces
from gateway.settings import Settings
from providers.errors import Busy


@dataclass(frozen=True)
class Rates:
    account_rate: float = 10_000
    account_burst: float = 10_000
    account_peak: float = 0
    school_rate: float = 200
    school_burst: float = 0
    school_peak: float = 0


LEO, MIA, OTHER = Scope("riverside", "leo"), Scope("riverside", "mia"), Scope("hillcrest", "ann")


async def test_a_busy_persons_queue_delays_anothers_first_request_by_about_one_step() -> None:
    paces = Paces(replace(Rates(), school_burst=1))
    leo, mia, order = paces.account(LEO), paces.account(MIA), list[str]()

    async def one(name: str) -> None:
        await (leo if name == "leo" else mia).wait()
        order.append(name)

    many = [asyncio.create_task(one("leo")) for _ in range(100)]
    while len(order) < 5:
        await asyncio.sleep(0)
    begun = len(order)
    await one("mia")
    assert order[begun:].index("mia") <= 2
    for task in many:
        task.cancel()
    await asyncio.gather(*many, return_exceptions=True)


async def test_two_accounts_of_one_person_count_as_one_and_schools_apart() -> None:
    paces = Paces(Rates(school_rate=0.01))
    first = paces.account(LEO)
    await first.wait()
    for scope in (LEO, MIA):
        with pytest.raises(Busy):
            await paces.account(scope).wait()
    await paces.account(OTHER).wait()


@pytest.mark.parametrize(("wide", "held"), [(False, [True, False, False]), (True, [True, True, False])])
async def test_a_pause_holds_whom_the_provider_meant(wide: bool, held: list[bool]) -> None:
    paces = Paces(Rates())
    accounts = [paces.account(scope) for scope in (LEO, MIA, OTHER)]
    accounts[0].hold(900, wide=wide)
    for account, is_held in zip(accounts, held, strict=True):
        if is_held:
            with pytest.raises(Busy) as busy:
                await account.wait()
            assert busy.value.retry_after == pytest.approx(900, abs=5)
        else:
            await account.wait()


async def test_a_schools_bucket_goes_with_its_last_account() -> None:
    paces = Paces(Rates())
    for number in range(500):
        paces.account(Scope(f"school {number}", "p"))
    kept = paces.account(LEO)
    gc.collect()
    assert paces.schools == 1
    del kept
    gc.collect()
    assert paces.schools == 0


def test_the_usual_rates_keep_to_what_is_published() -> None:
    google, microsoft = Settings().google, Settings().microsoft
    assert google.account_burst + 60 * google.account_rate <= 12_000
    assert google.school_burst + 60 * google.school_rate <= 12_000
    assert microsoft.account_rate * 300 <= microsoft.account_burst <= 3_000
