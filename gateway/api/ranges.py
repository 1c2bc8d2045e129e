"""Single byte ranges, ETags and their preconditions (RFC 9110), parsed here: a resume must never splice versions.

aiohttp drops ETags from If-Range and raises on several ranges; both matter: an If-Range that is ignored joins two
versions of a file, and several ranges are answered in full.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass

from gateway.api.problems import Problem

_RANGE = re.compile(r"bytes\s*=\s*(?:(\d{1,19})-(\d{1,19})?|-(\d{1,19}))$", re.ASCII)
_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes start..stop of a whole of ``total`` bytes, stop exclusive."""

    start: int
    stop: int
    total: int

    @property
    def content_range(self) -> str:
        """The value of Content-Range."""
        return f"bytes {self.start}-{self.stop - 1}/{self.total}"


def strong_etag(*parts: str | None) -> str:
    """A strong ETag of what identifies a representation; tells nothing of the parts themselves."""
    digest = hashlib.sha256("\0".join(part or "" for part in parts).encode()).digest()
    return '"' + base64.urlsafe_b64encode(digest[:18]).decode() + '"'


def parse_tags(header: str) -> list[str] | None:
    """Strong and weak tags of an If-Match or If-None-Match; None for ``*``; a problem for anything else."""
    if header.strip() == "*":
        return None
    tags = [f'{weak}"{tag}"' for weak, tag in _TAG.findall(header)]
    if not tags:
        raise Problem(400, "bad_precondition", "The precondition is not a list of entity tags.")
    return tags


def check_match(header: str | None, etag: str, *, required: bool = False) -> None:
    """If-Match, by strong comparison: 428 where it is required and missing, 412 where it does not hold."""
    if header is None:
        if required:
            raise Problem(428, "precondition_required", "Send If-Match with the ETag of the item you saw.")
        return
    tags = parse_tags(header)
    if tags is not None and etag not in tags:
        raise Problem(412, "changed", "The item changed in the meantime. Refresh the folder and try again.")


def none_match(header: str | None, etag: str) -> bool:
    """True where If-None-Match says that the caller has this representation already (weak comparison)."""
    if header is None:
        return False
    tags = parse_tags(header)
    return tags is None or etag.removeprefix("W/") in [tag.removeprefix("W/") for tag in tags]


def asked_span(range_header: str | None, if_range: str | None, etag: str, total: int) -> Span | None:
    """The span asked for, None for the whole. Malformed or several ranges are the whole; unsatisfiable is 416."""
    if range_header is None or (if_range is not None and (if_range.strip() != etag or etag.startswith("W/"))):
        return None
    match = _RANGE.match(range_header.strip())
    if match is None:
        return None
    first, last, suffix = match.groups()
    if suffix is not None:
        start, stop = max(0, total - int(suffix)), total
    else:
        start, stop = int(first), total if last is None else min(int(last) + 1, total)
        if last is not None and int(last) < start:
            return None
    if start >= stop:
        raise Problem(
            416,
            "range_not_satisfiable",
            "The file is shorter than that.",
            headers={"Content-Range": f"bytes */{total}"},
        )
    return Span(start, stop, total)
