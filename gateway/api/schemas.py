"""What goes over the wire, as models: the shapes of `/v1`. Times are ISO 8601 in UTC, sizes bytes, ids opaque text."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Id = Annotated[str, Field(min_length=1, max_length=4096)]
Name = Annotated[str, Field(min_length=1, max_length=1024)]
DriveKind = Literal["google", "onedrive", "native"]


class Wire(BaseModel):
    """The base: unknown fields are refused, so that a misspelt one is never silently ignored."""

    model_config = ConfigDict(extra="forbid")


class Continued(Wire):
    cursor: Annotated[str, Field(min_length=1, max_length=8192)] | None = None


class Paging(Continued):
    limit: Annotated[int, Field(ge=1, le=1000)] = 200


class School(Wire):
    id: str
    name: str
    region: str


class Me(Wire):
    id: str
    name: str
    email: str | None
    role: Literal["student", "teacher", "administrator", "guardian"]
    age_band: str
    school: School
    signed_in_at: datetime
    client: Literal["page", "extension"]
    locale: str
    policy_version: str
    notices_waiting: int | None = Field(
        default=None, description="Versions of notices that the school can accept now; told to its administrators."
    )


class DriveTraits(Wire):
    hash: str
    needs_size: bool
    unique_names: bool
    case_sensitive: bool
    max_size: int
    max_name: int


class DriveOut(Wire):
    id: str
    kind: DriveKind
    label: str
    state: Literal["ready", "unconfirmed", "reconnect", "contained"]
    traits: DriveTraits
    can: list[str]
    views: list[Literal["shared", "starred", "recent"]]
    reach: Literal["all", "picked"]


class DriveList(Wire):
    items: list[DriveOut]


class ExportOut(Wire):
    id: str
    media_type: str
    suffix: str


class Item(Wire):
    id: str
    drive: str
    parent: str | None = None
    name: str
    kind: Literal["folder", "file", "document", "shortcut", "package"]
    media_type: str
    size: int | None = None
    modified: datetime
    version: str
    etag: str
    exports: list[ExportOut]
    may: list[str]
    flags: list[str]
    target: str | None = None
    ends: datetime | None = None


class ItemPage(Wire):
    items: list[Item]
    next: str | None = None
    complete: bool


class NewFolder(Wire):
    name: Name
    kind: Literal["folder"] = "folder"
    on_conflict: Literal["fail", "rename", "replace"] = "fail"


class ItemChange(Wire):
    name: Name | None = None
    parent: Id | None = None


class DeleteHow(Wire):
    permanent: Literal["true", "false"] = "false"


class ContentHow(Wire):
    version: Id | None = None
    export: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    download: Literal["0", "1"] = "0"


class ConnectionRequest(Wire):
    provider: Literal["google", "microsoft"]


class ConnectionStarted(Wire):
    authorize_url: str


class UploadOut(Wire):
    id: str
    state: Literal["receiving", "sending", "done", "failed"]
    offset: int
    length: int | None = None
    drive: str
    job: str | None = None
    item: str | None = None
    problem: ProblemOut | None = None


class ProblemOut(Wire):
    code: str
    advice: str


class Place(Wire):
    drive: Id
    item: Id


class TransferRequest(Wire):
    mode: Literal["copy", "move"]
    sources: Annotated[list[Place], Field(min_length=1, max_length=500)]
    destination: Place
    on_conflict: Literal["skip", "rename", "replace", "fail"] = "rename"
    convert: bool = False
    export: dict[Annotated[str, Field(max_length=200)], Annotated[str, Field(max_length=64)]] = Field(
        default_factory=dict, max_length=20
    )


class ConfirmedTransfer(TransferRequest):
    preflight: Id | None = None


class Room(Wire):
    used: int
    limit: int | None = None


class PlanOut(Wire):
    """`findings` counts what will not be as it was, by code; `fits` is left out where the drive tells no limit."""

    id: str
    state: Literal["planning", "running", "paused", "unconfirmed", "done", "failed", "cancelled"]
    complete: bool
    items: dict[str, int]
    bytes: int
    unknown_sizes: int
    findings: dict[str, int]
    quota: Room | None = None
    fits: bool | None = None
    sharing_lost: bool
    shared: int
    seconds: int


class Finding(Wire):
    code: str
    path: str
    kind: str
    name: str | None = None
    advice: str | None = None


class FindingList(Wire):
    items: list[Finding]
    next: str | None = None


class Counts(Wire):
    found: int
    copied: int
    skipped: int
    failed: int
    unsupported: int
    waiting: int


class Bytes(Wire):
    total: int
    done: int


class Job(Wire):
    """`outcome` and `kept`, the originals of a move that stayed, are there once the job has ended."""

    id: str
    kind: str
    mode: str | None = None
    state: Literal["planning", "running", "paused", "unconfirmed", "done", "failed", "cancelled"]
    created: datetime
    ended: datetime | None = None
    counts: Counts
    bytes: Bytes
    outcome: Literal["all", "with_problems", "nothing"] | None = None
    kept: int | None = None
    resumes_at: datetime | None = None
    reason: str | None = None
    advice: str | None = None


class ReportHow(Wire):
    format: Literal["csv", "json"] | None = None


class JobList(Wire):
    items: list[Job]
    next: str | None = None


class JobItem(Wire):
    id: str
    name: str
    path: str
    kind: str
    state: str
    size: int | None = None
    done: int
    renamed_to: str | None = None
    resumes_at: datetime | None = None
    reason: str | None = None
    advice: str | None = None
    destination: Place | None = None


class JobItemList(Wire):
    items: list[JobItem]
    next: str | None = None


class CachedFile(Wire):
    id: str
    drive: str
    item: str
    name: str
    size: int
    stored: datetime
    ends: datetime


class CachedList(Wire):
    items: list[CachedFile]


class Destroyed(Wire):
    destroyed: int


class StorePlan(Wire):
    store: str
    count: int
    bytes: int | None = None
    what: str


class OutsidePlan(Wire):
    provider: str
    label: str
    what: str


class HeldPlan(Wire):
    """What a legal hold would keep back: so many contents of files, until it is released."""

    hold: str
    count: int
    bytes: int
    what: str


class ErasurePlan(Wire):
    stores: list[StorePlan]
    outside: list[OutsidePlan]
    held: list[HeldPlan] = Field(default_factory=list)


class ErasureRequest(Wire):
    scope: Literal["me"]
    confirm: Literal["FORGET"]


class ErasureStarted(Wire):
    receipt: str


class ClientSignIn(Wire):
    id: str
    client: str
    created: datetime
    last_used: datetime | None = None
    ends: datetime


class ClientSignIns(Wire):
    items: list[ClientSignIn]


class TokenRequest(Wire):
    grant_type: Literal["authorization_code", "refresh_token"]
    client_id: Annotated[str, Field(max_length=100)]
    code: Annotated[str, Field(max_length=200)] | None = None
    code_verifier: Annotated[str, Field(min_length=43, max_length=128)] | None = None
    redirect_uri: Annotated[str, Field(max_length=500)] | None = None
    refresh_token: Annotated[str, Field(max_length=200)] | None = None


class TokenOut(Wire):
    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    refresh_token: str


class TokenRevocation(Wire):
    token: Annotated[str, Field(max_length=200)]
    token_type_hint: Annotated[str, Field(max_length=50)] | None = None


UploadOut.model_rebuild()
