"""Security headers: strict for our own pages, stricter still for files that people opened.

An opened file comes from somebody else. It is shown in a sandboxed, scriptless, originless document or downloaded; it
is never sniffed, never stored by a browser that a class shares.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

PAGE_CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)
FILE_CSP: Final = (
    "sandbox; default-src 'none'; img-src 'self' data:; media-src 'self' data:; style-src 'unsafe-inline'; "
    "frame-ancestors 'self'; form-action 'none'; base-uri 'none'"
)
SERVER: Final = "file-access"
"""What runs here; not which version of what, as aiohttp would say."""
EVERYWHERE: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), interest-cohort=()",
}

# What a browser may show in place. All else is downloaded: HTML and SVG above all, sandbox or not.
_SHOWN: Final = frozenset(
    {
        "application/pdf",
        "audio/mpeg",
        "audio/ogg",
        "audio/wav",
        "image/avif",
        "image/gif",
        "image/jpeg",
        "image/png",
        "image/webp",
        "text/plain",
        "video/mp4",
        "video/webm",
    }
)


def shown_type(media_type: str) -> str:
    """The Content-Type to send: what may be shown as it is, all other kinds as bytes."""
    bare = media_type.split(";")[0].strip().lower()
    if bare == "text/plain":
        return "text/plain; charset=utf-8"
    return bare if bare in _SHOWN else "application/octet-stream"


def disposition(name: str, media_type: str, *, download: bool) -> str:
    """Content-Disposition (RFC 6266) with a plain fallback and the real name percent-encoded; controls are dropped."""
    bare = media_type.split(";")[0].strip().lower()
    kind = "inline" if bare in _SHOWN and not download else "attachment"
    clean = "".join(c for c in name if c.isprintable() and c not in "/\\")[:255] or "file"
    # isprintable() has also dropped bidirectional controls, which could make "exe.gpj" of a name.
    plain = "".join(c if c.isascii() and c not in '"%;' else "_" for c in clean)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(clean, safe='')}"


def for_file(name: str, media_type: str, *, download: bool) -> dict[str, str]:
    """All headers that an opened file carries besides its length and range."""
    return {
        "Content-Type": shown_type(media_type),
        "Content-Disposition": disposition(name, media_type, download=download),
        "Content-Security-Policy": FILE_CSP,
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
    }


def for_picture(media_type: str) -> dict[str, str]:
    """All headers of a small picture that somebody else drew: shown, never sniffed, run or stored."""
    return for_file("picture", media_type, download=False)
