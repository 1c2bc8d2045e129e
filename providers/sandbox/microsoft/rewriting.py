"""SharePoint's habit of changing files after upload: Office, HTML and others come back longer than they went in.

Only on request: by a fault rule whose ``do`` is ``{"reason": "rewrite"}``, on the request that completes a file.
"""

from __future__ import annotations

import asyncio
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
from providers.sandbox.transfer import Digests, digest_file

_PROPERTY = "docProps/custom.xml"
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
        contents.discard(changed)
        raise
    contents.discard(stored)


def _change(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    if zipfile.is_zipfile(target):
        with zipfile.ZipFile(target, "a") as archive:
            archive.writestr(_PROPERTY, _XML)
    else:
        with target.open("ab") as file:
            file.write(b"\n<!-- altered by the library -->\n")
