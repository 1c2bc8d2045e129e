"""The address of AWS KMS. A module of its own: who only reads settings need not import boto3."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from cache.addresses import is_safe


@dataclass(frozen=True, slots=True)
class KmsAddress:
    """Where KMS answers: a region, and its endpoint where that is not AWS's own."""

    region: str
    endpoint: str | None = None

    @classmethod
    def parse(cls, url: str) -> KmsAddress:
        """``kms://region?endpoint=…``. ValueError, also for an endpoint without TLS that is not on this machine."""
        parts = urlsplit(url)
        query = {name: values[-1] for name, values in parse_qs(parts.query, strict_parsing=bool(parts.query)).items()}
        endpoint = query.pop("endpoint", None)
        if parts.scheme != "kms" or query or not parts.hostname or parts.netloc != parts.hostname or parts.path:
            raise ValueError("must be kms://region, such as kms://eu-central-1")
        if endpoint is not None and not is_safe(endpoint):
            raise ValueError("a KMS endpoint that is not on this machine must begin with https")
        return cls(parts.hostname, endpoint)
