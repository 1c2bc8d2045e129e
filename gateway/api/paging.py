"""Cursors that only we can make: a person's place in a list, bound to the list and the person it was made for.

The cursor carries a drive's own page token, which may be a capability, so it is sealed and not merely encoded.
Each list of each person has a key of its own: a whole school that asks every ten seconds what changed would wear out
one key's random nonces (2^32 of them) within months.
"""

from __future__ import annotations

import base64
import hmac
import os

from aiohttp import web
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.api.problems import Problem


class Cursors:
    """Seals and opens cursors under a key of this process's configuration (32 bytes)."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def _aead(self, bound_to: str) -> AESGCM:
        return AESGCM(hmac.digest(self._key, bound_to.encode(), "sha256"))

    def make(self, place: str, bound_to: str) -> str:
        """Text for ``next``, valid only where ``bound_to`` is the same again."""
        nonce = os.urandom(12)
        box = nonce + self._aead(bound_to).encrypt(nonce, place.encode(), bound_to.encode())
        return base64.urlsafe_b64encode(box).rstrip(b"=").decode()

    def read(self, text: str | None, bound_to: str) -> str | None:
        """The place, None for the beginning. 400 for anything that was not made here for this list and person."""
        if text is None:
            return None
        try:
            box = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            return self._aead(bound_to).decrypt(box[:12], box[12:], bound_to.encode()).decode()
        except (ValueError, InvalidTag, UnicodeDecodeError):
            raise Problem(400, "bad_cursor", "This list cannot be continued from here. Load it again.") from None


def link_again(request: web.Request, cursor: str | None) -> dict[str, str]:
    """`link_next` for the same query with another cursor."""
    return {"Link": f'<{request.rel_url.update_query(cursor=cursor)}>; rel="next"'} if cursor else {}


def link_next(path: str, cursor: str | None) -> dict[str, str]:
    """The Link header of RFC 8288 for the next page, nothing at the end."""
    return {"Link": f'<{path}?cursor={cursor}>; rel="next"'} if cursor else {}
