"""Real S3 servers for the tests: rclone's checks signatures and digests, moto's knows the semantics."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import boto3

ACCESS, SECRET = "test-access-key", "test-secret-key"
CREDENTIALS: dict[str, Any] = {
    "aws_access_key_id": ACCESS,
    "aws_secret_access_key": SECRET,
    "region_name": "eu-central-1",
}


def client(endpoint: str) -> Any:
    """A client of boto3, to look behind our own."""
    return boto3.client("s3", endpoint_url=endpoint, **CREDENTIALS)


def make_bucket(endpoint: str) -> None:
    """The bucket 'blobs'."""
    made = client(endpoint)
    made.create_bucket(Bucket="blobs", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    made.close()


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def s3_server(kind: str, folder: Path, tls: tuple[Path, Path] | None = None) -> AsyncIterator[str]:
    """The address of a running server, 'rclone' or 'moto'; it ends with the context. ``tls``: certificate and key."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    programs = Path(sys.executable).parent
    if kind == "rclone":
        (folder / "files").mkdir()
        listen = ["serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key", f"{ACCESS},{SECRET}"]
        listen += ["--cert", str(tls[0]), "--key", str(tls[1])] if tls else []
        command = [str(programs / "rclone"), *listen, "--config", "/dev/null", str(folder / "files")]
    else:
        command = [str(programs / "moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT, 0o600)
    process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log, cwd=folder)
    os.close(log)
    try:
        await _reachable(port)
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    finally:
        process.kill()
        await process.wait()


async def _reachable(port: int) -> None:
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.05)
