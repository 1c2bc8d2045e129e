"""A drive's word counts for ten seconds, no longer, for one person alone, and in bounded memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from cache.model import Scope
from gateway.files.freshness import LONGEST, SECONDS, Freshness
from providers.drive import Entry, Kind, Page, Ref
from tests.gateway.files.conftest import LEO, MIA, Clock

FILE = Ref("", "file")
ENTRY = Entry(FILE, None, "Cells", Kind.FILE, "text/plain", 3, "v1", datetime(2026, 11, 23, tzinfo=UTC))


def named(number: int) -> Entry:
    return replace(ENTRY, ref=Ref("", str(number)))


async def test_it_counts_from_before_the_drive_was_asked(clock: Clock) -> None:
    fresh = Freshness(clock)

    async def slow() -> Entry:
        clock.now += 4
        return ENTRY

    assert await fresh.entry(LEO, "drive", slow) == ENTRY
    clock.now += SECONDS - 4.001
    assert fresh.known(LEO, "drive", FILE) == ENTRY
    clock.now += 0.001
    assert fresh.known(LEO, "drive", FILE) is None


async def test_a_listing_makes_its_entries_known(clock: Clock) -> None:
    fresh = Freshness(clock)

    async def page() -> Page:
        return Page([ENTRY, named(1)], None)

    await fresh.page(LEO, "drive", page)
    assert fresh.known(LEO, "drive", Ref("", "1")) == named(1)


def test_it_is_one_persons_one_drives_and_one_very_ids(clock: Clock) -> None:
    fresh = Freshness(clock)
    fresh.note(LEO, "drive", [ENTRY], clock.now)
    assert fresh.known(MIA, "drive", FILE) is None
    assert fresh.known(Scope("another", "leo"), "drive", FILE) is None
    assert fresh.known(LEO, "other", FILE) is None
    assert fresh.known(LEO, "drive", Ref("space", "file")) is None
    assert fresh.known(LEO, "drive", Ref("", "file", "a-key")) is None


def test_memory_is_bounded(clock: Clock) -> None:
    fresh = Freshness(clock, most=50, most_of_one=20)
    for drive in range(10):
        for number in range(100):
            fresh.note(LEO, f"d{drive}", [named(number)], clock.now)
    assert len(fresh) <= 50
    assert len(fresh) == sum(len(known) for known in fresh._drives.values())
    assert fresh.known(LEO, "d9", Ref("", "99")) is not None
    assert fresh.known(LEO, "d9", Ref("", "1")) is None
    assert fresh.known(LEO, "d0", Ref("", "99")) is None


async def test_what_is_forgotten_is_gone(clock: Clock) -> None:
    fresh = Freshness(clock)
    for scope in (LEO, MIA):
        for drive in ("a", "b"):
            fresh.note(scope, drive, [ENTRY], clock.now)
    fresh.forget("leo", "a")
    assert fresh.known(LEO, "a", FILE) is None
    assert fresh.known(LEO, "b", FILE) == ENTRY
    fresh.forget("leo")
    assert (fresh.known(LEO, "b", FILE), len(fresh)) == (None, 2)
    assert fresh.known(MIA, "a", FILE) == ENTRY
    fresh.changed(MIA, "a", [FILE, Ref("", "unknown")])
    assert fresh.known(MIA, "a", FILE) is None
    clock.now += SECONDS
    assert await fresh.sweep() == 1
    assert (len(fresh), len(fresh._drives)) == (0, 0)


def test_a_feed_lets_count_what_it_covers_and_nothing_else(clock: Clock) -> None:
    fresh = Freshness(clock)
    before, later = named(1), named(2)
    elsewhere = replace(ENTRY, ref=Ref("library", "3"))
    fresh.note(LEO, "drive", [before], clock.now - 1)
    fresh.note(LEO, "drive", [later, elsewhere], clock.now)
    begun, clock.now = clock.now, clock.now + 8
    fresh.unchanged(LEO, "drive", "", begun, clock.now)
    clock.now += 8
    assert fresh.known(LEO, "drive", later.ref) == later
    assert fresh.known(LEO, "drive", before.ref) is None, "it was asked for before the feed began"
    assert fresh.known(LEO, "drive", elsewhere.ref) is None, "the feed is another tree's"


def test_feeds_alone_keep_nothing_known_for_longer_than_a_minute(clock: Clock) -> None:
    """Whose access to one file of a library was withdrawn: no feed says so."""
    fresh, begun = Freshness(clock), clock.now
    fresh.note(LEO, "drive", [ENTRY], begun)
    while fresh.known(LEO, "drive", FILE) is not None:
        clock.now, before = clock.now + 4, clock.now
        fresh.unchanged(LEO, "drive", "", before, clock.now)
        assert clock.now - begun <= LONGEST
    assert clock.now - begun > LONGEST - 2 * SECONDS
