"""The shapes of what only some drives can do, and of a school's settings."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from gateway.api.schemas import Continued, Id, Item, Wire

Format = Annotated[str, Field(min_length=1, max_length=16)] | None


class Words(Continued):
    q: Annotated[str, Field(min_length=1, max_length=200)]


class SpaceOut(Wire):
    name: str
    root: str


class SpaceList(Wire):
    items: list[SpaceOut]


class VersionOut(Wire):
    id: str
    size: int | None = None
    modified: datetime
    current: bool


class VersionList(Wire):
    items: list[VersionOut]


class QuotaOut(Wire):
    used: int
    limit: int | None


class PictureHow(Wire):
    edge: Annotated[int, Field(ge=16, le=1024)] = 256


class Since(Continued):
    space: Id | None = None


class ChangeOut(Wire):
    id: str
    item: Item | None


class ChangeList(Wire):
    items: list[ChangeOut]
    next: str
    more: bool


class Formats(Wire):
    """The format of each kind of document; null goes back to the default, what is not named stays."""

    document: Format = None
    spreadsheet: Format = None
    presentation: Format = None
    drawing: Format = None


class SchoolSettingsChange(Wire):
    exports: Formats = Field(default_factory=Formats)


class SchoolSettingsOut(Wire):
    exports: dict[str, str]
    offered: dict[str, list[str]]
