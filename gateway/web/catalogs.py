"""Every text a person reads, in their language: the message catalogues, and which language is chosen.

Catalogues are compiled in memory from the .po files when they are first needed, so there is no build step and no
binary twin to forget. English is the source text itself; what a catalogue lacks is shown in English. Knows no route
and no person.
"""

from __future__ import annotations

import gettext
import io
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from babel import Locale
from babel.core import negotiate_locale
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

FOLDER: Final = Path(__file__).parent / "locale"
SOURCE: Final = "en"

# Each language by its own name, as a person looks for it in a list.
LANGUAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "en": "English",
        "de": "Deutsch",
        "fr": "Français",
        "es": "Español",
        "it": "Italiano",
        "pt": "Português",
        "pl": "Polski",
        "tr": "Türkçe",
        "ar": "العربية",
    }
)


def path_of(locale: str) -> Path:
    """Where the catalogue of a language lies."""
    return FOLDER / locale / "LC_MESSAGES" / "messages.po"


@cache
def catalog(locale: str) -> Catalog:
    """The catalogue as Babel reads it."""
    with path_of(locale).open("rb") as file:
        return read_po(file, locale=locale)


@cache
def translations(locale: str) -> gettext.NullTranslations:
    """The catalogue ready for use; KeyError for a language that is not offered."""
    if locale not in LANGUAGES:
        raise KeyError(locale)
    compiled = io.BytesIO()
    write_mo(compiled, catalog(locale))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def translate(locale: str, message: str) -> str:
    """One text, such as a problem's advice, in a language; the text itself where there is no translation."""
    return translations(locale).gettext(message) if message else message


@cache
def for_scripts(locale: str) -> Mapping[str, str | tuple[str, ...]]:
    """What the page's scripts may say: message → translation, or → its plural forms. Empty for the source language."""
    if locale == SOURCE:
        return {}
    found: dict[str, str | tuple[str, ...]] = {}
    for message in catalog(locale):
        if message.fuzzy or not any(file.endswith(".js") for file, _ in message.locations):
            continue
        if isinstance(message.string, str):
            if message.string and isinstance(message.id, str):
                found[message.id] = message.string
        elif message.string and all(message.string):
            found[message.id[0]] = tuple(message.string)
    return found


def direction(locale: str) -> str:
    """The value of the dir attribute."""
    return Locale.parse(locale).text_direction


def choose(*wanted: str | None, accept_language: str = "") -> str:
    """The language to show: the first of ``wanted`` that is offered (a choice in the address, a cookie, the person's
    own), else what the browser asks for, else English. Never raises: all of these come from outside.
    """
    tags = [tag for tag in wanted if tag] + _accepted(accept_language)
    plain = [tag.replace("-", "_")[:35] for tag in tags]
    return negotiate_locale(plain, list(LANGUAGES), sep="_") or SOURCE


def _accepted(header: str) -> list[str]:
    """The tags of an Accept-Language header, the most wanted first."""
    weighed: list[tuple[float, str]] = []
    for part in header[:500].split(","):
        tag, _, quality = part.strip().partition(";q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            continue
        if tag and weight > 0:
            weighed.append((weight, tag))
    return [tag for _, tag in sorted(weighed, key=lambda pair: -pair[0])]


def offered() -> Iterable[tuple[str, str]]:
    """(tag, its own name) of every language, for the picker."""
    return LANGUAGES.items()
