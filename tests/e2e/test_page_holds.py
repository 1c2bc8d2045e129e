"""Legal holds and lawful requests on the page: two administrators ask, approve, hand out, refuse and release."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.e2e.audit import complaints
from tests.e2e.browsing import approve, browsing, picture, put, sign_in
from tests.e2e.running import Running
from tests.e2e.test_page_rights import STALE, known, room
from tests.e2e.test_page_school import LOOKS, school

pytestmark = [pytest.mark.browser, pytest.mark.slow]
OVER = {"status": 401, "code": "unauthenticated", "detail": "Sign in first."}
LETTER = {
    "Who asks for it": "District court", "Reference, such as a file number": "7 C 12/26",
    "The law or order it rests on": "Section 12 of an act",
}  # fmt: skip


async def fill(form: Any, texts: dict[str, str]) -> None:
    """Several fields by their labels."""
    for label, text in texts.items():
        await form.get_by_label(label, exact=True).fill(text)


async def saved(page: Page, press: Any, folder: Path) -> Path:
    """The file that is handed out after its question."""
    await press.click()
    form = page.locator("#dialog-form")
    assert await complaints(page) == []
    async with page.expect_download() as saving:
        await form.get_by_role("button", name="Hand it out").click()
    download = await saving.value
    path = folder / download.suggested_filename
    await download.save_as(path)
    await expect(form).to_be_hidden()
    return path


async def asks_for_a_hold(page: Page, context: BrowserContext) -> None:
    """Of one file. The sign-in grows old while it is typed: it goes on after a new one, in a tab of its own."""
    panel = await school(page, "Legal holds")
    await panel.get_by_role("button", name="Ask for a legal hold…").click()
    form = page.locator("#dialog-form")
    who = form.get_by_label("Whose files")
    await who.select_option(await who.locator("option").filter(has_text="Pia Ward").get_attribute("value"))
    await form.get_by_label("What is held").select_option("some")
    await form.get_by_role("button", name="Go on").click()
    await fill(form, LETTER)
    await form.get_by_label("Look at it again on").fill("2096-01-31")
    await form.get_by_role("button", name="Ask for it").click()
    await expect(form.get_by_role("alert")).to_have_text("Choose at least one file or folder.")
    await form.get_by_label("Find by name").fill("diary")
    await form.get_by_role("checkbox", name="Diary.txt").check()
    assert await complaints(page) == []
    await picture(page, "hold-form")
    await page.route("**/v1/school/holds", lambda route: route.fulfill(status=403, json=STALE), times=1)
    await form.get_by_role("button", name="Ask for it").click()
    fresh = page.locator("#dialog-fresh")
    again = fresh.get_by_role("link", name="Sign in again")
    await expect(again).to_be_focused()
    assert await complaints(page) == []
    await picture(page, "hold-sign-in-again")
    await page.route(
        "**/v1/me", lambda route: route.fulfill(json={"id": "0" * 32, "signed_in_at": "2096-01-01T00:00:00Z"})
    )
    await page.evaluate("dispatchEvent(new Event('focus'))")
    await expect(fresh.get_by_role("alert")).to_contain_text("Somebody else is signed in")
    await page.keyboard.press("Escape")
    await form.get_by_role("button", name="Ask for it").click()
    await expect(form.get_by_role("alert")).to_contain_text("Nothing was sent.")
    await page.unroute("**/v1/me")
    await expect(form.get_by_label("Who asks for it")).to_have_value("District court")
    await page.route("**/v1/school/holds", lambda route: route.fulfill(status=401, json=OVER), times=1)
    await form.get_by_role("button", name="Ask for it").click()
    async with context.expect_page() as opening:
        await again.click()
    tab = await opening.value
    await approve(tab, "hana.cole")
    await expect(tab.get_by_role("heading", level=1)).to_have_text("Signed in again")
    assert await complaints(tab) == []
    await picture(tab, "signed-in-again")
    await tab.close()
    one = panel.get_by_role("listitem").filter(has_text="Pia Ward")
    await expect(one.locator(".state")).to_have_text("Waits for approval")
    await expect(one).to_contain_text("Hana Cole")
    await expect(one.get_by_role("button", name="Approve…")).to_have_count(0)
    assert await complaints(page) == []


async def writes_down_a_request(page: Page) -> None:
    """Whom it is about must be chosen; what was typed stays until it is."""
    panel = await school(page, "Lawful requests")
    await panel.get_by_role("button", name="Write down a lawful request…").click()
    form = page.locator("#dialog-form")
    await fill(form, LETTER)
    await form.get_by_label("What they did").check()
    await form.get_by_label("Who they are").check()
    await form.get_by_role("button", name="Write it down").click()
    await expect(form.get_by_role("alert")).to_have_text("Choose at least one person.")
    await form.get_by_label("Find by name").fill("pia")
    await form.get_by_role("checkbox", name="Pia Ward").check()
    assert await complaints(page) == []
    await picture(page, "lawful-form")
    await form.get_by_role("button", name="Write it down").click()
    one = panel.get_by_role("listitem").filter(has_text="7 C 12/26")
    await expect(one).to_contain_text("A second administrator must approve it.")
    await expect(one.get_by_role("button", name="Approve…")).to_have_count(0)


async def another_request(page: Page, gateway: Running) -> None:
    """One that is refused later, written down beside the page."""
    people = (await (await page.request.get(f"{gateway.gateway}/v1/school/people?limit=200")).json())["items"]
    pia = next(one["id"] for one in people if one["name"] == "Pia Ward")
    body = {"authority": "A caller", "reference": "none", "basis": "none", "people": [pia], "parts": ["accounts"]}
    made = await page.request.post(
        f"{gateway.gateway}/v1/school/lawful-requests", data=body, headers={"Origin": gateway.gateway}
    )
    assert made.status == 201


async def second_vote(page: Page, one: Any) -> None:
    """Another administrator stands behind it."""
    await one.get_by_role("button", name="Approve…").click()
    assert await complaints(page) == []
    await page.locator("#dialog-form").get_by_role("button", name="Approve").click()


async def approves_a_hold(page: Page) -> None:
    """It is done in a moment."""
    panel = await school(page, "Legal holds")
    one = panel.get_by_role("listitem").filter(has_text="Pia Ward")
    await second_vote(page, one)
    await expect(one.locator(".state")).not_to_have_text("Waits for approval")


async def holds_and_takes(page: Page, folder: Path) -> None:
    """What it keeps is seen and taken away; then its release is asked for."""
    panel = await school(page, "Legal holds")
    one = panel.get_by_role("listitem").filter(has_text="Pia Ward")
    await expect(one.locator(".state")).to_have_text("Holds")
    await expect(one).to_contain_text("What it keeps stays")
    await one.get_by_role("button", name="See what it keeps…").click()
    await expect(one.get_by_role("table", name="What this hold keeps")).to_contain_text("Diary.txt")
    assert await complaints(page) == []
    await picture(page, "school-holds", full_page=True)
    with zipfile.ZipFile(await saved(page, one.get_by_role("button", name="Hand it out…"), folder)) as archive:
        assert archive.read("files/Diary.txt") == b"my diary"
    await one.get_by_role("button", name="Release…").click()
    await page.locator("#dialog-form").get_by_role("button", name="Ask for its release").click()
    await expect(panel.get_by_label("Link to the receipt", exact=True)).to_be_visible()
    await expect(one.get_by_role("button", name="Approve…")).to_have_count(0)
    assert await complaints(page) == []


async def decides(page: Page, folder: Path) -> None:
    """One request is handed out once it is approved, the other one refused with a reason."""
    panel = await school(page, "Lawful requests")
    one = panel.get_by_role("listitem").filter(has_text="7 C 12/26")
    await expect(one.get_by_role("button", name="Hand it out…")).to_have_count(0)
    await second_vote(page, one)
    await expect(one.locator(".state")).to_have_text("May be handed out")
    path = await saved(page, one.get_by_role("button", name="Hand it out…"), folder)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert {"lawful", "profile", "entry", "end"} == {line["kind"] for line in lines}
    await expect(one.locator(".state")).to_have_text("Handed out")
    other = panel.get_by_role("listitem").filter(has_text="A caller")
    await other.get_by_role("button", name="Refuse…").click()
    form = page.locator("#dialog-form")
    await form.get_by_label("Reason").fill("There is no law for it.")
    assert await complaints(page) == []
    await form.get_by_role("button", name="Refuse").click()
    await expect(other.locator(".state")).to_have_text("Refused")
    await expect(other).to_contain_text("There is no law for it.")
    assert await complaints(page) == []
    await picture(page, "school-lawful", full_page=True)


async def releases(page: Page) -> None:
    """After a typed word; what goes cannot come back, and a receipt says so."""
    panel = await school(page, "Legal holds")
    one = panel.get_by_role("listitem").filter(has_text="Pia Ward")
    await one.get_by_role("button", name="Approve…").click()
    form = page.locator("#dialog-form")
    await form.get_by_label("This cannot be undone").fill("RELEASE")
    assert await complaints(page) == []
    await picture(page, "hold-release")
    await form.get_by_role("button", name="Approve").click()
    await expect(panel.get_by_label("Link to the receipt", exact=True)).to_be_visible()
    await expect(one.locator(".state")).to_have_text("Released")
    assert await complaints(page) == []


async def in_every_look(page: Page, gateway: Running) -> None:
    """Both rooms as others see them."""
    for look in ("dark", "narrow", "right-to-left"):
        await page.emulate_media(**{"color_scheme": "light"} | LOOKS[look])
        await page.set_viewport_size({"width": 320 if look == "narrow" else 1400, "height": 900})
        if look == "right-to-left":
            await page.goto(f"{gateway.gateway}/?lang=ar")
        for part in ("holds", "lawful"):
            await page.evaluate("place => { location.hash = place }", f"view=school&part={part}")
            await expect(page.locator(f'[data-panel-of="{part}"] .record').first).to_be_visible()
            assert await complaints(page) == [], (look, part)
            await picture(page, f"look-{look}-{part}", full_page=True)


async def test_two_administrators_keep_hand_out_and_let_go(gateway: Running, tmp_path: Path) -> None:
    async with browsing() as context:
        pupil = await known(context, gateway, "pia.ward", "Pia Ward", "student", "13_15")
        await put(pupil, "first", "Diary.txt", "my diary")
        await pupil.close()
        first = await known(context, gateway, "hana.cole", "Hana Cole", "administrator", "adult")
        await asks_for_a_hold(first, context)
        await writes_down_a_request(first)
        await another_request(first, gateway)
        await first.close()
        second = await known(context, gateway, "otto.cole", "Otto Cole", "administrator", "adult")
        await approves_a_hold(second)
        await decides(second, tmp_path)
        await holds_and_takes(second, tmp_path)
        await second.close()
        await context.clear_cookies()
        page = await context.new_page()
        await sign_in(page, gateway, "hana.cole")
        await releases(page)
        await in_every_look(page, gateway)
        await page.close()
        await context.clear_cookies()
        page = await context.new_page()
        await sign_in(page, gateway, "pia.ward")
        await reads_of_it(page)


async def reads_of_it(page: Page) -> None:
    """The person finds in their own data who asked for it and why."""
    await page.get_by_role("link", name="Your data", exact=True).click()
    held = await room(page, "What is held")
    await held.get_by_text("Legal holds on your files").click()
    await expect(held.locator(".record").first).to_contain_text("Section 12 of an act")
    assert await complaints(page) == []
    await picture(page, "held-hold", full_page=True)
