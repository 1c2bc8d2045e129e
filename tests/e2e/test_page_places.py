"""The places of a drive on the page: what is shared, other spaces, search, the trash; and that the list stays true."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, Route, expect

from providers.drive import Ref
from tests.e2e.audit import complaints
from tests.e2e.browsing import (
    browsing,
    choose,
    get,
    names,
    pane,
    picture,
    place,
    put,
    ready,
    row,
    settled,
    show,
    start,
)
from tests.e2e.running import Running

pytestmark = [pytest.mark.browser, pytest.mark.slow]


async def places(page: Page, side: str) -> list[str]:
    """The places that are offered on this side."""
    box = pane(page, side).locator(".places")
    await expect(box.locator("li").first).to_be_visible()
    found: list[str] = await box.locator("li").all_inner_texts()
    return found


async def said(page: Page, text: str) -> None:
    """Screen readers were told."""
    await expect(page.locator("#polite")).to_contain_text(text)


async def test_a_teacher_finds_shared_things_other_spaces_and_words(gateway: Running) -> None:
    async with browsing() as context:
        page = await start(context, gateway, "amira.haddad", "google", "microsoft", school="Riverside School")
        await show(page, "first", "Google Drive")
        await show(page, "second", "OneDrive")
        await expect(pane(page, "second").locator(".places")).to_contain_text("Staff room")
        assert await places(page, "second") == ["My files", "Class 7b", "Staff room", "Shared with me"]
        offered = ["My files", "Riverside Staff Room", "Shared with me", "Starred", "Recent", "Trash"]
        await expect(pane(page, "first").locator(".places")).to_contain_text("Staff Room")
        assert await places(page, "first") == offered
        await what_is_shared(page)
        await another_space(page)
        await words_are_found(page)
        await pictures_are_shown(page)


async def what_is_shared(page: Page) -> None:
    """Every trouble is told in words, and a shortcut leads where it points."""
    await place(page, "first", "Shared with me")
    await expect(pane(page, "first").locator('[data-act="upload"]')).to_be_hidden()
    await row(page, "first", "Odd things").locator(".entry").click()
    await expect(row(page, "first", "Only for looking at.txt").locator(".notes")).to_contain_text("No download")
    await expect(row(page, "first", "Target deleted").locator(".notes")).to_have_text(", Shortcut")
    await expect(row(page, "second", "Class notebook").locator(".notes")).to_contain_text("Opens only in its own app")
    await picture(page, "page-notes")
    assert await complaints(page) == []
    await row(page, "first", "Target deleted").locator(".entry").click()
    await expect(page.locator(".toast")).to_contain_text("Target deleted points to something that is no longer there")
    await page.locator(".toast button").click()
    await row(page, "first", "Only for looking at.txt").locator(".entry").click()
    await expect(page.locator(".toast")).to_contain_text("The owner does not allow")
    await page.locator(".toast button").click()
    await row(page, "first", "Circle one").locator(".entry").click()
    await row(page, "first", "To circle two").locator(".entry").click()
    crumbs = pane(page, "first").locator(".crumbs li")
    await expect(crumbs).to_have_text(["Shared with me", "Odd things", "Circle one", "Circle two"])
    await page.reload()
    await ready(page)
    await settled(page, "first")
    await expect(crumbs.last).to_have_text("Circle two")
    await expect(crumbs.first).to_have_text("Shared with me")


async def another_space(page: Page) -> None:
    """A shared drive is a place of its own, for Back and a reload, too."""
    await place(page, "first", "Riverside Staff Room")
    assert await names(page, "first") == ["Timetable.csv"]
    await page.reload()
    await ready(page)
    await expect(row(page, "first", "Timetable.csv")).to_be_visible()
    await expect(pane(page, "first").locator(".places [aria-current]")).to_have_text("Riverside Staff Room")
    await page.go_back()
    await expect(pane(page, "first").locator(".crumbs")).to_contain_text("Circle two")
    await place(page, "first", "My files")


async def words_are_found(page: Page) -> None:
    """Without Enter, with the count told; cleared with one key; never silently incomplete."""
    field = pane(page, "first").get_by_role("textbox", name="Search this drive")
    before = await names(page, "first")
    await field.press_sequentially("yearbook")
    await said(page, "1 item found")
    assert await names(page, "first") == ["Yearbook (very long)"]
    await expect(field).to_be_focused()
    assert "yearbook" not in page.url.lower()
    await field.fill("no such words")
    await field.press("Enter")
    await expect(pane(page, "first").locator(".empty")).to_contain_text("Nothing was found.")
    await page.route("**/search?*", _incomplete)
    await field.fill("plan")
    await field.press("Enter")
    await expect(pane(page, "first").locator(".notice")).to_contain_text("could not search everywhere")
    await picture(page, "page-search")
    assert await complaints(page) == []
    await page.unroute("**/search?*")
    await pane(page, "first").get_by_role("button", name="Clear the search").click()
    await expect(field).to_be_focused()
    await settled(page, "first")
    await expect(pane(page, "first").locator("tbody tr")).to_have_count(len(before))
    assert await names(page, "first") == before


async def _incomplete(route: Route) -> None:
    answer = await route.fetch()
    await route.fulfill(response=answer, json={**await answer.json(), "complete": False})


async def pictures_are_shown(page: Page) -> None:
    """Where the drive has one, and only as decoration."""
    await row(page, "second", "Year 7 Science").locator(".entry").click()
    shown = row(page, "second", "Leaf.png").locator("img")
    await expect(row(page, "second", "Leaf.png").locator(".pictured")).to_be_visible()
    assert await shown.get_attribute("alt") == ""
    assert await shown.evaluate("image => image.naturalWidth") > 0
    await expect(row(page, "second", "Photosynthesis.txt").locator("img")).to_have_count(0)


async def test_drives_have_a_trash_and_explain_what_is_special(gateway: Running) -> None:
    async with browsing() as context:
        page = await start(context, gateway, "jonas.weber", "google", school="Hillcrest Academy")
        await expect(page.get_by_role("link", name="School", exact=True)).to_have_count(0)
        await the_trash_gives_back_and_ends(page)
        await full_drives_and_chosen_files(page, gateway)


async def the_trash_gives_back_and_ends(page: Page) -> None:
    """Restored and deleted for good, by mouse and by keys."""
    await show(page, "second", "School drive")
    await put(page, "second", "Draft.txt", "a draft")
    await choose(page, "second", "Draft.txt", "Delete")
    await page.locator('#dialog-sure [data-part="ok"]').click()
    await expect(row(page, "second", "Draft.txt")).to_have_count(0)
    await place(page, "second", "Trash")
    await expect(row(page, "second", "Draft.txt").locator(".notes")).to_contain_text("Gone for good on")
    await picture(page, "page-trash")
    assert await complaints(page) == []
    await row(page, "second", "Draft.txt").locator("input").check()
    await expect(pane(page, "second").locator('[data-act="copy"]')).to_be_hidden()
    await pane(page, "second").get_by_role("button", name="Restore").click()
    await said(page, "1 item is back where it was.")
    await expect(pane(page, "second").locator(".empty")).to_contain_text("The trash is empty.")
    await expect(pane(page, "second").locator('[data-act="refresh"]')).to_be_focused()
    await place(page, "second", "My files")
    await row(page, "second", "Draft.txt").locator(".entry").focus()
    await page.keyboard.press("Delete")
    await page.locator('#dialog-sure [data-part="ok"]').click()
    await expect(row(page, "second", "Draft.txt")).to_have_count(0)
    await place(page, "second", "Trash")
    await choose(page, "second", "Draft.txt", "Delete for good")
    question = page.locator("#dialog-sure")
    await expect(question).to_contain_text("Nobody can bring it back")
    await expect(question.locator('[data-part="no"]')).to_be_focused()
    await question.locator('[data-part="ok"]').click()
    await said(page, "1 item was deleted for good.")
    assert (await get(page, "/v1/drives/native/trash"))["items"] == []


async def full_drives_and_chosen_files(page: Page, gateway: Running) -> None:
    """Told in words, with the way on."""
    await show(page, "first", "Google Drive")
    quota = pane(page, "first").locator(".quota")
    await expect(quota).to_contain_text("used")
    await page.route("**/quota", lambda route: route.fulfill(json={"used": 950_000_000, "limit": 1_000_000_000}))
    await page.route("**/v1/drives", _picked)
    asked: list[str] = []
    await page.route("**/pick", lambda route: _to(route, asked, gateway.gateway))
    await page.reload()
    await ready(page)
    await expect(quota).to_have_text("Nearly full: 50 MB of 1 GB left")
    await expect(pane(page, "first").locator(".reach")).to_contain_text("Only the files that you choose")
    await picture(page, "page-picked")
    assert await complaints(page) == []
    async with page.expect_navigation():
        await pane(page, "first").get_by_role("button", name="Choose files…").click()
    assert asked == ["POST"]


async def _picked(route: Route) -> None:
    answer = await route.fetch()
    drives: list[dict[str, Any]] = (await answer.json())["items"]
    told = [{**one, "reach": "picked" if one["kind"] == "google" else "all"} for one in drives]
    await route.fulfill(response=answer, json={"items": told})


async def _to(route: Route, asked: list[str], target: str) -> None:
    asked.append(route.request.method)
    await route.fulfill(status=201, json={"authorize_url": f"{target}/?picked"})


async def test_lists_stay_true_and_grow_as_far_as_they_are_wanted(gateway: Running) -> None:
    async with browsing() as context:
        page = await start(context, gateway, "jonas.weber", "google", school="Hillcrest Academy")
        await what_others_change_appears(context, page, gateway)
        await a_hundred_thousand_children(context, page, gateway)


async def what_others_change_appears(context: BrowserContext, page: Page, gateway: Running) -> None:
    """Without taking the focus or the selection from who works."""
    await page.clock.install()
    await show(page, "first", "School drive")
    for number in range(3):
        await put(page, "first", f"Kept {number}.txt", "same")
    async with page.expect_response("**/changes?*"):
        await page.clock.fast_forward(11_000)
    await row(page, "first", "Kept 1.txt").locator("input").check()
    await row(page, "first", "Kept 2.txt").locator(".entry").focus()
    other = await context.new_page()
    await other.goto(gateway.gateway)
    await ready(other)
    await show(other, "first", "School drive")
    await settled(other, "first")
    await put(other, "first", "A new one.txt", "new")
    await choose(other, "first", "Kept 0.txt", "Rename")
    await other.locator("#name-input").fill("B renamed.txt")
    await other.keyboard.press("Enter")
    await expect(row(other, "first", "B renamed.txt")).to_be_visible()
    await other.close()
    await page.clock.fast_forward(11_000)
    await expect(row(page, "first", "A new one.txt")).to_be_visible()
    await expect(row(page, "first", "B renamed.txt")).to_be_visible()
    await expect(row(page, "first", "Kept 0.txt")).to_have_count(0)
    await expect(row(page, "first", "Kept 1.txt").locator("input")).to_be_checked()
    await expect(row(page, "first", "Kept 2.txt").locator(".entry")).to_be_focused()


async def a_hundred_thousand_children(context: BrowserContext, page: Page, gateway: Running) -> None:
    """They come a thousand at a time."""
    await show(page, "first", "Google Drive")
    await pane(page, "first").locator('[data-act="folder"]').click()
    await page.locator("#name-input").fill("Very many")
    await page.keyboard.press("Enter")
    await expect(row(page, "first", "Very many")).to_be_visible()
    item = await row(page, "first", "Very many").get_attribute("data-id")
    assert item is not None
    grow = {"grow": {vendor_id(item): 100_000}}
    assert (await context.request.post(f"{gateway.google}/_sandbox/google", data=grow)).ok
    await row(page, "first", "Very many").locator(".entry").click()
    notice = pane(page, "first").locator(".notice")
    await expect(notice).to_contain_text("first 1,000 items")
    assert await pane(page, "first").locator("table").first.get_attribute("aria-rowcount") == "-1"
    last = pane(page, "first").locator("tbody tr").nth(999).locator("input")
    await last.check()
    await notice.get_by_role("button", name="Show more").click()
    await expect(notice).to_contain_text("first 2,000 items")
    await expect(notice.get_by_role("button", name="Show more")).to_be_focused()
    await expect(pane(page, "first").locator('tr[aria-selected="true"]')).to_have_count(1)
    await picture(page, "page-very-many")


def vendor_id(item: str) -> str:
    """The vendor's own id behind ours."""
    return Ref.parse(item).id
