"""What a person may do with a file: one table, shown as ``capabilities`` and obeyed by every write."""

from __future__ import annotations

from collections.abc import Mapping

from providers.sandbox.behaviours import behaviour
from providers.sandbox.google.tree import FOLDER
from providers.sandbox.store import Doc

WRITERS = frozenset(("writer", "fileOrganizer", "organizer", "owner"))
MANAGERS = frozenset(("organizer", "owner"))
MOVERS = frozenset(("fileOrganizer", "organizer", "owner"))


def blocked(row: Doc, role: str | None) -> bool:
    """Whether this role may not download, print or copy the file."""
    return bool(row.get("marks", {}).get("blocked")) or bool(row.get("nocopy") and role in ("reader", "commenter"))


@behaviour(
    "documented",
    "Shared drives: writers add and edit, fileOrganizers also move and trash, organizers also delete"
    " for ever and move out.",
)
@behaviour("documented", "My Drive: only the owner trashes, deletes, and moves a file into a shared drive.")
@behaviour("documented", "copyRequiresWriterPermission takes download and copy from readers and commenters.")
@behaviour("assumed", "A file with a readOnly content restriction can be renamed and moved, not given new content.")
def capabilities(row: Doc, role: str | None) -> Mapping[str, bool]:
    """The flags of a row for whoever has this role on it."""
    folder, loose, shared = row["mime"] == FOLDER, row["parent"] is not None, bool(row["drive"])
    writes, moves, manages = role in WRITERS, role in MOVERS, role in MANAGERS
    free = not folder and not blocked(row, role)
    locked = any(one.get("readOnly") for one in row.get("restrictions") or ())
    flags = {"canEdit": writes, "canModifyContent": writes and not locked, "canComment": role not in (None, "reader")}
    flags |= {"canListChildren": folder, "canAddChildren": folder and writes, "canShare": writes}
    flags |= {"canRename": writes and loose, "canReadRevisions": writes and not folder}
    flags |= {"canCopy": free, "canDownload": free, "canChangeCopyRequiresWriterPermission": writes}
    flags |= dict.fromkeys(("canTrash", "canUntrash"), loose and (moves if shared else role == "owner"))
    flags |= {"canDelete": loose and manages, "canMoveItemOutOfDrive": loose and manages}
    flags |= {"canMoveItemWithinDrive": loose and (moves if shared else writes)}
    flags |= {"canMoveChildrenWithinDrive": folder and (moves if shared else writes)}
    flags |= {"canRemoveChildren": folder and (moves if shared else writes)}
    flags |= {"canAddFolderFromAnotherDrive": folder and (manages if shared else writes)}
    if shared:
        flags |= {"canMoveChildrenOutOfDrive": folder and manages, "canDeleteChildren": folder and manages}
        flags |= {"canTrashChildren": folder and moves, "canReadDrive": True}
    return flags
