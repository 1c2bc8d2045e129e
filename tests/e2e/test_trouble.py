"""What the page does when things go wrong: plain words, a way on, and nothing lost."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.e2e.audit import complaints
from tests.e2e.browsing import approve, beside, browsing, card, get, names, pane, picture, ready, row, settled
from tests.e2e.running import Running

pytestmark = [pytest.mark.browser, pytest.mark.slow]
OFFLINE = [{"match": {"path": "/drive/*"}, "do": {"drop": True}}]


async def faults(context: BrowserContext, sandbox: str, rules: list[dict[str, Any]]) -> None:
    """Put rules of trouble into a stand-in, or take all out."""
    address = f"{sandbox}/_sandbox/faults"
    answer = await (context.request.post(address, data=rules) if rules else context.request.delete(address))
    assert answer.ok


async def start(context: BrowserContext, running: Running) -> Page:
    """Noor's page."""
    return await beside(context, running, "noor.khan", "Hillcrest Academy")


async def folder(page: Page, side: str, name: str) -> None:
    """Make a folder with the button."""
    await pane(page, side).locator('[data-act="folder"]').click()
    await page.locator("#name-input").fill(name)
    await page.keyboard.press("Enter")


async def test_a_drive_that_does_not_answer_is_told_in_words_and_can_be_tried_again(gateway: Running) -> None:
    async with browsing() as context:
        page = await start(context, gateway)
        before = await names(page, "first")
        await faults(context, gateway.google, OFFLINE)
        try:
            await pane(page, "first").locator('[data-act="refresh"]').click()
            notice = pane(page, "first").locator(".notice.bad")
            await expect(notice).to_contain_text("does not answer", timeout=60_000)
            assert await complaints(page) == []
        finally:
            await faults(context, gateway.google, [])
        await notice.get_by_role("button", name="Try again").click()
        await expect(notice).to_have_count(0)
        await settled(page, "first")
        assert await names(page, "first") == before


async def test_a_name_that_is_taken_is_told_and_nothing_changes(gateway: Running) -> None:
    async with browsing() as context:
        page = await start(context, gateway)
        await folder(page, "second", "Twice")
        await expect(row(page, "second", "Twice")).to_be_visible()
        await folder(page, "second", "Twice")
        dialog = page.locator("#dialog-name")
        await expect(dialog.locator(".problem")).to_contain_text("There is already an item of this name")
        await expect(dialog.get_by_role("textbox")).to_be_focused()
        await expect(dialog.get_by_role("textbox")).to_have_value("Twice")
        assert await complaints(page) == []
        await picture(page, "page-name-refused")
        await dialog.get_by_role("textbox").fill("   ")
        await page.keyboard.press("Enter")
        await expect(dialog.locator(".problem")).to_contain_text("Spaces alone")
        await page.keyboard.press("Escape")
        await expect(dialog).to_be_hidden()
        assert (await names(page, "second")).count("Twice") == 1


async def test_progress_is_shown_also_where_events_do_not_come_through(gateway: Running) -> None:
    async with browsing() as context:
        page = await start(context, gateway)
        await folder(page, "second", "Asked for")
        await page.route("**/events", lambda route: route.abort())
        await row(page, "second", "Asked for").locator("input").check()
        await pane(page, "second").locator('[data-act="copy"]').click()
        await page.locator('#dialog-transfer [data-part="ok"]').click()
        task = card(page, "Copy Asked for to Google Drive")
        await expect(task.locator(".state.good")).to_be_visible()
        await expect(row(page, "first", "Asked for")).to_be_visible()


