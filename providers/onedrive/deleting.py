"""Items that go: into the recycle bin, back out of it, and away for good.

DELETE recycles, permanentDelete does not. Some drives do not know the second call; their bin then has to do, which
empties itself. Graph v1.0 cannot list a bin, and restores from one only in personal drives.
"""

from __future__ import annotations

import secrets

from providers.drive import Entry, Ref
from providers.errors import DriveError, NameTaken, NotFound, Unsupported, Untrusted
from providers.http import Reply
from providers.onedrive.client import Client, if_match
from providers.onedrive.traits import PERSONAL


async def trash(client: Client, ref: Ref, version: str | None) -> None:
    """See `providers.drive.Drive.trash`."""
    try:
        _done(await client.http.call("DELETE", client.item(ref), headers=if_match(version)))
    except NotFound:
        return


async def delete(client: Client, ref: Ref, version: str | None) -> None:
    """See `providers.drive.Drive.delete`. What lies in a personal bin must come out of it to be deleted."""
    try:
        await _delete(client, ref, version)
    except NotFound:
        if not await _restorable(client, ref):
            return
        await _delete_recycled(client, ref)


async def _delete_recycled(client: Client, ref: Ref) -> None:
    try:
        try:
            await _restore(client, ref)
        except NameTaken:
            await _restore(client, ref, name=f"deleted {secrets.token_hex(8)}")
        await _delete(client, ref, None)
    except DriveError as error:
        if not isinstance(error, NotFound) and not _unknown_call(error):
            raise


async def _delete(client: Client, ref: Ref, version: str | None) -> None:
    if version is not None:
        await client.expected(ref, version)
    try:
        _done(await client.http.call("POST", client.item(ref, "/permanentDelete"), headers=if_match(version)))
    except DriveError as error:
        if not _unknown_call(error):
            raise
        await trash(client, ref, version)


async def restore(client: Client, ref: Ref) -> Entry:
    """See `providers.verbs.CanRestore.restore`. Unsupported where the drive is not personal after all."""
    try:
        return await client.stat(ref)
    except NotFound:
        return await _restore(client, ref)


async def _restore(client: Client, ref: Ref, **changes: str) -> Entry:
    return client.entry(await client.json("POST", client.item(ref, "/restore"), body=changes), ref.space)


async def _restorable(client: Client, ref: Ref) -> bool:
    return not ref.space and await client.kind() == PERSONAL


def _done(reply: Reply) -> None:
    """Graph says nothing where it has deleted. Whoever says something is not Graph, and nothing is deleted."""
    if reply.body:
        raise Untrusted("a deletion that is answered", reason="body")


def _unknown_call(error: DriveError) -> bool:
    return isinstance(error, Unsupported) or error.reason == "BadRequest"
