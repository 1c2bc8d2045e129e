"""Opening from the cache on a drive's last word: how few questions that takes, and how soon it ends."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace

import pytest

from cache.errors import Missing
from cache.vault import Vault
from gateway.files.following import Following
from gateway.files.freshness import SECONDS
from gateway.files.opening import Asked, Opener
from providers.drive import Entry, Kind, Ref
from providers.errors import Changed, NotFound, Refused, Untrusted
from providers.verbs import Change, Changes
from tests.gateway.files.conftest import LEO, MIA, Clock, Scripted, read_all
from tests.gateway.files.test_opening import stored

FILE = Ref("", "file")
KIB = 1024


@dataclass
class Feeding(Scripted):
    """A drive that counts what it is asked, and has a feed that says what the test puts into it."""

    asked: int = 0
    gone: bool = False
    denied: bool = False
    news: list[Changes] = field(default_factory=list)
    cursors: list[tuple[str | None, str]] = field(default_factory=list)

    async def stat(self, ref: Ref) -> Entry:
        self.asked += 1
        if self.gone:
            raise Refused if self.denied else NotFound
        return await super().stat(ref)

    async def changes(self, cursor: str | None = None, space: str = "") -> Changes:
        self.cursors.append((cursor, space))
        return self.news.pop(0) if self.news else Changes([], f"c{len(self.cursors)}")


async def opened_once(opener: Opener, source: Scripted) -> None:
    assert (await read_all(opener, LEO, source))[0] == "stored"
    await stored(opener)


async def test_a_cached_file_opens_without_a_question_for_ten_seconds(opener: Opener, clock: Clock) -> None:
    source = Feeding(os.urandom(300 * KIB))
    await opened_once(opener, source)
    clock.now += SECONDS - 0.001
    assert await read_all(opener, LEO, source) == ("hit", source.body)
    assert (source.asked, source.ranges) == (1, [(0, None)])
    clock.now += 0.001
    assert (await read_all(opener, LEO, source))[0] == "hit"
    assert source.asked == 2


async def test_what_is_not_cached_is_always_asked_for(opener: Opener, clock: Clock) -> None:
    source = Feeding(b"x" * KIB)
    opener._following.freshness.note(LEO, "drive", [await source.stat(FILE)], clock.now)
    source.version = "v2"
    assert (await read_all(opener, LEO, source))[0] == "stored"
    assert source.asked == 2


@pytest.mark.parametrize("how", ["trashed", "withdrawn", "denied", "forbidden"])
async def test_no_copy_is_opened_longer_than_that_after_its_end(opener: Opener, clock: Clock, how: str) -> None:
    source = Feeding(b"secret" * KIB)
    await opened_once(opener, source)
    source.gone, source.denied = how in ("withdrawn", "denied"), how == "denied"
    source.entry_flags = frozenset({"trashed"}) if how == "trashed" else frozenset()
    source.may = frozenset() if how == "forbidden" else source.may
    clock.now += SECONDS
    with pytest.raises(Exception, match=r"NotFound|Refused|DownloadForbidden"):
        await opener.open(LEO, "drive", source, Asked(FILE))
    copies = await opener._cached.list(LEO)
    assert len(copies) == (1 if how == "forbidden" else 0), "what is gone for the person has no copy left"


async def test_a_quiet_feed_keeps_a_copy_open(opener: Opener, following: Following, clock: Clock) -> None:
    source = Feeding(b"x" * KIB)
    _, place = await following.since(LEO, "drive", source, None, "")
    await opened_once(opener, source)
    for _ in range(5):
        clock.now += 8
        found, place = await following.since(LEO, "drive", source, place, "")
        assert found.items == []
    clock.now += 8
    assert (await read_all(opener, LEO, source))[0] == "hit"
    assert source.asked == 1, "forty-eight seconds later"


@pytest.mark.parametrize("how", ["gone", "changed", "on an earlier page"])
async def test_a_folder_of_a_feed_speaks_for_what_lies_in_it(
    opener: Opener, following: Following, clock: Clock, how: str
) -> None:
    """A folder that is trashed or no longer shared is one change: the files in it are not named."""
    source = Feeding(b"x" * KIB)
    _, place = await following.since(LEO, "drive", source, None, "")
    await opened_once(opener, source)
    above = replace(await Scripted.stat(source, FILE), ref=Ref("", "folder"), kind=Kind.FOLDER)
    told = Change(above.ref, None if how == "gone" else above)
    source.news = [Changes([told], "c", more=how == "on an earlier page"), Changes([], "d")]
    clock.now += 8
    _, place = await following.since(LEO, "drive", source, place, "")
    if how == "on an earlier page":
        await following.since(LEO, "drive", source, place, "")
    clock.now += 3
    source.gone = True
    with pytest.raises(NotFound):
        await opener.open(LEO, "drive", source, Asked(FILE))


async def test_nothing_of_a_disconnected_account_is_kept(opener: Opener, following: Following) -> None:
    source = Feeding(b"x" * KIB)
    await opened_once(opener, source)
    await read_all(opener, MIA, source)
    await stored(opener)
    assert await following.left(LEO, "another") == 0
    assert await following.left(LEO, "drive") == 1
    assert await opener._cached.list(LEO) == []
    assert (len(await opener._cached.list(MIA)), len(following.freshness)) == (1, 1)


async def test_a_feed_that_began_later_says_nothing_of_before(
    opener: Opener, following: Following, clock: Clock
) -> None:
    source = Feeding(b"x" * KIB)
    await opened_once(opener, source)
    clock.now += 1
    _, place = await following.since(LEO, "drive", source, None, "")
    clock.now += 8
    await following.since(LEO, "drive", source, place, "")
    clock.now += 2
    await read_all(opener, LEO, source)
    assert source.asked == 2


async def test_pages_of_a_feed_that_are_not_read_yet_say_nothing(
    opener: Opener, following: Following, clock: Clock
) -> None:
    source = Feeding(b"x" * KIB)
    _, place = await following.since(LEO, "drive", source, None, "")
    await opened_once(opener, source)
    other = Change(Ref("", "other"), None)
    source.news = [Changes([other], "page-2", more=True), Changes([Change(FILE, None)], "end")]
    clock.now += 8
    _, place = await following.since(LEO, "drive", source, place, "")
    clock.now += 3
    await following.since(LEO, "drive", source, place, "")
    assert await opener._cached.list(LEO) == []
    assert source.cursors[-1] == ("page-2", "")


@pytest.mark.parametrize("circle", [["A", "A"], ["A", "B", "A"], ["A", "B", "C", "D", "E", "F", "D"]])
async def test_a_feed_that_leads_in_circles_is_given_up_and_goes_on_when_it_does(
    opener: Opener, following: Following, circle: list[str]
) -> None:
    """Of pages that tell nothing and always say that more follows."""

    ways = dict(zip(["begin", *circle], circle, strict=False))

    class Circling(Feeding):
        async def changes(self, cursor: str | None = None, space: str = "") -> Changes:
            self.cursors.append((cursor, space))
            assert len(self.cursors) < 50, "for ever"
            return Changes([], ways[cursor], more=True) if cursor in ways else Changes([], "begin")

    source = Circling(b"x")
    places = [(await following.since(LEO, "drive", source, None, ""))[1]]

    async def to_the_end() -> None:
        while True:
            places.append((await following.since(LEO, "drive", source, places[-1], ""))[1])

    with pytest.raises(Untrusted) as untrusted:
        await to_the_end()
    assert untrusted.value.reason == "circle"
    assert len(source.cursors) <= 3 * len(circle)
    ways.clear()
    found, _ = await following.since(LEO, "drive", source, places[-1], "")
    assert found == Changes([], "begin")


async def test_a_place_of_an_earlier_version_still_leads_on(following: Following) -> None:
    source = Feeding(b"x")
    await following.since(LEO, "drive", source, json.dumps(["their cursor", "a process", 1.0]), "")
    assert source.cursors == [("their cursor", "")]


async def test_a_change_destroys_the_copies_of_that_item(
    opener: Opener, following: Following, vault: Vault, clock: Clock
) -> None:
    source = Feeding(b"x" * 300 * KIB)
    await opened_once(opener, source)
    assert (await read_all(opener, MIA, source))[0] == "stored"
    await stored(opener)
    (copy,) = await opener._cached.list(LEO)
    _, place = await following.since(LEO, "drive", source, None, "")
    source.news = [Changes([Change(FILE, None)], "next")]
    await following.since(LEO, "drive", source, place, "")
    assert await opener._cached.list(LEO) == []
    with pytest.raises(Missing):
        async with vault.open(LEO, copy.object) as pieces:
            assert [piece async for piece in pieces]
    assert len(await opener._cached.list(MIA)) == 1, "another person's copy is another matter"
    source.gone = True
    with pytest.raises(NotFound):
        await opener.open(LEO, "drive", source, Asked(FILE))


async def test_a_change_stops_the_fill_of_that_item(opener: Opener, following: Following) -> None:
    source = Feeding(b"x" * 1024 * KIB, gate=512 * KIB)
    opened = await opener.open(LEO, "drive", source, Asked(FILE))
    _, fill = await opener.prepare(opened, 0)
    assert fill is not None
    assert await following.seen(LEO, "another", [FILE]) == 0
    assert not fill.done.is_set()
    await following.seen(LEO, "drive", [FILE])
    assert fill.done.is_set()
    assert not fill.stored


async def test_a_feed_that_cannot_go_on_makes_everything_unknown(
    opener: Opener, following: Following, clock: Clock
) -> None:
    class TooOld(Feeding):
        async def changes(self, cursor: str | None = None, space: str = "") -> Changes:
            if cursor is not None:
                raise Changed(reason="resync")
            return Changes([], "c")

    source = TooOld(b"x" * KIB)
    _, place = await following.since(LEO, "drive", source, None, "")
    await opened_once(opener, source)
    with pytest.raises(Changed):
        await following.since(LEO, "drive", source, place, "")
    await read_all(opener, LEO, source)
    assert source.asked == 2


async def test_a_place_of_another_process_lets_nothing_count(
    opener: Opener, following: Following, clock: Clock
) -> None:
    source = Feeding(b"x" * KIB)
    twin = Following(opener._database, opener._cached, opener._fills, following.freshness)
    _, place = await twin.since(LEO, "drive", source, None, "")
    await opened_once(opener, source)
    clock.now += 8
    await following.since(LEO, "drive", source, place, "")
    clock.now += 2
    await read_all(opener, LEO, source)
    assert source.asked == 2


class Pointing(Feeding):
    """A drive with a shortcut to its file."""

    async def stat(self, ref: Ref) -> Entry:
        if ref.id == "shortcut":
            return replace(await Scripted.stat(self, ref), ref=ref, kind=Kind.SHORTCUT, target=FILE)
        return await super().stat(ref)


async def test_a_shortcut_opens_no_copy_of_what_is_gone(opener: Opener, clock: Clock) -> None:
    source = Pointing(b"x" * KIB)
    await opened_once(opener, source)
    shortcut = Asked(Ref("", "shortcut"))
    assert (await opener.open(LEO, "drive", source, shortcut)).cached is not None
    asked = source.asked
    assert (await opener.open(LEO, "drive", source, shortcut)).cached is not None
    assert source.asked == asked, "both are known by now"
    clock.now += SECONDS
    source.gone = True
    with pytest.raises(NotFound):
        await opener.open(LEO, "drive", source, shortcut)
    assert await opener._cached.list(LEO) == []
