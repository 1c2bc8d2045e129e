"""A document's export by whichever way Google lets it out: export, then its link, then a download that is prepared.

Google exports at most 10 MB directly. What is larger has an address of its own in ``exportLinks``, and where there is
none a download that is first made ready (``files.download``). Those addresses come in an answer, so the token goes
along only to Google's own hosts; an export is too large only when no way is left.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import aiohttp

from providers.drive import Entry, ExportChoice, Ref
from providers.errors import (
    Busy,
    DownloadForbidden,
    DriveError,
    ExportTooLarge,
    NotFound,
    NotPicked,
    Reconnect,
    Refused,
    Unsupported,
    Untrusted,
)
from providers.google.client import Client, keys
from providers.google.hosts import takes_token

FIRST_WAIT, LONGEST_WAIT, PATIENCE = 0.2, 5.0, 180.0
"""Between two looks at a download being prepared, and in all; seconds."""

_PAGE: Final = "html"
_NOT_THIS_WAY: Final = (DriveError, ExportTooLarge, NotFound, NotPicked, Reconnect, Refused, Unsupported)
_DENIED, _EXHAUSTED, _UNAVAILABLE = 7, 8, 14  # google.rpc.Code


@asynccontextmanager
async def exported(client: Client, entry: Entry, choice: ExportChoice) -> AsyncGenerator[aiohttp.ClientResponse]:
    """The whole export as an open answer. ExportTooLarge where no way is left."""
    async with AsyncExitStack() as stack:
        yield await _opened(stack, client, entry.ref, choice)


async def _opened(stack: AsyncExitStack, client: Client, ref: Ref, choice: ExportChoice) -> aiohttp.ClientResponse:
    request = client.api.build("files.export_media", fileId=ref.id, mimeType=choice.media_type)
    try:
        return await stack.enter_async_context(_at(client, request.url, ref, choice))
    except ExportTooLarge as error:
        refused = error
    for way in (_link, _prepared):
        try:
            address = await way(client, ref, choice)
            if address is not None:
                return await stack.enter_async_context(_at(client, address, ref, choice))
        except DriveError as error:
            if type(error) not in _NOT_THIS_WAY and error.reason != _PAGE:
                raise
    raise refused


@asynccontextmanager
async def _at(client: Client, address: str, ref: Ref, choice: ExportChoice) -> AsyncGenerator[aiohttp.ClientResponse]:
    authorised = takes_token(client.api.origin, address)
    headers = keys(ref) if authorised else {}
    async with client.http.download(address, headers=headers, authorised=authorised) as response:
        if response.status != 200:
            raise Untrusted("part of an export", reason="range")
        if choice.media_type != "text/html" and response.content_type == "text/html":
            raise Untrusted("a page instead of an export", reason=_PAGE)
        yield response


async def _link(client: Client, ref: Ref, choice: ExportChoice) -> str | None:
    """The address for this format in the file's exportLinks."""
    request = client.api.build("files.get", fileId=ref.id, fields="exportLinks", supportsAllDrives=True)
    links = _object(await client.send(request, extra=keys(ref))).get("exportLinks")
    address = links.get(choice.media_type) if isinstance(links, Mapping) else None
    return address if isinstance(address, str) else None


async def _prepared(client: Client, ref: Ref, choice: ExportChoice) -> str:
    """Has a download made ready and waits for it. Busy where that takes too long."""
    request = client.api.build("files.download", fileId=ref.id, mimeType=choice.media_type)
    operation = _object(await client.send(request, extra=keys(ref)))
    waited, wait = 0.0, FIRST_WAIT
    while not operation.get("done"):
        name = operation.get("name")
        if not isinstance(name, str) or not name:
            raise Untrusted("an operation without a name", reason="shape")
        if waited >= PATIENCE:
            raise Busy("the export is still being prepared", reason="operation", retry_after=30)
        await asyncio.sleep(wait)
        waited, wait = waited + wait, min(2 * wait, LONGEST_WAIT)
        asked = client.api.build("operations.get", name=name.removeprefix("operations/"))
        operation = _object(await client.send(asked, extra=keys(ref)))
    return _address(operation)


def _address(operation: Mapping[str, Any]) -> str:
    error, response = operation.get("error"), operation.get("response")
    if isinstance(error, Mapping):
        raise _meaning(error.get("code"))
    address = response.get("downloadUri") if isinstance(response, Mapping) else None
    if not isinstance(address, str):
        raise Untrusted("a finished operation without an address", reason="shape")
    return address


def _meaning(code: object) -> DriveError:
    """What a failed operation means; its text is never passed on."""
    if code == _DENIED:
        return DownloadForbidden("downloading is disabled", reason="operation")
    if code in (_EXHAUSTED, _UNAVAILABLE):
        return Busy("the export cannot be prepared now", reason="operation", retry_after=30)
    return ExportTooLarge("the export cannot be prepared", reason="operation")


def _object(data: object) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise Untrusted("not an object", reason="shape")
    return data
