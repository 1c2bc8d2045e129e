"""Blobs as objects of an S3 bucket: boto3 signs and controls, aiohttp moves every byte.

Presigned addresses are pure computation; the calls of boto3 that do reach the network run in a thread. Each body is
sent with its length and MD5 signed, so that a short or damaged one is refused by the server.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import SplitResult, parse_qs

import aiofiles
import aiohttp
import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from yarl import URL

from cache.addresses import is_safe
from cache.blobs.base import BATCH, PIECE, BlobInfo, is_name
from cache.errors import Missing, Unavailable

PART = 16 * 1024 * 1024
"""The smallest part of a multipart upload; larger where a blob would need more than 9,000 of them."""

_SIGNED_FOR = 15 * 60
_ATTEMPTS = 3
_REMOVED_AT_ONCE = 1000
_GONE = frozenset({"404", "NoSuchKey", "NoSuchUpload", "NotFound"})
_OLD_NAMES = {None: "us-east-1", "": "us-east-1", "EU": "eu-west-1"}
"""How S3 calls the two regions that it had before it named regions."""
T = TypeVar("T")


class S3Blobs:
    """A bucket, below a prefix."""

    def __init__(self, bucket: str, prefix: str = "", *, part: int = PART, cafile: str | None = None, **client: Any):
        """``client``: further arguments of ``boto3.client`` (endpoint_url, region_name, credentials for tests)."""
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._part = part
        self._cafile = cafile or os.environ.get("SSL_CERT_FILE")
        self._options = client
        self._client: Any = None
        self._http: aiohttp.ClientSession | None = None

    @classmethod
    def of(cls, address: SplitResult, *, cafile: str | None = None) -> S3Blobs:
        """The store at ``s3://bucket/prefix?endpoint=…&region=…``. ValueError, also for plain HTTP beyond loopback."""
        query = {
            name: values[-1] for name, values in parse_qs(address.query, strict_parsing=bool(address.query)).items()
        }
        endpoint, region = query.pop("endpoint", None), query.pop("region", None)
        if query or not address.hostname or address.username:
            raise ValueError("an S3 address is s3://bucket/prefix?endpoint=…&region=…")
        if endpoint is not None and not is_safe(endpoint):
            raise ValueError("S3 needs https, except on this machine")
        return cls(address.netloc, address.path.strip("/"), cafile=cafile, endpoint_url=endpoint, region_name=region)

    async def start(self) -> None:
        """See `BlobStore`. Unavailable where the bucket does not answer."""
        self._client = await asyncio.to_thread(self._connect)
        context = ssl.create_default_context(cafile=self._cafile)
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context, limit=32),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=30),
            auto_decompress=False,
            headers={"Accept-Encoding": "identity"},
        )
        await self._control("head_bucket")

    def _connect(self) -> Any:
        config = Config(
            signature_version="s3v4",
            retries={"mode": "standard", "total_max_attempts": 1},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": "path"} if self._options.get("endpoint_url") else {},
            connect_timeout=10,
            read_timeout=30,
        )
        return boto3.client("s3", config=config, verify=self._cafile or True, **self._options)

    async def close(self) -> None:
        """See `BlobStore`."""
        if self._http is not None:
            await self._http.close()
        if self._client is not None:
            await asyncio.to_thread(self._client.close)

    async def put(self, name: str, staged: Path, size: int) -> None:
        """See `BlobStore`. One PUT, or parts where the blob is larger than one."""
        part = max(self._part, -(-size // 9000 // BATCH + 1) * BATCH if size > 9000 * self._part else 0)
        if size <= part:
            await self._send("put_object", {"Key": self._key(name)}, staged, 0, size)
            return
        upload = await self._control("create_multipart_upload", Key=self._key(name))
        where = {"Key": self._key(name), "UploadId": upload["UploadId"]}
        try:
            parts = []
            for number, start in enumerate(range(0, size, part), 1):
                etag = await self._send(
                    "upload_part", {**where, "PartNumber": number}, staged, start, min(part, size - start)
                )
                parts.append({"PartNumber": number, "ETag": etag})
            await self._control("complete_multipart_upload", **where, MultipartUpload={"Parts": parts})
        except BaseException:
            await asyncio.shield(self._quietly("abort_multipart_upload", **where))
            raise

    async def _send(self, verb: str, params: Mapping[str, Any], staged: Path, start: int, size: int) -> str:
        """One body, with retries; its ETag."""
        md5 = base64.b64encode(await asyncio.to_thread(_md5, staged, start, size)).decode()
        for attempt in range(_ATTEMPTS):
            url = self._sign(verb, **params, ContentLength=size, ContentMD5=md5)
            headers = {"Content-Length": str(size), "Content-MD5": md5}
            try:
                async with self._session.put(
                    url, data=_body(staged, start, size), headers=headers, allow_redirects=False
                ) as r:
                    if r.status == 200:
                        return r.headers.get("ETag", "")
                    status = r.status
            except (aiohttp.ClientError, TimeoutError, OSError):
                status = 0
            if status not in (0, 429) and status < 500:
                raise Unavailable(f"the bucket refused a blob with status {status}")
            await asyncio.sleep(0.2 * 4**attempt)
        raise Unavailable("the bucket does not take blobs")

    @asynccontextmanager
    async def read(self, name: str, start: int, stop: int) -> AsyncIterator[S3Read]:
        """See `BlobStore`."""
        url = self._sign("get_object", Key=self._key(name))
        headers = {"Range": f"bytes={start}-{stop - 1}"}
        try:
            async with self._session.get(url, headers=headers, allow_redirects=False) as response:
                if response.status == 404:
                    raise Missing("the blob is gone")
                yield S3Read(response, start, stop)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable("the bucket does not answer") from error

    async def size(self, name: str) -> int:
        """See `BlobStore`."""
        return int((await self._control("head_object", Key=self._key(name)))["ContentLength"])

    async def delete(self, name: str) -> None:
        """See `BlobStore`."""
        await self._control("delete_object", Key=self._key(name))

    async def remove(self, names: Sequence[str]) -> None:
        """See `BlobStore`."""
        for at in range(0, len(names), _REMOVED_AT_ONCE):
            keys = [{"Key": self._key(name)} for name in names[at : at + _REMOVED_AT_ONCE]]
            told = await self._control("delete_objects", Delete={"Objects": keys, "Quiet": True})
            if any(error.get("Code") not in _GONE for error in told.get("Errors", ())):
                raise Unavailable("the bucket did not remove a blob")

    async def list(self, after: str = "") -> AsyncIterator[BlobInfo]:
        """See `BlobStore`."""
        options: dict[str, Any] = {"Prefix": self._prefix}
        if after:
            options["StartAfter"] = self._key(after)
        while True:
            page = await self._control("list_objects_v2", **options)
            for item in page.get("Contents", ()):
                name = item["Key"][len(self._prefix) :]
                if is_name(name):
                    yield BlobInfo(name, item["Size"], _ms(item["LastModified"]))
            if not page.get("IsTruncated"):
                return
            options = {"Prefix": self._prefix, "ContinuationToken": page["NextContinuationToken"]}

    async def tidy(self, before: int) -> int:
        """See `BlobStore`. Gives up multipart uploads that nobody finished; their parts cost money unseen."""
        try:
            page = await self._control("list_multipart_uploads", Prefix=self._prefix)
        except Missing:  # some servers say so where no upload was ever begun
            return 0
        old = [upload for upload in page.get("Uploads", ()) if _ms(upload["Initiated"]) < before]
        where = [{"Key": upload["Key"], "UploadId": upload["UploadId"]} for upload in old]
        return sum([await self._quietly("abort_multipart_upload", **one) for one in where])

    async def location(self) -> str:
        """The AWS region in which the bucket lies. Unavailable."""
        told = (await self._control("get_bucket_location")).get("LocationConstraint")
        return _OLD_NAMES.get(told, str(told))

    async def _control(self, verb: str, **params: Any) -> Any:
        return await _call(lambda: getattr(self._client, verb)(Bucket=self._bucket, **params))

    async def _quietly(self, verb: str, **params: Any) -> bool:
        """Whether it worked; where not, `tidy` comes again."""
        try:
            await self._control(verb, **params)
        except (Missing, Unavailable):
            return False
        return True

    def _sign(self, verb: str, **params: Any) -> URL:
        signed = self._client.generate_presigned_url(
            verb, Params={"Bucket": self._bucket, **params}, ExpiresIn=_SIGNED_FOR
        )
        return URL(signed, encoded=True)

    def _key(self, name: str) -> str:
        return self._prefix + name

    @property
    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            raise Unavailable("the blob store was not started")
        return self._http


class S3Read:
    """See `BlobRead`."""

    def __init__(self, response: aiohttp.ClientResponse, start: int, stop: int) -> None:
        """Unavailable where the answer is not the range that was asked for (some servers answer 200 with a range)."""
        self.total, begin, end = _content_range(response)
        self._left = min(stop, self.total) - start
        self._response = response
        if response.status not in (200, 206) or begin != start or end - begin != self._left:
            raise Unavailable(f"the bucket answered a read with status {response.status}")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """See `BlobRead`."""
        async for piece in self._response.content.iter_any():
            self._left -= len(piece)
            if self._left < 0:
                break
            yield piece
        if self._left:
            raise Unavailable("the bucket did not send what it promised")


def _content_range(response: aiohttp.ClientResponse) -> tuple[int, int, int]:
    """Total, start and stop of the body as the server tells them; zeros where it does not."""
    unit, _, rest = response.headers.get("Content-Range", "").partition(" ")
    span, _, total = rest.partition("/")
    first, _, last = span.partition("-")
    if unit == "bytes" and first.isdigit() and last.isdigit() and total.isdigit():
        return int(total), int(first), int(last) + 1
    whole = response.content_length or 0
    return (whole, 0, whole) if response.status == 200 else (0, 0, 0)


async def _call(call: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(call)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in _GONE:
            raise Missing("the blob is gone") from None
        raise Unavailable("the bucket refused a call") from error
    except (BotoCoreError, OSError) as error:
        raise Unavailable("the bucket does not answer") from error


async def _body(staged: Path, start: int, size: int) -> AsyncIterator[bytes]:
    async with aiofiles.open(staged, "rb") as file:
        await file.seek(start)
        left = size
        while left:
            batch = await file.read(min(BATCH, left))
            if not batch:
                raise OSError("the staging file is too short")
            left -= len(batch)
            for at in range(0, len(batch), PIECE):
                yield batch[at : at + PIECE]


def _md5(staged: Path, start: int, size: int) -> bytes:
    digest = hashlib.md5(usedforsecurity=False)
    with staged.open("rb") as file:
        file.seek(start)
        while size and (batch := file.read(min(BATCH, size))):
            digest.update(batch)
            size -= len(batch)
    return digest.digest()


def _ms(moment: datetime) -> int:
    return int(moment.astimezone(UTC).timestamp() * 1000)
