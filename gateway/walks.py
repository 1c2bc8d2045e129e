"""Where one is in a list that a drive tells page by page: a walk that leads in circles, or never ends, is found out.

The place can be written down and read back, so that whoever comes anew for each page is told as well.
"""

from __future__ import annotations

import hashlib
import json
from typing import Final

from providers.errors import Untrusted

MOST_PAGES: Final = 20_000
"""Pages of one walk: far more than any folder has, far fewer than for ever."""

CIRCLE: Final = "circle"
"""The reason of the error with which a walk without an end is given up."""


class Walk:
    """A place in a list: the drive's own ``token``, and what finds a circle with one mark (Brent's algorithm).

    The mark is a page that the walk compares with; it moves up to the current page after 1, 2, 4, 8 … pages, so a
    circle is found before it was walked three times, whatever led into it.
    """

    def __init__(self, token: str | None = None, pages: int = 0, mark: str = "", left: int = 0, reach: int = 1) -> None:
        self.token = token
        self._pages = pages
        self._mark = mark
        self._left = left
        self._reach = reach

    @classmethod
    def read(cls, told: str | None) -> Walk:
        """What `told` gave, or the beginning."""
        return cls() if told is None else cls(*json.loads(told))

    def told(self) -> str:
        """As text, for a sealed cursor."""
        return json.dumps([self.token, self._pages, self._mark, self._left, self._reach])

    def after(self, token: str | None) -> Walk | None:
        """The place of the next page, None at the end. Untrusted where there is no end."""
        if token is None:
            return None
        name = hashlib.blake2b(token.encode(), digest_size=12).hexdigest()
        if name == self._mark or self._pages >= MOST_PAGES:
            raise Untrusted("a list without an end", reason=CIRCLE)
        if self._left == 0:
            return Walk(token, self._pages + 1, name, self._reach, self._reach * 2)
        return Walk(token, self._pages + 1, self._mark, self._left - 1, self._reach)
