"""Having people forgotten by the school, on the page: a dry run, one at once, many with a second administrator."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.e2e.audit import complaints
from tests.e2e.browsing import browsing, picture
from tests.e2e.running import Running
from tests.e2e.test_page_rights import arrived, known
from tests.e2e.test_page_school import school

pytestmark = [pytest.mark.browser, pytest.mark.slow]
STUDENTS = {"ben.frost": "Ben Frost", "dora.frost": "Dora Frost"}


async def choose(panel: Any, *names: str) -> None:
    """Find them and tick them, then look at what would go."""
    for name in names:
        await panel.get_by_label("Find by name").fill(name.lower())
        await panel.get_by_role("checkbox", name=name).check()
    await panel.get_by_role("button", name="See what would be forgotten", exact=True).click()


async def one_at_once(page: Page, panel: Any) -> None:
    """On one administrator's word, after a typed word; the receipt's link is kept and works."""
    form = page.locator("#dialog-form")
    await choose(panel, "Ben Frost")
    await expect(form).to_contain_text("1 person would be forgotten.")
    await form.get_by_role("button", name="Forget", exact=True).click()
    await expect(form.get_by_role("alert")).to_have_text("Type FORGET in capital letters.")
    await form.get_by_label("This cannot be undone").fill("FORGET")
    assert await complaints(page) == []
    await picture(page, "erasing-one")
    await form.get_by_role("button", name="Forget", exact=True).click()
    link = panel.get_by_label("Link to the receipt", exact=True)
    await expect(link).to_be_visible()
    assert await complaints(page) == []
    await picture(page, "erasing-receipt-link", full_page=True)
    receipt = await page.context.new_page()
    await receipt.goto(await link.input_value())
    await expect(receipt.get_by_role("heading", level=1)).to_have_text("This person has been forgotten")
    assert await complaints(receipt) == []
    await receipt.close()


async def test_a_school_has_one_person_forgotten_at_once_and_many_only_with_a_second_administrator(
    gateway: Running,
) -> None:
    async with browsing() as context, browsing() as others:
        for key, name in STUDENTS.items():
            await arrived(others, gateway, key, name, "student", "13_15")
        page = await known(context, gateway, "vera.hill", "Vera Hill", "administrator", "adult")
        second = await known(others, gateway, "walt.hill", "Walt Hill", "administrator", "adult")
        panel = await school(page, "Forget")
        await one_at_once(page, panel)
        form = page.locator("#dialog-form")
        await choose(panel, "Dora Frost", "Walt Hill")
        await expect(form).to_contain_text("a second administrator must approve it")
        await form.get_by_label("Reason").fill("They left.")
        await form.get_by_label("This cannot be undone").fill("FORGET")
        await form.get_by_role("button", name="Ask for it").click()
        request = panel.get_by_role("listitem").filter(has_text="They left.")
        await expect(request.get_by_role("button", name="Approve…")).to_have_count(0)
        await approves_and_cancels(second)
        panel = await school(page, "People")
        await expect(panel).to_contain_text("Dora Frost")


async def approves_and_cancels(page: Page) -> None:
    """Another administrator stands behind it, after which it waits and can be cancelled."""
    panel = await school(page, "Forget")
    form, sure = page.locator("#dialog-form"), page.locator("#dialog-sure")
    request = panel.get_by_role("listitem").filter(has_text="They left.")
    await request.get_by_text("It is about 2 people").click()
    await expect(request).to_contain_text("Dora Frost")
    await request.get_by_role("button", name="Approve…").click()
    await form.get_by_label("This cannot be undone").fill("FORGET")
    assert await complaints(page) == []
    await picture(page, "erasing-approve")
    await form.get_by_role("button", name="Approve").click()
    await expect(request).to_contain_text("It is done on")
    await expect(panel.get_by_label("Link to the receipt", exact=True)).to_be_visible()
    assert await complaints(page) == []
    await picture(page, "erasing", full_page=True)
    await request.get_by_role("button", name="Cancel the request…").click()
    await sure.get_by_role("button", name="Cancel the request").click()
    await expect(request).to_contain_text("It was cancelled.")
