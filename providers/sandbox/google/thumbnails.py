"""Addresses of thumbnails and what they are: which rows have one, for how long an address works. No HTTP."""

from __future__ import annotations

import base64
import hashlib

from providers.sandbox.behaviours import behaviour
from providers.sandbox.google.tree import NATIVE, Tree
from providers.sandbox.store import Doc

PLACE = "/drive-storage/"
LIFE_MS = 4 * 3_600_000
_PICTURED = frozenset(f"{NATIVE}{kind}" for kind in ("document", "spreadsheet", "presentation", "drawing"))


@behaviour(
    "documented", "Pictures, PDFs, films and documents have a thumbnail; contentHints.thumbnail gives others one."
)
def pictured(row: Doc) -> bool:
    """Whether there is a thumbnail."""
    if row.get("marks", {}).get("unreadable"):
        return False
    drawn = row["mime"].startswith(("image/", "video/")) or row["mime"] == "application/pdf"
    hinted = bool(((row.get("hints") or {}).get("thumbnail") or {}).get("image"))
    return bool((drawn and row.get("size")) or row["mime"] in _PICTURED or hinted)


def hinted(row: Doc) -> tuple[bytes, str] | None:
    """The picture that the app sent along, with its type; None where Drive draws its own."""
    hint = (row.get("hints") or {}).get("thumbnail") or {}
    drawn = row["mime"].startswith(("image/", "video/", NATIVE)) or row["mime"] == "application/pdf"
    if drawn or not hint.get("image"):
        return None
    try:
        image = base64.urlsafe_b64decode(str(hint["image"]) + "==")
    except ValueError:
        return None
    return image, str(hint.get("mimeType") or "image/png")


@behaviour("documented", "thumbnailLink ends in a size, =s220, which may be changed; it works for some hours.")
def address(tree: Tree, row: Doc) -> str:
    """The path of a fresh address: it names the file, its end and a mark that nobody can make up."""
    ends = tree.now() + LIFE_MS
    return f"{PLACE}{_text(tree, row['id'], ends)}=s220"


def opened(tree: Tree, text: str) -> Doc | None:
    """The row that an address names, if it is a live one."""
    file_id, _, rest = text.partition(".")
    ends, _, _ = rest.partition(".")
    if not ends.isdecimal() or int(ends) <= tree.now() or text != _text(tree, file_id, int(ends)):
        return None
    return tree.get(file_id)


def _text(tree: Tree, file_id: str, ends: int) -> str:
    head = f"{file_id}.{ends}"
    return f"{head}.{tree.sign(head)}"


def seed(row: Doc) -> str:
    """What the picture is drawn from: other content, other picture."""
    paragraphs = "\n".join((row.get("doc") or {}).get("paragraphs", ()))
    return hashlib.sha256(f"{row.get('head', '')}{paragraphs}".encode()).hexdigest()
