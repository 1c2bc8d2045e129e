"""File contents: received into blobs, hashed in passing, and handed out at pre-authenticated addresses."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from aiohttp import web

from providers.sandbox.behaviours import behaviour
from providers.sandbox.core import Refused, Sandbox, base, label
from providers.sandbox.microsoft import odata
from providers.sandbox.microsoft.accounts import Holder
from providers.sandbox.microsoft.quickxor import QuickXor
from providers.sandbox.microsoft.settings import Kept
from providers.sandbox.microsoft.throttling import Throttle
from providers.sandbox.microsoft.tree import Doc, Tree
from providers.sandbox.transfer import Digests, Hasher, pieces, receive, send, span

SIMPLE_LIMIT = 250 * 1000 * 1000


@dataclass(frozen=True, slots=True)
class Stored:
    """Bytes that have arrived: the blob's name, their number and their hashes as the wire has them."""

    blob: str
    size: int
    hashes: dict[str, str]


def makers(account: Holder) -> dict[str, Callable[[], Hasher]]:
    """The hashes that this kind of account gives."""
    if account.personal:
        return {"quickXorHash": QuickXor, "sha1Hash": hashlib.sha1, "sha256Hash": hashlib.sha256}
    return {"quickXorHash": QuickXor}


@behaviour("documented", "quickXorHash is base64, the SHA hashes are upper-case hexadecimal.")
def written(digests: Digests) -> dict[str, str]:
    """Hashes as the wire has them."""
    return {
        name: base64.b64encode(value).decode() if name == "quickXorHash" else value.hex().upper()
        for name, value in digests.values().items()
    }


@behaviour("rclone", "Asked under its own name, Graph hands out upload and download addresses on another host.")
def origin(request: web.BaseRequest) -> str:
    """Where contents live: a host of their own behind Microsoft's name, else this very server."""
    return "https://public.dm.files.1drv.com" if request.host == "graph.microsoft.com" else base(request)


class Contents:
    """Bytes in and out of one tree. ``expired`` holds download tokens that a fault has ended."""

    def __init__(self, box: Sandbox, tree: Tree, kept: Kept) -> None:
        self.box, self.tree, self._kept = box, tree, kept
        self.throttle = Throttle(box, kept)
        self.expired: set[str] = set()
        meta = box.store.table("meta")
        self._secret = str((meta.get("download") or meta.put("download", {"secret": secrets.token_hex(32)}))["secret"])
        box.app.router.add_get("/y4m{item}/{name}", self.download)

    @behaviour("documented", "PUT …/content takes up to 250 MB at once; a broken body leaves nothing behind.")
    async def take(self, request: web.Request, account: Holder) -> Stored:
        """The request's whole body, stored. Refused 413 where it is too long."""
        if (request.content_length or 0) > SIMPLE_LIMIT:
            raise Refused(413, "invalidRequest", "The content is too large for a simple upload.")
        blob, digests = self.fresh(), Digests(makers(account))
        try:
            size = await receive(pieces(request), self.sink(blob), 0, digests, SIMPLE_LIMIT)
        except BaseException as error:
            self.drop(blob)
            if isinstance(error, OverflowError):
                raise Refused(413, "invalidRequest", "The content is too large for a simple upload.") from None
            raise
        return Stored(blob, size, written(digests))

    def fresh(self) -> str:
        """The name of a new blob; empty where the settings say that bytes are discarded."""
        return "" if self._kept.now.discards else self.box.store.new_blob().name

    def sink(self, blob: str) -> Path:
        """Where the bytes of a blob are written to."""
        return self.path(blob) if blob else Path(os.devnull)

    def drop(self, blob: str) -> None:
        """Bytes that are not wanted any more."""
        if blob:
            self.path(blob).unlink(missing_ok=True)

    def linked(self, blob: str) -> str:
        """The same bytes under another name."""
        if not blob:
            return ""
        path = self.box.store.new_blob()
        os.link(self.path(blob), path)
        return path.name

    def path(self, blob: str) -> Path:
        """Where a blob lies."""
        return self.box.store.blob(blob)

    @behaviour("documented", "A download address needs no token, and ends after an hour.")
    def address(self, request: web.BaseRequest, item: Doc, what: str | None = None) -> str:
        """A fresh pre-authenticated address of a file, of a version of it, or of a thumbnail ('thumb/small')."""
        ends = int(self.box.now()) + self._kept.now.address_ttl
        token = odata.pack(item["drive"], item["id"], ends, secrets.token_hex(8), what or "")
        auth, slug = f"v1.{token}.{self._sign(token)}", _slug(item["id"])
        thumb, _, size = (what or "").partition("/")
        place = f"thumb/{slug}/{size}" if thumb == "thumb" else f"y4m{slug}/{quote(item['name'])}"
        return f"{origin(request)}/{place}?tempauth={auth}"

    @behaviour("documented", "A range is honoured at the download address.")
    @behaviour("documented", "Content with malware in it is 403 malwareDetected; the item has the malware facet.")
    @behaviour("assumed", "An expired download address, and one that is sent an Authorization header, answers 401.")
    async def download(self, request: web.Request) -> web.StreamResponse:
        """The bytes behind a download address."""
        label(request, "/y4m{item}/{name}")
        item, what = self.authorised(request)
        if what:
            item = self._version(item, what)
        if item.get("malware"):
            raise Refused(403, "malwareDetected", "Malware was detected in the content.")
        part = span(request.headers.get("Range"), item["size"])
        if part is None:
            headers = {"Content-Range": f"bytes */{item['size']}"}
            raise Refused(416, "invalidRange", "The range cannot be satisfied.", headers)
        headers = {"Content-Type": item["mime"], "ETag": f'"{item["id"]},{item["ctag"]}"'}
        headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(item['name'])}"
        if not item["blob"]:  # nothing on the disk: filled in by the control endpoint, or discarded
            if item["size"]:
                raise Refused(404, "itemNotFound", "The bytes of this file were discarded, as the settings say.")
            return web.Response(headers=headers)
        return await send(request, self.path(item["blob"]), part, headers)

    def expire(self, request: web.BaseRequest) -> None:
        """The download address of this request has run out."""
        self.expired.add(request.query.get("tempauth", ""))

    def _version(self, item: Doc, wanted: str) -> Doc:
        past = self.tree.past.get(item["id"], {"past": []})["past"]
        row = next((one for one in past if one["id"] == wanted), None)
        if row is None:
            raise Refused(404, "itemNotFound", "The version could not be found.")
        return {**item, **{name: row[name] for name in ("blob", "size", "mime")}}

    def authorised(self, request: web.Request) -> tuple[Doc, str]:
        """The item that the address is of, and what of it. Refused 401 where the address is not good any more."""
        auth = request.query.get("tempauth", "")
        version, _, rest = auth.partition(".")
        token, _, seal = rest.partition(".")
        values = odata.unpack(token) if hmac.compare_digest(seal.encode(), self._sign(token).encode()) else None
        late = values is None or values[2] <= self.box.now() or auth in self.expired
        if values is None or late or version != "v1" or "Authorization" in request.headers:
            raise Refused(401, "unauthenticated", "The download address is not valid or has expired.")
        self.throttle.hold(self.tree.owner(values[0]).tid)
        item = self.tree.live(values[0], values[1])
        if _slug(item["id"]) != request.match_info["item"]:
            raise Refused(404, "itemNotFound", "The resource could not be found.")
        return item, str(values[4])

    def _sign(self, token: str) -> str:
        return hmac.digest(self._secret.encode(), token.encode(), "sha256").hex()[:32]


def _slug(item: str) -> str:
    return "".join(filter(str.isalnum, item))
