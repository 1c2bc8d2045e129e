"""How a document that was made in one request is found again, although it could be given no id beforehand.

Google takes no ids for its own documents. So they bear a mark, a property that only this application sees; before
anything is repeated, what bears the mark is looked for. It says nothing about anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from providers.drive import Entry, NewFile, Ref
from providers.errors import TooLarge
from providers.google.client import Client, entries, keys
from providers.google.traits import IMPORTS
from providers.google.wire import quoted

MARK: Final = "fileAccessMark"
SURE: Final = 1024 * 1024
"""Up to so many bytes Google converts anything that it converts; it need not be asked."""


def becomes(new: NewFile) -> str | None:
    """The kind of document that a file becomes, None where it stays what it is."""
    return IMPORTS.get(new.media_type.partition(";")[0].strip().lower()) if new.convert else None


async def check_size(client: Client, new: NewFile) -> None:
    """TooLarge where Google tells that it does not convert so much; better before all of it went there than after."""
    if new.size is None or new.size <= SURE:
        return
    told = await client.send(client.api.build("about.get", fields="maxImportSizes"))
    limits = told.get("maxImportSizes") if isinstance(told, Mapping) else None
    limit = limits.get(becomes(new)) if isinstance(limits, Mapping) else None
    if isinstance(limit, str) and limit.isdecimal() and new.size > int(limit):
        raise TooLarge("too large to be converted", reason="convert")


async def marked(client: Client, parent: Ref, mark: str, media_type: str | None) -> Entry | None:
    """The document with that mark, the oldest where copies were made of it; None where there is none."""
    query = f"appProperties has {{ key={quoted(MARK)} and value={quoted(mark)} }}"
    request = client.listing(parent, query, page_size=10, order="createdTime")
    found = entries(await client.send(request, extra=keys(parent)))
    return next((one for one in found if media_type in (None, one.media_type)), None)