async def test_what_runs_says_that_it_waits_for_the_connection_and_goes_on(gateway: Running) -> None:
    async with browsing() as context:
        page = await start(context, gateway)
        await folder(page, "second", "Patient")
        await row(page, "second", "Patient").locator("input").check()
        await pane(page, "second").locator('[data-act="copy"]').click()
        await page.route("**/v1/jobs/**", lambda route: route.abort())
        await page.locator('#dialog-transfer [data-part="ok"]').click()
        task = page.locator(".task").first
        await expect(task.locator(".state.part")).to_have_text("Waiting for the connection", timeout=15_000)
        await expect(page.locator("#polite")).to_have_text("Waiting for the connection", timeout=15_000)
        await page.unroute("**/v1/jobs/**")
        await expect(task.locator(".state.good")).to_be_visible(timeout=30_000)
        await expect(task.get_by_role("button", name="Report")).to_have_count(0)
        title = await task.locator("h3").inner_text()
        await page.reload()
        await ready(page)
        await expect(task.locator(".state.good")).to_be_visible()
        assert "Copy" in title
        await page.get_by_role("button", name="Clear finished").click()
        await expect(page.locator(".task")).to_have_count(0)
        await page.reload()
        await ready(page)
        await expect(page.locator(".task")).to_have_count(0)


async def test_many_files_share_one_card_and_a_new_name_is_told(gateway: Running) -> None:
    async with browsing() as context:
        page = await start(context, gateway)
        files = pane(page, "second").locator('[data-part="files"]')
        many = [{"name": f"Sheet {n}.txt", "mimeType": "text/plain", "buffer": b"x" * 100} for n in range(5)]
        await files.set_input_files(many)
        task = page.locator(".task").first
        await expect(task.locator("h3")).to_have_text("Upload 5 files")
        await expect(task.locator(".state.good")).to_be_visible()
        await expect(task.locator("p")).to_have_text("5 files were uploaded.")
        await expect(row(page, "second", "Sheet 4.txt")).to_be_visible()
        await files.set_input_files(many[0])
        await expect(task.locator("h3")).to_have_text("Upload Sheet 0.txt")
        await expect(task.locator("p")).to_contain_text("It is called Sheet 0 (2).txt there.")
        await picture(page, "page-uploads", full_page=True)
        assert await complaints(page) == []


async def test_an_upload_can_be_cancelled_and_leaves_nothing(gateway: Running) -> None:
    async with browsing() as context:
        page = await start(context, gateway)
        await page.route(
            "**/v1/uploads/*",
            lambda route: route.abort("connectionreset") if route.request.method == "PATCH" else route.continue_(),
        )
        big = {"name": "Never.bin", "mimeType": "application/octet-stream", "buffer": b"x" * 1_000_000}
        await pane(page, "second").locator('[data-part="files"]').set_input_files(big)
        task = page.locator(".task").first
        await expect(task.locator(".state.part")).to_contain_text("Waiting for the connection")
        await task.get_by_role("button", name="Cancel").click()
        await expect(task.locator(".state")).to_contain_text("Cancelled")
        items = (await get(page, "/v1/drives/native/items/root/children"))["items"]
        assert "Never.bin" not in [item["name"] for item in items]


async def test_a_session_that_ended_leads_back_to_sign_in(gateway: Running) -> None:
    async with browsing() as context:
        page = await start(context, gateway)
        await context.clear_cookies()
        await pane(page, "first").locator('[data-act="refresh"]').click()
        question = page.locator("#dialog-sure")
        await expect(question).to_contain_text("You are signed out")
        await question.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in with your school")


async def test_forgetting_asks_for_a_fresh_sign_in_and_goes_on_afterwards(gateway: Running) -> None:
    async with browsing() as context:
        page = await start(context, gateway)
        stale = {
            "type": "urn:x",
            "status": 403,
            "code": "fresh_sign_in_required",
            "sign_in": "/signin?fresh=1&next=/forget",
        }
        await page.route("**/v1/erasures", lambda route: route.fulfill(status=403, json=stale))
        await page.get_by_role("link", name="What is kept for me").click()
        await page.get_by_role("button", name="See what would be forgotten").click()
        dialog = page.locator("#dialog-forget")
        await dialog.get_by_role("textbox").fill("FORGET")
        await page.keyboard.press("Enter")
        await expect(dialog.get_by_role("link", name="Sign in again")).to_be_focused()
        assert await complaints(page) == []
        await page.keyboard.press("Enter")
        await approve(page, "noor.khan")
        await ready(page)
        await expect(dialog.get_by_role("textbox")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(dialog).to_be_hidden()
