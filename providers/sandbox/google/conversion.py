"""Uploads that become documents of Google's own: when they do, what is refused, and the row that comes of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from providers.sandbox.behaviours import behaviour
from providers.sandbox.box import Refused
from providers.sandbox.google.calls import Call
from providers.sandbox.google.facts import marked
from providers.sandbox.google.imports import IMPORTS, MAX_IMPORTS, paragraphs
from providers.sandbox.google.resource import is_native
from providers.sandbox.google.tree import NATIVE
from providers.sandbox.store import Doc


@behaviour("documented", "A document's type in the metadata converts the media: what goes is in about.importFormats.")
@behaviour("documented", "New media for a document is converted as well, and is a new revision of it.")
@behaviour("assumed", "Media of a type that does not convert, or that is not what its type says, is 400 badRequest.")
def check_media(row: Doc, media_type: str) -> str | None:
    """The plain type of media that is to be converted, None where the row takes bytes. Refused 400."""
    if not is_native(row["mime"]):
        return None
    plain = media_type.partition(";")[0].strip().lower()
    if row["mime"] not in IMPORTS.get(plain, ()):
        raise Refused(400, "badRequest", "Bad Request. The requested conversion is not supported.")
    return plain


@behaviour("documented", "Media over about.maxImportSizes is not converted.")
@behaviour("assumed", "The refusal of media that is too large to be converted is 413 uploadTooLarge.")
def check_import_size(row: Doc, size: int) -> None:
    """Refused 413 where so many bytes are too many for the type of the row."""
    if is_native(row["mime"]) and size > MAX_IMPORTS.get(row["mime"], 0):
        raise Refused(413, "uploadTooLarge", "The file is too large to be converted.")


@behaviour("assumed", "A converted document keeps the text of its media and nothing else of it.")
async def converted(call: Call, row: Doc, path: Path, media_type: str, *, dated: bool) -> Doc:
    """The row as a document with the text of those bytes. Refused 400."""
    try:
        lines = await asyncio.to_thread(paragraphs, path, media_type)
    except ValueError:
        raise Refused(400, "badRequest", "Bad Request. The file could not be converted.") from None
    now = call.tree.now()
    doc = {"kind": row["mime"].removeprefix(NATIVE), "paragraphs": lines}
    edition = row.get("edition", 1) + ("doc" in row)
    row = {**row, "doc": doc, "edition": edition, **({} if dated else {"modified": now})}
    return marked(row, call.viewer.person.email, modified=now, viewed=now)
