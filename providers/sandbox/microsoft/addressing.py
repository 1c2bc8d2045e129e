"""Graph's addresses: by id, by path from the root or from an item, with or without the closing colon.

/me   /me/drives   /me/followedSites   /sites   /sites/{id}   /sites/{id}/drives
/me/drive…   /drives/{id}…   /sites/{id}/drive…      then nothing, or one of
…/root   …/root:/a/b:   …/items/{id}   …/items/{id}:/a/b:         then nothing, or
/children  /content  /createUploadSession  /copy  /delta  /search(q='…')  /permanentDelete  /restore  /checkout
/checkin  /versions…  /thumbnails…
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from urllib.parse import unquote

from providers.sandbox.behaviours import behaviour
from providers.sandbox.core import Refused

PREFIX = "/v1.0"
VERBS = frozenset(
    [
        "children",
        "content",
        "createUploadSession",
        "copy",
        "delta",
        "search",
        "permanentDelete",
        "restore",
        "checkout",
        "checkin",
        "versions",
        "thumbnails",
    ]
)
_CALL = re.compile(r"(?P<verb>delta|search)(?:\((?:(?:q|token)='(?P<argument>(?:[^']|'')*)')?\))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed address. ``drive`` None: the caller's own. ``anchor`` None: not an item; 'root' or an item's id.

    ``names`` is the path below the anchor. ``verb`` is '' for the thing itself; ``argument`` what stands in q='…'.
    ``site``: the site that the address begins with; its drive is the site's first library.
    """

    kind: str
    drive: str | None = None
    anchor: str | None = None
    names: tuple[str, ...] = ()
    verb: str = ""
    argument: str | None = None
    site: str | None = None

    @property
    def template(self) -> str:
        """What the address is called where ids and names must not appear."""
        return "/".join(filter(None, [PREFIX, self.kind, "path" if self.names else "", self.verb]))


def parse(raw: str) -> Address:
    """The address of a raw (percent-encoded) path. Refused 400 for one that Graph does not know."""
    parts = re.sub("(?i)%3a", ":", raw.removeprefix(PREFIX)).split("/")[1:]
    match parts:
        case ["me"]:
            return Address("user")
        case ["me", ("drives" | "followedSites") as kind]:
            return Address(kind)
        case ["me", "drive", *rest]:
            return _in_drive(None, rest)
        case ["drives", drive, *rest] if drive:
            return _in_drive(unquote(drive), rest)
        case ["sites"]:
            return Address("sites")
        case ["sites", site, *rest] if site:
            return _at_site(unquote(site), rest)
    raise _unknown(parts[0] if parts else "")


def _at_site(site: str, rest: list[str]) -> Address:
    if site.endswith(":"):  # by path: up to the next part that ends with a colon
        end = next((at for at, part in enumerate(rest) if part.endswith(":")), len(rest))
        path = "/".join(unquote(part) for part in rest[: end + 1]).removesuffix(":")
        site, rest = f"{site}/{path}", rest[end + 1 :]
    match rest:
        case [] | [""]:
            return Address("site", site=site)
        case ["drives"]:
            return Address("siteDrives", site=site)
        case ["drive", *more]:
            return replace(_in_drive(None, more), site=site)
    raise _unknown(rest[0])


def _in_drive(drive: str | None, rest: list[str]) -> Address:
    match rest:
        case [] | [""]:
            return Address("drive", drive)
        case ["items", item, *more] if item.rstrip(":"):
            return _item(drive, unquote(item.rstrip(":")), item.endswith(":"), more)
        case [("root" | "root:") as root, *more]:
            return _item(drive, "root", root.endswith(":"), more)
        case [call] if call.startswith("search("):
            return _item(drive, "root", by_path=False, more=[call])
        case [("sharedWithMe" | "recent" | "sharedWithMe()" | "recent()") as call]:
            return Address(call.removesuffix("()"), drive)
    raise _unknown(rest[0])


@behaviour("documented", "Items are addressed by id or by path; a path ends with a colon where something follows it.")
@behaviour("rclone", "A path address may go without its closing colon when nothing follows; an empty path is the item.")
def _item(drive: str | None, anchor: str, by_path: bool, more: list[str]) -> Address:
    path: list[str] = []
    if by_path:
        end = next((at for at, part in enumerate(more) if part.endswith(":")), len(more))
        path, more = more[: end + 1], more[end + 1 :]
        path = [unquote(part.removesuffix(":")) for part in path]
        path = [] if path == [""] else path
        if any("/" in part for part in path) or not all(path):
            raise Refused(400, "invalidRequest", "The path is malformed.")
    verb, argument = _verb(more)
    return Address("item", drive, anchor, tuple(path), verb, argument)


def _verb(more: list[str]) -> tuple[str, str | None]:
    if more in ([], [""]):
        return "", None
    match more:  # what has an id of its own below the item
        case ["versions", version]:
            return "version", unquote(version)
        case ["versions", version, ("content" | "restoreVersion") as verb]:
            return f"version/{verb}", unquote(version)
        case ["thumbnails", number]:
            return "thumbnail", number
        case ["thumbnails", number, size]:
            return "thumbnail", f"{number}/{size}"
        case ["thumbnails", number, size, "content"]:
            return "thumbnail/content", f"{number}/{size}"
    text = unquote("/".join(more))  # a search text may hold a slash
    called = _CALL.fullmatch(text)
    if called and (called["argument"] is not None or called["verb"] == "delta"):
        argument = called["argument"]
        return called["verb"], None if argument is None else argument.replace("''", "'")
    if text in VERBS and text != "search":
        return text, None
    raise _unknown(text.partition("(")[0])


def _unknown(segment: str) -> Refused:
    return Refused(400, "BadRequest", f"Resource not found for the segment {segment[:40]!r}.")
