"""Addresses that come in Google's answers: whether anything goes there, and whether the account's token goes along.

Google's own hosts get the token. ``googleusercontent.com`` is Google's too, but customers' machines have names below
it; so a token goes to none of those hosts but the ones that serve Drive's pictures, lh3 to lh6.
"""

from __future__ import annotations

import re
from typing import Final

from yarl import URL

from providers.errors import Untrusted

_WITH_TOKEN: Final = (".google.com", ".googleapis.com")
_WITHOUT_TOKEN: Final = (".googleusercontent.com",)
_PICTURES: Final = re.compile(r"lh[3-6]\.googleusercontent\.com")


def takes_token(origin: URL, address: str) -> bool:
    """Whether the token may go to an address that an answer told. Untrusted where nothing at all goes there.

    ``origin``: where the API itself answers.
    """
    try:
        told = URL(address, encoded=True).origin()
    except ValueError:
        raise Untrusted("an answer told something that is no address", reason="address") from None
    host = (told.host or "").lower()
    secure = told.scheme == "https" and told.port == 443
    if told == origin or (secure and (host.endswith(_WITH_TOKEN) or _PICTURES.fullmatch(host))):
        return True
    if secure and host.endswith(_WITHOUT_TOKEN):
        return False
    raise Untrusted("an answer told a foreign address", reason="origin")
