"""Where cached copies take more room than they may, those go that were opened longest ago; nothing else ever does."""

from __future__ import annotations

import asyncio

import pytest

from cache.blobs.local import LocalBlobs
from cache.errors import Missing
from cache.model import Caps
from cache.vault import Life, Scope, Sealed, Vault
from tests.cache.conftest import MINUTE, House

SIZE = 1000
ELSEWHERE = Scope("another school", "person")


def capped(house: House, **caps: int) -> Vault:
    """The same vault, with caps."""
    return Vault(
        house.keyring, LocalBlobs(house.folder / "blobs"), house.database, house.folder / "capped", Caps(**caps)
    )


async def fill(house: House, count: int, scope: Scope | None = None) -> list[Sealed]:
    """So many cached copies, stored a minute apart."""
    made = []
    for _ in range(count):
        made.append(await house.keep(bytes(SIZE), Life.CACHE, await house.end(60), scope))
        house.database.ahead += MINUTE
    return made


async def there(house: House, items: list[Sealed], scope: Scope | None = None) -> list[bool]:
    """Which of them can still be read."""
    found = []
    for item in items:
        try:
            found.append(await house.get(item, scope=scope) == bytes(SIZE))
        except Missing:
            found.append(False)
    return found


@pytest.mark.both
async def test_what_was_opened_longest_ago_goes_first(house: House) -> None:
    items = await fill(house, 5)
    assert await house.get(items[0], 0, 10) == bytes(10)
    await house.vault._recent.write()
    vault = capped(house, total=3 * SIZE)
    assert await vault.sweep(100) > 0
    assert await there(house, items) == [True, False, False, True, True]
    assert len(house.blobs()) == 3, "their bytes went, too"
    assert await vault.sweep(100) == 0


@pytest.mark.both
async def test_each_school_has_its_own_cap(house: House) -> None:
    await house.enrol(ELSEWHERE)
    theirs, ours = await fill(house, 2, ELSEWHERE), await fill(house, 4)
    await capped(house, tenant=2 * SIZE).sweep(100)
    assert await there(house, ours) == [False, False, True, True]
    assert await there(house, theirs, ELSEWHERE) == [True, True], "theirs are older, and within their own cap"
    await capped(house, tenant=2 * SIZE, total=3 * SIZE).sweep(100)
    assert await there(house, theirs, ELSEWHERE) == [False, True]
    assert await there(house, ours[2:]) == [True, True]


@pytest.mark.both
async def test_several_sweepers_free_no_more_than_one(house: House) -> None:
    items = await fill(house, 12)
    sweepers = [capped(house, total=9 * SIZE) for _ in range(4)]
    await asyncio.gather(*(vault.sweep(100) for vault in sweepers))
    assert await there(house, items) == [False] * 3 + [True] * 9
    house.database.ahead += 61 * MINUTE
    await asyncio.gather(*(vault.sweep(100) for vault in sweepers))
    assert house.blobs() == []


async def test_only_cached_copies_are_counted_and_go(house: House) -> None:
    ends = await house.end(60)
    others = [await house.keep(bytes(SIZE), life, ends) for life in (Life.SPOOL, Life.PART)]
    others.append(await house.keep(bytes(SIZE)))
    items = await fill(house, 2)
    vault = capped(house, total=2 * SIZE)
    assert await vault.sweep(100) == 0
    await capped(house, total=1).sweep(100)
    assert await there(house, items) == [False, False]
    assert await there(house, others) == [True, True, True]


async def test_a_step_is_bounded_and_without_caps_nothing_goes(house: House) -> None:
    items = await fill(house, 4)
    assert await capped(house).sweep(100) == 0
    vault = capped(house, total=1)
    await vault.sweep(3)
    assert await there(house, items) == [False, False, False, True]
    await vault.sweep(3)
    assert await there(house, items) == [False] * 4


async def test_opens_are_noted_together_later_and_for_cached_copies_alone(house: House) -> None:
    items, kept = await fill(house, 2), await house.keep(b"kept")
    for item in (*items, kept):
        await house.get(item)
    recent = house.vault._recent
    assert recent._opened == {item.id for item in items}
    assert recent._task is not None
    recent._later = 0
    await recent.close()
    recent.note(items[0].id)
    await recent._task
    assert recent._opened == set()
