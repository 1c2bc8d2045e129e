"""A whole file compared with the hash that its provider states, while it passes: nobody has to read it a second time.

The last piece is held back until the hash agrees, so that what ends in an orderly way is what the provider said it
is. Only for reads from the first byte to the last; this module knows no drive.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Final

from providers import hashes
from providers.errors import Untrusted

CHEAPEST: Final = ("sha256", "sha1", "quickxor", "md5")
"""In this order, because one is enough: MD5 costs more than twice the others."""


class Checked:
    """Pieces of a body, passed on as they come. Untrusted (reason 'hash') in the place of the last one.

    ``stated``: the provider's digests by name; with none of them every body is taken. ``digests``: after the end, the
    digest that was computed, for a reader that wants the same one and need not compute it again.
    """

    def __init__(self, body: AsyncIterator[bytes], stated: Mapping[str, bytes]) -> None:
        self._body = body
        self._stated = stated
        self.digests: dict[str, bytes] = {}

    async def __aiter__(self) -> AsyncIterator[bytes]:
        name = next((one for one in CHEAPEST if one in self._stated), None)
        if name is None:
            async for piece in self._body:
                yield piece
            return
        running, held = hashes.new(name), b""
        async for piece in self._body:
            running.update(piece)
            if held:
                yield held
            held = piece
        digest = running.digest()
        if digest != self._stated[name]:
            raise Untrusted("the bytes are not those of the stated hash", reason="hash")
        self.digests[name] = digest
        if held:
            yield held
