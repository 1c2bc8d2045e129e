"""Asks AWS where a store lies, and refuses one that lies outside the deployment's region.

An answer is compared with the regions that the operator's settings name; an ARN carries its region in itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from gateway.residency.places import places
from gateway.settings import Settings

_ARN = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]+:(?P<region>[a-z0-9-]+):.+")


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
    found: dict[str, str] = {}
    for spot in places(settings):
        if spot.how == "aws" and isinstance(blobs, Located):
            found[spot.key] = await blobs.location()
    for key, region in found.items():
        require(settings, f"FILE_ACCESS_{key.upper()}_URL", region)
    return found


def require(settings: Settings, setting: str, region: str) -> None:
    """Misplaced unless the AWS region is one of the deployment's."""
    if region not in settings.residency.aws_regions:
        raise Misplaced(
            f"{setting}: it lies in the AWS region {region}, which FILE_ACCESS_RESIDENCY__AWS_REGIONS does not count "
            f"to {settings.region!r}. One deployment serves one region: use a store there, or another deployment"
        )


def region_of(arn: str) -> str:
    """The region that an ARN names. Misplaced where it names none: then nobody can say where it is."""
    found = _ARN.fullmatch(arn)
    if found is None:
        raise Misplaced("a key at AWS must be named by its ARN, which tells its region")
    return found["region"]
