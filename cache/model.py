"""The values that pass through this storey's door. Ids are opaque here: no person, drive or request is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

DAY_MS = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose key seals something: a tenant's subject (a person or a shared space), or with None the tenant itself."""

    tenant: str
    subject: str | None

    def __post_init__(self) -> None:
        """An empty id would be the tenant's own key by accident."""
        if not self.tenant or self.subject == "":
            raise ValueError("a scope needs its ids")

    @property
    def owner(self) -> str:
        """The subject as it stands in rows and associated data: '' for the tenant's own."""
        return self.subject or ""


class Life(StrEnum):
    """How an object ends.

    CACHE and SPOOL need the subject's key and the expiry key of the time at which they end, so the death of either
    ends every copy. PART is an acknowledged upload, the only copy there is: the subject's key alone, and an end
    within 24 hours, which is put off once when the upload is complete, so that none outlives 48 hours. KEPT lives
    until it is destroyed.
    """

    CACHE = "cache"
    SPOOL = "spool"
    PART = "part"
    KEPT = "kept"

    @property
    def temporary(self) -> bool:
        """Whether an expiry key is part of its wrap."""
        return self in (Life.CACHE, Life.SPOOL)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A stored object: ``size`` in plaintext bytes, ``hashes`` of the plaintext, its end in epoch ms."""

    id: str
    size: int
    hashes: Mapping[str, bytes] = field(default_factory=dict)
    ends: int | None = None


@dataclass(frozen=True, slots=True)
class Caps:
    """Bytes that cached copies may take, all of them and those of one tenant; 0: no cap."""

    total: int = 0
    tenant: int = 0


NO_CAPS = Caps()


@dataclass(frozen=True, slots=True)
class HeldObject:
    """One object that a scope holds: times in epoch ms, ``size`` in plaintext bytes."""

    id: str
    life: Life
    size: int
    stored: int
    ends: int | None


@dataclass(frozen=True, slots=True, order=True)
class KeyVersion:
    """One version of a scope's key: when it was ``made`` (epoch ms), which version of the key above it wraps it."""

    version: int
    made: int
    parent: int
    suspended: bool


@dataclass(frozen=True, slots=True)
class Wrapped:
    """An object as the catalog knows it: whose it is, and by which version of their key it is wrapped now."""

    id: str
    subject: str
    life: Life
    size: int
    stored: int
    key_version: int


def check_life(life: Life, ends: int | None, now: int) -> None:
    """ValueError where the end does not fit the life: KEPT has none, the others need one that lies ahead."""
    if (ends is None) != (life is Life.KEPT):
        raise ValueError("an object has an end exactly when it is not kept")
    if ends is not None and ends <= now:
        raise ValueError("the end has already passed")
    if life is Life.PART and ends is not None and ends > now + DAY_MS:
        raise ValueError("an acknowledged part ends within 24 hours")
