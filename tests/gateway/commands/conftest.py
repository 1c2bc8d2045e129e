"""Commands that run inside the process of the tests."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def _logs() -> Iterator[None]:
    """A command says where the logs of its process go: this process does other things afterwards."""
    root = logging.root
    before, said = (root.handlers[:], root.level), structlog.get_config()
    yield
    root.handlers, root.level = before[0], before[1]
    structlog.configure(**said)
