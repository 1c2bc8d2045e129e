"""The native drive with its blobs in a bucket: rclone's server checks signatures, moto's knows the semantics."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import trustme

from cache.blobs.s3 import S3Blobs
from tests.cache.servers import CREDENTIALS, make_bucket, s3_server
from tests.providers.native.conftest import School
from tests.providers.native.suite import AS_USUAL, NativeSuite
from tests.soak import FACTOR

MOTO = pytest.param("moto", marks=pytest.mark.skipif(FACTOR == 1, reason="in ./scripts/soak"))
"""The store itself is tried on both in every run: see `tests/cache/test_blobs.py`."""


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=["rclone", MOTO])
async def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """One server of each kind for all tests."""
    async with s3_server(request.param, tmp_path_factory.mktemp("s3") / "server") as endpoint:
        await asyncio.to_thread(make_bucket, endpoint)
        yield endpoint


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One certificate: to load all of the system's takes longer than a test."""
    path: Path = tmp_path_factory.mktemp("tls") / "ca.pem"
    trustme.CA(key_type=trustme.KeyType.ECDSA).cert_pem.write_to_path(str(path))
    return str(path)


class TestNativeDriveOnS3(NativeSuite):
    """Each test has a prefix of its own."""

    @pytest.fixture
    def store(self, server: str, authority: str) -> S3Blobs:
        return S3Blobs("blobs", secrets.token_hex(8), cafile=authority, endpoint_url=server, **CREDENTIALS)

    @pytest.fixture
    def school(self, school: School) -> School:
        school.part = 2_500_000  # a request each
        school.allowance = AS_USUAL
        return school
