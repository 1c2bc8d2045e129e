"""How long a school keeps what: bounds, defaults, the ceiling of cached copies, and how processes learn of a change."""

from __future__ import annotations

import pytest

from cache.vault import Scope, Vault
from gateway.db.engine import Database
from gateway.ledger import Ledger
from gateway.schools import BOUNDS, DAY, OutOfBounds, Retention, Retentions, SchoolChoices, Usual


@pytest.mark.both
async def test_what_a_school_chose_holds_there_alone_and_null_goes_back(choices: SchoolChoices) -> None:
    changed = await choices.change("s1", "ann", 0, {}, None, {"trash_days": 7, "versions": 0})
    assert (changed.retention.trash_days, changed.retention.versions, changed.retention.history_days) == (7, 0, 30)
    assert changed.chosen == {"trash_days": 7, "versions": 0}
    assert (await choices.get("s2")).retention == Retention()
    back = await choices.change("s1", "ann", 1, {}, None, {"trash_days": None})
    assert (back.retention.trash_days, back.chosen) == (30, {"versions": 0})


@pytest.mark.parametrize("name", list(BOUNDS))
async def test_no_number_beyond_its_bounds_is_taken(choices: SchoolChoices, name: str) -> None:
    least, most = BOUNDS[name]
    for value in (least - 1, most + 1):
        with pytest.raises(OutOfBounds) as refused:
            await choices.change("s1", "ann", 0, {}, None, {name: value})
        assert (refused.value.name, refused.value.least, refused.value.most) == (name, least, most)
    assert (await choices.get("s1")).version == 0
    for version, value in enumerate((least, most)):
        changed = await choices.change("s1", "ann", version, {}, None, {name: value})
        assert getattr(changed.retention, name) == value


async def test_cached_copies_have_the_deployments_ceiling(vault: Vault, database: Database, ledger: Ledger) -> None:
    high = SchoolChoices(vault, database, ledger, Usual(Retention(), 86_400))
    await high.change("s1", "ann", 0, {}, None, {"cache_seconds": 80_000})
    low = SchoolChoices(vault, database, ledger, Usual(Retention(cache_seconds=600), 900))
    assert (await low.get("s1")).retention.cache_seconds == 900, "a ceiling that came down holds at once"
    assert (await low.get("s2")).retention.cache_seconds == 600
    with pytest.raises(OutOfBounds) as refused:
        await low.change("s1", "ann", 1, {}, None, {"cache_seconds": 901})
    assert refused.value.most == 900


async def test_what_was_changed_stands_in_the_ledger(choices: SchoolChoices, ledger: Ledger) -> None:
    await choices.change("s1", "ann", 0, {}, None, {"inactive_days": 365})
    (entry,) = await ledger.read("s1")
    assert entry.details == {"exports": {}, "retention": {"inactive_days": 365}}


class Clock:
    """Seconds that the test sets."""

    at = 0.0

    def __call__(self) -> float:
        return self.at


@pytest.mark.both
async def test_a_change_is_known_everywhere_after_some_seconds(choices: SchoolChoices, database: Database) -> None:
    clock = Clock()
    here = Retentions(choices, remembered=5, clock=clock)
    assert await here.of("s1") == Retention()
    await choices.change("s1", "ann", 0, {}, None, {"cache_seconds": 60, "trash_days": 3})
    clock.at = 4
    assert await here.cache_life("s1") == 3_600_000
    clock.at = 5
    assert await here.cache_life("s1") == 60_000
    assert await here.lives("trash_days") == {"s1": 3 * DAY}
    assert await here.differing("inactive_days") == {}
    now = await database.now()
    assert await here.lowered(now) == {"s1": 60_000}
    assert await here.lowered(now + 86_401_000) == {}


@pytest.mark.both
async def test_a_school_that_has_left_holds_nobody_up(choices: SchoolChoices, vault: Vault, database: Database) -> None:
    await choices.change("s1", "ann", 0, {}, None, {"trash_days": 3})
    await choices.change("s2", "ann", 0, {}, None, {"trash_days": 4})
    async with database.write() as tx:
        await vault.shred(tx, Scope("s1", None))
    assert await Retentions(choices, remembered=0).differing("trash_days") == {"s2": 4}
