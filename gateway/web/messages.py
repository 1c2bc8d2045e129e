"""Keeps the catalogues in step with the texts: ``python -m gateway.web.messages`` after a text was added or changed.

Texts come from four places: templates, the page's scripts, the gateway's own code, and the advice that errors carry
(class attributes, which no extractor would find). What this writes is what a translator gets; a test fails where it
was not run.
"""

from __future__ import annotations

import importlib
import io
import pkgutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

import gateway
import providers
from gateway.web import catalogs

WEB: Final = Path(__file__).parent
TEMPLATE: Final = catalogs.FOLDER / "messages.pot"
HEADER: Final = "# Messages of File Access Gateway. Written by python -m gateway.web.messages.\n"
_METHODS: Final = [("templates/**.html", "jinja2"), ("static/**.js", "javascript")]
_SPOKEN: Final = {"Problem": (3,), "OrderRefused": (2,), "Store": (2,), "sentence": (1,)}
"""Which argument of a call is a sentence for a person."""
_EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)


def advice() -> Iterator[tuple[str, str]]:
    """(module, text) of every error class of the product that tells a person what to do."""
    for package in (gateway, providers):
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if info.name.endswith("errors"):
                importlib.import_module(info.name)
    found = {
        (kind.__module__, text)
        for kind in _below(Exception)
        if kind.__module__.startswith(("gateway.", "providers.")) and isinstance(text := vars(kind).get("advice"), str)
    }
    yield from sorted(pair for pair in found if pair[1])


def _below(kind: type[Exception]) -> Iterator[type[Exception]]:
    child: type[Exception]
    for child in kind.__subclasses__():
        yield child
        yield from _below(child)


def extract() -> Catalog:
    """Every text there is now, without translations."""
    found = Catalog(
        project="File Access Gateway",
        charset="utf-8",
        header_comment=HEADER.rstrip(),
        creation_date=_EPOCH,
        revision_date=_EPOCH,
        fuzzy=False,
    )
    # Newstyle gettext keeps %(name)s as it is; the scripts use the same form.
    for name, _, message, comments, _ in extract_from_dir(
        str(WEB), method_map=_METHODS, options_map={"templates/**.html": {"trimmed": "true"}}
    ):
        found.add(message, locations=[(f"gateway/web/{name}", 0)], auto_comments=comments)
    for name, _, message, comments, _ in extract_from_dir(
        str(Path(gateway.__file__).parent), method_map=[("**.py", "python")], keywords=_SPOKEN
    ):
        found.add(message, locations=[(f"gateway/{name}", 0)], auto_comments=comments)
    for module, text in advice():
        found.add(text, locations=[(module.replace(".", "/") + ".py", 0)])
    return found


def write(found: Catalog, path: Path) -> None:
    """A catalogue as text that changes only where messages change."""
    buffer = io.BytesIO()
    write_po(buffer, found, width=120, include_lineno=False, sort_output=True, ignore_obsolete=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(buffer.getvalue())


def update() -> dict[str, int]:
    """Bring every catalogue up to date; how many texts each language still lacks."""
    template = extract()
    write(template, TEMPLATE)
    lacking: dict[str, int] = {}
    for locale in catalogs.LANGUAGES:
        path = catalogs.path_of(locale)
        known = Catalog(locale=locale, fuzzy=False)
        if path.exists():
            with path.open("rb") as file:
                known = read_po(file, locale=locale)
        known.update(template, no_fuzzy_matching=True)
        known.header_comment, known.project = HEADER.rstrip(), "File Access Gateway"
        known.creation_date = known.revision_date = _EPOCH
        known.fuzzy = False
        write(known, path)
        lacking[locale] = (
            0 if locale == catalogs.SOURCE else sum(1 for one in known if one.id and not _done(one.string))
        )
    return lacking


def _done(string: object) -> bool:
    return all(string) if isinstance(string, tuple | list) else bool(string)


def main() -> None:
    """Update and tell what is missing."""
    for locale, count in update().items():
        print(f"{locale}: {count} to translate")  # noqa: T201  # the tool's output


if __name__ == "__main__":
    main()
