"""The kinds of documents whose format a school can choose, and the formats there are, as data.

A document type is the word people use ("spreadsheet"); drives know the same by media type. That each format here is
one that the drives offer, a test holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

MEDIA_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "document": "application/vnd.google-apps.document",
        "spreadsheet": "application/vnd.google-apps.spreadsheet",
        "presentation": "application/vnd.google-apps.presentation",
        "drawing": "application/vnd.google-apps.drawing",
    }
)
"""A document type, and the media type by which a drive's entries have it."""

FORMATS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "document": ("docx", "pdf", "odt", "rtf", "txt", "md", "epub"),
        "spreadsheet": ("xlsx", "pdf", "ods", "csv", "tsv"),
        "presentation": ("pptx", "pdf", "odp", "txt"),
        "drawing": ("png", "pdf", "svg", "jpg"),
    }
)
"""The ids of `ExportChoice` that a school may choose, the one that loses least first."""

DEFAULTS: Final[Mapping[str, str]] = MappingProxyType({name: formats[0] for name, formats in FORMATS.items()})
"""What holds while a school has chosen nothing."""


def by_media_type(exports: Mapping[str, str]) -> dict[str, str]:
    """Formats by document type as formats by media type, which is what an entry can be looked up by."""
    return {MEDIA_TYPES[name]: chosen for name, chosen in exports.items()}
