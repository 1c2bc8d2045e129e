"""The browser extension, loaded unpacked into a real Chromium: sign in, save a link and an image, attach a file."""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import BrowserContext, Page, Worker, expect

from tests.e2e.audit import complaints
from tests.e2e.browsing import approve, browsing, connect, get, picture, ready, sign_in
from tests.e2e.running import EXTENSION, Running, extension_id

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ID = extension_id()
HOMEWORK = """<!doctype html><html lang="en"><title>Pond life: a week of watching</title><h1>Pond life</h1>
<img src="/pond.png" alt="A pond" width="64"><a href="/more?a=1&amp;b=2">More</a>
<form><label>Homework <input type="file" id="one"></label>
<label>Pictures <input type="file" id="many" multiple accept="image/*"></label></form>"""


def png(side: int = 600) -> bytes:
    """A picture of some size, without an imaging library: rows of one colour that changes slowly."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + hashlib.sha512(y.to_bytes(4, "big")).digest()[:48] * (side // 16) for y in range(side))
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 0)) + chunk(b"IEND", b"")


@asynccontextmanager
async def website(picture_bytes: bytes) -> AsyncIterator[str]:
    """A page of somebody else's, with an image and file fields."""

    async def page(_request: web.Request) -> web.Response:
        return web.Response(text=HOMEWORK, content_type="text/html")

    async def image(_request: web.Request) -> web.Response:
        return web.Response(body=picture_bytes, content_type="image/png")

    async def lie(_request: web.Request) -> web.Response:
        return web.Response(text="<p>log in first</p>", content_type="text/html")

    app = web.Application()
    app.add_routes([web.get("/", page), web.get("/pond.png", image), web.get("/lie.png", lie)])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def worker(context: BrowserContext) -> Worker:
    """The extension's service worker."""
    found = [one for one in context.service_workers if ID in one.url]
    return found[0] if found else await context.wait_for_event("serviceworker", timeout=15_000)


async def open_extension(context: BrowserContext, path: str) -> Page:
    """A page of the extension in a tab."""
    page = await context.new_page()
    await page.goto(f"chrome-extension://{ID}/{path}")
    await ready(page)
    return page


async def sign_extension_in(context: BrowserContext, running: Running) -> None:
    """Through the options page and the gateway's consent page."""
    options = await open_extension(context, "options.html")
    assert await complaints(options) == []
    await options.get_by_role("textbox").fill(running.gateway)
    async with context.expect_page() as opening:
        await options.get_by_role("button", name="Save and sign in").click()
    consent = await opening.value
    await consent.get_by_role("heading", level=1).wait_for()
    assert await complaints(consent) == []
    await picture(consent, "extension-consent")
    await consent.get_by_role("button", name="Allow", exact=True).click()
    await expect(options.get_by_role("status")).to_have_text("You are signed in. The extension is ready.")
    await options.close()


async def tab_id(context: BrowserContext, address: str) -> int:
    """The browser's number of the tab that shows an address."""
    script = f"chrome.tabs.query({{}}).then(all => all.find(tab => tab.url?.startsWith({json.dumps(address)})).id)"
    found: int = await (await worker(context)).evaluate(script)
    return found


async def by_menu(context: BrowserContext, tab: int, **info: str) -> Page:
    """Choose one of the extension's entries in the page's context menu; the window that it opens."""
    script = f"chrome.tabs.get({tab}).then(tab => chrome.contextMenus.onClicked.dispatch({json.dumps(info)}, tab))"
    async with context.expect_page() as opening:
        await (await worker(context)).evaluate(script)
    window = await opening.value
    await ready(window)
    return window


async def child(page: Page, drive: str, name: str) -> Any:
    """An item at the top of a drive, as the gateway tells it."""
    items = (await get(page, f"/v1/drives/{drive}/items/root/children"))["items"]
    return next(one for one in items if one["name"] == name)


async def digest(page: Page, item: Any) -> str:
    """SHA-256 of what the gateway serves for an item."""
    raw = await page.context.request.get(
        "/".join(page.url.split("/")[:3]) + f"/v1/drives/{item['drive']}/items/{item['id']}/content"
    )
    assert raw.ok
    return hashlib.sha256(await raw.body()).hexdigest()


async def save(window: Page, drive: str) -> None:
    """Save into the top folder of a drive."""
    await window.locator("#drive").select_option(drive)
    await expect(window.locator(".entries")).not_to_contain_text("Loading")
    await window.get_by_role("button", name="Save here").click()


@asynccontextmanager
async def prepared(
    running: Running, person: str, picture_bytes: bytes
) -> AsyncIterator[tuple[BrowserContext, Page, str, int]]:
    """A browser with the extension, signed in: the gateway's page, somebody's website and its tab."""
    async with website(picture_bytes) as site, browsing(extension=EXTENSION) as context:
        page = await context.new_page()
        await sign_in(page, running, person)
        await connect(page, "google", person)
        await sign_extension_in(context, running)
        homework = await context.new_page()
        await homework.goto(site)
        yield context, page, site, await tab_id(context, site)


async def kept(context: BrowserContext) -> str:
    """Everything that the extension has stored anywhere."""
    script = """Promise.all([chrome.storage.local.get(), chrome.storage.session.get(), chrome.storage.sync.get(),
      caches.keys(), indexedDB.databases()]).then(all => JSON.stringify(all))"""
    found: str = await (await worker(context)).evaluate(script)
    return found


