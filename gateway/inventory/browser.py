"""Everything that makes a browser keep something: cookies, storage, the address line, headers of answers.

Each entry says what it is for in words for the person. All of it is needed for what the person asked for; nothing is
set before somebody begins to sign in. Tests compare it with what a real browser holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from gateway.sentences import sentence

Where = Literal["cookie", "tab", "address", "cache", "extension", "extension memory"]

WHERE: Final[Mapping[Where, str]] = MappingProxyType(
    {
        "cookie": sentence("cookie"),
        "tab": sentence("memory of this tab"),
        "address": sentence("address line and history"),
        "cache": sentence("files of the page itself"),
        "extension": sentence("storage of the extension"),
        "extension memory": sentence("memory of the extension"),
    }
)


@dataclass(frozen=True, slots=True)
class Kept:
    """One thing that a browser keeps. ``name`` with words in capitals for what differs; ``what`` and ``until`` are
    sentences that are translated where they are shown."""

    name: str
    where: Where
    what: str
    until: str

    def fits(self, name: str) -> bool:
        """Whether this is the entry of what a browser shows under that name."""
        parts = re.split(r"(HASH|ID)", self.name)
        words = {"HASH": "[0-9a-f]{64}", "ID": "[0-9a-f-]{36}"}
        return re.fullmatch("".join(words.get(part) or re.escape(part) for part in parts), name) is not None


KEPT: Final[tuple[Kept, ...]] = (
    Kept(
        "session",
        "cookie",
        sentence("That you are signed in."),
        sentence("Until you sign out, %(session)s at most."),
    ),
    Kept(
        "signin",
        "cookie",
        sentence("That it was this browser that began to sign in."),
        sentence("Until you are signed in, ten minutes at most."),
    ),
    Kept(
        "language",
        "cookie",
        sentence("The language that you picked when you were signed in."),
        sentence("A year."),
    ),
    Kept(
        "upload:HASH",
        "tab",
        sentence("Where an upload goes on after the page was loaded again. No names."),
        sentence("Until the upload has ended or the tab is closed."),
    ),
    Kept(
        "put-away",
        "tab",
        sentence("Which finished jobs you put away. Random numbers."),
        sentence("Until the tab is closed."),
    ),
    Kept(
        "#",
        "address",
        sentence("Which folders are open, so that Back works. Random numbers, no names."),
        sentence("Until you clear the history."),
    ),
    Kept(
        "/static/",
        "cache",
        sentence("Scripts, styles and pictures of the page, the same for everybody."),
        sentence("As long as the browser likes. Files that you open are never stored."),
    ),
    Kept(
        "gateway",
        "extension",
        sentence("The address of this service."),
        sentence("Until the extension is removed."),
    ),
    Kept(
        "held",
        "extension memory",
        sentence("That the extension is signed in as you."),
        sentence("Until you sign out or close the browser."),
    ),
    Kept(
        "save:ID",
        "extension memory",
        sentence("Which picture or page you are saving just now."),
        sentence("Until the window for saving has opened."),
    ),
)
"""Cookies have the prefix ``__Host-`` where browsers come by TLS: no other site can set or read them then."""

PREFIX: Final = "__Host-"

STORING: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Set-Cookie": "the cookies listed above",
        "Strict-Transport-Security": "that this site is only ever asked by TLS; a year; about nobody",
        "ETag": "with files of the page itself: which version it is; all other answers are no-store",
        "Last-Modified": "with files of the page itself",
        "Clear-Site-Data": "takes away what was stored, when somebody signs out",
    }
)
"""Headers of answers by which a browser keeps something."""

SENT: Final = frozenset(
    {
        "Accept-Patch", "Accept-Ranges", "Allow", "Cache-Control", "Cache-Status", "Connection", "Content-Disposition",
        "Content-Language", "Content-Length", "Content-Range", "Content-Security-Policy", "Content-Type",
        "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Date", "Keep-Alive", "Link", "Location",
        "Permissions-Policy", "Referrer-Policy", "Retry-After", "Server", "Transfer-Encoding", "Tus-Extension",
        "Tus-Max-Size", "Tus-Resumable", "Tus-Version", "Upload-Expires", "Upload-Length", "Upload-Metadata",
        "Upload-Offset", "Vary", "WWW-Authenticate", "X-Accel-Buffering", "X-Content-Type-Options", "Content-Encoding",
    }
)  # fmt: skip
"""All other headers that answers carry: none of them makes a browser keep anything."""


def of(where: Where) -> tuple[Kept, ...]:
    """What lies in one place of a browser."""
    return tuple(one for one in KEPT if one.where == where)


def cookie(name: str) -> Kept | None:
    """The entry of a cookie, with or without the prefix."""
    return next((one for one in of("cookie") if one.fits(name.removeprefix(PREFIX))), None)
