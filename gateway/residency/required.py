"""What the operator of a public deployment must have said before it serves, as sentences that say what to do."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.identity.schools import UNNAMED
from gateway.residency.checking import kms_region, misplaced
from gateway.residency.places import places
from gateway.safety import is_public
from gateway.settings import Settings


def missing(settings: Settings) -> list[str]:
    """Every setting that is asked for and empty. What stays on this machine needs none but the regions of AWS."""
    return [*_aws(settings), *(_public(settings) if is_public(settings) else ())]


def _aws(settings: Settings) -> Iterator[str]:
    if not any(spot.how == "aws" for spot in places(settings)):
        return
    if not settings.residency.aws_regions:
        yield (
            "FILE_ACCESS_RESIDENCY__AWS_REGIONS: name the AWS regions that lie in FILE_ACCESS_REGION, so that a bucket "
            "or a key elsewhere is noticed"
        )
        return
    for region in kms_region(settings).values():  # before a key is made there
        if told := misplaced(settings, "FILE_ACCESS_ROOT_KMS", region):
            yield told


def _public(settings: Settings) -> Iterator[str]:
    if settings.region == UNNAMED:
        yield "FILE_ACCESS_REGION: a public deployment serves one named region, such as eu-central"
    for name, value in (("NAME", settings.operator.name), ("CONTACT", settings.operator.contact)):
        if not value.strip():
            yield f"FILE_ACCESS_OPERATOR__{name}: the privacy page must tell people who runs this and whom they can ask"
    for spot in places(settings):
        if spot.known == "unknown":
            yield (
                f"FILE_ACCESS_RESIDENCY__{spot.key.upper()}: say where this lies and who keeps it, since it cannot be "
                f"looked up; that it is in {settings.region!r} goes on your word into every school's ledger"
            )
