"""One request and its answer as they passed on the wire: what the relay records and the schema checkers judge.

It knows no vendor. Bodies are kept only where they are JSON or small; file contents are counted, never kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from yarl import URL

KEPT = 1 << 20
_TEXTUAL = ("json", "form-urlencoded", "multipart/related", "html", "text/plain")


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer. `url` is absolute, with the vendor's own host; bodies are None where not kept."""

    method: str
    url: URL
    request_headers: Mapping[str, str]
    request_body: bytes | None
    status: int
    response_headers: Mapping[str, str]
    response_body: bytes | None

    @property
    def asked(self) -> Any:
        """The request's JSON; None where it has no body."""
        return json.loads(self.request_body) if self.request_body else None

    @property
    def answered(self) -> Any:
        """The answer's JSON; None where it has no body."""
        return json.loads(self.response_body) if self.response_body else None

    def __str__(self) -> str:
        return f"{self.method} {self.url.host}{self.url.path} -> {self.status}"


def kept(headers: Mapping[str, str]) -> bool:
    """Whether a body with these headers is worth keeping: text for a checker, not a file's bytes."""
    return any(kind in headers.get("Content-Type", "") for kind in _TEXTUAL)
