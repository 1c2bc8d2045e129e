"""What a school's administrators answer, watch and stop on the page: corrections, notices, incidents, suspensions."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, Route, expect

from tests.e2e.audit import complaints
from tests.e2e.browsing import browsing, get, picture, sign_in
from tests.e2e.running import Running
from tests.e2e.test_page_rights import STALE, arrived, known, room

pytestmark = [pytest.mark.browser, pytest.mark.slow]


async def asks(context: BrowserContext, running: Running) -> None:
    """Somebody asks for another name than the directory has."""
    await arrived(context, running, "kim.lee", "Kim Lee", "student", "16_17")
    body = {"field": "name", "value": "Kim Lee-Park", "why": "My parents married."}
    headers = {"Origin": running.gateway}
    made = await context.request.post(f"{running.gateway}/v1/me/corrections", data=body, headers=headers)
    assert made.status == 201


async def school(page: Page, name: str) -> Any:
    """A room of the school's view."""
    await page.get_by_role("link", name="School", exact=True).click()
    return await room(page, name)


async def test_an_administrator_answers_and_stops(gateway: Running) -> None:
    async with browsing() as context:
        await asks(context, gateway)
        page = await known(context, gateway, "ruth.ames", "Ruth Ames", "administrator", "adult")
        await answers(page)
        await suspends(page)
        await keeps(page)
        notices = await school(page, "Notices")
        await expect(notices).to_contain_text("Nothing waits for your school.")
        await notices.get_by_text("Privacy notice").click()
        assert await complaints(page) == []
        await accepts_a_notice(page)
        await looks_at_one(page)


async def accepts_a_notice(page: Page) -> None:
    """A material change waits; it is accepted only after a question, and by its kind and version."""
    known = (await get(page, "/v1/school/notices"))["items"]
    new = {**known[0], "version": 2, "state": "announced", "material": True, "acceptable": True, "changes": "Much."}
    accepted: list[str] = []

    async def accept(route: Route) -> None:
        accepted.append(route.request.url)
        await route.fulfill(status=204)

    await page.route("**/school/notices", lambda route: route.fulfill(json={"items": [*known, new]}))
    await page.route("**/acceptance", accept)
    panel = await school(page, "Notices")
    await panel.get_by_role("button", name="Accept for the school…").click()
    await expect(page.locator("#dialog-sure")).to_contain_text("This cannot be taken back.")
    assert accepted == []
    assert await complaints(page) == []
    await page.keyboard.press("Escape")
    await picture(page, "school-notices", full_page=True)
    await panel.get_by_role("button", name="Accept for the school…").click()
    await page.locator("#dialog-sure").get_by_role("button", name="Accept for the school").click()
    await expect(page.locator("#polite")).to_have_text("Accepted. It holds from now on.")
    assert [one.partition("/v1/")[2] for one in accepted] == ["school/notices/privacy/2/acceptance"]
    await page.unroute("**/school/notices")


async def answers(page: Page) -> None:
    """A refusal needs its reason; accepted, the name holds."""
    panel = await school(page, "Corrections")
    form = page.locator("#dialog-form")
    request = panel.get_by_role("listitem").filter(has_text="Kim Lee-Park")
    await request.get_by_role("button", name="Refuse…").click()
    await form.get_by_role("button", name="Refuse").click()
    await expect(form.get_by_role("alert")).to_have_text("Fill in “Reason”.")
    await page.keyboard.press("Escape")
    await expect(request.get_by_role("button", name="Refuse…")).to_be_focused()
    await picture(page, "school-corrections", full_page=True)
    await request.get_by_role("button", name="Accept…").click()
    await form.get_by_role("button", name="Accept").click()
    await expect(request).to_have_count(0)
    people = (await get(page, "/v1/school/people?limit=200"))["items"]
    assert "Kim Lee-Park" in [one["name"] for one in people]


async def suspends(page: Page) -> None:
    """A person's access is cut off with a reason, and given back with one."""
    panel = await school(page, "Suspensions")
    await panel.get_by_role("button", name="A person…").click()
    form = page.locator("#dialog-form")
    who = form.get_by_label("Who")
    await who.select_option(await who.locator("option").filter(has_text="Kim Lee-Park").get_attribute("value"))
    await form.get_by_label("Reason").fill("A lost phone.")
    assert await complaints(page) == []
    await picture(page, "school-suspend-form")
    await form.get_by_role("button", name="Suspend now").click()
    one = panel.get_by_role("listitem").filter(has_text="Kim Lee-Park")
    await expect(one).to_contain_text("A lost phone.")
    assert await complaints(page) == []
    await picture(page, "school-suspensions", full_page=True)
    await one.get_by_role("button", name="Lift").click()
    await form.get_by_label("Reason").fill("Found again.")
    await form.get_by_role("button", name="Give access back").click()
    await expect(one.locator(".state")).to_have_text("Lifted")


async def keeps(page: Page) -> None:
    """Numbers within their bounds."""
    panel = await school(page, "How long")
    days = panel.get_by_label("Trash of the school drive (days)")
    await days.fill("0")
    await panel.get_by_role("button", name="Save").click()
    await expect(panel.get_by_role("alert")).to_contain_text("Look at “Trash of the school drive (days)” again.")
    await days.fill("45")
    await page.route("**/v1/school/settings", lambda route: route.fulfill(status=403, json=STALE), times=1)
    await panel.get_by_role("button", name="Save").click()
    await expect(page.locator("#dialog-fresh")).to_contain_text("what you typed stays")
    await page.keyboard.press("Escape")
    await expect(panel.get_by_role("alert")).to_contain_text("Sign in again first")
    await expect(days).to_have_value("45")
    await panel.get_by_role("button", name="Save").click()
    await expect(panel.locator(".state.good")).to_have_text("Saved")
    await expect(days).to_have_value("45")
    await days.fill("")
    await panel.get_by_role("button", name="Save").click()
    await expect(days).to_have_value("30")
    assert await complaints(page) == []
    await picture(page, "school-retention", full_page=True)


