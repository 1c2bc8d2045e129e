"""Small pictures of items, as Microsoft draws them. Graph names their address, on another host that takes no token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from providers.drive import Ref
from providers.errors import NotFound, Reconnect, Refused, Unsupported, Untrusted
from providers.onedrive.client import Client
from providers.pictures import picture
from providers.verbs import Picture

SMALLEST, LARGEST = 16, 1024
"""Edges that are asked for, pixels."""

_STANDARD: Final = {"small": 96, "medium": 176, "large": 800}
"""Graph's own sizes and about how many pixels they have."""


async def thumbnail(client: Client, ref: Ref, edge: int) -> Picture | None:
    """See `providers.verbs.HasThumbnails.thumbnail`. Untrusted where something else than a picture comes."""
    edge = min(max(edge, SMALLEST), LARGEST)
    wanted = f"c{edge}x{edge}"
    try:
        told = await client.json("GET", client.item(ref, f"/thumbnails?$select=id,{wanted},small,medium,large"))
    except Unsupported:
        return None
    address = _address(told, wanted, edge)
    if address is None:
        await client.stat(ref)  # NotFound: what is gone has no picture either, but that is another answer
        return None
    try:
        async with client.http.download(address, ok=(200,), authorised=False) as response:
            return await picture(response)
    except (NotFound, Refused, Reconnect):  # of the address, which has run out: the account itself was just let in
        return None


def _address(told: object, wanted: str, edge: int) -> str | None:
    """Where the picture is whose size comes nearest. None where there is none at all."""
    sets = told.get("value") if isinstance(told, Mapping) else None
    if not isinstance(sets, list) or not all(isinstance(one, Mapping) for one in sets):
        raise Untrusted("not a list of pictures", reason="shape")
    if not sets:
        return None
    sizes: dict[str, Any] = {str(name).lower(): size for name, size in sets[0].items()}
    ordered = sorted(_STANDARD, key=lambda name: (_STANDARD[name] < edge, abs(_STANDARD[name] - edge)))
    for name in (wanted, *ordered):
        size = sizes.get(name)
        if isinstance(size, Mapping) and isinstance(size.get("url"), str):
            return str(size["url"])
    return None
