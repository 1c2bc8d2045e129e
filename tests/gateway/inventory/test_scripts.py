"""What the page's and the extension's scripts keep in a browser, read off their text: only what is in the inventory."""

from __future__ import annotations

import re
from pathlib import Path

from gateway.inventory import browser

ROOT = Path(__file__).resolve().parents[3] / "gateway"
PAGE = sorted((ROOT / "web" / "static").rglob("*.js"))
EXTENSION = sorted((ROOT / "extension").rglob("*.js"))
FORBIDDEN = re.compile(
    r"\b(localStorage|indexedDB|document\.cookie|cookieStore|caches\.|serviceWorker\.register|BroadcastChannel"
    r"|storage\.sync|navigator\.sendBeacon|showSaveFilePicker|navigator\.storage)"
)
"""Ways to keep or send something that no script of ours uses."""


def text(paths: list[Path]) -> str:
    return "\n".join(path.read_text() for path in paths)


def test_no_script_uses_another_way_to_keep_something() -> None:
    for path in [*PAGE, *EXTENSION]:
        found = FORBIDDEN.findall(path.read_text())
        assert found == [], path
    assert "sessionStorage" not in text(EXTENSION)
    assert "chrome." not in text(PAGE)


def test_the_tab_keeps_what_the_inventory_says() -> None:
    used = re.findall(r"sessionStorage\.setItem\((\w+)", text(PAGE))
    assert used == ["PUT_AWAY", "key"] or sorted(used) == ["PUT_AWAY", "key"], "a new key belongs into the inventory"
    assert 'const PUT_AWAY = "put-away"' in text(PAGE)
    assert "return `upload:${" in text(PAGE)
    names = {"put-away", f"upload:{'0' * 64}"}
    assert all(any(one.fits(name) for one in browser.of("tab")) for name in names)
    assert len(browser.of("tab")) == len(names)


def test_the_extension_keeps_what_the_inventory_says() -> None:
    local = re.findall(r"storage\.local\.set\(\{ (\w+)", text(EXTENSION))
    memory = re.findall(r"storage\.session\.set\(\{ (\[`\w+:|\w+)", text(EXTENSION))
    assert sorted(local) == ["gateway"]
    assert sorted(memory) == ["[`save:", "held"]
    assert [one.name for one in browser.of("extension")] == ["gateway"]
    assert sorted(one.name for one in browser.of("extension memory")) == ["held", "save:ID"]


def test_nothing_is_loaded_from_elsewhere() -> None:
    """No page and no script names a host of somebody else's, so nobody else learns who is here."""
    sources = [*PAGE, *sorted((ROOT / "web").rglob("*.html")), *sorted((ROOT / "web").rglob("*.css"))]
    for path in sources:
        for address in re.findall(r"https?://[^\s\"'`)<]+", path.read_text()):
            assert address.startswith("http://www.w3.org/"), f"{path}: {address}"
