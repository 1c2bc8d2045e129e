"""Copies and moves on the page: names that exist, formats, pause and resume, waiting, trying again, the report."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.e2e.audit import complaints
from tests.e2e.browsing import (
    beside,
    browsing,
    card,
    choose,
    connect,
    names,
    pane,
    picture,
    place,
    put,
    row,
    settled,
    show,
    sign_in,
    start,
)
from tests.e2e.running import Running

pytestmark = [pytest.mark.browser, pytest.mark.slow]
MEDIA = {"query": "*alt=media*"}
FORBIDDEN = [{"match": MEDIA, "do": {"status": 403, "reason": "cannotDownloadFile"}}]
BUSY = [{"match": MEDIA, "do": {"status": 403, "reason": "userRateLimitExceeded", "retry_after": 600}}]
HELD = [{"match": MEDIA, "do": {"latency_ms": 15_000}}]


async def faults(context: BrowserContext, running: Running, rules: list[dict[str, Any]]) -> None:
    """Trouble at Google from now on; none where there are no rules."""
    address = f"{running.google}/_sandbox/faults"
    assert (await context.request.delete(address)).ok
    assert not rules or (await context.request.post(address, data=rules)).ok


async def copy(page: Page, name: str) -> None:
    """Order the copy of a file; a folder's plan is still to be agreed to."""
    await choose(page, "first", name, "Copy to the other side")
    await page.locator('#dialog-transfer [data-part="ok"]').click()


async def test_formats_and_names_that_exist_are_the_persons_choice(gateway: Running) -> None:
    async with browsing() as context:
        page = await beside(context, gateway, "leo.park")
        await row(page, "first", "My schoolwork").locator(".entry").click()
        await choose(page, "first", "Essay", "Copy to the other side")
        dialog = page.locator("#dialog-transfer")
        await expect(dialog.get_by_label("Text documents")).to_have_value("")
        await expect(dialog.get_by_label("Tables")).to_have_count(0)
        await dialog.get_by_label("Text documents").select_option("txt")
        assert await complaints(page) == []
        await dialog.get_by_role("button", name="Copy").click()
        await expect(row(page, "second", "Essay.txt")).to_be_visible()
        await copy(page, "Leaf.png")
        await expect(row(page, "second", "Leaf.png")).to_be_visible()
        await choose(page, "first", "Leaf.png", "Copy to the other side")
        await dialog.get_by_label("Leave out what is the same").check()
        await dialog.get_by_role("button", name="Copy").click()
        await expect(page.locator(".task .state.good")).to_have_count(3)
        assert sorted(await names(page, "second")).count("Leaf.png") == 1
        await place(page, "second", "Trash")
        await choose(page, "first", "Leaf.png", "Copy to the other side")
        await expect(page.locator(".toast")).to_contain_text("Open a folder on the other side first.")


async def test_a_job_pauses_waits_and_is_cancelled(gateway: Running) -> None:
    async with browsing() as context:
        page = await beside(context, gateway, "leo.park")
        task = page.locator(".task").first
        await faults(context, gateway, HELD)
        try:
            await copy(page, "To do.txt")
            await task.get_by_role("button", name="Pause").click()
            await expect(task.locator(".state")).to_contain_text("Paused")
            await expect(task.get_by_role("button", name="Resume")).to_be_focused()
            await picture(page, "page-paused", full_page=True)
            assert await complaints(page) == []
            await faults(context, gateway, [])
            await page.keyboard.press("Enter")
            await expect(task.locator(".state.good")).to_be_visible()
            await put(page, "first", "Later.txt", "later")
            await faults(context, gateway, BUSY)
            await copy(page, "Later.txt")
            await expect(task.locator(".state.part")).to_contain_text("Waits for Google Drive until")
            await expect(task.locator("p")).to_contain_text("It goes on by itself.")
            await picture(page, "page-waiting", full_page=True)
            await task.get_by_role("button", name="Cancel").click()
            await expect(task.locator(".state")).to_contain_text("Cancelled")
        finally:
            await faults(context, gateway, [])
            await forget_the_pause(page)


async def forget_the_pause(page: Page) -> None:
    """The account would be left alone for ten minutes; connected anew it is another one."""
    drive = await pane(page, "first").locator("select").input_value()
    script = "drive => fetch(`/v1/connections/${drive}`, { method: 'DELETE' }).then((answer) => answer.status)"
    assert await page.evaluate(script, drive) == 204