async def looks_at_one(page: Page) -> None:
    """The school uses the rights of one of its people, who sees it."""
    panel = await school(page, "People")
    await panel.get_by_label("Find by name or e-mail address").fill("kim.lee")
    await panel.get_by_role("link", name="Kim Lee-Park").click()
    await panel.get_by_role("link", name="See who used it").click()
    await expect(panel.get_by_role("table", name="What was done with the data")).to_contain_text("The school")
    assert await complaints(page) == []
    await picture(page, "school-person", full_page=True)


async def test_an_incident_is_entered_weighed_told_signed_and_closed(gateway: Running) -> None:
    async with browsing() as context:
        page = await known(context, gateway, "iris.bell", "Iris Bell", "administrator", "adult")
        panel = await school(page, "Incidents")
        await panel.get_by_role("button", name="Enter an incident…").click()
        form = page.locator("#dialog-form")
        await form.get_by_label("What happened", exact=True).select_option("device")
        await form.get_by_label("What happened (for the school").fill("A laptop was lost on a trip.")
        await form.get_by_label("Students").check()
        await form.get_by_label("How many people, about").fill("31")
        assert await complaints(page) == []
        await picture(page, "incident-form", full_page=True)
        await form.get_by_role("button", name="Enter", exact=True).click()
        await expect(panel.locator(".clock")).to_contain_text("hours left")
        await expect(panel.locator(".todo .done")).to_have_count(1)  # the school is aware
        assert await complaints(page) == []
        await weighs(page, panel)
        await reads_drafts(page, panel)
        await ends(page, panel)


async def weighs(page: Page, panel: Any) -> None:
    """Whom it touched; decisions with their reasons, and that the authority was notified in time."""
    form = page.locator("#dialog-form")
    await panel.get_by_role("button", name="Find out whom it touched…").click()
    await form.get_by_label("From when").fill("2026-01-01T08:00")
    await form.get_by_role("button", name="Look").click()
    await expect(page.locator("#dialog-sure")).to_contain_text("in that time.")
    await page.keyboard.press("Escape")
    for name, choice in (("Decide about the authority…", "yes"), ("Decide about the people…", "no")):
        await panel.get_by_role("button", name=name).click()
        await form.get_by_role("combobox").select_option(choice)
        await form.get_by_label("Reason").fill("The disk is encrypted.")
        await form.get_by_role("button", name="Decide").click()
        await expect(form).to_be_hidden()
    await panel.get_by_role("button", name="The authority was notified…").click()
    await form.get_by_label("Reference").fill("A-17")
    await form.get_by_role("button", name="Write it down").click()
    await expect(panel.locator(".clock")).to_contain_text("Notified in time")
    await picture(page, "incident", full_page=True)


async def reads_drafts(page: Page, panel: Any) -> None:
    """A draft in another language than the page's."""
    await panel.get_by_label("Language").select_option("ar")
    await panel.get_by_role("button", name="To the authority").click()
    letter = page.locator("#dialog-text .letter")
    await expect(letter).to_contain_text("A laptop was lost on a trip.")
    assert await letter.get_attribute("lang") == "ar"
    assert await complaints(page) == []
    await picture(page, "incident-draft")
    await page.keyboard.press("Escape")


async def ends(page: Page, panel: Any) -> None:
    """Signed, closed, opened again; each step stays in the book."""
    sure, form = page.locator("#dialog-sure"), page.locator("#dialog-form")
    await panel.get_by_role("button", name="Sign…").click()
    await sure.get_by_role("button", name="Sign").click()
    await panel.get_by_role("button", name="Close it…").click()
    await sure.get_by_role("button", name="Close it").click()
    await expect(panel.locator(".state").first).to_have_text("Closed")
    await panel.get_by_role("button", name="Open it again…").click()
    await form.get_by_label("Reason").fill("More is known.")
    await form.get_by_role("button", name="Open it again").click()
    steps = panel.get_by_role("region", name="Every step so far")
    await expect(steps).to_contain_text("Opened again")
    await expect(steps).to_contain_text("A-17")
    assert await complaints(page) == []
    await picture(page, "incident-steps", full_page=True)
    await page.get_by_role("link", name="All incidents").click()
    await expect(panel.get_by_role("table", name="Incidents")).to_contain_text("Notified in time")


PLACES = ("view=data&part=held", "view=data&part=corrections", "view=school&part=people", "view=school&part=incidents")
LOOKS: dict[str, dict[str, Any]] = {
    "dark": {"color_scheme": "dark"}, "forced-colours": {"forced_colors": "active"}, "narrow": {}, "right-to-left": {},
}  # fmt: skip


async def test_the_rooms_keep_their_promises_in_every_look(gateway: Running) -> None:
    async with browsing() as context:
        page = await context.new_page()
        await sign_in(page, gateway, "sofia.rossi")
        for look, media in LOOKS.items():
            await page.emulate_media(**{"color_scheme": "light", "forced_colors": "none"} | media)
            await page.set_viewport_size({"width": 320 if look == "narrow" else 1400, "height": 900})
            if look == "right-to-left":
                await page.goto(f"{gateway.gateway}/?lang=ar")
            for place in PLACES:
                await page.evaluate("place => { location.hash = place }", place)
                panel = page.locator(f'[data-panel-of="{place.rpartition("=")[2]}"]:visible')
                await expect(panel.locator("h3").first).to_be_visible()
                assert await complaints(page) == [], (look, place)
                await picture(page, f"look-{look}-{place.rpartition('=')[2]}", full_page=True)
