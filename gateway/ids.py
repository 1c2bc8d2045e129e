"""Random ids: they tell nothing about a person, are never reused, and cannot be guessed."""

from __future__ import annotations

import re
import secrets
from typing import Final

ID_LENGTH: Final = 32
_ID: Final = re.compile(r"[0-9a-f]{32}")


def new_id() -> str:
    """128 random bits as 32 lower-case hexadecimal digits."""
    return secrets.token_hex(16)


def is_id(text: str) -> bool:
    """Whether ``text`` has the form of `new_id`: asked before a foreign text reaches a query."""
    return _ID.fullmatch(text) is not None