async def test_what_failed_is_reported_and_tried_again(gateway: Running) -> None:
    async with browsing() as context:
        page = await beside(context, gateway, "jonas.weber", "Hillcrest Academy")
        await put(page, "first", "Locked away.txt", "text")
        await faults(context, gateway, FORBIDDEN)
        try:
            await page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
            await copy(page, "Locked away.txt")
            task = page.locator(".task").first
            await expect(task.locator(".state.bad, .state.part")).to_be_visible()
            await expect(page).to_have_title("Not done: Copy Locked away.txt to School drive")
            await page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
            await expect(page).to_have_title("Your files · File Access")
            await task.get_by_role("button", name="Report").click()
            report = page.locator("#dialog-report")
            await expect(report.get_by_role("row").last).to_contain_text("Locked away.txt")
            assert await complaints(page) == []
            await picture(page, "page-report-failed")
            async with page.expect_download() as saving:
                await report.get_by_role("link", name="Download as a table (CSV)").click()
            text = (await (await saving.value).path()).read_text("utf-8")
            assert "Locked away.txt" in text
            await page.keyboard.press("Escape")
        finally:
            await faults(context, gateway, [])
        await task.get_by_role("button", name="Try again what failed").click()
        await expect(page.locator(".task").first.locator(".state.good")).to_be_visible()
        await expect(row(page, "second", "Locked away.txt")).to_be_visible()
        assert await page.evaluate("document.activeElement !== document.body")


async def test_an_original_that_stays_is_told(gateway: Running) -> None:
    """OneDrive changes such a file as it stores it, so the move removes nothing: that is no plain success."""
    async with browsing() as context:
        page = await start(context, gateway, "sofia.rossi", "microsoft")
        await show(page, "first", "School drive")
        await show(page, "second", "OneDrive")
        for name in ("Plain.txt", "Handout.pdf"):
            await put(page, "first", name, "words", "application/pdf" if name.endswith("pdf") else "text/plain")
        address = f"{gateway.microsoft}/_sandbox/faults"
        rewrite = [{"match": {"method": "PUT"}, "do": {"reason": "rewrite"}}]
        assert (await context.request.post(address, data=rewrite)).ok
        try:
            await choose(page, "first", "Handout.pdf", "Move to the other side")
            await page.locator('#dialog-transfer [data-part="ok"]').click()
            task = card(page, "Move Handout.pdf to OneDrive")
            await expect(task.locator(".state.part")).to_have_text("Done, with exceptions")
        finally:
            assert (await context.request.delete(address)).ok
        await expect(task.locator("p")).to_have_text("1 item was copied. 1 original stayed where it was.")
        await expect(row(page, "first", "Handout.pdf")).to_be_visible()
        await task.get_by_role("button", name="Report").click()
        await expect(page.locator("#dialog-report").get_by_role("row").last).to_contain_text("the original was kept")
        await page.keyboard.press("Escape")
        await choose(page, "first", "Plain.txt", "Move to the other side")
        await page.locator('#dialog-transfer [data-part="ok"]').click()
        plain = card(page, "Move Plain.txt to OneDrive")
        await expect(plain.locator(".state.good")).to_have_text("Done")
        await expect(plain.locator("p")).to_have_text("1 item was moved.")


LOOKS: dict[str, dict[str, Any]] = {
    "dark": {"color_scheme": "dark"},
    "narrow": {"viewport": {"width": 320, "height": 640}},
    "right-to-left": {"locale": "ar"},
}


@pytest.mark.parametrize("look", LOOKS)
async def test_questions_and_lists_keep_their_promises_in_every_look(gateway: Running, look: str) -> None:
    async with browsing(**LOOKS[look]) as context:
        page = await context.new_page()
        await sign_in(page, gateway, "leo.park", "Riverside School")
        if look == "dark":
            await connect(page, "google", "leo.park")
        await page.goto(f"{gateway.gateway}/?lang={LOOKS[look].get('locale', 'en')}")
        await page.wait_for_selector("html[data-ready]")
        native = pane(page, "second").locator("select")
        await native.select_option("native")
        await settled(page, "second")
        await row(page, "first", "My schoolwork").locator(".more").click()
        await page.get_by_role("menuitem").nth(2).click()
        assert await complaints(page) == []
        await picture(page, f"look-{look}-transfer")
        await page.locator('#dialog-transfer [data-part="ok"]').click()
        await page.locator("#dialog-plan summary").click()
        await expect(page.locator("#dialog-plan tbody tr")).to_have_count(1)
        assert await complaints(page) == []
        await picture(page, f"look-{look}-plan")
        await page.keyboard.press("Escape")
        await pane(page, "first").locator(".places button").last.click()
        await settled(page, "first")
        field = pane(page, "first").locator('[data-part="words"]')
        await field.fill("leaf")
        await field.press("Enter")
        await expect(pane(page, "first").locator(".notice p")).to_be_visible()
        assert await complaints(page) == []
        await picture(page, f"look-{look}-search", full_page=True)
