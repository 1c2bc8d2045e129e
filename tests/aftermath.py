"""The search that follows the tests: what a gateway that many tests used has left on its disk when it has stopped.

The stories of `tests/e2e` search for what they know of. Here nobody knows what the tests did: the stand-ins' own disks
tell which names, addresses, ids, tokens, hashes and bytes there were, and none may lie in what the gateway wrote.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.traces import Traces

VENDORS = ("google", "microsoft", "launchpad")


@dataclass(frozen=True)
class StandIn:
    """One that has stopped, or still runs. ``state``: its folder."""

    state: Path


@dataclass(frozen=True)
class Stopped:
    """A gateway and its stand-ins in one folder, as `scripts/playground.py` and the API's tests lay them."""

    ours: Path

    @property
    def vendors(self) -> tuple[StandIn, StandIn, StandIn]:
        """All three."""
        google, microsoft, launchpad = (StandIn(self.ours / vendor) for vendor in VENDORS)
        return google, microsoft, launchpad

    @property
    def google(self) -> StandIn:
        """Google's."""
        return self.vendors[0]

    @property
    def microsoft(self) -> StandIn:
        """OneDrive's."""
        return self.vendors[1]

    @property
    def written(self) -> list[Path]:
        """What the gateway said, where it is a process of its own."""
        return [self.ours / "gateway.log"] if (self.ours / "gateway.log").exists() else []

    @property
    def expiry(self) -> Path:
        """The folder for keys that end, where it is here."""
        return self.ours / "expiry"


def left(folder: Path, secrets: Collection[str | bytes] = ()) -> list[str]:
    """'place: needle' for all that lies where it must not. ``secrets``: more to search for."""
    return Traces(Stopped(folder), None, set(secrets)).found()
