"""Document libraries: every library of the SharePoint sites that the person follows is a tree of its own.

A library is a drive with an id, which is a `Ref.space`; all verbs work in it as they do in the account's own drive.
Personal accounts follow no sites.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any, Final
from urllib.parse import quote

from providers.drive import Ref
from providers.errors import AdminBlocked, NotFound, Refused, Unsupported, Untrusted
from providers.names import readable
from providers.onedrive import links
from providers.onedrive.client import Client
from providers.onedrive.traits import PERSONAL
from providers.onedrive.wire import FIELDS
from providers.together import together
from providers.verbs import Space

MOST: Final = 1000
"""Sites that anybody follows, and libraries of a site; a list that goes on is not believed."""

_NOT_FOR_US: Final = (NotFound, Refused, Unsupported)


async def spaces(client: Client) -> list[Space]:
    """See `providers.verbs.HasSpaces.spaces`. A site or library that does not open for the account is left out."""

    async def opened(drive: str, name: str) -> Space | None:
        top = await _top(client, drive)
        return None if top is None else Space(top, name)

    found = await together(partial(opened, *library) for library in await libraries(client))
    return [space for space in found if space is not None]


async def libraries(client: Client) -> list[tuple[str, str]]:
    """Drive id and name of each, by name; none where the account has no sites or the grant shows none."""
    if await client.kind() == PERSONAL:
        return []
    try:
        sites = await _all(client, f"{client.root}/me/followedSites?$select=id,displayName,name", links.FOLLOWED)
    except AdminBlocked:
        raise
    except _NOT_FOR_US:
        return []
    own = await client.own()
    found = await together(partial(_of_site, client, site, own) for site in sites)
    unique = {drive.lower(): (drive, name) for group in found for drive, name in group}
    return sorted(unique.values(), key=lambda library: (library[1].casefold(), library[0]))


async def _of_site(client: Client, site: Mapping[str, Any], own: str) -> list[tuple[str, str]]:
    """One site's libraries. Where there is only one, it bears the site's name."""
    address = f"{client.root}/sites/{quote(_text(site, 'id'), safe=',')}/drives?$select=id,name,driveType"
    title = _text(site, "displayName", "name")
    try:
        drives = await _all(client, address, links.LIBRARIES)
    except _NOT_FOR_US:
        return []
    others = [drive for drive in drives if _text(drive, "id").lower() != own.lower()]
    names = [title if len(others) == 1 else f"{title} / {_text(drive, 'name')}" for drive in others]
    return [(_text(drive, "id"), readable(name)) for drive, name in zip(others, names, strict=True)]


async def _top(client: Client, drive: str) -> Ref | None:
    try:
        return client.entry(await client.json("GET", f"{client.drive(drive)}/root?$select={FIELDS}"), drive).ref
    except _NOT_FOR_US:
        return None


async def _all(client: Client, url: str, kind: re.Pattern[str]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    cursor: str | None = None
    while True:
        data, cursor = await client.page(url, cursor, kind)
        found += data["value"]
        if cursor is None:
            return found
        if len(found) > MOST or not data["value"]:
            raise Untrusted("a list without an end", reason="cursor")


def _text(data: object, *names: str) -> str:
    for name in names:
        value = data.get(name) if isinstance(data, Mapping) else None
        if isinstance(value, str) and value:
            return value
    raise Untrusted("not a site or a library", reason="shape")
