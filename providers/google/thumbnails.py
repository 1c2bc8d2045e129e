"""Small pictures of files: the address that Google tells for one is asked for anew each time, since it soon dies.

A picture that Google refuses or has lost is none; only what claims to be one and is not is an error.
"""

from __future__ import annotations

import re
from typing import Final

from providers.drive import Ref
from providers.errors import NotFound, Reconnect, Refused, Untrusted
from providers.google.client import Client, keys
from providers.google.hosts import takes_token
from providers.pictures import picture
from providers.verbs import Picture

SMALLEST, LARGEST = 16, 1600
_SIZE: Final = re.compile(r"(=|[?&]sz=)s\d{1,5}(?=$|[-&?])")
"""Google's pictures tell their size at the end of the path (=s220, =s220-c) or in a parameter (sz=s220)."""


async def thumbnail(client: Client, ref: Ref, edge: int) -> Picture | None:
    """See `HasThumbnails.thumbnail`."""
    request = client.api.build("files.get", fileId=ref.id, fields="thumbnailLink", supportsAllDrives=True)
    data = await client.send(request, extra=keys(ref))
    if not isinstance(data, dict):
        raise Untrusted("no metadata of a file")
    link = data.get("thumbnailLink")
    if not isinstance(link, str) or not link:
        return None
    address = sized(link, edge)
    authorised = takes_token(client.api.origin, address)
    try:
        async with client.http.download(address, authorised=authorised, ok=(200,)) as response:
            return await picture(response)
    except (NotFound, Refused, Reconnect):  # the account itself has just been let in
        return None


def sized(link: str, edge: int) -> str:
    """The address of the same picture about that wide. One that tells no size is left as it is."""
    edge = min(max(edge, SMALLEST), LARGEST)
    found = list(_SIZE.finditer(link))
    if not found:
        return link
    last = found[-1]
    return f"{link[: last.start()]}{last[1]}s{edge}{link[last.end() :]}"
