"""Asks AWS where a store lies, and refuses one that lies outside the deployment's region.

What it answers is compared with the regions that the operator's settings name. The root key in KMS need not be asked
for: every version is named by an ARN, which must be of the region in the settings (`cache.root_kms`), and that region
is compared like the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from cache.kms_address import KmsAddress
from gateway.residency.places import places
from gateway.settings import Settings


class Misplaced(Exception):
    """Something lies outside the deployment's region; the message says what, where, and what to change."""


@runtime_checkable
class Located(Protocol):
    """A store that can be asked where it is."""

    async def location(self) -> str:
        """The AWS region. Unavailable."""
        ...


async def located(settings: Settings, blobs: object) -> Mapping[str, str]:
    """The AWS region of each place that has one, all within the deployment's region. Misplaced, Unavailable."""
    found = kms_region(settings)
    if any(spot.key == "blobs" and spot.how == "aws" for spot in places(settings)) and isinstance(blobs, Located):
        found["blobs"] = await blobs.location()
        if told := misplaced(settings, "FILE_ACCESS_BLOBS_URL", found["blobs"]):
            raise Misplaced(told)
    return found


def kms_region(settings: Settings) -> dict[str, str]:
    """The AWS region of the root key, where AWS keeps it."""
    kept = any(spot.key == "root_key" and spot.how == "aws" for spot in places(settings))
    return {"root_key": KmsAddress.parse(settings.root_kms).region} if kept else {}


def misplaced(settings: Settings, setting: str, region: str) -> str:
    """Why this AWS region is none of the deployment's, and what to do; '' where it is one."""
    if region in settings.residency.aws_regions:
        return ""
    return (
        f"{setting}: it lies in the AWS region {region}, which FILE_ACCESS_RESIDENCY__AWS_REGIONS does not count to "
        f"{settings.region!r}. One deployment serves one region: use a store there, or another deployment"
    )
