"""What differs between deployments, read off the settings: who runs it, for whom, where, how long, with whom.

Everything that the privacy page and the records say in numbers comes from here, so that a changed setting changes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.inventory.recipients import RECIPIENTS, Recipient
from gateway.jobs.service import KEPT_MS
from gateway.residency import Spot, places
from gateway.settings import Operator, Settings


@dataclass(frozen=True, slots=True)
class Served:
    """A school as it is configured."""

    name: str
    region: str
    issuer: str


@dataclass(frozen=True, slots=True)
class Facts:
    """``times`` in seconds, by the names that sentences of the inventory use. ``regions``: of AWS, by place."""

    region: str
    address: str
    operator: Operator
    schools: tuple[Served, ...]
    places: tuple[Spot, ...]
    recipients: tuple[Recipient, ...]
    times: Mapping[str, int]
    regions: Mapping[str, str]


def facts(settings: Settings, regions: Mapping[str, str] | None = None) -> Facts:
    """The facts of a deployment. ``regions``: what AWS said at the start, where that is known."""
    return Facts(
        settings.region, settings.public_url, settings.operator, _schools(settings), places(settings),
        tuple(one for one in RECIPIENTS if _offered(one, settings)), times(settings), regions or {},
    )  # fmt: skip


def times(settings: Settings) -> dict[str, int]:
    """Every length of time that a sentence names, in seconds."""
    session = settings.session
    return {
        "cache": settings.cache_seconds,
        "trash": settings.trash_days * 86_400,
        "jobs": KEPT_MS // 1000,
        "session": session.absolute_seconds,
        "idle": session.idle_seconds,
        "extension": session.extension_seconds,
        "cycle": settings.keys.cycle_days * 86_400,
        "backups": settings.keys.backup_days * 86_400,
    }


def _schools(settings: Settings) -> tuple[Served, ...]:
    return tuple(
        Served(school.name, school.region, provider.issuer)
        for provider in settings.identity_providers
        for school in provider.schools.values()
    )


def _offered(one: Recipient, settings: Settings) -> bool:
    """Google and Microsoft only where they can be connected."""
    known = {"google": settings.google.client_id, "microsoft": settings.microsoft.client_id}
    return bool(known.get(one.key, True))
