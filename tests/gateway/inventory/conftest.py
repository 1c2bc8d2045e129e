"""Databases for the inventory's tests, and the settings of a deployment that has everything."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData

from gateway.settings import Settings
from tests.databases import database, database_url, pytest_generate_tests

__all__ = ["database", "database_url", "pytest_generate_tests"]


@pytest.fixture
def schema() -> Sequence[MetaData]:
    """Nothing: the migrations make it."""
    return ()


def deployment(folder: Path, **other: Any) -> Settings:
    """Many machines, two schools, both vendors."""
    schools = {
        name: {"name": f"{name.title()} | School", "region": "eu-central"} for name in ("riverside", "hillcrest")
    }
    given: dict[str, Any] = {
        "data_dir": folder / "data",
        "public_url": "https://files.school.example",
        "behind_proxy": True,
        "region": "eu-central",
        "database_url": "postgresql://files@db.example/files?sslmode=verify-full",
        "blobs_url": "s3://sealed/here?region=eu-central-1",
        "expiry_url": "rediss://gateway:secret@keys.example",
        "identity_providers": [{"issuer": "https://id.example", "client_id": "files", "schools": schools}],
        "google": {"client_id": "g"},
        "microsoft": {"client_id": "m"},
        "operator": {"name": "Schools Trust, Main Street 1", "contact": "privacy@trust.example", "officer": "J. Doe"},
        "residency": {
            "aws_regions": ["eu-central-1"],
            "machines": "Example Hosting, Frankfurt, Germany",
            "database": "Example Hosting, Frankfurt, Germany",
            "expiry": "Example Hosting, Frankfurt, Germany",
            "journal": "a second hall of Example Hosting, Munich, Germany",
            "backups": "the trust's own safe, Bonn, Germany",
            "logs": "nowhere: they are not kept",
        },
    }
    return Settings(**{**given, **other})
