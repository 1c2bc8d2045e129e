"""Content-Range in resumable uploads: what a client says it sends."""

from __future__ import annotations

import re
from dataclasses import dataclass

from providers.sandbox.box import Refused

_FORM = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")


@dataclass(frozen=True, slots=True)
class Sent:
    """The bytes [start, stop) of ``total`` (None: not known yet). ``query``: no bytes. ``whole``: no range given."""

    start: int
    stop: int | None
    total: int | None
    query: bool = False
    whole: bool = False


def sent(header: str | None, length: int | None) -> Sent:
    """What a chunk claims to be. Refused 400 where it contradicts itself."""
    if header is None:
        return Sent(0, length, None, whole=True)
    match = _FORM.fullmatch(header.strip())
    if match is None:
        raise Refused(400, "badRequest", "Failed to parse Content-Range header.")
    first, last, whole = match.groups()
    total = None if whole == "*" else int(whole)
    if first is None:
        return Sent(0, 0, total, query=True)
    start, stop = int(first), int(last) + 1
    wrong = stop <= start or (total is not None and stop > total) or (length is not None and length != stop - start)
    if wrong:
        raise Refused(400, "badRequest", "Content-Range and Content-Length do not fit.")
    return Sent(start, stop, total)
