"""What a real Chromium keeps of page and extension: what the inventory says, and before a sign-in nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, Response, Route, expect

from gateway.inventory import browser
from tests.canary import hits
from tests.e2e.audit import complaints
from tests.e2e.browsing import browsing, connect, pane, picture, put, ready, row, show, sign_in
from tests.e2e.clients import noise
from tests.e2e.running import EXTENSION, Running
from tests.e2e.test_extension import png, sign_extension_in, tab_id, website, worker

pytestmark = [pytest.mark.browser, pytest.mark.slow]

STORED = """async () => ({
  local: Object.keys(localStorage), tab: Object.keys(sessionStorage), cookie: document.cookie,
  databases: (await indexedDB.databases()).map((one) => one.name), caches: await caches.keys(),
  workers: (await navigator.serviceWorker.getRegistrations()).length,
})"""
NOTHING: dict[str, Any] = {"local": [], "tab": [], "cookie": "", "databases": [], "caches": [], "workers": 0}
EXTENSIONS = """async () => ({
  local: Object.keys(await chrome.storage.local.get()), memory: Object.keys(await chrome.storage.session.get()),
  sync: Object.keys(await chrome.storage.sync.get()), caches: await caches.keys(),
  databases: (await indexedDB.databases()).map((one) => one.name),
})"""
PUBLIC = ("/", "/privacy", "/privacy?lang=de", "/?lang=fr", "/v1/docs", "/receipt", "/no-such-page")
"""What anybody may look at."""


@dataclass
class Seen:
    """Every answer of the gateway that the browser got."""

    gateway: str
    answers: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    reading: set[asyncio.Task[None]] = field(default_factory=set)

    def watch(self, context: BrowserContext) -> None:
        """Listen to all pages and workers."""
        context.on("response", self._note)

    def _note(self, response: Response) -> None:
        if response.url.startswith(self.gateway):
            task = asyncio.ensure_future(self._read(response))
            self.reading.add(task)
            task.add_done_callback(self.reading.discard)

    async def _read(self, response: Response) -> None:
        self.answers.append((response.url.removeprefix(self.gateway), await response.all_headers()))

    async def headers(self) -> list[tuple[str, dict[str, str]]]:
        """All of them, as soon as they are read."""
        await asyncio.gather(*self.reading, return_exceptions=True)
        return self.answers


def set_cookies(answers: Iterable[tuple[str, dict[str, str]]]) -> list[str]:
    """The lines of all Set-Cookie headers."""
    return [line for _, headers in answers for line in headers.get("set-cookie", "").split("\n") if line]


async def ours(context: BrowserContext, gateway: str) -> set[str]:
    """Names of the cookies that a request to the gateway would carry. Stand-ins share the host: theirs are left out."""
    return {one["name"] for one in await context.cookies(gateway) if not one["name"].startswith("sandbox")}


async def test_before_a_sign_in_nothing_is_kept(gateway: Running) -> None:
    async with browsing() as context:
        seen = Seen(gateway.gateway)
        seen.watch(context)
        page = await context.new_page()
        for path in PUBLIC:
            await page.goto(gateway.gateway + path)
            assert await page.evaluate(STORED) == NOTHING, path
        assert await context.cookies() == []
        answers = await seen.headers()
        assert len(answers) > len(PUBLIC)
        assert set_cookies(answers) == []
        # Whoever begins to sign in gets one cookie, which says that it was this browser.
        await page.goto(gateway.gateway)
        await page.get_by_role("link", name="Riverside School").click()
        await page.locator('button[name="sandbox_user"]').first.wait_for()
        assert [line.partition("=")[0] for line in set_cookies(await seen.headers())] == ["signin"]


async def upload_watched(page: Page, path: Path) -> dict[str, Any]:
    """What the tab keeps while an upload is under way, which then ends."""
    held, go = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        held.set()
        await go.wait()
        await route.continue_()

    await page.route("**/v1/uploads/*", hold)
    await pane(page, "first").locator('[data-part="files"]').set_input_files(path)
    await held.wait()
    kept: dict[str, Any] = await page.evaluate(STORED)
    go.set()
    await expect(row(page, "first", path.name)).to_be_visible()
    await page.unroute("**/v1/uploads/*")
    return kept


async def copy_and_put_away(page: Page, name: str) -> None:
    """A job that has ended, and its card removed."""
    await row(page, "first", name).locator("input").check()
    await pane(page, "first").locator('[data-act="copy"]').click()
    await page.locator('#dialog-transfer [data-part="ok"]').click()
    task = page.locator(".task").filter(has_text="Copy").first
    await expect(task.locator(".state")).to_contain_text("Done", timeout=60_000)
    await task.get_by_role("button", name="Remove from list").click()


def check_answers(answers: list[tuple[str, dict[str, str]]]) -> None:
    """Nothing of anybody is stored, no header makes a browser keep what the inventory does not know."""
    known = {name.lower() for name in browser.SENT} | {name.lower() for name in browser.STORING}
    for path, headers in answers:
        assert set(headers) <= known, (path, set(headers) - known)
        kept = headers["cache-control"]
        assert kept == ("no-cache" if path.startswith("/static/") else "no-store"), (path, kept)
        if not path.startswith("/static/"):
            assert "last-modified" not in headers, path
    for line in set_cookies(answers):
        name, _, rest = line.partition("=")
        assert browser.cookie(name), f"a cookie that the inventory does not know: {name}"
        assert all(word in rest for word in ("HttpOnly", "Path=/")), line
        assert "SameSite=Lax" in rest or "Max-Age=0" in rest, line


async def test_what_the_page_keeps_is_what_the_inventory_says(gateway: Running, tmp_path: Path) -> None:
    content, path = noise("what a browser keeps", 300_000), tmp_path / "Secret diary.bin"
    path.write_bytes(content)
    profile = tmp_path / "profile"
    async with browsing(profile=profile) as context:
        seen = Seen(gateway.gateway)
        seen.watch(context)
        page = await context.new_page()
        await sign_in(page, gateway, "leo.park")
        assert await ours(context, gateway.gateway) == {"session"}
        await connect(page, "google", "leo.park")
        await show(page, "first", "school")
        await show(page, "second", "Google Drive")
        during = await upload_watched(page, path)
        assert {**during, "tab": []} == NOTHING
        kept = {one.name for name in during["tab"] for one in browser.of("tab") if one.fits(name)}
        assert kept - {"put-away"} == {"upload:HASH"}, "put-away: of cards that somebody left here before"
        await copy_and_put_away(page, path.name)
        after = await page.evaluate(STORED)
        assert {**after, "tab": []} == NOTHING
        assert after["tab"] == ["put-away"], "an upload that has ended is kept no longer"
        assert "first=" in await page.evaluate("location.hash"), "the folders that are open stand in the address"
        await put(page, "first", "note.txt", "A sentence that no disk of this computer may hold. " * 40)
        async with context.expect_page() as opening:
            await row(page, "first", "note.txt").locator(".entry").click()
        tab = await opening.value
        await expect(tab.locator("body")).to_contain_text("no disk of this computer")
        await tab.close()
        await page.goto(f"{gateway.gateway}/?lang=en")
        await ready(page)
        assert await ours(context, gateway.gateway) == {"session", "language"}
        await page.get_by_role("button", name="Sign out").click()
        await page.get_by_role("link", name="Riverside School").wait_for()
        assert await ours(context, gateway.gateway) == {"language"}
        assert await page.evaluate(STORED) == NOTHING, "signing out clears what the page kept"
        answers = await seen.headers()
    check_answers(answers)
    names = {line.partition("=")[0] for line in set_cookies(answers)}
    assert names == {one.name for one in browser.of("cookie")}, "each of them was seen"
    assert any(profile.rglob("History")), "the browser did write to its profile"
    assert hits([profile], [content[:24], content[150_000:150_024], "no disk of this computer"]) == []


async def test_what_the_extension_keeps_is_what_the_inventory_says(gateway: Running) -> None:
    image = png(64)
    async with website(image) as site, browsing(extension=EXTENSION) as context:
        page = await context.new_page()
        await sign_in(page, gateway, "mia.chen", "Hillcrest Academy")
        await sign_extension_in(context, gateway)
        homework = await context.new_page()
        await homework.goto(site)
        inside = await worker(context)
        stored = await inside.evaluate(EXTENSIONS)
        assert stored == {"local": ["gateway"], "memory": ["held"], "sync": [], "caches": [], "databases": []}
        # What a menu asks for is handed over once, and taken by the window that opens.
        script = f"""() => new Promise((told) => {{
          chrome.storage.session.onChanged.addListener((now) => told(Object.keys(now)[0]));
          chrome.tabs.get({await tab_id(context, site)}).then((tab) => chrome.contextMenus.onClicked.dispatch(
            {{ menuItemId: "save-page", pageUrl: "{site}/" }}, tab));
        }})"""
        async with context.expect_page() as opening:
            handed = await inside.evaluate(script)
        window = await opening.value
        await ready(window)
        assert [one.name for one in browser.of("extension memory") if one.fits(handed)] == ["save:ID"]
        window_keeps = await window.evaluate(STORED)
        assert {**window_keeps, "workers": 0} == NOTHING
        again = await inside.evaluate(EXTENSIONS)
        assert again == stored, "it is gone once it was taken"


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("light", {}),
        ("dark", {"color_scheme": "dark"}),
        ("narrow", {"viewport": {"width": 360, "height": 740}}),
        ("arabic", {"locale": "ar-EG"}),
        ("large-text", {"viewport": {"width": 700, "height": 500}, "device_scale_factor": 2}),
    ],
)
async def test_the_privacy_page_can_be_read_by_everybody(gateway: Running, name: str, options: dict[str, Any]) -> None:
    """WCAG 2.2 AA as far as a machine can tell; pictures of it are kept."""
    async with browsing(**options) as context:
        page = await context.new_page()
        await page.goto(f"{gateway.gateway}/privacy")
        await page.get_by_role("heading", level=1).wait_for()
        assert await complaints(page) == []
        await picture(page, f"privacy-{name}", full_page=True)
        link = page.locator('.contents a[href="#browser"]')
        await link.click()
        assert page.url.endswith("#browser")


async def test_it_is_reached_from_the_page_and_comes_back(gateway: Running) -> None:
    async with browsing() as context:
        page = await context.new_page()
        await page.goto(gateway.gateway)
        await page.get_by_role("link", name="What happens with your data").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Your data")
        await page.get_by_role("link", name="Deutsch").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Ihre Daten")
        assert await page.evaluate("document.documentElement.lang") == "de"
        await page.locator(".brand").click()
        await page.get_by_role("link", name="Riverside School").wait_for()
