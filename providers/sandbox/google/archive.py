"""Zip packages that are byte for byte the same for the same parts, as every office format is one."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping


def packed(parts: Mapping[str, str], *, pad: bytes = b"", first: str = "") -> bytes:
    """The parts by name; ``first`` is an uncompressed ``mimetype`` at the front, ``pad`` an incompressible picture."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        if first:
            archive.writestr(_entry("mimetype"), first, zipfile.ZIP_STORED)
        for name, text in parts.items():
            archive.writestr(_entry(name), text)
        if pad:
            archive.writestr(_entry("docProps/thumbnail.jpeg"), pad, zipfile.ZIP_STORED)
    return buffer.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))  # a clock would make every export different
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3
    return entry
