"""A log that cannot be written harms nobody: whoever speaks goes on."""

from __future__ import annotations

import errno
import io
import logging
from collections.abc import Iterator

import pytest
import structlog

from gateway.logs import configure


class Full(io.StringIO):
    """A file on a disk without room."""

    tried = 0

    def write(self, _text: str, /) -> int:
        self.tried += 1
        raise OSError(errno.ENOSPC, "no room")


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Iterator[Full]:
    """Where the log goes."""
    handlers, level = logging.root.handlers, logging.root.level
    stream, said = Full(), structlog.get_config()
    monkeypatch.setattr("sys.stderr", stream)
    configure("info")
    yield stream
    structlog.configure(**said)
    logging.root.handlers, logging.root.level = handlers, level


def test_a_full_disk_stops_nobody_who_speaks(full: Full) -> None:
    structlog.get_logger().warning("worker.loop", step="beat")
    logging.getLogger("aiohttp").warning("something")
    assert full.tried