async def test_an_image_and_a_link_are_saved_to_a_drive(gateway: Running) -> None:
    image = png(1200)
    assert len(image) > 2 * 1024 * 1024, "more than one piece"
    async with prepared(gateway, "sofia.rossi", image) as (context, page, site, tab):
        google = next(one["id"] for one in (await get(page, "/v1/drives"))["items"] if one["kind"] == "google")
        window = await by_menu(context, tab, menuItemId="save-image", srcUrl=f"{site}/pond.png", pageUrl=site)
        assert await complaints(window) == []
        await expect(window.get_by_label("Name of the file")).to_have_value("pond.png")
        await save(window, google)
        await expect(window.get_by_role("status")).to_have_text("pond.png is saved.")
        await picture(window, "extension-image-saved")
        saved = await child(page, google, "pond.png")
        assert await digest(page, saved) == hashlib.sha256(image).hexdigest()

        window = await by_menu(context, tab, menuItemId="save-page", pageUrl=f"{site}/?week=3")
        await expect(window.get_by_label("Name of the file")).to_have_value("Pond life a week of watching")
        await save(window, "native")
        await expect(window.get_by_role("status")).to_have_text("Pond life a week of watching.url is saved.")
        saved = await child(page, "native", "Pond life a week of watching.url")
        shortcut = f"[InternetShortcut]\r\nURL={site}/?week=3\r\n"
        assert await digest(page, saved) == hashlib.sha256(shortcut.encode()).hexdigest()

        stored = await kept(context)
        assert "pond" not in stored.lower()
        assert site not in stored


async def test_what_is_not_an_image_is_refused_and_nothing_is_saved(gateway: Running) -> None:
    async with prepared(gateway, "leo.park", png(16)) as (context, page, site, tab):
        window = await by_menu(context, tab, menuItemId="save-image", srcUrl=f"{site}/lie.png", pageUrl=site)
        await save(window, "native")
        await expect(window.get_by_role("status")).to_have_text("This address did not answer with an image.")
        items = (await get(page, "/v1/drives/native/items/root/children"))["items"]
        assert "lie.png" not in [one["name"] for one in items]
        window = await by_menu(context, tab, menuItemId="save-link", linkUrl="javascript:alert(1)", pageUrl=site)
        await expect(window.get_by_role("status")).to_have_text("This cannot be saved.")
        await expect(window.get_by_role("button", name="Save here")).to_be_hidden()


async def test_a_file_of_a_drive_is_attached_to_a_page(gateway: Running) -> None:
    async with prepared(gateway, "amira.haddad", png(16)) as (context, page, site, tab):
        popup = await open_extension(context, f"popup.html?tab={tab}")
        await popup.set_viewport_size({"width": 400, "height": 600})
        await popup.locator("#drive").select_option(label="Google Drive – amira.haddad@riverside.example")
        name = "Worksheet photosynthesis.txt"
        await popup.get_by_role("button", name=name).click()
        assert await complaints(popup) == []
        await popup.get_by_role("button", name="Attach to this page").click()
        await expect(popup.get_by_label("Where to attach it")).to_be_focused()
        await picture(popup, "extension-attach")
        await popup.get_by_label("Where to attach it").select_option(label="Pictures")
        await popup.get_by_role("button", name="Attach to this page").click()
        await expect(popup.get_by_role("status")).to_contain_text("does not take files of this kind")
        await popup.get_by_role("button", name="Attach to this page").click()
        await popup.get_by_label("Where to attach it").select_option(label="Homework")
        await popup.get_by_role("button", name="Attach to this page").click()
        await expect(popup.get_by_role("status")).to_have_text(f"{name} is attached.")

        homework = next(one for one in context.pages if one.url.startswith(site))
        attached = await homework.evaluate(
            "(async () => { const file = document.getElementById('one').files[0];"
            " return [file.name, file.type, await file.text()] })()"
        )
        google = next(one["id"] for one in (await get(page, "/v1/drives"))["items"] if one["kind"] == "google")
        item = await child(page, google, name)
        assert attached[:2] == [name, "text/plain"]
        assert hashlib.sha256(attached[2].encode()).hexdigest() == await digest(page, item)
        assert "Worksheet" not in await kept(context)


async def test_signing_the_extension_out_on_the_page_ends_it(gateway: Running) -> None:
    async with prepared(gateway, "leo.park", png(16)) as (context, page, _site, tab):
        held = json.loads(await kept(context))
        assert "refresh" not in json.dumps(held[0]), "no token on disk"
        await page.reload()
        await ready(page)
        await page.get_by_role("link", name="What is kept for me").click()
        buttons = page.get_by_role("table", name="Browser extension sign-ins").get_by_role("button")
        await expect(buttons.first).to_be_visible()
        for left in reversed(range(await buttons.count())):
            await buttons.last.click()
            await expect(buttons).to_have_count(left)
            await expect(page.locator("#kept-title")).to_be_focused()
        popup = await open_extension(context, f"popup.html?tab={tab}")
        await expect(popup.get_by_role("status")).to_have_text("You are signed out. Sign in again.")
        await expect(popup.get_by_role("button", name="Sign in")).to_be_visible()


async def test_the_popup_signs_in_where_nobody_is_signed_in_yet(gateway: Running) -> None:
    async with browsing(extension=EXTENSION) as context:
        service = await worker(context)
        await service.evaluate(f"chrome.storage.local.set({{gateway: {json.dumps(gateway.gateway)}}})")
        popup = await open_extension(context, "popup.html")
        assert await complaints(popup) == []
        async with context.expect_page() as opening:
            await popup.get_by_role("button", name="Sign in").click()
        window = await opening.value
        await approve(window, "leo.park")
        await window.get_by_role("button", name="Allow", exact=True).click()
        await expect(popup.get_by_text("Leo Park")).to_be_visible()
        await expect(popup.locator("#drive")).to_be_visible()
