"""SharePoint's habit of changing files after upload: Office, PDF and HTML come back longer than they went in.

A moment after the upload in the drives that the settings name (``rewrites``: drive types, ``rewrite_ms``); at once
by a fault rule whose ``do`` is ``{"reason": "rewrite"}``, on the request that completes a file.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from providers.sandbox.behaviours import behaviour
from providers.sandbox.faults import fault
from providers.sandbox.microsoft.accounts import Holder
from providers.sandbox.microsoft.contents import Contents, Stored, makers, written
from providers.sandbox.microsoft.settings import Kept
from providers.sandbox.microsoft.tree import Doc
from providers.sandbox.transfer import Digests, digest_file

_PROPERTY = "docProps/custom.xml"
_ALTERED = re.compile(r".*\.(docx?|xlsx?|pptx?|docm|xlsm|pptm|pdf|html?|aspx)", re.IGNORECASE)
_XML = (
    '<?xml version="1.0"?><Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/custom-properties"/>'
)


@asynccontextmanager
@behaviour(
    "assumed", "A rewritten Office file keeps its members and gains a property; other files gain a trailing mark."
)
async def rewritten(request: web.Request, contents: Contents, stored: Stored, account: Holder) -> AsyncIterator[Stored]:
    """The bytes to keep: the stored ones, or on request changed ones. An error inside leaves the stored ones alone."""
    if fault(request, "reason") != "rewrite":
        yield stored
        return
    path, digests = contents.box.store.new_blob(), Digests(makers(account))
    await asyncio.to_thread(_change, contents.path(stored.blob), path)
    await digest_file(path, digests)
    changed = Stored(path.name, digests.position, written(digests))
    try:
        yield changed
    except BaseException:
        contents.drop(changed.blob)
        raise
    contents.drop(stored.blob)


class Rewriting:
    """What is to be changed a moment after its upload; remembered over a restart."""

    def __init__(self, contents: Contents, kept: Kept) -> None:
        self._contents, self._kept, self._tree = contents, kept, contents.tree
        self._due = contents.box.store.table("rewriting")
        self._tasks: set[asyncio.Task[None]] = set()
        contents.box.app.on_startup.append(self._resume)
        contents.box.app.on_cleanup.append(self._stop)

    @behaviour("documented", "SharePoint changes Office, PDF and HTML files after upload: other size, other hash.")
    @behaviour("assumed", "Libraries do so at once, OneDrives only where the settings say so, personal drives never.")
    def consider(self, item: Doc) -> None:
        """Plans the change of a file that has just arrived, where its drive does that."""
        holder = self._tree.owner(item["drive"])
        drives = {*self._kept.now.rewrites} - {"personal"}
        if holder.drive_type in drives and item["size"] and item["blob"] and _ALTERED.fullmatch(item["name"]):
            self._due.put(item["id"], {"blob": item["blob"]})
            self._plan(item["id"])

    def _plan(self, item: str) -> None:
        task = asyncio.get_running_loop().create_task(self._alter(item))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _resume(self, _app: web.Application) -> None:
        for item in [*self._due]:
            self._plan(item)

    async def _stop(self, _app: web.Application) -> None:
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _alter(self, item: str) -> None:
        await asyncio.sleep(self._kept.now.rewrite_ms / 1000)
        blob = self._due.get(item, {}).get("blob")
        if blob is None:  # replaced, and the later plan was quicker
            return
        source, path = self._contents.path(blob), self._contents.box.store.new_blob()
        if source.exists():
            digests = Digests(makers(self._tree.owner(self._tree.items[item]["drive"])))
            await asyncio.to_thread(_change, source, path)
            await digest_file(path, digests)
            self._put(item, blob, Stored(path.name, digests.position, written(digests)))
        self._due.drop(item)

    @behaviour("assumed", "The change moves both tags and the time of change on, and makes no version.")
    def _put(self, wanted: str, blob: str, changed: Stored) -> None:
        item = self._tree.items[wanted]
        if item.get("blob") != blob:  # replaced or gone meanwhile
            self._contents.path(changed.blob).unlink()
            return
        fields = {"blob": changed.blob, "size": changed.size, "hashes": changed.hashes, "editor": item["editor"]}
        self._tree.change(item, **fields)
        self._contents.path(blob).unlink()


def _change(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    if zipfile.is_zipfile(target):
        with zipfile.ZipFile(target, "a") as archive:
            archive.writestr(_PROPERTY, _XML)
    else:
        with target.open("ab") as file:
            file.write(b"\n<!-- altered by the library -->\n")
