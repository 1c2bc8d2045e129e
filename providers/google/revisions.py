"""The contents that a file has had: Google keeps them for 30 days, at most 100 of them, unless one is kept for ever.

Google's own documents have revisions too, but the interface gives their bytes to nobody but their editors' own pages;
so only files have versions here. The current one's id is what `Entry.version` says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from providers.drive import Entry, Kind, Ref
from providers.errors import Changed, DriveError, NotFound, Unsupported, Untrusted
from providers.google.client import Client, following, keys
from providers.google.wire import parse_time, size_of
from providers.verbs import Version

PAGE, MOST_PAGES = 1000, 20
_FIELDS: Final = "id,size,modifiedTime,md5Checksum"
_ID: Final = re.compile(r"[\w-]{1,300}", re.ASCII)


async def versions(client: Client, ref: Ref) -> list[Version]:
    """See `HasVersions.versions`."""
    current = await client.stat(ref)
    if current.kind is not Kind.FILE:
        raise Unsupported("only files have versions", reason=current.kind.value)
    found, token = dict[str, Version](), None
    for _ in range(MOST_PAGES):
        data = await client.send(_page(client, ref, token), extra=keys(ref))
        found |= {one.id: one for one in _versions(data)}
        token = following(data, "nextPageToken", token)
        if token is None:
            return _ordered(found, current)
    raise Untrusted("a listing without an end", reason="cursor")


def _page(client: Client, ref: Ref, token: str | None) -> Any:
    fields = f"nextPageToken,revisions({_FIELDS})"
    return client.api.build("revisions.list", fileId=ref.id, pageSize=PAGE, pageToken=token, fields=fields)


def _versions(data: object) -> Iterator[Version]:
    told = data.get("revisions") if isinstance(data, Mapping) else None
    if not isinstance(told, list):
        raise Untrusted("not a list of revisions", reason="shape")
    for one in told:
        yield _revision(one)[0]


def _revision(data: object) -> tuple[Version, dict[str, bytes]]:
    """A revision, and the hash that Google states of it."""
    try:
        if not isinstance(data, Mapping) or not isinstance(data["id"], str) or not data["id"]:
            raise Untrusted("not a revision", reason="shape")
        size = size_of(data["size"]) if "size" in data else None
        hashes = {"md5": bytes.fromhex(data["md5Checksum"])} if data.get("md5Checksum") else {}
        return Version(data["id"], size, parse_time(data["modifiedTime"])), hashes
    except (KeyError, ValueError, TypeError, AttributeError):
        raise Untrusted("not a revision", reason="shape") from None


def _ordered(found: Mapping[str, Version], current: Entry) -> list[Version]:
    """The newest first, and before them what the file is now, as its own metadata tell."""
    older = sorted((one for one in found.values() if one.id != current.version), key=lambda one: one.modified)
    return [Version(current.version, current.size, current.modified), *reversed(older)]


async def older(client: Client, entry: Entry, version: str) -> tuple[int, dict[str, bytes]]:
    """Size and stated hash of a revision that is not the current one. Changed where none of that id is kept."""
    if entry.kind is not Kind.FILE or not _ID.fullmatch(version) or version == "head":
        raise Changed("the file has another version")
    request = client.api.build("revisions.get", fileId=entry.ref.id, revisionId=version, fields=_FIELDS)
    try:
        data = await client.send(request, extra=keys(entry.ref))
    except NotFound:
        raise Changed("the file has another version") from None
    except DriveError as error:
        if type(error) is not DriveError:
            raise
        raise Changed("the file has another version") from None
    kept, hashes = _revision(data)
    if kept.id != version or kept.size is None:
        raise Untrusted("not the revision that was asked for", reason="shape")
    return kept.size, hashes
