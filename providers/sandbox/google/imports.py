"""Media that becomes a document: which formats turn into what, how large they may be, and their text as paragraphs.

A paragraph of a spreadsheet is a row of cells between tabs, one of a presentation is a slide: as `office` writes them.
Only text survives here; what it looked like does not.
"""

from __future__ import annotations

import csv
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

from providers.sandbox.google.office import (
    CSV,
    DOCUMENT,
    DOCX,
    DRAWING,
    HTML,
    MARKDOWN,
    ODP,
    ODS,
    ODT,
    OLD_MARKDOWN,
    OLD_ODS,
    PPTX,
    SHEET,
    SLIDES,
    TSV,
    TXT,
    XLSX,
)

IMPORTS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys((DOCX, ODT, TXT, HTML, MARKDOWN, OLD_MARKDOWN), (DOCUMENT,)),
    **dict.fromkeys((XLSX, ODS, OLD_ODS, CSV, TSV), (SHEET,)),
    **dict.fromkeys((PPTX, ODP), (SLIDES,)),
}
MAX_IMPORTS = {DOCUMENT: 10 * 1024**2, SHEET: 100 * 1024**2, SLIDES: 100 * 1024**2, DRAWING: 2 * 1024**2}
_PART = 64 * 1024**2
_NUMBER = re.compile(r"(\d+)\.xml$")


def paragraphs(path: Path, mime: str) -> list[str]:
    """The text of a file. ValueError where it is not what its type says. Reads it whole: run it in a thread."""
    try:
        return list(_READERS[mime](path))
    except (zipfile.BadZipFile, KeyError, ElementTree.ParseError, UnicodeDecodeError) as error:
        raise ValueError("the file is not of its type") from error


def _lines(path: Path) -> Iterator[str]:
    return iter(path.read_text("utf-8-sig").splitlines())


def _cells(separator: str) -> Callable[[Path], Iterator[str]]:
    def read(path: Path) -> Iterator[str]:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.reader(file, delimiter=separator):
                yield "\t".join(row)

    return read


class _Page(HTMLParser):
    """The text of paragraphs, headings, list items and table cells."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if re.fullmatch(r"p|h[1-6]|li|td|th|div", tag):
            self.found.append("")
            self._open = True
        elif tag in ("style", "script", "title"):
            self._open = False

    def handle_data(self, data: str) -> None:
        if self._open:
            self.found[-1] += data


def _html(path: Path) -> Iterator[str]:
    page = _Page()
    page.feed(path.read_text("utf-8-sig"))
    return (line.strip() for line in page.found if line.strip())


def _docx(path: Path) -> Iterator[str]:
    with zipfile.ZipFile(path) as archive:
        root = _part(archive, "word/document.xml")
    return (_text(paragraph, "t") for paragraph in root.iter() if _local(paragraph) == "p")


def _xlsx(path: Path) -> Iterator[str]:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        shared = []
        if "xl/sharedStrings.xml" in names:
            strings = _part(archive, "xl/sharedStrings.xml")
            shared = [_text(one, "t") for one in strings]
        first = min((name for name in names if name.startswith("xl/worksheets/sheet")), key=_number)
        root = _part(archive, first)
    for row in (one for one in root.iter() if _local(one) == "row"):
        yield "\t".join(_cell(cell, shared) for cell in row)


def _cell(cell: ElementTree.Element, shared: list[str]) -> str:
    value = _text(cell, "v")
    if cell.get("t") == "s" and value.isdigit():
        return shared[int(value)] if int(value) < len(shared) else ""
    return value or _text(cell, "t")


def _pptx(path: Path) -> Iterator[str]:
    with zipfile.ZipFile(path) as archive:
        slides = sorted((name for name in archive.namelist() if name.startswith("ppt/slides/slide")), key=_number)
        if "ppt/presentation.xml" not in archive.namelist():
            raise KeyError("ppt/presentation.xml")
        for name in slides:
            yield _text(_part(archive, name), "t")


def _opendocument(unit: str) -> Callable[[Path], Iterator[str]]:
    def read(path: Path) -> Iterator[str]:
        with zipfile.ZipFile(path) as archive:
            root = _part(archive, "content.xml")
        for one in (found for found in root.iter() if _local(found) == unit):
            cells = [cell for cell in one if _local(cell) == "table-cell"]
            yield "\t".join("".join(cell.itertext()) for cell in cells) if cells else "".join(one.itertext())

    return read


def _part(archive: zipfile.ZipFile, name: str) -> ElementTree.Element:
    """One XML part, if it is no bomb."""
    if archive.getinfo(name).file_size > _PART:
        raise KeyError(name)
    return ElementTree.fromstring(archive.read(name))  # noqa: S314 - expat bounds entities, and this is a stand-in


def _number(name: str) -> int:
    match = _NUMBER.search(name)
    return int(match.group(1)) if match else 0


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _text(element: ElementTree.Element, name: str) -> str:
    return "".join(one.text or "" for one in element.iter() if _local(one) == name)


_READERS: Mapping[str, Callable[[Path], Iterator[str]]] = {
    DOCX: _docx,
    XLSX: _xlsx,
    PPTX: _pptx,
    ODT: _opendocument("p"),
    **dict.fromkeys((ODS, OLD_ODS), _opendocument("table-row")),
    ODP: _opendocument("page"),
    CSV: _cells(","),
    TSV: _cells("\t"),
    HTML: _html,
    **dict.fromkeys((TXT, MARKDOWN, OLD_MARKDOWN), _lines),
}
