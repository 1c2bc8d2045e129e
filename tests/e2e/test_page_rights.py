"""People's rights on the page: one's own, a child's for its guardian; what needs a new sign-in leads there and back."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.e2e.audit import complaints
from tests.e2e.browsing import approve, browsing, get, picture, put, ready, row, sign_in
from tests.e2e.running import Running

pytestmark = [pytest.mark.browser, pytest.mark.slow]
STALE = {
    "status": 403, "code": "fresh_sign_in_required", "title": "Not allowed", "sign_in": "/signin?fresh=1&next=/",
    "detail": "Sign in again first, so that nobody else can do this in your name.",
}  # fmt: skip


async def added(context: BrowserContext, running: Running, key: str, name: str, role: str, age: str) -> None:
    """Somebody whom no other test knows."""
    person = {"key": key, "name": name, "school": "riverside", "role": role, "age_band": age}
    assert (await context.request.post(f"{running.launchpad}/_sandbox/users", data=person)).ok


async def arrived(context: BrowserContext, running: Running, key: str, name: str, role: str, age: str) -> None:
    """Somebody who has signed in once, and has this context's session, without a page."""
    await added(context, running, key, name, role, age)
    await context.clear_cookies()
    first = await (await context.request.get(running.gateway)).text()
    way = re.search(r"/signin\?school=\w+", first)
    assert way is not None
    to_launchpad = await context.request.get(running.gateway + way[0], max_redirects=0)
    back = f"{to_launchpad.headers['location']}&sandbox_user={key}@riverside.example"
    assert (await context.request.get(back)).ok
    assert (await (await context.request.get(f"{running.gateway}/v1/me")).json())["name"] == name


async def known(context: BrowserContext, running: Running, key: str, name: str, role: str, age: str) -> Page:
    """A page of somebody whom no other test knows, signed in for the first time."""
    await added(context, running, key, name, role, age)
    await context.clear_cookies()
    page = await context.new_page()
    await sign_in(page, running, key)
    return page


async def room(page: Page, name: str) -> Any:
    """Go to a room of the view that is shown, as its link says; its panel once it is drawn."""
    await page.get_by_role("link", name=name, exact=True).click()
    panel = page.locator(".room[data-panel-of]:visible")
    await expect(panel.locator("h3").first).to_be_visible()
    assert await complaints(page) == []
    return panel


async def test_a_person_sees_corrects_and_takes_what_is_held(gateway: Running, tmp_path: Path) -> None:
    async with browsing() as context:
        page = await known(context, gateway, "tom.park", "Tom Park", "student", "13_15")
        await put(page, "first", "Mine.txt", "mine")
        async with context.expect_page() as opening:
            await row(page, "first", "Mine.txt").locator(".entry").click()
        await (await opening.value).close()
        await page.get_by_role("link", name="Your data", exact=True).click()
        await expect(page.locator("#data-title")).to_be_focused()
        await sees(page)
        await corrects(page)
        await takes(page, tmp_path)
        used = await room(page, "Who used it")
        await expect(used.get_by_role("table", name="Who used your files")).to_contain_text("Mine.txt")
        await picture(page, "rights-accesses", full_page=True)
        told = await room(page, "Messages and notices")
        await expect(told).to_contain_text("A copy of everything that is held about you was downloaded.")
        await told.get_by_role("button", name="I have read it: A copy of everything").click()
        await expect(told).not_to_contain_text("was downloaded.")
        await picture(page, "rights-told", full_page=True)
        await page.go_back()
        await expect(page.get_by_role("link", name="Who used it")).to_have_attribute("aria-current", "page")
        await speaks_french(page)


async def sees(page: Page) -> None:
    """Store by store, opened one by one."""
    held = page.locator('[data-panel-of="held"]')
    await held.get_by_text("Who you are here").click()
    await expect(held.locator(".record").first).to_contain_text("tom.park@riverside.example")
    await held.get_by_text("Technical details").first.click()
    await held.get_by_text("Files and folders in your own drive").click()
    await expect(held).to_contain_text("Mine.txt")
    assert await complaints(page) == []
    await picture(page, "rights-held", full_page=True)


async def corrects(page: Page) -> None:
    """What the directory says becomes a request; what is not an address is not sent on."""
    corrections = await room(page, "Correct something")
    form = page.locator("#dialog-form")
    await corrections.get_by_role("button", name="Correct… E-mail address").click()
    await form.get_by_label("What is right").fill("not an address")
    await form.get_by_role("button", name="Ask the school").click()
    await expect(form.get_by_role("alert")).to_have_text("This cannot be right. Look at it again.")
    await form.get_by_label("What is right").fill("tom@riverside.example")
    await form.get_by_label("Why, for your school").fill("It has a typo.")
    assert await complaints(page) == []
    await picture(page, "rights-correct-form")
    await form.get_by_role("button", name="Ask the school").click()
    await expect(corrections.get_by_role("row").filter(has_text="Your school has been asked")).to_be_visible()
    await picture(page, "rights-corrections", full_page=True)


