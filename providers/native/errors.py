"""What only the native drive can say, because it keeps the bytes itself."""

from __future__ import annotations

from providers.errors import Offline


class Withheld(Offline):
    """What it keeps may not be read for now: a key above it is suspended."""

    code = "suspended_key"
    advice = "What is kept here may not be read while something is looked into. Ask your school's administrator."
