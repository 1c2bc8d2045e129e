"""What Google Drive allows, as data: limits, export formats, kinds by media type.

Facts: the Drive API v3 discovery document and Google's published Drive guides.
"""

from __future__ import annotations

from typing import Final

from providers.drive import ExportChoice, Kind, Traits
from providers.verbs import View

KIND: Final = "google"
NATIVE: Final = "application/vnd.google-apps."
FOLDER: Final = NATIVE + "folder"
SHORTCUT: Final = NATIVE + "shortcut"

SIMPLE_LIMIT: Final = 5 * 1024 * 1024
"""The largest file that goes up in one multipart request, bytes."""

SESSION_DAYS: Final = 7
"""How long a resumable session lives."""

_OFFICE = "application/vnd.openxmlformats-officedocument."
_DOCX = ExportChoice("docx", _OFFICE + "wordprocessingml.document", ".docx")
_XLSX = ExportChoice("xlsx", _OFFICE + "spreadsheetml.sheet", ".xlsx")
_PPTX = ExportChoice("pptx", _OFFICE + "presentationml.presentation", ".pptx")
_PDF = ExportChoice("pdf", "application/pdf", ".pdf")
_TXT = ExportChoice("txt", "text/plain", ".txt")

EXPORTS: Final[dict[str, tuple[ExportChoice, ...]]] = {
    NATIVE + "document": (
        _DOCX,
        _PDF,
        ExportChoice("odt", "application/vnd.oasis.opendocument.text", ".odt"),
        ExportChoice("rtf", "application/rtf", ".rtf"),
        _TXT,
        ExportChoice("md", "text/markdown", ".md"),
        ExportChoice("epub", "application/epub+zip", ".epub"),
    ),
    NATIVE + "spreadsheet": (
        _XLSX,
        _PDF,
        ExportChoice("ods", "application/vnd.oasis.opendocument.spreadsheet", ".ods"),
        ExportChoice("csv", "text/csv", ".csv"),
        ExportChoice("tsv", "text/tab-separated-values", ".tsv"),
    ),
    NATIVE + "presentation": (
        _PPTX,
        _PDF,
        ExportChoice("odp", "application/vnd.oasis.opendocument.presentation", ".odp"),
        _TXT,
    ),
    NATIVE + "drawing": (
        ExportChoice("png", "image/png", ".png"),
        _PDF,
        ExportChoice("svg", "image/svg+xml", ".svg"),
        ExportChoice("jpg", "image/jpeg", ".jpg"),
    ),
    NATIVE + "script": (ExportChoice("json", "application/vnd.google-apps.script+json", ".json"),),
}
"""The formats of Google's own documents, the one that loses least first."""


_DOCUMENT, _SPREADSHEET, _PRESENTATION = NATIVE + "document", NATIVE + "spreadsheet", NATIVE + "presentation"
_OPEN = "application/vnd.oasis.opendocument."

IMPORTS: Final[dict[str, str]] = {
    _OFFICE + "wordprocessingml.document": _DOCUMENT,
    _OFFICE + "wordprocessingml.template": _DOCUMENT,
    "application/msword": _DOCUMENT,
    _OPEN + "text": _DOCUMENT,
    "application/rtf": _DOCUMENT,
    "text/rtf": _DOCUMENT,
    "text/plain": _DOCUMENT,
    "text/html": _DOCUMENT,
    "text/markdown": _DOCUMENT,
    _OFFICE + "spreadsheetml.sheet": _SPREADSHEET,
    _OFFICE + "spreadsheetml.template": _SPREADSHEET,
    "application/vnd.ms-excel": _SPREADSHEET,
    _OPEN + "spreadsheet": _SPREADSHEET,
    "text/csv": _SPREADSHEET,
    "text/tab-separated-values": _SPREADSHEET,
    _OFFICE + "presentationml.presentation": _PRESENTATION,
    _OFFICE + "presentationml.template": _PRESENTATION,
    _OFFICE + "presentationml.slideshow": _PRESENTATION,
    "application/vnd.ms-powerpoint": _PRESENTATION,
    _OPEN + "presentation": _PRESENTATION,
}
"""What becomes which of Google's own documents, after ``about.importFormats``: the forms that people edit.

Pictures and PDF are among Google's, too, but what comes of them is only the text that was recognised.
"""

TRAITS: Final = Traits(
    kind=KIND,
    hash="sha256",
    needs_size=False,
    unique_names=False,
    case_sensitive=True,
    max_size=5120 * 1000**3,
    alignment=256 * 1024,
    max_piece=None,
    max_name=255,
    max_path=None,
    converts=frozenset(IMPORTS),
    views=(View.SHARED, View.STARRED, View.RECENT),
)


def kind_of(media_type: str) -> Kind:
    """By media type and never by size: some documents report one, some files are empty."""
    if media_type == FOLDER:
        return Kind.FOLDER
    if media_type == SHORTCUT:
        return Kind.SHORTCUT
    if media_type in EXPORTS:
        return Kind.DOCUMENT
    return Kind.PACKAGE if media_type.startswith(NATIVE) else Kind.FILE
