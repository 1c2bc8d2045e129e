"""Documents as text formats: plain, Markdown, HTML, RTF, EPUB, CSV and TSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from xml.sax.saxutils import escape

from providers.sandbox.google.archive import packed

_CONTAINER = (
    '<?xml version="1.0"?><container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
)
_BOOK = (
    '<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">'
    '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:identifier id="id">sandbox</dc:identifier>'
    "<dc:title>Document</dc:title><dc:language>en</dc:language></metadata><manifest>"
    '<item id="text" href="text.xhtml" media-type="application/xhtml+xml" properties="nav"/></manifest>'
    '<spine><itemref idref="text"/></spine></package>'
)


def plain(lines: Sequence[str]) -> bytes:
    """UTF-8 with a byte order mark."""
    return b"\xef\xbb\xbf" + "\n".join(lines).encode()


def markdown(lines: Sequence[str]) -> bytes:
    """The lines as they are."""
    return "\n".join(lines).encode()


def html(lines: Sequence[str]) -> bytes:
    """A page with one paragraph a line."""
    body = "".join(f"<p>{escape(line)}</p>" for line in lines)
    head = '<head><meta content="text/html; charset=UTF-8" http-equiv="content-type"></head>'
    return f"<html>{head}<body>{body}</body></html>".encode()


def zipped(lines: Sequence[str]) -> bytes:
    """The page in an archive, as Google gives it for application/zip."""
    return packed({"Document.html": html(lines).decode()})


def rtf(lines: Sequence[str]) -> bytes:
    """Rich text; what is not ASCII as UTF-16 units."""
    shown = "\\par ".join("".join(map(_rtf, line)) for line in lines)
    return ("{\\rtf1\\ansi\\uc1 " + shown + "}").encode("ascii")


def _rtf(sign: str) -> str:
    if sign in "\\{}":
        return "\\" + sign
    if sign.isascii():
        return sign
    units = sign.encode("utf-16-le")
    numbers = (int.from_bytes(units[at : at + 2], "little", signed=True) for at in range(0, len(units), 2))
    return "".join(f"\\u{number}?" for number in numbers)


def epub(lines: Sequence[str]) -> bytes:
    """A book of one chapter."""
    body = "".join(f"<p>{escape(line)}</p>" for line in lines)
    page = f'<html xmlns="http://www.w3.org/1999/xhtml"><head><title>Document</title></head><body>{body}</body></html>'
    parts = {"META-INF/container.xml": _CONTAINER, "book.opf": _BOOK, "text.xhtml": page}
    return packed(parts, first="application/epub+zip")


def table(lines: Sequence[str], separator: str) -> bytes:
    """Rows of cells, which are between tabs inside; CRLF between rows, none at the end."""
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=separator).writerows(line.split("\t") for line in lines)
    return buffer.getvalue().removesuffix("\r\n").encode()
