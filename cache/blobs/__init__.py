"""Where sealed bytes lie: a local folder or a bucket, chosen by an address."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from cache.blobs.base import BlobStore
from cache.blobs.local import LocalBlobs


def open_blobs(url: str, *, cafile: str | None = None) -> BlobStore:
    """The store at ``file:///folder`` or ``s3://bucket/prefix?endpoint=…&region=…``. ValueError for anything else.

    ``cafile``: certificates to trust instead of the system's. Credentials come from the environment or the machine's
    role, as boto3 finds them, never from the address.
    """
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path:
        return LocalBlobs(Path(parts.path))
    if parts.scheme == "s3":
        from cache.blobs.s3 import S3Blobs  # boto3 takes a quarter of a second to import: only where it is used

        return S3Blobs.of(parts, cafile=cafile)
    raise ValueError("blobs are kept at file:///folder or s3://bucket/prefix?endpoint=…")
