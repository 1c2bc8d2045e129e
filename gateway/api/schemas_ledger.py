"""The shapes of the ledger: a school's chain, whether it holds, a person's own accesses, an item's proof."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from gateway.api.schemas import Paging, Wire

Code = Annotated[str, Field(pattern=r"^[a-z_.]{1,64}$")]
PersonId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class LedgerAsked(Paging):
    person: PersonId | None = None
    action: Code | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    details: Literal["0", "1"] = "0"


class LedgerEntry(Wire):
    sequence: int
    at: datetime
    action: str
    principal: str | None = None
    subject: str | None = None
    instruction: str | None = None
    policy_version: str
    items: int | None = None
    details: dict[str, Any] | None = None


class LedgerPage(Wire):
    items: list[LedgerEntry]
    next: str | None = None


class LedgerStatus(Wire):
    """``first`` and ``last``: places of the entries that are there; ``checkpoint``: up to where they are signed."""

    first: int
    last: int
    checkpoint: int
    checkpoint_at: datetime | None = None
    state: Literal["whole", "broken", "verifying"]
    verified_at: datetime | None = None
    broken: int | None = None
    why: str | None = None


class AccessesAsked(Paging):
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None


class Accessor(Wire):
    """Who it was: ``you``; another person of the school, with a name while they are there; or the gateway itself."""

    kind: Literal["you", "person", "gateway"]
    name: str | None = None
    role: str | None = None


class AccessOut(Wire):
    at: datetime
    action: str
    words: str
    by: Accessor
    client: str | None = None
    drive: str | None = None
    item: str | None = None
    name: str | None = None
    items: int | None = None


class AccessPage(Wire):
    items: list[AccessOut]
    next: str | None = None


class ItemProofOut(Wire):
    """``leaf`` is proven by ``path`` (hex, from the leaf upwards) to be under ``root``, as of RFC 6962 and RFC 9162."""

    entry: str
    sequence: int
    root: str
    items: int
    index: int
    leaf: str
    path: list[str]
