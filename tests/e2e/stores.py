"""What many machines share beside a database: a bucket and a Redis, as in `scripts/compose.yaml`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cache.servers import ACCESS, SECRET, client, make_bucket, s3_server
from tests.redis_server import RedisServer, redis_server

_PREFIX = "school/"


@dataclass(frozen=True)
class Stores:
    """Both, running. ``folder`` is everything of the bucket's server, which keeps each object as a file."""

    endpoint: str
    redis: RedisServer
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """A gateway's settings."""
        return {
            "FILE_ACCESS_BLOBS_URL": f"s3://blobs/{_PREFIX.rstrip('/')}?endpoint={self.endpoint}&region=eu-central-1",
            "AWS_ACCESS_KEY_ID": ACCESS,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "FILE_ACCESS_EXPIRY_URL": self.redis.url,
        }

    def names(self) -> set[str]:
        """The blobs in the bucket."""
        bucket = client(self.endpoint)
        pages = bucket.get_paginator("list_objects_v2").paginate(Bucket="blobs", Prefix=_PREFIX)
        found = {one["Key"].removeprefix(_PREFIX) for page in pages for one in page.get("Contents", ())}
        bucket.close()
        return found

    def age(self, name: str) -> None:
        """A blob that is there becomes as old as can be; this server takes an object's time from its metadata."""
        bucket, key = client(self.endpoint), _PREFIX + name
        try:
            body = bucket.get_object(Bucket="blobs", Key=key)["Body"].read()
            bucket.put_object(Bucket="blobs", Key=key, Body=body, Metadata={"mtime": "1"})
        except bucket.exceptions.NoSuchKey:  # it has just been swept
            return
        finally:
            bucket.close()


@asynccontextmanager
async def open_stores(folder: Path) -> AsyncGenerator[Stores]:
    """Ended with the context."""
    async with redis_server(folder / "redis") as redis, s3_server("rclone", folder / "s3") as endpoint:
        await asyncio.to_thread(make_bucket, endpoint)
        yield Stores(endpoint, redis, folder / "s3")
