"""The story of the page, in a real browser against real processes: connect, browse, open, upload, move, forget."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, Route, expect

from tests.e2e.audit import complaints
from tests.e2e.browsing import (
    approve,
    browsing,
    card,
    get,
    names,
    pane,
    picture,
    ready,
    row,
    settled,
    show,
    start,
)
from tests.e2e.running import Running

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PARTLY = re.compile("^[1-9][0-9]{0,2}$")
"""Of a bar that goes to 1000: neither nothing nor all."""


async def test_a_person_browses_opens_uploads_moves_sees_what_is_kept_and_forgets(
    gateway: Running, tmp_path: Path
) -> None:
    async with browsing() as context:
        page = await start(context, gateway, "amira.haddad", "google", "microsoft")
        await side_by_side(page)
        await opens_a_file(context, page)
        await uploads_a_file(page, tmp_path)
        await moves_between_drives(page, gateway)
        await sees_what_is_kept(page)
        await forgets(page, tmp_path)


async def side_by_side(page: Page) -> None:
    """Both accounts beside each other, each with its own content."""
    await show(page, "first", "Google Drive")
    await show(page, "second", "OneDrive")
    assert await names(page, "first")
    assert await names(page, "second")
    assert await names(page, "first") != await names(page, "second")
    await picture(page, "page-side-by-side")


async def opens_a_file(context: BrowserContext, page: Page) -> None:
    """A file opens in a tab of its own, as the gateway serves it: not to be stored, in a sandbox."""
    async with context.expect_page() as opening:
        await row(page, "second", "Welcome.txt").locator(".entry").click()
    tab = await opening.value
    await tab.wait_for_load_state()
    assert await tab.locator("body").inner_text()
    answer = await tab.reload()
    assert answer is not None
    assert answer.headers["cache-control"] == "no-store"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "hit" in answer.headers["cache-status"]
    await tab.close()


async def uploads_a_file(page: Page, folder: Path) -> None:
    """Through the file button, with a bar, and over a connection that breaks in the middle."""
    content = bytes(range(256)) * 40_000
    path = folder / "Poster für die Klasse.bin"
    path.write_bytes(content)
    broken = {"times": 1}

    async def cut(route: Route) -> None:
        if route.request.method == "PATCH" and broken["times"]:
            broken["times"] -= 1
            await route.abort("connectionreset")
        else:
            await route.continue_()

    await page.route("**/v1/uploads/*", cut)
    await pane(page, "first").locator('[data-part="files"]').set_input_files(path)
    task = card(page, f"Upload {path.name}")
    await expect(task.locator("progress")).to_be_visible()
    await expect(task.locator(".state.good")).to_be_visible()
    await page.unroute("**/v1/uploads/*")
    assert broken["times"] == 0, "the connection did break once"
    await expect(row(page, "first", path.name)).to_be_visible()
    drive = await pane(page, "first").locator("select").input_value()
    items = (await get(page, f"/v1/drives/{drive}/items/root/children"))["items"]
    item = next(one for one in items if one["name"] == path.name)
    arrived = await page.evaluate(
        "path => fetch(path).then(a => a.arrayBuffer()).then(b => crypto.subtle.digest('SHA-256', b))"
        ".then(d => btoa(String.fromCharCode(...new Uint8Array(d))))",
        f"/v1/drives/{drive}/items/{item['id']}/content",
    )
    assert base64.b64decode(arrived) == hashlib.sha256(content).digest()


async def moves_between_drives(page: Page, running: Running) -> None:
    """A folder tree goes from Google Drive to OneDrive under a progress bar; the report tells of new names."""
    await row(page, "first", "Class 7b").locator("input").check()
    await pane(page, "first").locator('[data-act="move"]').click()
    await page.locator('#dialog-transfer [data-part="ok"]').click()
    plan = page.locator("#dialog-plan")
    await expect(plan.locator(".facts")).to_contain_text("7 folders, 4 online documents")
    await expect(plan.locator(".lines")).to_contain_text("other names")
    await plan.get_by_text("Show these items").click()
    await expect(plan.get_by_role("row").filter(has_text="Ends with a dot.")).to_contain_text("Gets another name")
    await picture(page, "page-plan")
    assert await complaints(page) == []
    address = f"{running.microsoft}/_sandbox/faults"
    slow = [{"match": {"method": "PUT"}, "do": {"bandwidth": 12_000_000}}]
    assert (await page.context.request.post(address, data=slow)).ok
    try:
        await plan.get_by_role("button", name="Move").click()
        task = card(page, "Move Class 7b to OneDrive")
        await expect(task.locator("progress")).to_have_attribute("value", PARTLY)
        assert await complaints(page) == []
        await picture(page, "page-moving", full_page=True)
    finally:
        assert (await page.context.request.delete(address)).ok
    await expect(task.locator(".state")).to_contain_text("Done", timeout=60_000)
    await expect(row(page, "second", "Class 7b")).to_be_visible()
    await expect(row(page, "first", "Class 7b")).to_have_count(0)
    await task.get_by_role("button", name="Report").click()
    report = page.locator("#dialog-report")
    await expect(report.locator("p").first).to_contain_text("moved")
    await expect(report.get_by_role("heading", name="Under another name")).to_be_visible()
    await picture(page, "page-report")
    assert await complaints(page) == []
    await page.keyboard.press("Escape")
    await expect(task.get_by_role("button", name="Report")).to_be_focused()


async def sees_what_is_kept(page: Page) -> None:
    """The opened file is listed with its end; deleting it ends it now."""
    await page.get_by_role("link", name="What is kept for me").click()
    kept = page.get_by_role("table", name="Temporary copies")
    line = kept.get_by_role("row").filter(has_text="Welcome.txt")
    await expect(line.locator("time")).to_be_visible()
    assert await line.locator("time").get_attribute("datetime")
    await picture(page, "page-kept", full_page=True)
    assert await complaints(page) == []
    await line.get_by_role("button").click()
    await expect(line).to_have_count(0)
    assert "Welcome.txt" not in json.dumps(await get(page, "/v1/cache"))


async def forgets(page: Page, folder: Path) -> None:
    """The plan, the typed word, the receipt; afterwards nobody is signed in."""
    await page.get_by_role("button", name="See what would be forgotten").click()
    dialog = page.locator("#dialog-forget")
    await expect(dialog.get_by_role("heading", name="What remains outside")).to_be_visible()
    await expect(dialog.get_by_role("button", name="Forget me now")).to_be_disabled()
    await dialog.get_by_role("textbox").fill("forget")
    await expect(dialog.get_by_role("button", name="Forget me now")).to_be_disabled()
    await dialog.get_by_role("textbox").fill("FORGET")
    assert await complaints(page) == []
    await picture(page, "page-forget")
    await dialog.get_by_role("button", name="Forget me now").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("You have been forgotten", timeout=30_000)
    assert page.url.endswith("/receipt"), "the one-time link is no longer in the address"
    await picture(page, "page-receipt", full_page=True)
    assert await complaints(page) == []
    async with page.expect_download() as saving:
        await page.get_by_role("link", name="Download the signed receipt").click()
    await (await saving.value).save_as(folder / "receipt.json")
    receipt = json.loads((folder / "receipt.json").read_text())
    facts = json.loads(base64.urlsafe_b64decode(receipt["payload"] + "=="))
    assert facts["keys_destroyed"] is True
    await page.goto("/".join(page.url.split("/")[:3]))
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in with your school")


async def test_the_keyboard_alone_is_enough(gateway: Running) -> None:
    async with browsing() as context:
        page = await start(context, gateway, "leo.park", "google")
        await show(page, "first", "Google Drive")
        await show(page, "second", "School drive")
        await pane(page, "first").locator("select").focus()
        for _ in range(20):
            await page.keyboard.press("Tab")
            if await page.evaluate("document.activeElement.classList.contains('entry')"):
                break
        count = len(await names(page, "first"))
        assert count > 1
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Space")
        await expect(pane(page, "first").locator('tr[aria-selected="true"]')).to_have_count(1)
        await page.keyboard.press("Control+a")
        await expect(pane(page, "first").locator('tr[aria-selected="true"]')).to_have_count(count)
        await page.keyboard.press("Escape")
        await expect(pane(page, "first").locator('tr[aria-selected="true"]')).to_have_count(0)

        await page.keyboard.press("n")
        await page.keyboard.type("By keyboard")
        await page.keyboard.press("Enter")
        await expect(row(page, "first", "By keyboard")).to_be_visible()
        await expect(row(page, "first", "By keyboard").locator(".entry")).to_be_focused()
        await page.keyboard.press("F2")
        await page.keyboard.type("Renamed")
        await page.keyboard.press("Enter")
        await expect(row(page, "first", "Renamed").locator(".entry")).to_be_focused()
        await page.keyboard.press("c")
        await page.keyboard.press("Enter")
        await expect(row(page, "second", "Renamed")).to_be_visible(timeout=30_000)

        await page.keyboard.press("Enter")
        await expect(pane(page, "first").locator(".crumbs")).to_contain_text("Renamed")
        await settled(page, "first")
        await pane(page, "first").get_by_role("button", name="Google Drive", exact=True).focus()
        await page.keyboard.press("Enter")
        await expect(row(page, "first", "Renamed").locator(".entry")).to_be_focused()
        await page.keyboard.press("Delete")
        await expect(page.locator('#dialog-sure [data-part="no"]')).to_be_focused()
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(row(page, "first", "Renamed")).to_have_count(0)
        await page.keyboard.press("ArrowRight")
        assert await page.evaluate("document.querySelector('.pane tbody').contains(document.activeElement)")


async def test_a_row_menu_opens_by_keyboard_and_gives_the_focus_back(gateway: Running) -> None:
    async with browsing() as context:
        page = await start(context, gateway, "jonas.weber", "google", school="Hillcrest Academy")
        await show(page, "first", "Google Drive")
        more = pane(page, "first").locator("tbody tr").first.locator(".more")
        await more.focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("menuitem").first).to_be_focused()
        assert await complaints(page) == []
        await page.keyboard.press("End")
        await expect(page.get_by_role("menuitem").last).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(more).to_be_focused()
        await expect(page.get_by_role("menu")).to_have_count(0)


async def test_an_account_that_is_not_mine_can_be_refused_before_its_first_use(gateway: Running) -> None:
    async with browsing() as context:
        page = await start(context, gateway, "mia.chen", school="Hillcrest Academy")
        await page.locator('[data-opens="dialog-drives"]').first.click()
        await page.locator('[data-provider="google"]').click()
        await approve(page, "jonas.weber")
        question = page.locator("#dialog-sure")
        await expect(question).to_contain_text("jonas.weber@hillcrest.example")
        assert await complaints(page) == []
        await picture(page, "page-whose-account")
        await question.get_by_role("button", name="No, disconnect it").click()
        await ready(page)
        assert {drive["kind"] for drive in (await get(page, "/v1/drives"))["items"]} == {"native"}


LOOKS: dict[str, dict[str, Any]] = {
    "dark": {"color_scheme": "dark"},
    "narrow": {"viewport": {"width": 320, "height": 640}},
    "right-to-left": {"locale": "ar"},
    "forced-colours": {"forced_colors": "active"},
    "reduced-motion": {"reduced_motion": "reduce", "locale": "de-DE"},
}


@pytest.mark.parametrize("look", LOOKS)
async def test_every_page_keeps_its_promises_in_every_look(gateway: Running, look: str) -> None:
    async with browsing(**LOOKS[look]) as context:
        page = await context.new_page()
        await page.goto(gateway.gateway)
        assert await complaints(page) == []
        await picture(page, f"look-{look}-sign-in")
        await page.locator("a.school").first.click()
        await approve(page, "sofia.rossi")
        await ready(page)
        language = LOOKS[look].get("locale", "en")[:2]
        await page.goto(f"{gateway.gateway}/?lang={language}")  # the one that is picked, not the one of the account
        await ready(page)
        assert await page.locator("html").get_attribute("lang") == language
        await settled(page, "first")
        assert await complaints(page) == []
        await picture(page, f"look-{look}-files", full_page=True)
        for dialog in ("dialog-drives", "dialog-keys"):
            await page.locator(f'[data-opens="{dialog}"]').first.click()
            assert await complaints(page) == []
            await page.keyboard.press("Escape")
        await page.locator('[data-view="kept"]').click()
        await page.locator("#kept-drives > *").first.wait_for()
        assert await complaints(page) == []
        await picture(page, f"look-{look}-kept", full_page=True)


BROKEN = """<!doctype html><title></title><style>p { color: #999; background: #fff }</style>
<h1>One</h1><h3>Three</h3><p>Too pale</p><button></button><input id="a"><div id="a" tabindex="3">x</div>
<label for="nothing">?</label><div style="width: 200vw">wide</div><button style="width: 9px; height: 9px">b</button>"""


async def test_the_audit_sees_what_is_wrong() -> None:
    async with browsing() as context:
        page = await context.new_page()
        await page.set_content(BROKEN)
        found = "\n".join(await complaints(page))
    for fault in (
        "no language", "no title", "main landmark", "heading level", "contrast 2.8", "a button has no name",
        "a textbox has no name", "id twice", "positive tabindex", "for to nothing", "scrolls sideways", "target ",
    ):  # fmt: skip
        assert fault in found, fault
