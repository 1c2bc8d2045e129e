"""Follows the shortcuts of a transferred tree: what one points to is copied under the shortcut's name.

What it points to is never moved: in a move the shortcut itself goes, and only where its file was copied. What is part
of the transfer anyway is not copied twice, a folder is followed once in a job, and never in a circle.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.jobs.model import ItemState, Outcome
from gateway.jobs.service import Jobs
from gateway.jobs.turn import Turn
from gateway.transfers.access import Drives, holds, throttled, upwards
from gateway.transfers.copy import Copy
from gateway.transfers.facts import identity, pack, unpack
from gateway.transfers.folders import MakeFolder
from gateway.transfers.naming import mapped
from gateway.transfers.plan import Under, inside, judge
from providers.drive import Entry, Kind, Ref, Source
from providers.errors import NameRefused, NotFound
from providers.verbs import CanCopy, supports

_HOPS: Final = 8
"""Shortcuts that point to shortcuts, in a row."""


class Shortcut:
    """Items of kind 'shortcut'. ``turn.work`` keeps under 'entry' what it points to, under 'as' what becomes of it."""

    def __init__(self, jobs: Jobs, drives: Drives, copy: Copy, folder: MakeFolder) -> None:
        self._jobs = jobs
        self._drives = drives
        self._copy = copy
        self._folder = folder

    async def run(self, turn: Turn) -> Outcome:
        """Copied; skipped where it is part of the transfer; unsupported where it points to nothing."""
        if "entry" not in turn.work and (ended := await self._resolve(turn)) is not None:
            return ended
        target = unpack(turn.work["entry"])
        return await self._follow(turn, target) if target.kind is Kind.FOLDER else await self._copy.run(turn)

    async def abandon(self, turn: Turn) -> Outcome | None:
        """As of the copy that it became."""
        return await self._copy.abandon(turn)

    async def _resolve(self, turn: Turn) -> Outcome | None:
        item = turn.item
        drive, place = item.spec["destination"]["drive"], Ref.parse(item.spec["destination"]["item"])
        source = await self._drives.reader(item.person, item.tenant, item.entry["drive"])
        to = source if drive == item.entry["drive"] else await self._drives.reader(item.person, item.tenant, drive)
        with throttled(item.other or item.lane):
            target = await _target(source, item.entry["target"])
            if target is None:
                return Outcome(ItemState.UNSUPPORTED, "shortcut_dangling")
            if await _is_inside(turn, source, target):
                return Outcome(ItemState.SKIPPED, "shortcut_inside")
            if target.kind is Kind.FOLDER and await holds(source, [target.ref], to, place):
                return Outcome(ItemState.SKIPPED, "shortcut_around")
        if target.kind is Kind.FOLDER and await self._jobs.followed(turn.sealer, item, _mark(target)):
            return Outcome(ItemState.SKIPPED, "shortcut_again")
        copies = item.entry["drive"] == item.spec["destination"]["drive"] and supports(to, CanCopy) is not None
        under = Under(item.tenant, item.person, item.entry["drive"], None, "", item.depth, copies=copies)
        found = judge(replace(target, name=item.entry["name"]), item.spec, to.traits, under)
        if found.state is not None:
            return Outcome(found.state, found.reason)
        try:
            decided = {
                "to": mapped(found.wanted, to.traits),
                "export": found.choice and found.choice.id,
                "convert": found.convert,
            }
        except NameRefused:
            return Outcome(ItemState.FAILED, "name_refused")
        await turn.save({"entry": pack(target), "as": decided}, size=target.size)
        return None

    async def _follow(self, turn: Turn, target: Entry) -> Outcome:
        """A folder of the shortcut's name, and the listing of the one it points to. The shortcut stays in a move."""
        item = turn.item
        made = await self._folder.run(turn)
        if made.state is not ItemState.COPIED:
            return made
        via = [*item.entry["via"], identity(Ref.parse(item.entry["ref"])), target.ref.id]
        entry = pack(target, drive=item.entry["drive"], path=item.entry["path"], via=via)
        at = Under(item.tenant, item.person, item.entry["drive"], item.folder, item.entry["path"], item.depth)
        more = inside(item.id, entry, at, move=False, taken=_mark(target))

        async def then(tx: AsyncConnection) -> None:
            await self._jobs.add(tx, item.job, more)

        moves = item.mode == "move" and not item.entry["via"]
        return replace(made, reason="shortcut_kept" if moves else None, then=then)


def _mark(target: Entry) -> str:
    """Cannot be a name's collision key."""
    return f"followed\0{target.ref.id}"


async def _target(source: Source, ref: str | None) -> Entry | None:
    """What it points to in the end; None where that is nothing, or itself."""
    seen = set[str]()
    try:
        for _ in range(_HOPS):
            if ref is None or ref in seen:
                return None
            seen.add(ref)
            found = await source.stat(Ref.parse(ref))
            if found.kind is not Kind.SHORTCUT:
                return None if "trashed" in found.flags else found
            ref = None if found.target is None else str(found.target)
    except NotFound:
        return None
    return None


async def _is_inside(turn: Turn, source: Source, target: Entry) -> bool:
    """Whether it is in what was chosen, or in a folder that was followed on the way to this shortcut."""
    item = turn.item
    tops = {Ref.parse(ref).id for drive, ref in item.spec["sources"] if drive == item.entry["drive"]}
    tops |= set(item.entry["via"][1::2])
    async for above in upwards(source, target):
        if above.ref.id in tops:
            return True
    return False
