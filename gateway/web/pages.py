"""The pages a person sees, built on the server: a complete, readable shell that the scripts then fill with life.

Knows templates and languages; knows no request, no session and no drive. What a page shows is passed in by the
routes, and everything is escaped. Pages hold no inline script or style, so the strict content policy stays strict;
messages for the scripts travel as JSON in a data block, which browsers never execute.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.ext import InternationalizationExtension

from gateway.schools.formats import FORMATS, MEDIA_TYPES
from gateway.web import catalogs

HERE: Final = Path(__file__).parent
STATIC: Final = HERE / "static"
"""The folder that is served below /static/, with revalidation (no-cache and an ETag)."""

Page = Literal[
    "signin", "drives", "guardian", "receipt", "extension_consent", "problem", "privacy", "export", "signed_in"
]
"""What each page needs beside the language:

- ``signin``: schools [{id, name}], next (a local path or ''), notice (a sentence or '')
- ``drives``, ``guardian``: me (as /v1/me answers it, JSON-ready)
- ``receipt``: nothing; its script fetches the one-time link that the address carries after '#'
- ``signed_in``: nothing; the page that waits in another tab sees for itself
- ``extension_consent``: me, fields (hidden form fields, sent back by POST to /extension/authorize)
- ``privacy``: what `gateway.inventory.page.shown` makes of the inventory
- ``export``: what `gateway.rights.exporting` tells of an archive; it stands alone, without scripts and styles of ours
- ``problem``: title, detail, advice (plain words, translated already), action {href, label} or None
"""


@cache
def _environment(locale: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=[InternationalizationExtension],
    )
    install = environment.install_gettext_translations  # type: ignore[attr-defined]  # the extension adds it
    install(catalogs.translations(locale), newstyle=True)
    environment.globals.update(
        locale=locale,
        direction=catalogs.direction(locale),
        languages=list(catalogs.offered()),
        messages=catalogs.for_scripts(locale),
        formats=[{"kind": kind, "media_type": MEDIA_TYPES[kind], "formats": FORMATS[kind]} for kind in FORMATS],
    )
    return environment


def render(page: Page, locale: str, **context: Any) -> str:
    """The page as HTML. ``locale`` is one that `catalogs.choose` gave; a missing value raises."""
    return _environment(locale).get_template(f"{page}.html").render(page=page, **context)


def prepare(locale: str) -> None:
    """Read what a language needs, which takes a moment the first time: blocking, for a thread."""
    _environment(locale)


def pieces(page: Page, locale: str, **context: Any) -> Iterator[str]:
    """`render`, a few characters at a time: what is long need not be held whole."""
    return _environment(locale).get_template(f"{page}.html").generate(page=page, **context)
