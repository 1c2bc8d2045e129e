"""Documents on the page: older versions, formats, what a school sets for them, Office files that become documents."""

from __future__ import annotations

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.e2e.audit import complaints
from tests.e2e.browsing import beside, browsing, card, choose, get, pane, picture, put, row, sign_in
from tests.e2e.running import Running

pytestmark = [pytest.mark.browser, pytest.mark.slow]


async def test_versions_and_formats_are_offered_in_words(gateway: Running) -> None:
    async with browsing() as context:
        page = await beside(context, gateway, "leo.park")
        await page.goto(f"{gateway.gateway}/#school")  # an administrator's page
        await expect(page.get_by_role("link", name="Files", exact=True)).to_have_attribute("aria-current", "page")
        await put(page, "second", "Diary.txt", "Monday")
        await twice(page, "Diary.txt")
        await choose(page, "second", "Diary.txt", "Versions…")
        dialog = page.get_by_role("dialog", name="Versions of Diary.txt")
        await expect(dialog.get_by_role("row")).to_have_count(3)
        assert await complaints(page) == []
        await picture(page, "page-versions")
        async with context.expect_page() as opening:
            await dialog.get_by_role("link").last.click()
        older = await opening.value
        await older.wait_for_load_state()
        assert await older.locator("body").inner_text() == "Monday"
        await older.close()
        await page.keyboard.press("Escape")
        await expect(row(page, "second", "Diary.txt").locator(".more")).to_be_focused()
        await formats(context, page)


async def twice(page: Page, name: str) -> None:
    """New content for what is there, over the wire: the page itself never replaces what it uploads."""
    script = """async ([name, drive, text]) => {
      const code = (value) => btoa(value);
      const asked = { drive, parent: 'root', filename: name, filetype: 'text/plain', on_conflict: 'replace' };
      const metadata = Object.entries(asked);
      const version = { 'Tus-Resumable': '1.0.0' };
      const line = metadata.map(([key, value]) => `${key} ${code(value)}`).join(',');
      const begin = { ...version, 'Upload-Length': String(text.length), 'Upload-Metadata': line };
      const where = (await fetch('/v1/uploads', { method: 'POST', headers: begin })).headers.get('Location');
      const headers = { ...version, 'Upload-Offset': '0', 'Content-Type': 'application/offset+octet-stream' };
      await fetch(where, { method: 'PATCH', headers, body: text });
      while ((await (await fetch(where)).json()).state === 'sending') await new Promise((go) => setTimeout(go, 100));
    }"""
    await page.evaluate(script, [name, "native", "Tuesday"])


async def formats(context: BrowserContext, page: Page) -> None:
    """A document opens in the school's format, or in the one that is chosen."""
    await row(page, "first", "My schoolwork").locator(".entry").click()
    await choose(page, "first", "Essay", "Open or download as…")
    dialog = page.get_by_role("dialog", name="Open or download Essay")
    await expect(dialog.get_by_label("School's choice")).to_be_checked()
    assert await complaints(page) == []
    await picture(page, "page-formats")
    await dialog.get_by_label("Plain text (TXT)").check()
    async with context.expect_page() as opening:
        await dialog.get_by_role("button", name="Open").click()
    tab = await opening.value
    await tab.wait_for_load_state()
    assert "Why leaves are green" in await tab.locator("body").inner_text()
    await tab.close()
    await choose(page, "first", "Essay", "Open or download as…")
    await dialog.get_by_label("PDF").check()
    async with page.expect_download() as saving:
        await dialog.get_by_role("button", name="Download").click()
    assert (await saving.value).suggested_filename == "Essay.pdf"


async def test_an_administrator_sets_the_formats_of_the_school(gateway: Running) -> None:
    async with browsing() as context:
        page = await context.new_page()
        await sign_in(page, gateway, "sofia.rossi", "Riverside School")
        await page.get_by_role("link", name="School", exact=True).click()
        await expect(page.locator("#school-title")).to_be_focused()
        table = page.get_by_label("Tables")
        await expect(table).to_have_value("xlsx")
        assert await complaints(page) == []
        await table.select_option("ods")
        await page.get_by_role("button", name="Save").click()
        await expect(page.locator("#school .state.good")).to_have_text("Saved")
        await picture(page, "page-school", full_page=True)
        stale = {"status": 412, "code": "changed", "detail": "Somebody else changed the settings in the meantime."}
        await page.route("**/school/settings", lambda route: route.fulfill(status=412, json=stale), times=1)
        await page.get_by_role("button", name="Save").click()
        await expect(page.locator("#school .problem")).to_contain_text("Somebody else changed the settings")
        await expect(table).to_have_value("ods")
        await table.select_option("xlsx")
        await page.get_by_role("button", name="Save").click()
        await expect(page.locator("#school .state.good")).to_have_text("Saved")
        assert (await get(page, "/v1/school/settings"))["exports"]["spreadsheet"] == "xlsx"


async def test_office_files_become_documents_only_where_that_is_wanted(gateway: Running) -> None:
    async with browsing() as context:
        page = await beside(context, gateway, "jonas.weber", "Hillcrest Academy")
        letter = {"name": "Letter.docx", "mimeType": "text/plain", "buffer": b"Dear parents"}
        files = pane(page, "first").locator('[data-part="files"]')
        await files.set_input_files([letter])
        dialog = page.locator("#dialog-convert")
        await expect(dialog).to_contain_text("1 of these files is an Office file.")
        assert await complaints(page) == []
        await dialog.get_by_label("As Google documents").check()
        await picture(page, "page-convert")
        await dialog.get_by_role("button", name="Upload").click()
        sent = card(page, "Upload Letter.docx")
        await expect(sent.locator(".state.good")).to_be_visible()
        kinds = {one["name"]: one["kind"] for one in await children(page)}
        assert kinds["Letter"] == "document"
        await files.set_input_files([letter])
        await dialog.get_by_role("button", name="Cancel").click()
        await expect(sent).to_have_count(1)
        await page.wait_for_timeout(1_100)  # a name and a time, to the second, are held to be one and the same letter
        await pane(page, "second").locator('[data-part="files"]').set_input_files([letter])
        await expect(row(page, "second", "Letter.docx")).to_be_visible()
        await choose(page, "second", "Letter.docx", "Copy to the other side")
        await page.locator("#dialog-transfer").get_by_label("Turn Office files into Google documents").check()
        await page.locator('#dialog-transfer [data-part="ok"]').click()
        copied = card(page, "Copy Letter.docx to Google Drive")
        await expect(copied.locator(".state.good")).to_be_visible()
        letters = [one["kind"] for one in await children(page) if one["name"].startswith("Letter")]
        assert letters == ["document", "document"]


async def children(page: Page) -> list[dict[str, str]]:
    """What lies at the top of the drive on the left."""
    drive = await pane(page, "first").locator("select").input_value()
    found: list[dict[str, str]] = (await get(page, f"/v1/drives/{drive}/items/root/children"))["items"]
    return found
