"""A shared rate goes round among people, background work lets others go first, and nobody who left holds it up."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from providers.errors import Busy
from providers.http import Bucket, Pace, work_in_background
from providers.http.bucket import RECOVERY
from providers.http.gate import Gate


class Clock:
    """Time that passes only while the bucket sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.steps = 0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.steps += 1
        for _ in range(3):  # whoever was served writes it down before the next one is
            await asyncio.sleep(0)


class Crowd:
    """People who wait for a bucket, in the order in which they are served."""

    def __init__(self, rate: float = 10, patience: float = 1e6) -> None:
        self.clock = Clock()
        self.bucket = Bucket(rate, 0, patience=patience, clock=self.clock, sleep=self.clock.sleep)
        self.served: list[str] = []

    async def one(self, member: str, background: bool = False) -> None:
        if background:
            work_in_background()
        await self.bucket.wait(member)
        self.served.append(member)

    def come(self, member: str, count: int, background: bool = False) -> list[asyncio.Task[None]]:
        return [asyncio.create_task(self.one(member, background)) for _ in range(count)]


async def settled() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_a_thousand_of_one_delay_anothers_first_by_one_step() -> None:
    crowd = Crowd()
    many = crowd.come("busy", 1000)
    await settled()
    before = len(crowd.served)
    other = crowd.come("quiet", 1)
    await asyncio.gather(*other)
    assert crowd.served[before:].index("quiet") <= 1
    await asyncio.gather(*many)
    assert crowd.clock.now == pytest.approx(1000 / 10, abs=0.11)


async def test_it_goes_round_among_all_who_wait() -> None:
    crowd = Crowd()
    await crowd.one("first")  # the burst is used: everybody after this waits
    tasks = crowd.come("a", 6) + crowd.come("b", 3) + crowd.come("c", 2)
    await asyncio.gather(*tasks)
    assert "".join(crowd.served[1:]) == "abcabcabaaa"


async def test_background_work_waits_for_people_but_not_for_ever() -> None:
    crowd = Crowd()
    await crowd.one("first")
    tasks = crowd.come("job", 5, background=True) + crowd.come("person", 7)
    await asyncio.gather(*tasks)
    order = crowd.served[1:]
    assert order[:4].count("person") >= 3
    assert "job" in order[:5]
    assert len(order) == 12


async def test_who_left_takes_no_turn() -> None:
    crowd = Crowd()
    await crowd.one("first")
    gone, stays = crowd.come("gone", 50), crowd.come("stays", 2)
    await asyncio.sleep(0)
    for task in gone:
        task.cancel()
    await asyncio.gather(*gone, return_exceptions=True)
    await asyncio.gather(*stays)
    assert crowd.served.count("stays") == 2
    assert "gone" not in crowd.served
    assert crowd.clock.now <= 0.5


async def test_when_all_left_the_next_one_is_served() -> None:
    crowd = Crowd()
    await crowd.one("first")
    only = crowd.come("only", 1)[0]
    await asyncio.sleep(0)
    only.cancel()
    late = crowd.come("late", 1)[0]
    async with asyncio.timeout(5):
        await late
    assert crowd.served == ["first", "late"]


async def test_too_far_away_is_told_with_the_time_to_come_back() -> None:
    crowd = Crowd(rate=1, patience=3)
    await crowd.one("a")
    tasks = crowd.come("a", 10)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    refused = [one for one in results if isinstance(one, Busy)]
    assert 6 <= len(refused) <= 8
    assert all(one.reason == "rate" and one.retry_after is not None and one.retry_after > 3 for one in refused)


async def test_a_long_hold_sends_away_who_waits_already() -> None:
    crowd = Crowd()
    crowd.bucket = Bucket(0.5, 0, patience=8, clock=crowd.clock, sleep=_never)
    await crowd.one("a")
    waiting = crowd.come("a", 2) + crowd.come("b", 1)
    await settled()
    crowd.bucket.hold(300)
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [(type(one), getattr(one, "retry_after", None)) for one in results] == [(Busy, 300)] * 3


async def _never(_: float) -> None:
    await asyncio.Event().wait()


