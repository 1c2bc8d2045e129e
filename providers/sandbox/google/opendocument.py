"""OpenDocument packages: text, spreadsheet, presentation; as small as they come."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from providers.sandbox.google.archive import packed

_SPACE = "urn:oasis:names:tc:opendocument:xmlns"
_NAMES = " ".join(f'xmlns:{name}="{_SPACE}:{name}:1.0"' for name in ("office", "text", "table"))
_NAMES += f' xmlns:draw="{_SPACE}:drawing:1.0" xmlns:manifest="{_SPACE}:manifest:1.0"'
KINDS = {"odt": "text", "ods": "spreadsheet", "odp": "presentation"}


def opendocument(lines: Sequence[str], suffix: str, pad: bytes = b"") -> bytes:
    """The lines as odt, ods (a row each) or odp (a slide each)."""
    kind = KINDS[suffix]
    mime = f"application/vnd.oasis.opendocument.{kind}"
    body = {"odt": _paragraphs, "ods": _rows, "odp": _slides}[suffix](lines)
    content = f'<office:document-content {_NAMES} office:version="1.2"><office:body><office:{kind}>{body}'
    content += f"</office:{kind}></office:body></office:document-content>"
    entries = (("/", mime), ("content.xml", "text/xml"))
    files = "".join(f'<manifest:file-entry manifest:full-path="{p}" manifest:media-type="{t}"/>' for p, t in entries)
    manifest = f'<manifest:manifest {_NAMES} manifest:version="1.2">{files}</manifest:manifest>'
    return packed({"content.xml": content, "META-INF/manifest.xml": manifest}, first=mime, pad=pad)


def _paragraphs(lines: Sequence[str]) -> str:
    return "".join(f"<text:p>{escape(line)}</text:p>" for line in lines)


def _rows(lines: Sequence[str]) -> str:
    rows = "".join(
        "<table:table-row>"
        + "".join(f"<table:table-cell>{_paragraphs([cell])}</table:table-cell>" for cell in line.split("\t"))
        + "</table:table-row>"
        for line in lines
    )
    return f'<table:table table:name="Sheet1">{rows}</table:table>'


def _slides(lines: Sequence[str]) -> str:
    return "".join(
        f'<draw:page draw:name="page{number}"><draw:frame><draw:text-box>{_paragraphs([line])}'
        "</draw:text-box></draw:frame></draw:page>"
        for number, line in enumerate(lines, 1)
    )
