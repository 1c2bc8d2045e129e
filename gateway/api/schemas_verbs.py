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


class WebhookWanted(Wire):
    """Where a school is told that a job ended which lasted at least `after` seconds; 0: every job."""

    url: Annotated[str, Field(min_length=1, max_length=2000)]
    after: Annotated[int, Field(ge=0, le=86_400)] = 60


class RetentionWanted(Wire):
    """How long things are kept; null goes back to what the deployment sets, what is not named stays."""

    cache_seconds: int | None = None
    trash_days: int | None = None
    versions: int | None = None
    history_days: int | None = None
    ledger_days: int | None = None
    inactive_days: int | None = None
    notice_days: int | None = None


class RetentionOut(Wire):
    """What holds for one number: `chosen` by the school, or set by the deployment. Without a `value` it is off."""

    value: int | None = None
    chosen: bool
    least: int
    most: int


class SchoolSettingsChange(Wire):
    exports: Formats = Field(default_factory=Formats)
    webhook: WebhookWanted | None = None
    retention: RetentionWanted = Field(default_factory=RetentionWanted)
    delay_hours: Annotated[int, Field(ge=0, le=720)] | None = None


class WebhookOut(Wire):
    """`secrets`: how many are valid. `secret` is told once, where the first one was made. `failure`, its `advice` and
    the `status` that the address answered are those of `last_failure`."""

    url: str
    after: int
    active: bool
    secrets: int
    secret: str | None = None
    waiting: int
    given_up: int
    last_success: datetime | None = None
    last_failure: datetime | None = None
    failure: str | None = None
    status: int | None = None
    advice: str | None = None


class WebhookSecret(Wire):
    secret: str


class WebhookTested(Wire):
    delivered: bool
    failure: str | None = None
    status: int | None = None
    advice: str | None = None


class SchoolSettingsOut(Wire):
    exports: dict[str, str]
    offered: dict[str, list[str]]
    retention: dict[str, RetentionOut]
    delay_hours: int
    webhook: WebhookOut | None = None
