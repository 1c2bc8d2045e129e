"""Small pictures that come from a provider: believed only where size, announced type and first bytes agree.

They are shown in a page, so nothing else may pass for one: no HTML with status 200, no SVG, no film.
"""

from __future__ import annotations

from typing import Final

import aiohttp

from providers.errors import Untrusted
from providers.http import bounded
from providers.verbs import PICTURE_LIMIT, Picture

_BEGINNINGS: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


async def picture(response: aiohttp.ClientResponse) -> Picture:
    """The picture of an open answer. Untrusted (reason 'picture') where it is none, 'length' where it is too large."""
    if not response.content_type.startswith("image/"):
        raise Untrusted("something else instead of a picture", reason="picture")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise Untrusted("the bytes come in another encoding", reason="encoding")
    data = await bounded(response, PICTURE_LIMIT)
    media_type = recognised(data)
    if media_type is None:
        raise Untrusted("something else instead of a picture", reason="picture")
    return Picture(media_type, data)


def recognised(data: bytes) -> str | None:
    """PNG, JPEG, GIF or WebP by its first bytes, whatever it was announced as; None for anything else."""
    for beginning, media_type in _BEGINNINGS:
        if data.startswith(beginning):
            return media_type
    return "image/webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None
