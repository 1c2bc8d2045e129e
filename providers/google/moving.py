"""Renaming and moving inside an account: what may not be moved is found out before anything is asked for.

An item stays with its drive or its owner unless its capabilities say otherwise; a folder always does. Such a move is
AcrossDrives, so that whoever asked can copy instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from providers.drive import Entry, Kind, Ref
from providers.errors import AcrossDrives, Changed, Refused
from providers.google.client import Client, keys
from providers.google.traits import TRAITS
from providers.google.wire import FIELDS, entry, selector
from providers.names import check

ACROSS: Final = "across_drives"
_FIELDS: Final = selector("canMoveItemOutOfDrive", "canAddMyDriveParent")


async def relocate(client: Client, ref: Ref, parent: Ref | None, name: str | None, version: str | None) -> Entry:
    """See `Drive.relocate`. An item has one parent."""
    if name is not None:
        check(name, TRAITS)
    request = client.api.build("files.get", fileId=ref.id, fields=_FIELDS, supportsAllDrives=True)
    told = await client.send(request, extra=keys(ref))
    current = entry(told)
    expect(current, version)
    changes: dict[str, Any] = {"body": {"name": name} if name not in (None, current.name) else {}}
    if parent is not None and (current.parent is None or parent.id != current.parent.id):
        await _check(client, current, parent, told.get("capabilities") or {})
        changes["addParents"] = parent.id
        changes["removeParents"] = current.parent and current.parent.id
    if changes == {"body": {}}:
        return current
    try:
        return await update(client, ref, keys(ref, parent), **changes)
    except AcrossDrives:
        raise AcrossDrives("Google does not move the item there", reason=ACROSS) from None


async def update(client: Client, ref: Ref, extra: Mapping[str, str], **changes: Any) -> Entry:
    """files.update of metadata; the entry as it is then."""
    request = client.api.build("files.update", fileId=ref.id, fields=FIELDS, supportsAllDrives=True, **changes)
    return entry(await client.send(request, extra=extra))


def expect(current: Entry, version: str | None) -> None:
    """Changed where a version is asked for and is not this one."""
    if version is not None and current.version != version:
        raise Changed("the item has another version")


async def _check(client: Client, current: Entry, parent: Ref, may: Mapping[str, bool]) -> None:
    """AcrossDrives, or Refused where a copy would not be let in either. What is not told, Google decides."""
    if current.ref.space == parent.space and current.parent is not None:
        if may.get("canMoveItemWithinDrive") is False:
            raise Refused("the item may not be moved", reason="canMoveItemWithinDrive")
        return
    if current.ref.space == parent.space:  # somebody else's, that lies in no folder of this account
        if may.get("canAddMyDriveParent") is False:
            raise AcrossDrives("the item stays with its owner", reason=ACROSS)
        return
    if current.kind is Kind.FOLDER or may.get("canMoveItemOutOfDrive") is False:
        raise AcrossDrives("the item stays in its drive", reason=ACROSS)
    if "write" not in (await client.stat(parent)).may:
        raise Refused("nothing may be put there", reason="canAddChildren")