async def speaks_french(page: Page) -> None:
    """What is the person's own to say holds at once, and at every sign-in."""
    corrections = await room(page, "Correct something")
    await corrections.get_by_role("button", name="Correct… Language").click()
    form = page.locator("#dialog-form")
    await form.get_by_label("What is right").select_option("fr")
    await form.get_by_role("button", name="Change").click()
    await expect(corrections.get_by_role("row").filter(has_text="Changed")).to_contain_text("Français")
    assert (await get(page, "/v1/me"))["locale"] == "fr"


async def takes(page: Page, folder: Path) -> None:
    """A sign-in that is too old leads through another one and back to here; then the link works once."""
    await room(page, "Take a copy")
    await page.route("**/v1/me/exports", lambda route: route.fulfill(status=403, json=STALE), times=1)
    order = page.get_by_role("button", name="Ask for a copy")
    await order.click()
    again = page.locator("#dialog-fresh").get_by_role("link", name="Sign in again")
    await expect(again).to_be_focused()
    assert await complaints(page) == []
    await picture(page, "rights-sign-in-again")
    await again.click()
    await approve(page, "tom.park")
    await ready(page)
    await order.click()
    async with page.expect_download() as saving:
        await page.get_by_role("link", name="Download now").click()
    await (await saving.value).save_as(folder / "copy.zip")
    with zipfile.ZipFile(folder / "copy.zip") as archive:
        assert "Tom Park" in archive.read("index.html").decode()
        assert json.loads(archive.read("manifest.json"))
    await expect(page.get_by_role("table", name="Copies").locator(".state").first).to_have_text("Downloaded")
    await expect(page.get_by_role("link", name="Download now")).to_have_count(0)
    assert await complaints(page) == []
    await picture(page, "rights-copies", full_page=True)


async def link(page: Page) -> None:
    """An administrator makes Petra the guardian of Ida, to see what is held and to have it forgotten."""
    await page.goto(page.url.split("#")[0] + "#view=school&part=guardians")
    await page.get_by_role("button", name="Link a guardian…").click()
    form = page.locator("#dialog-form")
    await form.get_by_role("button", name="Link").click()
    await expect(form.get_by_role("alert")).to_have_text("Fill in “Child”.")
    for label, name in (("Child", "Ida Park"), ("Guardian", "Petra Park")):
        choice = form.get_by_label(label, exact=True)
        await choice.select_option(await choice.locator("option").filter(has_text=name).get_attribute("value"))
    for right in ("Have it corrected", "Take a copy"):
        await form.get_by_label(right).uncheck()
    await form.get_by_label("Have it forgotten").check()
    assert await complaints(page) == []
    await picture(page, "school-link-form")
    await form.get_by_role("button", name="Link").click()
    await expect(page.get_by_role("table", name="Guardians")).to_contain_text("Petra Park")
    assert await complaints(page) == []
    await picture(page, "school-guardians", full_page=True)


async def test_a_guardian_sees_a_child_and_has_it_forgotten(gateway: Running) -> None:
    async with browsing() as others, browsing(viewport={"width": 390, "height": 800}) as context:
        await arrived(others, gateway, "ida.park", "Ida Park", "student", "under_13")
        page = await known(context, gateway, "petra.park", "Petra Park", "guardian", "adult")
        await expect(page.locator(".pane")).to_have_count(0)
        await expect(page.get_by_role("heading", name="Your children", exact=True)).to_be_visible()
        await expect(page.locator(".toast")).to_have_count(0)
        await link(await known(others, gateway, "ruth.king", "Ruth King", "administrator", "adult"))
        await page.reload()
        await ready(page)
        child = page.get_by_role("region", name="Ida Park")
        await expect(child.get_by_role("link")).to_have_text(["See what is held", "See who used it"])
        assert await complaints(page) == []
        await picture(page, "guardian-children", full_page=True)
        await child.get_by_role("link", name="See what is held").click()
        await page.get_by_text("Who you are here").click()
        await expect(page.locator(".record").first).to_contain_text("ida.park@riverside.example")
        assert await complaints(page) == []
        await picture(page, "guardian-child-held", full_page=True)
        await page.get_by_role("link", name="All children").click()
        await child.get_by_role("button", name="Forget…").click()
        form = page.locator("#dialog-form")
        await expect(form.get_by_role("button", name="Forget Ida Park now")).to_be_visible()
        await form.get_by_role("button", name="Forget Ida Park now").click()
        await expect(form.get_by_role("alert")).to_have_text("Type FORGET in capital letters.")
        await form.get_by_role("textbox").fill("FORGET")
        assert await complaints(page) == []
        await picture(page, "guardian-forget")
        await form.get_by_role("button", name="Forget Ida Park now").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("This person has been forgotten")
        await page.goto(gateway.gateway)
        await ready(page)
        await expect(page.locator("#data")).to_contain_text("Your school has not linked a child to you here")
