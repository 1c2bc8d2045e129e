"""Lists of drives that are large, doubled, circular or broken: an end in any case, never empty by an error."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from gateway.api.services import Services
from gateway.files.freshness import MOST_OF_ONE
from gateway.walks import Walk
from providers.drive import Entry, Page, Ref
from providers.errors import Busy, NotFound, Offline, Untrusted
from providers.verbs import View
from tests.gateway.api.live import Answer, Live, Person
from tests.gateway.api.standing import Odd, entry, standing_in

ROOT = "/v1/drives/native/items/root/children"
CHILDREN, PAGE = 100_000, 1000


class Wide(Odd):
    """A folder of 100,000 children, of which each page repeats the last of the page before."""

    async def children(self, ref: Ref, cursor: str | None = None) -> Page:
        start = int(cursor or 0)
        names = range(max(0, start - 1), min(start + PAGE, CHILDREN))
        more = str(start + PAGE) if start + PAGE < CHILDREN else None
        return Page([entry(f"file-{number:06}.txt") for number in names], more)


async def walk(who: Person, path: str, most: int = 1000) -> Answer:
    """Page after page, to the end or to what is not a page."""
    cursor = ""
    for _ in range(most):
        answer = await who.ask("GET", path + cursor)
        if answer.status != 200 or "next" not in answer.json:
            return answer
        assert answer.headers["Link"] == f'<{path}?cursor={answer.json["next"]}>; rel="next"'
        cursor = f"?cursor={answer.json['next']}"
    raise AssertionError("a list without an end")


def held() -> int:
    """Entries that are in memory now, anybody's."""
    return sum(type(one) is Entry for one in gc.get_objects())


async def test_a_hundred_thousand_children_in_pages_and_little_memory(live: Live, student: Person) -> None:
    """What is held meanwhile is a page or two and a bounded number of entries, not the folder."""
    seen: set[str] = set()
    cursor, most, before = "", 0, held()
    with standing_in(live, Wide()):
        for number in range(CHILDREN // PAGE):
            page = (await student.ask("GET", ROOT + cursor)).json
            seen.update(one["name"][5:11] for one in page["items"])
            cursor = f"?cursor={page.get('next')}"
            most = max(most, held() if number % 20 == 19 else 0)
    assert page.get("next") is None
    assert len(seen) == CHILDREN
    assert most - before <= MOST_OF_ONE + 3 * PAGE

    async def known(services: Services) -> int:
        return max(len(one) for one in services.freshness._drives.values())

    assert live.run(known) <= MOST_OF_ONE


async def test_an_item_that_comes_twice_in_a_page_is_listed_once(live: Live, student: Person) -> None:
    older, newer = entry("a", flags=frozenset({"altered"})), entry("a")
    with standing_in(live, Odd({None: Page([older, entry("b"), newer], None)})):
        found = await student.get(ROOT)
    assert [(one["name"], one["flags"]) for one in found["items"]] == [("a", []), ("b", [])]


@pytest.mark.parametrize("circle", [["A", "A"], ["A", "B", "A"], ["A", "B", "C", "D", "E", "F", "G", "D"]])
async def test_pages_that_lead_in_circles_end_as_a_problem(live: Live, student: Person, circle: list[str]) -> None:
    ways = dict(zip([None, *circle], circle, strict=False))
    odd = Odd({token: Page([entry(f"at-{token}")], after) for token, after in ways.items()})
    with standing_in(live, odd):
        answer = await walk(student, ROOT)
    assert (answer.status, answer.code) == (502, "untrusted")
    assert len(odd.asked) <= 3 * len(circle)


def test_a_walk_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where no page comes twice; the count is in the cursor, so it survives a restart."""
    monkeypatch.setattr("gateway.walks.MOST_PAGES", 50)
    at = Walk()
    for number in range(50):
        after = Walk.read(at.told()).after(f"page {number}")
        assert after is not None
        at = after
    with pytest.raises(Untrusted):
        Walk.read(at.told()).after("one more")
    assert Walk.read(at.told()).after(None) is None


@pytest.mark.parametrize(
    ("error", "status"), [(Offline(), 504), (Untrusted(), 502), (Busy(retry_after=3), 503), (NotFound(), 404)]
)
async def test_an_error_is_never_an_empty_folder(live: Live, student: Person, error: Exception, status: int) -> None:
    """Neither on the first page nor on a later one."""

    class Failing(Odd):
        async def children(self, ref: Ref, cursor: str | None = None) -> Page:
            if cursor not in self.pages:
                raise error
            return await super().children(ref, cursor)

    tries: list[dict[str | None, Page]] = [{}, {None: Page([entry("a")], "2")}]
    for pages in tries:
        with standing_in(live, Failing(pages)):
            answer = await walk(student, ROOT)
        assert answer.status == status
        assert "items" not in answer.json


async def test_a_provider_that_left_items_out_is_told(live: Live, student: Person) -> None:
    with standing_in(live, Odd({None: Page([], "2", complete=False), "2": Page([entry("b")], None)})):
        first = await student.get(ROOT)
        second = await student.get(f"{ROOT}?cursor={first['next']}")
    assert (first["complete"], second["complete"]) == (False, True)


class Searching(Odd):
    """Whatever is searched, there are two pages; and one view."""

    async def search(self, text: str, cursor: str | None = None) -> Page:
        self.asked.append(f"{text}|{cursor}")
        return Page([entry(text)], None if cursor else "2")

    async def view(self, view: View, cursor: str | None = None) -> Page:
        return Page([entry(view.value)], None if cursor else "2")


async def test_cursors_belong_to_their_list_words_and_person(live: Live, student: Person, teacher: Person) -> None:
    """Those of another list, of other words, of another person: 400, and the drive is not asked."""
    odd = Searching({None: Page([entry("a")], "2")})
    drive = "/v1/drives/native"
    with standing_in(live, odd):
        lists = [f"{drive}/search?q=red+leaf", f"{drive}/search?q=green", f"{drive}/views/recent", ROOT]
        cursors = {path: (await student.get(path))["next"] for path in lists}
        before = len(odd.asked)
        for path in lists:
            joint = "&" if "?" in path else "?"
            for other, cursor in cursors.items():
                answer = await student.ask("GET", f"{path}{joint}cursor={cursor}")
                if path == other and path != ROOT:
                    assert answer.status == 200
                elif path != other:
                    assert (answer.status, answer.code) == (400, "bad_cursor"), (path, other)
            assert (await teacher.ask("GET", f"{path}{joint}cursor={cursors[path]}")).status == 400
        assert [one for one in odd.asked[before:] if one != "2"] == ["red leaf|2", "green|2"]


async def test_words_that_nobody_types(live: Live, student: Person) -> None:
    """Too long, none, controls, half a character: refused before the drive is asked."""
    odd = Searching()
    with standing_in(live, odd):
        for words in ("", "%20", "%00", "a%00b", "a%1Bb", "a%C2%85b", "x" * 201, "%20%09"):
            answer: Any = await student.ask("GET", f"/v1/drives/native/search?q={words}")
            assert answer.status == 422, words
            assert "x" * 20 not in answer.body.decode()
        assert (await student.ask("GET", "/v1/drives/native/search")).status == 422
        assert (await student.ask("GET", "/v1/drives/native/views/recent?cursor=x&cursor=y")).status == 422
    assert odd.asked == []
