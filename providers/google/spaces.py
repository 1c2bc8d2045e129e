"""The shared drives of an account: each a tree of its own, whose top folder has the drive's id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from providers.drive import Ref
from providers.errors import Reconnect, Untrusted
from providers.google.client import Client, following
from providers.google.errors import SCOPE
from providers.verbs import Space

PAGE, MOST_PAGES = 100, 100


async def shared_drives(client: Client) -> list[Space]:
    """All of them by name; none where the grant is too narrow to show them."""
    found, token = list[Space](), None
    for _ in range(MOST_PAGES):
        request = client.api.build(
            "drives.list", pageSize=PAGE, pageToken=token, fields="nextPageToken,drives(id,name)"
        )
        try:
            data = await client.send(request)
        except Reconnect as error:
            if error.reason in SCOPE:
                return []
            raise
        found += _spaces(data)
        token = following(data, "nextPageToken", token)
        if token is None:
            return sorted(found, key=lambda space: (space.name.casefold(), space.root.id))
    raise Untrusted("a listing without an end", reason="cursor")


def _spaces(data: object) -> Iterator[Space]:
    drives = data.get("drives") if isinstance(data, Mapping) else None
    if not isinstance(drives, list):
        raise Untrusted("not a listing", reason="shape")
    for one in drives:
        told = (one.get("id"), one.get("name")) if isinstance(one, Mapping) else ()
        if len(told) != 2 or not all(isinstance(text, str) and text for text in told):
            raise Untrusted("not a shared drive", reason="shape")
        drive, name = map(str, told)
        yield Space(Ref(drive, drive), name)
