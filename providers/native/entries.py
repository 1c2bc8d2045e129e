"""Rows of the tree as the entries that every drive speaks."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from datetime import UTC, datetime

from providers.drive import Entry, Kind, Ref
from providers.errors import Changed
from providers.native.tree import Node, Tree

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PLACE = re.compile(r"2([0-9]{1,18})\.([A-Za-z0-9_-]{1,64})")
_ROOT_MAY = frozenset({"read", "write"})
_MAY = frozenset({"read", "write", "move", "trash", "delete"})


def new_id() -> str:
    """A random id."""
    return secrets.token_hex(16)


def is_id(text: str) -> bool:
    """Whether an item could be called so."""
    return _ID.fullmatch(text) is not None


def version_of(node: Node) -> str:
    """A file's version names its content; a folder's counts its changes."""
    return node.version if node.version is not None else f"r{node.revision}"


def expect(node: Node, version: str | None) -> None:
    """Changed where ``version`` is given and not current."""
    if version is not None and version != version_of(node):
        raise Changed


def moment(ms: int) -> datetime:
    """The time of epoch milliseconds."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def entry_of(tree: Tree, node: Node, *, trashed: bool = False, ends: int | None = None) -> Entry:
    """The entry of a row from `Tree.select`. ``ends``: when the trash gives it up, epoch ms."""
    is_file = node.kind == Kind.FILE
    digest = tree.fields.unseal("native_versions", "sha256", node.version, node.sha256) if is_file else b""
    return Entry(
        ref=Ref("", node.id),
        parent=Ref("", node.parent) if node.parent else None,
        name=tree.name(node),
        kind=Kind(node.kind),
        media_type=tree.media_type(node),
        size=node.size if is_file else None,
        version=version_of(node),
        modified=moment(node.modified),
        hashes={"sha256": digest} if is_file else {},
        may=_MAY if node.parent else _ROOT_MAY,
        flags=frozenset({"trashed"}) if trashed else frozenset(),
        ends=None if ends is None else moment(ends),
    )


def epoch_ms(moment: datetime) -> int:
    """Milliseconds since 1970. ValueError for a time without its zone."""
    if moment.tzinfo is None:
        raise ValueError("a time needs its zone")
    return round(moment.timestamp() * 1000)


def dump_cursor(last: str) -> str:
    """Where a page ended, opaque to its reader."""
    return base64.urlsafe_b64encode(b"1" + last.encode()).decode().rstrip("=")


def load_cursor(cursor: str) -> str:
    """The inverse. ValueError for anything else."""
    raw = _decoded(cursor)
    if raw[:1] != "1" or not is_id(raw[1:]):
        raise ValueError("not a cursor of this drive")
    return raw[1:]


def dump_place(number: int, last: str | int) -> str:
    """Where a page of a list ended that is ordered by a number first."""
    return base64.urlsafe_b64encode(f"2{number}.{last}".encode()).decode().rstrip("=")


def load_place(cursor: str) -> tuple[int, str]:
    """The inverse. ValueError for anything else."""
    found = _PLACE.fullmatch(_decoded(cursor))
    if found is None:
        raise ValueError("not a cursor of this drive")
    return int(found[1]), found[2]


def _decoded(cursor: str) -> str:
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise ValueError("not a cursor of this drive") from None
