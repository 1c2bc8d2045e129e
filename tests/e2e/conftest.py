"""One running gateway for all browser tests of a session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.running import Running, stack


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The gateway over three stand-ins, on loopback."""
    with stack(tmp_path_factory.mktemp("stack")) as running:
        yield running
