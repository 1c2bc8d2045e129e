"""The floor: a bare aiohttp client that makes the calls a copy cannot do without, and nothing else.

No ledger, no jobs, no hashes, no verification, nothing durable: ``python -m benchmarks.bare WORK`` with WORK as JSON:
``from``, ``to`` ('google', 'onedrive', 'disk'), ``files`` as [id, name, size], ``folder`` (the destination's id or
path), ``at_once``, ``origins``, ``tokens``. From 'listing' it only lists ``folder`` with these ``fields``. It prints
the seconds it took.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import uvloop
from yarl import URL

FRAGMENT = 327_680 * 190
"""Just under 60 MiB: the largest fragment that OneDrive takes."""
PIECE = 256 * 1024


class Bare:
    """The client."""

    def __init__(self, work: dict[str, Any], http: aiohttp.ClientSession) -> None:
        self._work, self._http = work, http
        self._google, self._graph = work["origins"]["google"], work["origins"]["microsoft"] + "/v1.0"
        self._bearer = {name: {"Authorization": f"Bearer {token}"} for name, token in work["tokens"].items()}

    async def copy(self, file: tuple[str, str, int]) -> None:
        """One file from where it is to where it goes."""
        item, name, size = file
        async with self._source(item) as body:
            pieces = body.iter_chunked(PIECE) if isinstance(body, aiohttp.StreamReader) else body
            await {"google": self._to_google, "onedrive": self._to_onedrive, "disk": self._to_disk}[self._work["to"]](
                pieces, name, size
            )

    @contextlib.asynccontextmanager
    async def _source(self, item: str) -> AsyncIterator[Any]:
        if self._work["from"] == "disk":
            yield _read(Path(item))
            return
        if self._work["from"] == "google":
            url, headers = f"{self._google}/drive/v3/files/{item}?alt=media", self._bearer["google"]
        else:
            asked = f"{self._graph}/me/drive/items/{item}/content"
            async with self._http.get(asked, headers=self._bearer["microsoft"], allow_redirects=False) as moved:
                url, headers = moved.headers["Location"], {}
        async with self._http.get(URL(url, encoded=True), headers=headers) as response:
            response.raise_for_status()
            yield response.content

    async def _to_google(self, pieces: AsyncIterator[bytes], name: str, size: int) -> None:
        headers = {**self._bearer["google"], "X-Upload-Content-Length": str(size)}
        url = f"{self._google}/upload/drive/v3/files?uploadType=resumable"
        body = {"name": name, "parents": [self._work["folder"]]}
        async with self._http.post(url, json=body, headers=headers) as response:
            response.raise_for_status()
            session = response.headers["Location"]
        async with self._http.put(
            URL(session, encoded=True), data=pieces, headers={"Content-Length": str(size)}
        ) as response:
            response.raise_for_status()

    async def _to_onedrive(self, pieces: AsyncIterator[bytes], name: str, size: int) -> None:
        url = f"{self._graph}/me/drive/items/{self._work['folder']}:/{quote(name)}:/createUploadSession"
        item = {"item": {"@microsoft.graph.conflictBehavior": "fail", "name": name}}
        async with self._http.post(url, json=item, headers=self._bearer["microsoft"]) as response:
            response.raise_for_status()
            session = URL((await response.json())["uploadUrl"], encoded=True)
        cut = _Cut(pieces)
        for start in range(0, size, FRAGMENT):
            stop = min(start + FRAGMENT, size)
            headers = {"Content-Range": f"bytes {start}-{stop - 1}/{size}", "Content-Length": str(stop - start)}
            async with self._http.put(session, data=cut.take(stop - start), headers=headers) as response:
                response.raise_for_status()

    async def _to_disk(self, pieces: AsyncIterator[bytes], name: str, size: int) -> None:
        with (Path(self._work["folder"]) / name).open("wb") as file:
            async for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())

    async def listing(self) -> None:
        """Page through a folder of Google Drive, to its end."""
        asked = {"q": f"'{self._work['folder']}' in parents and trashed = false", "pageSize": "1000"}
        asked |= {"fields": f"nextPageToken,incompleteSearch,files({self._work['fields']})"}
        while True:
            async with self._http.get(
                f"{self._google}/drive/v3/files", params=asked, headers=self._bearer["google"]
            ) as response:
                response.raise_for_status()
                page = await response.json()
            if "nextPageToken" not in page:
                return
            asked["pageToken"] = page["nextPageToken"]


class _Cut:
    """A stream of pieces, given out in lengths."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces, self._left = aiter(pieces), b""

    async def take(self, length: int) -> AsyncIterator[bytes]:
        while length:
            piece = self._left or await anext(self._pieces)
            piece, self._left = piece[:length], piece[length:]
            length -= len(piece)
            yield piece


async def _read(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


async def run(work: dict[str, Any]) -> float:
    """Everything, so many at once; the seconds it took."""
    waiting = iter(work["files"])
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, auto_decompress=False, read_bufsize=PIECE
    ) as http:
        client = Bare(work, http)

        async def one_after_the_other() -> None:
            for file in waiting:
                await client.copy(file)

        started = time.monotonic()
        if work["from"] == "listing":
            await client.listing()
            return time.monotonic() - started
        async with asyncio.TaskGroup() as group:
            for _ in range(work["at_once"]):
                group.create_task(one_after_the_other())
        return time.monotonic() - started


if __name__ == "__main__":
    print(uvloop.run(run(json.loads(sys.argv[1]))))
