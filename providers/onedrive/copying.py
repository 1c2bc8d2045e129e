"""Copies that OneDrive makes by itself: started, watched at a monitor address that takes no token, and looked up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.drive import Entry, Kind, Ref
from providers.errors import DriveError, Offline, Unsupported, Untrusted
from providers.http import decoded
from providers.names import check
from providers.onedrive.client import CONFLICT, Client
from providers.onedrive.errors import failure
from providers.onedrive.wire import format_time, same_time

LONGEST_PAUSE = 5.0
"""Seconds between two looks at the monitor, at most."""
LOOKS = 120
"""So many looks, about ten minutes; a copy that takes longer goes on without us."""


async def copy(client: Client, ref: Ref, parent: Ref, name: str) -> Entry:
    """See `providers.drive.CanCopy.copy`. Asked for once only: nothing of ours marks the copy."""
    check(name, client.places.traits(parent.space))
    source = await client.stat(ref)
    if source.kind is not Kind.FILE:
        raise Unsupported("only files are copied", reason=source.kind.value)
    body = {"parentReference": {"driveId": parent.space or await client.own(), "id": parent.id}, "name": name}
    async with client.places.naming(parent, name):
        headers, _ = await client.http.json("POST", client.item(ref, f"/copy?{CONFLICT}=fail"), body=body, retry=False)
    address = headers.get("Location")
    if not address:
        raise Untrusted("a copy without a monitor", reason="location")
    made = await client.stat(Ref(parent.space, await _watched(client, address)))
    return made if same_time(made.modified, source.modified) else await _timed(client, made, source)


async def _timed(client: Client, made: Entry, source: Entry) -> Entry:
    """With the source's time, which Graph takes only afterwards. A copy that may not have it is one all the same."""
    body = {"fileSystemInfo": {"lastModifiedDateTime": format_time(source.modified)}}
    try:
        told = await client.json("PATCH", client.item(made.ref), body=body)
    except DriveError as error:
        if error.retryable:
            raise
        return made
    return client.entry(told, made.ref.space)


async def _watched(client: Client, address: str) -> str:
    """The id of the copy, once it is there."""
    pause = client.patience.first
    for _ in range(LOOKS):
        told = decoded(await client.http.call("GET", address, authorised=False))
        if not isinstance(told, Mapping):
            raise Untrusted("a monitor that tells nothing", reason="shape")
        made = _made(told)
        if made is not None:
            return made
        await client.patience.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)
    raise Offline("the copy is still being made", reason="copy_pending")


def _made(told: Mapping[str, Any]) -> str | None:
    """The id where the copy is complete, None where it is under way, its error where it failed."""
    status = told.get("status")
    if status == "completed":
        found = told.get("resourceId")
        if not isinstance(found, str) or not found:
            raise Untrusted("a copy without an id", reason="shape")
        return found
    if status in ("failed", "deleteFailed", "cancelled"):
        raise failure(told.get("error"))
    return None
