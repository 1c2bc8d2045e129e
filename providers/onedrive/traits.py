"""What OneDrive and SharePoint allow, as data: limits, names, and which files they change after upload.

Facts: Microsoft's published Graph and OneDrive documentation.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Final

from providers.drive import Traits

KIND: Final = "onedrive"

PERSONAL: Final = "personal"
"""Graph's driveType of a drive at home; 'business' is a person's at school, 'documentLibrary' a site's."""

RESERVED_AT_TOP: Final = frozenset({"forms"})
"""Names (lower case) that a library keeps for itself in its top folder."""

FRAGMENT: Final = 327_680
"""Every fragment but the last is a multiple of it, bytes."""

FRAGMENT_LIMIT: Final = 60 * 1024 * 1024
"""A fragment stays below it, bytes."""

_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}
_OFFICE = "application/vnd.openxmlformats-officedocument."

TRAITS: Final = Traits(
    kind=KIND,
    hash="quickxor",
    needs_size=True,
    unique_names=True,
    case_sensitive=False,
    max_size=250 * 1000**3,
    alignment=FRAGMENT,
    max_piece=(FRAGMENT_LIMIT - 1) // FRAGMENT * FRAGMENT,
    max_name=255,
    max_path=400,
    forbidden=frozenset('"*:<>?/\\|') | {chr(code) for code in (*range(32), 127)},
    reserved=frozenset({".lock", "desktop.ini", "~*", " *", "* ", "*.", "*_vti_*"} | _DEVICES),
    rewrites=frozenset(
        {
            "application/msword",
            "application/vnd.ms-excel",
            "application/vnd.ms-powerpoint",
            _OFFICE + "wordprocessingml.document",
            _OFFICE + "wordprocessingml.template",
            _OFFICE + "spreadsheetml.sheet",
            _OFFICE + "spreadsheetml.template",
            _OFFICE + "presentationml.presentation",
            _OFFICE + "presentationml.slideshow",
            _OFFICE + "presentationml.template",
            "application/vnd.ms-word.document.macroenabled.12",
            "application/vnd.ms-word.template.macroenabled.12",
            "application/vnd.ms-excel.sheet.macroenabled.12",
            "application/vnd.ms-excel.sheet.binary.macroenabled.12",
            "application/vnd.ms-excel.template.macroenabled.12",
            "application/vnd.ms-powerpoint.presentation.macroenabled.12",
            "application/vnd.ms-powerpoint.slideshow.macroenabled.12",
            "application/vnd.ms-powerpoint.template.macroenabled.12",
            "application/pdf",
            "text/html",
            "application/xhtml+xml",
        }
    ),
    views=("shared",),
)


@lru_cache(maxsize=16)
def of(drive_type: str | None, *, strict: bool = False) -> Traits:
    """The traits of one kind of drive. ``strict``: its school does not take ``#`` and ``%``.

    Only SharePoint, behind every school drive and library, changes files after upload. A kind that is not known yet
    is held to be one of these.
    """
    forbidden = TRAITS.forbidden | ({"#", "%"} if strict else frozenset())
    rewrites = frozenset[str]() if drive_type == PERSONAL else TRAITS.rewrites
    return replace(TRAITS, forbidden=forbidden, rewrites=rewrites)
