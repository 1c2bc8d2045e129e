"""Where a file lies and may go: parents, moves, and what crossing between My Drive and shared drives demands."""

from __future__ import annotations

from typing import Any

from providers.sandbox.behaviours import behaviour
from providers.sandbox.google.calls import Call
from providers.sandbox.google.errors import forbidden, not_found
from providers.sandbox.google.tree import FOLDER
from providers.sandbox.store import Doc


def parent_of(call: Call, parents: list[Any]) -> Doc:
    """The one folder that is named as parent, if the caller may put something into it. Refused 403 or 404."""
    if len(parents) > 1 or not isinstance(parents[0], str):
        raise forbidden("multipleParentsNotAllowed", "A file cannot have more than one parent.")
    parent = call.find(parents[0]) if parents[0] else None
    if parent is None:
        raise not_found(parents[0])
    if parent["mime"] != FOLDER:
        raise forbidden("parentNotAFolder", "The specified parent is not a folder.")
    return call.allowed(parent, "canAddChildren")


@behaviour("documented", "addParents without removeParents: 403 cannotAddParent, increasing the number of parents.")
@behaviour("rclone", "The same folder in addParents and removeParents leaves the file where it is.")
@behaviour("assumed", "A folder moved below itself is 403 cyclicParent; moving does not change modifiedTime.")
def moved(call: Call, row: Doc, add: str | None, remove: str | None) -> Doc:
    """The row under its new parent. Refused where that cannot be."""
    if not add and not remove:
        return row
    root = call.tree.root(call.viewer.person)
    added = [root if one == "root" else one for one in (add or "").split(",") if one]
    removed = {root if one == "root" else one for one in (remove or "").split(",") if one}
    if added == [row["parent"]]:
        return row
    if not added:
        if row["parent"] in removed:
            raise forbidden("cannotRemoveParent", "A file must have one parent.")
        return row
    if len(added) > 1 or row["parent"] not in removed:
        raise forbidden("cannotAddParent", "Increasing the number of parents is not allowed")
    return _under(call, row, parent_of(call, added))


def _under(call: Call, row: Doc, parent: Doc) -> Doc:
    if row["parent"] is None:
        raise forbidden("cannotMoveRoot", "A root folder cannot be moved.")
    if any(above["id"] == row["id"] for above in call.tree.upwards(parent)):
        raise forbidden("cyclicParent", "A folder cannot be moved into itself or below.")
    if parent["drive"] != row["drive"]:
        return _across(call, row, parent)
    call.allowed(row, "canMoveItemWithinDrive")
    return {**row, "parent": parent["id"]}


@behaviour("documented", "Into a shared drive: the owner alone moves a file; 403 fileWriterTeamDriveMoveInDisabled.")
@behaviour(
    "documented", "A folder goes into a shared drive only by its organizer: 403 teamDrivesFolderMoveInNotSupported."
)
@behaviour("documented", "Out of a shared drive: only its organizer, who then owns what was moved to My Drive.")
@behaviour("assumed", "A moved folder takes all that lies below it along, and all of that changes its owner.")
def _across(call: Call, row: Doc, parent: Doc) -> Doc:
    """The row in another drive: a shared one has no owner, in My Drive the mover owns it."""
    into, view = parent["drive"], call.view(row)
    if into and row["mime"] == FOLDER and not call.view(parent).can("canAddFolderFromAnotherDrive"):
        raise forbidden("teamDrivesFolderMoveInNotSupported", "Moving folders into shared drives is not supported.")
    if into and not row["drive"] and view.role == "writer":
        text = "The domain administrator has not allowed writers to move items into shared drives."
        raise forbidden("fileWriterTeamDriveMoveInDisabled", text)
    call.whole(call.allowed(row, "canMoveItemOutOfDrive"))
    call.tree.check_room(into, 1 + sum(1 for _ in call.tree.below(row["id"])))
    owner = None if into else call.viewer.person.email
    return {**row, "parent": parent["id"], "drive": into, "owner": owner}
