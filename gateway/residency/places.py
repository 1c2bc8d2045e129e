"""The places of a deployment, read off its settings: each lies on its machines, or at AWS, or where the operator says.

Only the settings are looked at. A store at AWS is one that is reached without an endpoint of its own: anything else
that speaks S3 cannot be asked where it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import parse_qs, urlsplit

from cache.kms_address import KmsAddress
from cache.redis_address import Address as RedisAddress
from gateway.addresses import is_loopback, is_on_this_machine
from gateway.db.address import parse
from gateway.sentences import sentence
from gateway.settings import Settings

How = Literal["machines", "aws", "attested"]

WHAT: Final = {
    "machines": sentence("The machines on which the service runs"),
    "database": sentence("The database"),
    "blobs": sentence("Sealed files"),
    "root_key": sentence("The root key"),
    "expiry": sentence("Keys that end by themselves"),
    "journal": sentence("The list of who was forgotten"),
    "backups": sentence("Backups"),
    "logs": sentence("Logs of the machines"),
}
"""Every place, in words for the person."""


@dataclass(frozen=True, slots=True)
class Spot:
    """One place. ``told``: the operator's words, '' where there are none; ``how``: what they rest on."""

    key: str
    how: How
    told: str

    @property
    def what(self) -> str:
        """What lies there; translated where it is shown."""
        return WHAT[self.key]

    @property
    def known(self) -> How | Literal["unknown"]:
        """What is known of it: nothing, where nobody has said where it is and nobody can be asked."""
        return "unknown" if self.how == "attested" and not self.told.strip() else self.how


def places(settings: Settings) -> tuple[Spot, ...]:
    """All places of a deployment."""
    found: dict[str, How] = {
        "machines": "attested",
        "database": _database(settings),
        "blobs": _blobs(settings),
        "root_key": _root_key(settings),
        "expiry": _expiry(settings),
        "journal": "attested",
        "backups": "attested",
        "logs": "attested",
    }
    told = settings.residency
    return tuple(Spot(key, how, getattr(told, "machines" if how == "machines" else key)) for key, how in found.items())


def _database(settings: Settings) -> How:
    return "machines" if parse(settings.database_url.get_secret_value()).local else "attested"


def _blobs(settings: Settings) -> How:
    parts = urlsplit(settings.blobs_url.get_secret_value())
    if parts.scheme != "s3":
        return "machines"
    endpoints = parse_qs(parts.query).get("endpoint", [])
    return _of_endpoint(endpoints[-1]) if endpoints else "aws"


def _root_key(settings: Settings) -> How:
    if not settings.root_kms:
        return "machines"
    endpoint = KmsAddress.parse(settings.root_kms).endpoint
    return "aws" if endpoint is None else _of_endpoint(endpoint)


def _of_endpoint(url: str) -> How:
    return "machines" if is_on_this_machine(url) else "attested"


def _expiry(settings: Settings) -> How:
    url = settings.expiry_url.get_secret_value()
    return "machines" if not url or is_loopback(RedisAddress.parse(url).host) else "attested"