async def test_a_call_of_a_person_finds_room_beside_background_work() -> None:
    gate = Gate(8, queue=0.05)
    opened, ends = [], asyncio.Event()

    async def work() -> None:
        work_in_background()
        async with gate.place():
            opened.append(1)
            await ends.wait()

    jobs = [asyncio.create_task(work()) for _ in range(6)]
    await settled()
    assert len(opened) == 6
    late = asyncio.create_task(work())
    with pytest.raises(Busy):
        await late
    async with gate.place(), gate.place():
        with pytest.raises(Busy):
            async with gate.place():
                raise AssertionError("there is no ninth place")
    ends.set()
    await asyncio.gather(*jobs)
    async with gate.place():
        pass


async def test_a_place_given_to_who_left_in_the_same_moment_is_not_lost() -> None:
    gate = Gate(1, queue=60)
    async with gate.place():
        waiter = asyncio.create_task(_hold(gate))
        await settled()
    waiter.cancel()  # the place was just given to it
    await asyncio.gather(waiter, return_exceptions=True)
    async with asyncio.timeout(5), gate.place():
        pass


async def _hold(gate: Gate) -> None:
    async with gate.place():
        await asyncio.Event().wait()


async def test_a_person_goes_before_background_work_in_an_accounts_own_lane() -> None:
    pace, order = Pace(calls=1), list[str]()

    async def call(name: str, background: bool) -> None:
        if background:
            work_in_background()
        async with pace.turn():
            order.append(name)

    async with pace.turn():
        tasks = [asyncio.create_task(call(f"job {n}", True)) for n in range(3)]
        await settled()
        tasks.append(asyncio.create_task(call("person", False)))
        await settled()
    await asyncio.gather(*tasks)
    assert order == ["person", "job 0", "job 1", "job 2"]


async def spent(bucket: Bucket, clock: Clock, requests: int) -> float:
    """Seconds that so many requests take, one after the other."""
    begun = clock.now
    for _ in range(requests):
        await bucket.wait()
    return clock.now - begun


async def test_as_fast_as_the_provider_likes_and_half_as_fast_after_each_pause() -> None:
    clock = Clock()
    bucket = Bucket(10, 0, peak=400, clock=clock, sleep=clock.sleep)
    assert await spent(bucket, clock, 400) == pytest.approx(1, abs=0.01)
    rates = []
    for _ in range(8):
        clock.now += 1
        bucket.hold(0)
        rates.append(round(bucket.rate))
    assert rates[0] in range(199, 202)
    assert all(after < before for before, after in pairwise(rates[:6]))
    assert bucket.rate == pytest.approx(10, abs=1), "the published rate, and never below"
    assert bucket.rate >= 10


async def test_many_refusals_of_one_moment_are_one_pause() -> None:
    clock = Clock()
    bucket = Bucket(1, 0, peak=64, clock=clock, sleep=clock.sleep)
    for _ in range(5):
        bucket.hold(30)
        clock.now += 0.2
    clock.now += 20  # a straggler's refusal, while the pause lasts
    bucket.hold(30)
    assert bucket.rate == 32


async def test_what_a_provider_likes_again_rises_slowly_and_not_while_it_pauses() -> None:
    clock = Clock()
    bucket = Bucket(10, 0, peak=100, clock=clock, sleep=clock.sleep)
    bucket.hold(500)
    clock.now += 500
    await bucket.wait()
    assert bucket.rate == 50, "no word of a provider that was not asked"
    clock.now += RECOVERY / 9
    await bucket.wait()
    assert bucket.rate == pytest.approx(60)
    clock.now += RECOVERY
    await bucket.wait()
    assert bucket.rate == 100


async def test_a_pause_leaves_nothing_of_the_burst() -> None:
    clock = Clock()
    bucket = Bucket(10, 1000, peak=100, clock=clock, sleep=clock.sleep)
    assert await spent(bucket, clock, 500) == 0
    bucket.hold(0)
    assert await spent(bucket, clock, 50) == pytest.approx(1, abs=0.05)


async def test_without_a_peak_the_rate_stays() -> None:
    clock = Clock()
    bucket = Bucket(10, 0, clock=clock, sleep=clock.sleep)
    bucket.hold(0)
    assert bucket.rate == 10
