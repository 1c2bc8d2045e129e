"""What Google's editors export: real minimal documents, byte for byte the same for the same content.

A doc is ``{"kind": "document"|"spreadsheet"|"presentation"|"form", "paragraphs": [text, ...], "pad": MiB?}``; a
spreadsheet's paragraph is a row of cells between tabs, a presentation's paragraph is a slide. ``pad`` adds an embedded
part of so many MiB, to pass the limit of export.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from providers.sandbox.behaviours import behaviour
from providers.sandbox.generated import generated
from providers.sandbox.google import slides, texts
from providers.sandbox.google.archive import packed
from providers.sandbox.google.opendocument import KINDS, opendocument
from providers.sandbox.google.pictures import jpeg, png, svg

_OOXML = "application/vnd.openxmlformats-officedocument."
DOCX, XLSX = f"{_OOXML}wordprocessingml.document", f"{_OOXML}spreadsheetml.sheet"
PPTX, PDF = f"{_OOXML}presentationml.presentation", "application/pdf"
DOCUMENT, SHEET = "application/vnd.google-apps.document", "application/vnd.google-apps.spreadsheet"
SLIDES, FORM = "application/vnd.google-apps.presentation", "application/vnd.google-apps.form"
DRAWING = "application/vnd.google-apps.drawing"
ODT, ODS, ODP = (f"application/vnd.oasis.opendocument.{kind}" for kind in ("text", "spreadsheet", "presentation"))
OLD_ODS, RTF, EPUB = "application/x-vnd.oasis.opendocument.spreadsheet", "application/rtf", "application/epub+zip"
TXT, HTML, CSV, TSV, ZIP = "text/plain", "text/html", "text/csv", "text/tab-separated-values", "application/zip"
MARKDOWN, OLD_MARKDOWN = "text/markdown", "text/x-markdown"
PICTURES = {"image/png": "png", "image/jpeg": "jpeg", "image/svg+xml": "svg"}
EXPORTS: Mapping[str, Mapping[str, str]] = {
    DOCUMENT: {DOCX: "docx", PDF: "pdf", TXT: "txt", MARKDOWN: "md", OLD_MARKDOWN: "md", ODT: "odt", RTF: "rtf"}
    | {HTML: "html", ZIP: "zip", EPUB: "epub"},
    SHEET: {XLSX: "xlsx", PDF: "pdf", CSV: "csv", TSV: "tsv", ODS: "ods", OLD_ODS: "ods", ZIP: "zip"},
    SLIDES: {PPTX: "pptx", PDF: "pdf", TXT: "txt", ODP: "odp", **PICTURES},
    DRAWING: {PDF: "pdf", **PICTURES},
}
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_CELLS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


_TEXTS: Mapping[str, Callable[[Sequence[str]], bytes]] = {
    "csv": lambda lines: texts.table(lines, ","),
    "tsv": lambda lines: texts.table(lines, "\t"),
    "txt": texts.plain,
    "md": texts.markdown,
    "html": texts.html,
    "zip": texts.zipped,
    "rtf": texts.rtf,
    "epub": texts.epub,
    "png": lambda lines: png(960, 540, "\n".join(lines)),
    "jpeg": lambda lines: jpeg(960, 540),
    "svg": lambda lines: svg(960, 540, escape(lines[0] if lines else "")),
}


@behaviour(
    "documented",
    "Exports: docx, odt, rtf, pdf, txt, html, zip, epub, md; xlsx, ods, pdf, csv, tsv, zip;"
    " pptx, odp, pdf, txt, png, jpeg, svg; drawings as pdf, png, jpeg, svg.",
)
@behaviour("documented", "csv and tsv hold the first sheet, pictures the first slide.")
def export(doc: Mapping[str, Any], suffix: str) -> bytes:
    """The document in that format (a suffix of `EXPORTS`). A few KiB, or ``pad`` MiB where the format can hold them."""
    lines = doc["paragraphs"]
    if suffix in _TEXTS:
        return _TEXTS[suffix](lines)
    pad = generated(doc["pad"] * 1024 * 1024, "pad") if doc.get("pad") else b""
    if suffix == "pdf":
        return _pdf(lines, pad)
    if suffix in KINDS:
        return opendocument(lines, suffix, pad)
    parts = {"docx": _docx, "xlsx": _xlsx, "pptx": _pptx}[suffix](lines)
    return packed({name: _HEAD + text for name, text in parts.items()}, pad=pad)


def _types(overrides: Mapping[str, str]) -> str:
    parts = "".join(f'<Override PartName="{name}" ContentType="{kind}"/>' for name, kind in overrides.items())
    return (
        f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
        f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" '
        f'ContentType="application/xml"/><Default Extension="jpeg" ContentType="image/jpeg"/>{parts}</Types>'
    )


def _relations(targets: Sequence[tuple[str, str]]) -> str:
    rows = (
        f'<Relationship Id="rId{number}" Type="{slides.RELATIONS}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{"".join(rows)}</Relationships>'


def _docx(lines: Sequence[str]) -> dict[str, str]:
    body = "".join(f'<w:p><w:r><w:t xml:space="preserve">{escape(line)}</w:t></w:r></w:p>' for line in lines)
    return {
        "[Content_Types].xml": _types({"/word/document.xml": f"{DOCX}.main+xml"}),
        "_rels/.rels": _relations([("officeDocument", "word/document.xml")]),
        "word/document.xml": f'<w:document xmlns:w="{_WORD}"><w:body>{body}</w:body></w:document>',
    }


def _xlsx(lines: Sequence[str]) -> dict[str, str]:
    rows = "".join(
        f'<row r="{number}">'
        + "".join(f'<c t="inlineStr"><is><t>{escape(cell)}</t></is></c>' for cell in line.split("\t"))
        + "</row>"
        for number, line in enumerate(lines, 1)
    )
    sheets = '<sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets>'
    kinds = {
        "/xl/workbook.xml": f"{XLSX}.main+xml",
        "/xl/worksheets/sheet1.xml": f"{_OOXML}spreadsheetml.worksheet+xml",
    }
    return {
        "[Content_Types].xml": _types(kinds),
        "_rels/.rels": _relations([("officeDocument", "xl/workbook.xml")]),
        "xl/workbook.xml": f'<workbook xmlns="{_CELLS}" xmlns:r="{slides.RELATIONS}">{sheets}</workbook>',
        "xl/_rels/workbook.xml.rels": _relations([("worksheet", "worksheets/sheet1.xml")]),
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{_CELLS}"><sheetData>{rows}</sheetData></worksheet>',
    }


def _pptx(lines: Sequence[str]) -> dict[str, str]:
    numbers = range(1, len(lines) + 1)
    parts = _frame(numbers)
    for number, line in enumerate(lines, 1):
        shape = '<p:nvSpPr><p:cNvPr id="2" name="Title"/><p:cNvSpPr/><p:nvPr/></p:nvSpPr><p:spPr/>'
        text = f"<p:txBody><a:bodyPr/><a:p><a:r><a:t>{escape(line)}</a:t></a:r></a:p></p:txBody>"
        tree = f"<p:spTree>{slides.GROUP}<p:sp>{shape}{text}</p:sp></p:spTree>"
        parts[f"ppt/slides/slide{number}.xml"] = f"<p:sld {slides.SPACES}><p:cSld>{tree}</p:cSld></p:sld>"
        relations = _relations([("slideLayout", "../slideLayouts/slideLayout1.xml")])
        parts[f"ppt/slides/_rels/slide{number}.xml.rels"] = relations
    return parts


def _frame(numbers: Sequence[int]) -> dict[str, str]:
    """Everything of a presentation but its slides."""
    kind = f"{_OOXML}presentationml."
    kinds = {f"/ppt/slides/slide{number}.xml": f"{kind}slide+xml" for number in numbers}
    kinds |= {"/ppt/presentation.xml": f"{PPTX}.main+xml", "/ppt/theme/theme1.xml": f"{_OOXML}theme+xml"}
    kinds |= {"/ppt/slideMasters/slideMaster1.xml": f"{kind}slideMaster+xml"}
    kinds |= {"/ppt/slideLayouts/slideLayout1.xml": f"{kind}slideLayout+xml"}
    targets = [("slideMaster", "slideMasters/slideMaster1.xml"), ("theme", "theme/theme1.xml")]
    targets += [("slide", f"slides/slide{number}.xml") for number in numbers]
    listed = "".join(f'<p:sldId id="{255 + number}" r:id="rId{2 + number}"/>' for number in numbers)
    masters = '<p:sldMasterIdLst><p:sldMasterId id="2147483648" r:id="rId1"/></p:sldMasterIdLst>'
    sizes = '<p:sldSz cx="9144000" cy="6858000"/><p:notesSz cx="6858000" cy="9144000"/>'
    ids = f"<p:sldIdLst>{listed}</p:sldIdLst>" if listed else ""
    upward = [("slideLayout", "../slideLayouts/slideLayout1.xml"), ("theme", "../theme/theme1.xml")]
    return {
        "[Content_Types].xml": _types(kinds),
        "_rels/.rels": _relations([("officeDocument", "ppt/presentation.xml")]),
        "ppt/presentation.xml": f"<p:presentation {slides.SPACES}>{masters}{ids}{sizes}</p:presentation>",
        "ppt/_rels/presentation.xml.rels": _relations(targets),
        "ppt/slideMasters/slideMaster1.xml": slides.master(),
        "ppt/slideMasters/_rels/slideMaster1.xml.rels": _relations(upward),
        "ppt/slideLayouts/slideLayout1.xml": slides.layout(),
        "ppt/slideLayouts/_rels/slideLayout1.xml.rels": _relations(
            [("slideMaster", "../slideMasters/slideMaster1.xml")]
        ),
        "ppt/theme/theme1.xml": slides.theme(),
    }


def _pdf(lines: Sequence[str], pad: bytes) -> bytes:
    shown = (line.encode("latin-1", "replace").decode("latin-1") for line in lines[:40])
    escaped = [line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)") for line in shown]
    page = "BT /F1 12 Tf 14 TL 72 770 Td " + " ".join(f"({line}) Tj T*" for line in escaped) + " ET"
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 %b >> >> >>"
        % font,
        _stream(page.encode("latin-1")),
        *([_stream(pad)] if pad else []),
    ]
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n%b" % (len(objects) + 1, table)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


def _stream(data: bytes) -> bytes:
    return b"<< /Length %d >>\nstream\n%b\nendstream" % (len(data), data)
