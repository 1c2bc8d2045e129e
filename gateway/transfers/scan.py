"""Lists one folder of a source: each page's items and its page token are stored in one transaction.

A listing that cannot be completed ends as failed and is counted: a transfer never takes an error for an empty folder.
Names are chosen apart here, so that no two items of one folder race for the same one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.jobs.model import ItemState, NewItem, Outcome
from gateway.jobs.service import Jobs
from gateway.jobs.turn import Turn
from gateway.transfers.access import Drives, instruction, throttled
from gateway.transfers.choose import Lookup, Names
from gateway.transfers.conflict import Conflict
from gateway.transfers.covers import FOUND, Covered, covering
from gateway.transfers.naming import key
from gateway.transfers.plan import Under, judge, steps
from providers.drive import Entry, Page, Ref, Source, Traits
from providers.errors import DriveError
from providers.verbs import CanCopy, supports

MOST_PAGES: Final = 10_000
"""A listing that is longer leads in circles: no drive has a folder of that many pages."""


class Scan:
    """Items of kind 'scan': the listing of the folder that their entry names."""

    def __init__(self, jobs: Jobs, drives: Drives) -> None:
        self._jobs = jobs
        self._drives = drives

    async def run(self, turn: Turn) -> Outcome:
        """Done once every page is stored; failed with 'incomplete_listing' where some are missing or never end."""
        item = turn.item
        source = await self._drives.reader(item.person, item.tenant, item.entry["drive"])
        to = await self._drives.reader(item.person, item.tenant, item.spec["destination"]["drive"])
        names = Names(self._lookup(turn), to.traits, rename=item.spec["on_conflict"] != Conflict.FAIL)
        copies = item.entry["drive"] == item.spec["destination"]["drive"] and supports(to, CanCopy) is not None
        while not turn.work.get("over"):
            if turn.work.get("pages", 0) >= MOST_PAGES:
                return Outcome(ItemState.FAILED, "incomplete_listing")
            page = await self._page(source, turn)
            more = await _items(page.entries, names, turn, to.traits, copies=copies)
            work = {
                "cursor": page.cursor,
                "pages": turn.work.get("pages", 0) + 1,
                "over": page.cursor is None,
                "complete": page.complete and turn.work.get("complete", True),
            }
            covered = covering(more, item.mode, item.spec["destination"]["drive"])
            await turn.save(work, partial(self._store, turn, covered), rows=len(covered.items))
            self._jobs.wake(item.job)
        if not turn.work["complete"]:
            return Outcome(ItemState.FAILED, "incomplete_listing")
        return Outcome(ItemState.DONE)

    async def abandon(self, turn: Turn) -> None:
        """A listing holds nothing."""

    async def _store(self, turn: Turn, found: Covered, tx: AsyncConnection) -> None:
        """What was found, and with it the ledger's word for all of it."""
        item = turn.item
        if await self._jobs.add(tx, item.job, found.items) and found.leaves:
            await self._drives.cover(
                tx, item.person, item.tenant, instruction(item), found.leaves, name=found.name, action=FOUND,
                details={"job": item.job},
            )  # fmt: skip

    def _lookup(self, turn: Turn) -> Lookup:
        async def lookup(keys: Sequence[str]) -> set[str]:
            return await self._jobs.names_taken(turn.sealer, turn.item, keys)

        return lookup

    async def _page(self, source: Source, turn: Turn) -> Page:
        ref, cursor = Ref.parse(turn.item.entry["ref"]), turn.work.get("cursor")
        with throttled(turn.item.lane):
            try:
                return await source.children(ref, cursor)
            except DriveError as error:
                if error.retryable or cursor is None:
                    raise
            return await source.children(ref)  # a page token that has ended: once more from the start, nothing twice


async def _items(entries: Iterable[Entry], names: Names, turn: Turn, traits: Traits, *, copies: bool) -> list[NewItem]:
    item = turn.item
    under = Under(
        item.tenant, item.person, item.entry["drive"], item.folder, item.entry["path"], item.depth + 1,
        item.entry["via"], bool(item.entry.get("relocating")), copies,
    )  # fmt: skip
    once: Mapping[tuple[str, str], Entry] = {(entry.ref.space, entry.ref.id): entry for entry in entries}
    judged = [judge(entry, item.spec, traits, under) for entry in once.values()]
    new: list[NewItem] = []
    for found, name in await names.choose(judged):
        new += steps(found, name, None if name is None else key(name, traits), under, item.spec)
    return new
