"""Bytes of a file: they come with their hashes, replace what was there, and count against the quota."""

from __future__ import annotations

import hashlib
import os

from providers.sandbox.behaviours import behaviour
from providers.sandbox.google.calls import Call
from providers.sandbox.google.errors import forbidden
from providers.sandbox.google.facts import marked
from providers.sandbox.google.hashing import ALGORITHMS
from providers.sandbox.google.tree import Tree
from providers.sandbox.store import Doc, Store
from providers.sandbox.transfer import Digests


@behaviour("documented", "Past the quota a create, update or copy is 403 storageQuotaExceeded.")
def check_quota(call: Call, size: int, replaced: int = 0) -> None:
    """Refused where so many bytes more are too many."""
    email = call.viewer.person.email
    limit = call.tree.quota(email)
    if limit is not None and call.tree.used(email) + size - replaced > limit:
        raise forbidden("storageQuotaExceeded", "The user's Drive storage quota has been exceeded.")


@behaviour("assumed", "New content keeps the id, gets a new headRevisionId, and sets modifiedTime unless it is given.")
def filled(tree: Tree, row: Doc, blob: str, hashes: Digests, *, dated: bool, by: str | None = None) -> Doc:
    """The row with these bytes as its content, from that person. ``dated``: the request says when it was modified."""
    found = {name: digest.hex() for name, digest in hashes.values().items()}
    head = "0B" + hashlib.sha256(f"{row['id']}{tree.seq}{hashes.position}".encode()).hexdigest()[:46]
    row = {name: value for name, value in row.items() if name not in ALGORITHMS}
    row |= {"blob": blob, "size": hashes.position, "head": head, "keep": False, **found}
    if not dated:
        row["modified"] = tree.now()
    return row if by is None else marked(row, by, modified=tree.now(), viewed=tree.now())


def linked(store: Store, blob: str) -> str:
    """A second name for the same bytes, which never change; it may be removed on its own."""
    fresh = store.new_blob()
    os.link(store.blob(blob), fresh)
    return fresh.name
