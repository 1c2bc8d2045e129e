"""Google's moments: RFC 3339 in, up to nine decimals; epoch milliseconds inside; three decimals out."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from providers.sandbox.google.errors import invalid

_FORM = re.compile(r"(\d{4}-\d\d-\d\d)(?:[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)?)?")


def parse_time(text: object, name: str) -> int:
    """Epoch milliseconds; finer decimals are cut, a missing zone is UTC. Refused 400 for anything else."""
    match = _FORM.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise invalid(name, str(text))
    day, clock, decimals, zone = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock or '00:00:00'}{(zone or 'Z').upper().replace('Z', '+00:00')}")
    except ValueError:
        raise invalid(name, str(text)) from None
    return int(moment.timestamp()) * 1000 + int((decimals or "0").ljust(3, "0")[:3])


def format_time(milliseconds: int) -> str:
    """2026-11-23T10:53:50.116Z."""
    moment = datetime.fromtimestamp(milliseconds // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"
