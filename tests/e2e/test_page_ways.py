"""Finding one's way on the page: Back and Forward, the first visit, what an item offers."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.e2e.audit import complaints
from tests.e2e.browsing import browsing, names, pane, picture, ready, row, settled, show, start
from tests.e2e.running import Running

pytestmark = [pytest.mark.browser, pytest.mark.slow]


async def test_back_forward_and_reload_lead_to_the_same_folders(gateway: Running) -> None:
    async with browsing() as context:
        page = await start(context, gateway, "sofia.rossi", "google", "microsoft")
        await show(page, "first", "Google Drive")
        await show(page, "second", "OneDrive")
        await pane(page, "first").locator('[data-act="folder"]').click()
        await page.locator("#name-input").fill("Way down")
        await page.keyboard.press("Enter")
        await row(page, "first", "Way down").locator(".entry").click()
        await settled(page, "first")
        await expect(pane(page, "first").locator(".empty")).to_contain_text("This folder is empty.")
        assert "Way" not in page.url, "the address holds ids, no names"
        await page.get_by_role("link", name="What is kept for me").click()
        await expect(page.locator("#kept-title")).to_be_visible()
        await page.go_back()
        await expect(page.locator("#kept-title")).to_be_hidden()
        await page.reload()
        await ready(page)
        await settled(page, "first")
        assert await names(page, "first") == []
        await expect(pane(page, "first").locator(".crumbs li")).to_have_text(["Google Drive", "Way down"])
        await page.go_back()
        await expect(row(page, "first", "Way down")).to_be_visible()
        await expect(pane(page, "second").locator("select option:checked")).to_contain_text("OneDrive")
        await page.go_forward()
        await expect(pane(page, "first").locator(".crumbs li")).to_have_text(["Google Drive", "Way down"])
        await settled(page, "first")
        assert await names(page, "first") == []


async def test_who_has_connected_nothing_is_told_how_where_the_other_drive_will_be(gateway: Running) -> None:
    async with browsing() as context:
        page = await start(context, gateway, "mia.chen", school="Hillcrest Academy")
        second = pane(page, "second")
        await expect(second.get_by_role("button", name="Connect Google Drive")).to_be_visible()
        await expect(second.locator("select")).to_be_hidden()
        assert await complaints(page) == []
        await picture(page, "page-first-visit")
        await second.get_by_role("button", name="Show the school drive on this side too").click()
        await expect(second.locator("select")).to_be_focused()
        await page.reload()
        await ready(page)
        await expect(second.locator("select")).to_be_visible()
        await page.go_back()
        await page.goto(gateway.gateway)
        await ready(page)
        await second.get_by_role("button", name="Connect OneDrive").click()
        await expect(page.locator('button[name="sandbox_user"]').first).to_be_visible()


async def test_a_notebook_offers_only_what_works_and_says_so_once(gateway: Running) -> None:
    async with browsing() as context:
        page = await start(context, gateway, "amira.haddad", "microsoft")
        await show(page, "second", "OneDrive")
        notebook = row(page, "second", "Class notebook")
        await notebook.locator(".more").click()
        offered = await page.get_by_role("menuitem").all_inner_texts()
        assert "Rename" in offered
        assert not [one for one in offered if one.startswith(("Open", "Copy", "Move", "Download"))]
        await page.keyboard.press("Escape")
        await page.clock.install()
        await notebook.locator(".entry").click()
        await notebook.locator(".entry").click()
        await expect(page.locator(".toast")).to_have_count(1)
        await expect(page.locator(".toast")).to_contain_text("only in the drive itself")
        assert await complaints(page) == []
        await page.clock.fast_forward(20_000)
        await expect(page.locator(".toast")).to_have_count(1)
        await page.clock.fast_forward(15_000)
        await expect(page.locator(".toast")).to_have_count(0)
