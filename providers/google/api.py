"""Requests built by Google's own client library, which checks names and types; nothing here touches the network.

The library blocks, sleeps and looks for credentials when it sends; so what it builds is taken from it unsent. Building
the service costs milliseconds and every ``service.files()`` costs more than one, hence one `GoogleApi` a process.
"""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import quote

from googleapiclient.discovery import build_from_document
from googleapiclient.http import HttpRequest, MediaUpload
from yarl import URL

GOOGLE_ROOT = "https://www.googleapis.com"
_ID = "the-file-s-id"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request ready to be sent: an absolute address, and a JSON body where there is one."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None


class _Unsent(HttpRequest):  # type: ignore[misc]  # the library has no types
    """What the library would send. It cannot."""

    def execute(self, *_args: object, **_kwargs: object) -> NoReturn:
        raise RuntimeError("requests of this service are not executed by the library")

    next_chunk = execute


class _NoTransport:
    """Stands where the library wants a transport, so that it neither looks for credentials nor connects."""

    def request(self, *_args: object, **_kwargs: object) -> NoReturn:
        raise RuntimeError("the library has no way out")

    def close(self) -> None:
        """Nothing is open."""


class _Announced(MediaUpload):  # type: ignore[misc]  # the library has no types
    """An upload of which only type and size are told, so that the library builds the session request."""

    def __init__(self, media_type: str, size: int | None) -> None:
        self._media_type = media_type
        self._size = size

    def mimetype(self) -> str:
        return self._media_type

    def size(self) -> int | None:
        return self._size

    def resumable(self) -> bool:
        return True

    def chunksize(self) -> int:
        return 256 * 1024

    def getbytes(self, _begin: int, _length: int) -> NoReturn:
        raise RuntimeError("no bytes pass through the library")


class GoogleApi:
    """The Drive API at ``root`` (scheme, host and port; any path of its own before /drive/v3)."""

    def __init__(self, root: str = GOOGLE_ROOT) -> None:
        self.origin = URL(root).origin()
        document = dict(_document())
        document["rootUrl"] = root.rstrip("/") + "/"
        document["baseUrl"] = document["rootUrl"] + document["servicePath"]
        service = build_from_document(document, http=_NoTransport(), requestBuilder=_Unsent)
        self._resources = {
            "files": service.files(),
            "about": service.about(),
            "drives": service.drives(),
            "operations": service.operations(),
            "changes": service.changes(),
            "revisions": service.revisions(),
        }

        self._media = self.build("files.get_media", fileId=_ID, supportsAllDrives=True).url.partition(_ID)

    def media(self, file: str) -> str:
        """The address of a file's bytes: built by the library once, because that costs more than a small download."""
        before, _, after = self._media
        return f"{before}{quote(file, safe='')}{after}"

    def build(self, method: str, **parameters: Any) -> Prepared:
        """The request of a method such as 'files.list'. TypeError for parameters that it does not have."""
        resource, _, verb = method.partition(".")
        return _prepared(getattr(self._resources[resource], verb)(**parameters))

    def session(self, method: str, media_type: str, size: int | None, **parameters: Any) -> Prepared:
        """The request that opens a resumable upload session ('files.create' or 'files.update')."""
        prepared = self.build(method, media_body=_Announced(media_type, size), **parameters)
        announced = {"X-Upload-Content-Type": media_type}
        if size is not None:
            announced["X-Upload-Content-Length"] = str(size)
        return Prepared(prepared.method, prepared.url, {**prepared.headers, **announced}, prepared.body)

    def multipart(self, method: str, **parameters: Any) -> Prepared:
        """The request of an upload in one piece; its body is only the first part, the metadata."""
        prepared = self.build(method, media_body=_Announced("application/octet-stream", None), **parameters)
        url = prepared.url.replace("uploadType=resumable", "uploadType=multipart")
        return Prepared(prepared.method, url, prepared.headers, prepared.body)


def _document() -> dict[str, Any]:
    packed = importlib.resources.files("googleapiclient") / "discovery_cache" / "documents" / "drive.v3.json"
    document: dict[str, Any] = json.loads(packed.read_text(encoding="utf-8"))
    return document


def _prepared(unsent: Any) -> Prepared:
    """Without the library's own account of itself and of compression: lengths must speak of the file's bytes."""
    headers = {name.lower(): value for name, value in unsent.headers.items()}
    for name in ("accept-encoding", "user-agent", "content-length"):
        headers.pop(name, None)
    body = unsent.body.encode() if isinstance(unsent.body, str) else unsent.body
    if body is not None:
        headers["content-type"] = "application/json; charset=UTF-8"
    return Prepared(unsent.method, unsent.uri, headers, body)
