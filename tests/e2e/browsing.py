"""What people do with a browser: start Chromium, sign in, connect an account, wait for a folder."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, Page, async_playwright, expect

from tests.e2e.running import ROOT, Running

expect.set_options(timeout=30_000)  # a busy machine is no failure
ARTEFACTS = ROOT / "artefacts"
ARGUMENTS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


def chromium() -> str:
    """The browser to drive: the setting, else an installed one. Its absence fails the test, it never skips it."""
    for name in (os.environ.get("FILE_ACCESS_TEST_BROWSER"), "chromium", "chromium-browser", "google-chrome"):
        if name and (found := shutil.which(name)):
            return found
    raise AssertionError("no Chromium: set FILE_ACCESS_TEST_BROWSER")


class Errors:
    """What went wrong in the pages' scripts: a test that ends with any of these has failed."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def watch(self, page: Page) -> None:
        """Listen to a page."""
        page.on("pageerror", lambda error: self.seen.append(f"{error.name}: {error.message}\n{error.stack}"))
        page.on("console", lambda line: self._line(line.type, line.text))

    def _line(self, kind: str, text: str) -> None:
        # Answers that are errors are reported by the browser too; the page shows those to the person.
        if kind == "error" and "Failed to load resource" not in text:
            self.seen.append(text)


@asynccontextmanager
async def browsing(*, extension: Path | None = None, **options: Any) -> AsyncIterator[BrowserContext]:
    """A real Chromium with a fresh profile; no script of any page may have failed when it closes."""
    profile = tempfile.mkdtemp(prefix="file-access-browser-")
    arguments = list(ARGUMENTS)
    if extension is not None:
        arguments += [f"--disable-extensions-except={extension}", f"--load-extension={extension}"]
    errors = Errors()
    try:
        async with async_playwright() as playwright:
            context = await playwright.chromium.launch_persistent_context(
                profile, executable_path=chromium(), headless=False, args=arguments,
                ignore_default_args=["--disable-extensions"], accept_downloads=True,
                **{"viewport": {"width": 1400, "height": 900}, "locale": "en-GB"} | options,
            )  # fmt: skip
            context.on("page", errors.watch)
            for page in context.pages:
                errors.watch(page)
            context.set_default_timeout(30_000)
            yield context
            await context.close()
    finally:
        shutil.rmtree(profile, ignore_errors=True)
    assert errors.seen == []


async def sign_in(page: Page, running: Running, person: str, school: str = "Riverside School") -> None:
    """Through the school's own sign-in page, as a person does it."""
    await page.goto(running.gateway)
    await page.get_by_role("link", name=school).click()
    await approve(page, person)
    await ready(page)
    await cleared(page)


async def cleared(page: Page) -> None:
    """Put away the cards of what other tests of the session have ordered for this person: here is only what comes."""
    cards = page.locator(".task")
    if await cards.count():
        await expect(cards.locator("progress:visible")).to_have_count(0)
        await page.locator("#tasks-clear").click()
    await expect(cards).to_have_count(0)


def card(page: Page, title: str) -> Any:
    """The card of one upload or job in the list of activities, by its whole title."""
    return page.locator(".task").filter(has=page.get_by_role("heading", name=title, exact=True))


async def approve(page: Page, person: str) -> None:
    """Choose an account on a stand-in's page."""
    await page.locator(f'button[name="sandbox_user"][value^="{person}@"]').click()


async def ready(page: Page) -> None:
    """The page's script has shown everything."""
    await page.wait_for_selector("html[data-ready]")


async def connect(page: Page, provider: str, person: str) -> None:
    """Connect an account: to the provider, back, and say that it is one's own, where that was not said before."""
    await page.locator('[data-opens="dialog-drives"]').first.click()
    await page.locator(f'[data-provider="{provider}"]').click()
    await approve(page, person)
    question = page.locator("#dialog-sure[open]")
    await page.wait_for_selector("#dialog-sure[open], html[data-ready]")
    if await question.count():
        assert f"{person}@" in await question.inner_text()
        await question.locator('[data-part="ok"]').click()
    await ready(page)


def pane(page: Page, side: str) -> Any:
    """One side of the page."""
    return page.locator(f'.pane[data-side="{side}"]')


def row(page: Page, side: str, name: str) -> Any:
    """The row of an item."""
    return pane(page, side).locator("tbody tr").filter(has=page.get_by_text(name, exact=True))


async def show(page: Page, side: str, kind: str) -> None:
    """Choose a drive on one side and wait for its folder."""
    select = pane(page, side).locator("select")
    value = await select.locator("option").filter(has_text=kind).first.get_attribute("value")
    await select.select_option(value)
    await settled(page, side)


async def settled(page: Page, side: str) -> None:
    """The folder on this side is read."""
    await page.wait_for_function(
        "side => { const p = document.querySelector(`.pane[data-side=${side}]`);"
        " return p.classList.contains('inviting') || !p.querySelector('tbody[aria-busy]')"
        " && (p.querySelector('tbody tr') || !p.querySelector('.empty').hidden || p.querySelector('.notice p')) }",
        arg=side,
    )


async def names(page: Page, side: str) -> list[str]:
    """The names in the folder on this side."""
    found: list[str] = await pane(page, side).locator("tbody .label").all_inner_texts()
    return found


async def picture(page: Page, name: str, **options: Any) -> None:
    """Keep a screenshot as an artefact of the test."""
    ARTEFACTS.mkdir(exist_ok=True)
    await page.screenshot(path=ARTEFACTS / f"{name}.png", **options)


async def get(page: Page, path: str) -> Any:
    """The gateway's own answer, with the page's session."""
    return await page.evaluate("path => fetch(path).then(answer => answer.json())", path)


async def place(page: Page, side: str, name: str) -> None:
    """Go to a place of the drive on this side: its trash, a shared drive, what is shared."""
    places = pane(page, side).get_by_role("navigation", name="Places in this drive")
    await places.get_by_role("button", name=name, exact=True).click()
    await expect(places.locator("[aria-current]")).to_have_text(name)
    await settled(page, side)


async def choose(page: Page, side: str, name: str, action: str) -> None:
    """Choose something in the menu of an item's row."""
    await row(page, side, name).locator(".more").click()
    await page.get_by_role("menuitem", name=action, exact=True).click()


async def put(page: Page, side: str, name: str, text: str, media: str = "text/plain") -> None:
    """Upload a small file and wait until it is listed."""
    file = {"name": name, "mimeType": media, "buffer": text.encode()}
    await pane(page, side).locator('[data-part="files"]').set_input_files([file])
    await expect(row(page, side, name)).to_be_visible()


async def start(
    context: BrowserContext, running: Running, person: str, *providers: str, school: str = "Riverside School"
) -> Page:
    """A signed-in page with these accounts connected."""
    page = await context.new_page()
    await sign_in(page, running, person, school)
    for provider in providers:
        await connect(page, provider, person)
    for side in ("first", "second"):
        await settled(page, side)
    return page


async def beside(context: BrowserContext, running: Running, person: str, school: str = "Riverside School") -> Page:
    """A signed-in page with Google Drive on the left and the school's drive on the right."""
    page = await start(context, running, person, "google", school=school)
    await show(page, "first", "Google Drive")
    await show(page, "second", "School drive")
    return page
