"""The parts that every presentation must have beside its slides: a master, a layout, a theme; as small as they come."""

from __future__ import annotations

RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
SHOW = "http://schemas.openxmlformats.org/presentationml/2006/main"
DRAW = "http://schemas.openxmlformats.org/drawingml/2006/main"
SPACES = f'xmlns:p="{SHOW}" xmlns:a="{DRAW}" xmlns:r="{RELATIONS}"'
GROUP = '<p:nvGrpSpPr><p:cNvPr id="1" name=""/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr><p:grpSpPr/>'
EMPTY = f"<p:cSld><p:spTree>{GROUP}</p:spTree></p:cSld>"
_ACCENTS = [f"accent{number}" for number in range(1, 7)]
_COLOURS = ("dk1 lt1 dk2 lt2", *_ACCENTS, "hlink folHlink")
_MAP = {"bg1": "lt1", "tx1": "dk1", "bg2": "lt2", "tx2": "dk2"}
_MAP |= {name: name for name in (*_ACCENTS, "hlink", "folHlink")}


def layout() -> str:
    """ppt/slideLayouts/slideLayout1.xml."""
    return f'<p:sldLayout {SPACES} type="blank">{EMPTY}<p:clrMapOvr><a:masterClrMapping/></p:clrMapOvr></p:sldLayout>'


def master() -> str:
    """ppt/slideMasters/slideMaster1.xml; its first relation is the layout."""
    colours = " ".join(f'{name}="{value}"' for name, value in _MAP.items())
    layouts = '<p:sldLayoutIdLst><p:sldLayoutId id="2147483649" r:id="rId1"/></p:sldLayoutIdLst>'
    return f"<p:sldMaster {SPACES}>{EMPTY}<p:clrMap {colours}/>{layouts}</p:sldMaster>"


def theme() -> str:
    """ppt/theme/theme1.xml: one grey for everything, one font, three times each fill, line and effect."""
    names = " ".join(_COLOURS).split()
    colours = "".join(f'<a:{name}><a:srgbClr val="{_shade(name)}"/></a:{name}>' for name in names)
    face = '<a:latin typeface="Arial"/><a:ea typeface=""/><a:cs typeface=""/>'
    fonts = f"<a:majorFont>{face}</a:majorFont><a:minorFont>{face}</a:minorFont>"
    fill = '<a:solidFill><a:schemeClr val="phClr"/></a:solidFill>'
    styles = f"<a:fillStyleLst>{fill * 3}</a:fillStyleLst><a:lnStyleLst>{f'<a:ln>{fill}</a:ln>' * 3}</a:lnStyleLst>"
    effect = "<a:effectStyle><a:effectLst/></a:effectStyle>"
    styles += f"<a:effectStyleLst>{effect * 3}</a:effectStyleLst><a:bgFillStyleLst>{fill * 3}</a:bgFillStyleLst>"
    return (
        f'<a:theme xmlns:a="{DRAW}" name="Plain"><a:themeElements><a:clrScheme name="Plain">{colours}</a:clrScheme>'
        f'<a:fontScheme name="Plain">{fonts}</a:fontScheme><a:fmtScheme name="Plain">{styles}</a:fmtScheme>'
        "</a:themeElements></a:theme>"
    )


def _shade(name: str) -> str:
    return {"dk1": "000000", "lt1": "FFFFFF", "dk2": "333333", "lt2": "EEEEEE"}.get(name, "666666")
