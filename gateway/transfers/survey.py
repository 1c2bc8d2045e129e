"""Looks through what is to be transferred before anything moves: one step a folder, its findings sealed with it.

The same judgement and the same names as the transfer itself will make, so that the plan says what will happen. Each
step keeps sums of everything and the first findings of its folder; neither grows with the folder.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Any, Final

from gateway.ids import new_id
from gateway.jobs.model import ItemState, NewItem, Outcome
from gateway.jobs.service import Jobs, lane
from gateway.jobs.turn import Turn
from gateway.transfers.access import Drives, pages_of, throttled
from gateway.transfers.conflict import Conflict
from gateway.transfers.facts import pack, source_identity, unpack
from gateway.transfers.naming import key, mapped
from gateway.transfers.plan import DEEPEST, Found, Under, judge
from gateway.walks import CIRCLE
from providers.drive import Entry, Kind, Ref, Source, Traits
from providers.errors import NameRefused, Untrusted
from providers.names import check_path
from providers.verbs import CanCopy, supports

MOST_FINDINGS: Final = 200
"""Findings that one step keeps in words; all are counted."""
MOST_NAMES: Final = 20_000
"""Names of one destination folder that are held against what goes there; with more in it the plan is not complete."""
_MOST_PAGES: Final = 10_000

Taken = Mapping[str, Ref | None]
"""The names in use in a destination folder, by collision key: the folder that has it, None for anything else."""


def first(entries: Iterable[tuple[str, Entry]], tenant: str, person: str, to: str) -> NewItem:
    """The step that looks at what was chosen: (drive, entry) each."""
    tops = [pack(entry, drive=drive, flags=sorted(entry.flags)) for drive, entry in entries]
    entry = {"name": "", "path": "", "kind": Kind.FOLDER.value, "tops": tops, "way": []}
    return NewItem(new_id(), "survey", lane(tenant, person, to), entry, identity="tops")


class Survey:
    """Items of kind 'survey'. ``turn.work`` keeps 'cursor', 'sums' and 'findings' from page to page."""

    def __init__(self, jobs: Jobs, drives: Drives) -> None:
        self._jobs = jobs
        self._drives = drives

    async def run(self, turn: Turn) -> Outcome:
        """Done, with 'sums' and 'findings'; failed with 'incomplete_listing' where the drive did not list all."""
        item = turn.item
        to = await self._drives.reader(item.person, item.tenant, item.spec["destination"]["drive"])
        if "tops" in item.entry:
            return await self._tops(turn, to)
        source = await self._drives.reader(item.person, item.tenant, item.entry["drive"])
        ref, look = Ref.parse(item.entry["ref"]), Look(turn, to, item.entry["drive"])
        await look.against(item.entry.get("there"))
        while not turn.work.get("over"):
            with throttled(item.lane):
                page = await source.children(ref, turn.work.get("cursor"))
            pages = turn.work.get("pages", 0) + 1
            if not page.complete or pages > _MOST_PAGES:
                return Outcome(ItemState.FAILED, "incomplete_listing")
            more = [one for entry in page.entries for one in look.at(entry)]
            work = {"cursor": page.cursor, "over": page.cursor is None, "pages": pages, **look.told()}
            await turn.save(work, partial(self._jobs.add, job=item.job, more=more), rows=len(more))
            self._jobs.wake(item.job)
        return Outcome(ItemState.DONE, result=look.told())

    async def abandon(self, turn: Turn) -> None:
        """A look holds nothing."""

    async def _tops(self, turn: Turn, to: Source) -> Outcome:
        """What was chosen, with the names that are taken in the destination folder."""
        sums, findings, more = Counter[str](), list[dict[str, Any]](), list[NewItem]()
        with throttled(turn.item.lane):
            taken, whole = await names_in(to, Ref.parse(turn.item.spec["destination"]["item"]))
        for top in turn.item.entry["tops"]:
            look = Look(turn, to, top["drive"], taken)
            more += look.at(replace(unpack(top), flags=frozenset(top["flags"])))
            sums.update(look.sums)
            findings += look.findings
        sums["unlisted"] += not whole
        told = {"sums": dict(sums), "findings": findings[:MOST_FINDINGS]}
        return Outcome(ItemState.DONE, result=told, then=partial(self._jobs.add, job=turn.item.job, more=more))


async def names_in(to: Source, folder: Ref) -> tuple[Taken, bool]:
    """What is in a destination folder, a page at a time, and whether that is all of it."""
    taken: dict[str, Ref | None] = {}
    whole = True
    async with aclosing(pages_of(to, folder)) as pages:
        try:
            async for page in pages:
                whole = whole and page.complete
                for entry in page.entries:
                    is_folder = entry.kind is Kind.FOLDER
                    taken.setdefault(key(entry.name, to.traits), entry.ref if is_folder else None)
                if page.cursor is not None and len(taken) >= MOST_NAMES:
                    return taken, False
        except Untrusted as lie:
            if lie.reason != CIRCLE:
                raise
            return taken, False
    return taken, whole


class Look:
    """What one step has found so far."""

    def __init__(self, turn: Turn, to: Source, drive: str, taken: Taken | None = None) -> None:
        self.sums: Counter[str] = Counter(turn.work.get("sums", {}))
        self.findings: list[dict[str, Any]] = list(turn.work.get("findings", []))
        self._turn = turn
        self._to = to
        self._traits: Traits = to.traits
        self._drive = drive
        self._taken = taken
        self._inside = drive == turn.item.spec["destination"]["drive"]
        self._copies = self._inside and supports(to, CanCopy) is not None
        self._goes_on = turn.item.spec["on_conflict"] in (Conflict.SKIP, Conflict.REPLACE)

    async def against(self, there: str | None) -> None:
        """Hold what comes against the destination folder in which this one will be continued; None: it is new."""
        if there is None:
            return
        with throttled(self._turn.item.lane):
            self._taken, whole = await names_in(self._to, Ref.parse(there))
        self.sums["unlisted"] = int(not whole)

    def told(self) -> dict[str, Any]:
        """For the step's work and its result."""
        return {"sums": dict(self.sums), "findings": self.findings}

    def at(self, entry: Entry) -> list[NewItem]:
        """Counts the entry; the steps that follow from it."""
        item = self._turn.item
        if self._inside and item.spec["mode"] == "move" and "tops" in item.entry:
            self._count(entry)
            return []  # it is moved as it is, whatever is in it
        under = Under(item.tenant, item.person, self._drive, None, item.entry["path"], item.depth, copies=self._copies)
        found = judge(entry, item.spec, self._traits, under)
        name = self._named(found)
        if found.state is not None or name is None:
            self._note(found.reason or "name_refused", entry)
            return []
        self._count(entry)
        self._changes(found, name)
        way = [*item.entry["way"], name]
        if self._is_too_long(way):
            self._note("path_too_long", entry, name)
        return [self._below(entry, way, name)] if entry.kind is Kind.FOLDER and item.depth < DEEPEST else []

    def _named(self, found: Found) -> str | None:
        try:
            return mapped(found.wanted, self._traits)
        except NameRefused:
            return None

    def _count(self, entry: Entry) -> None:
        self.sums[f"{entry.kind.value}s"] += 1
        self.sums["bytes"] += entry.size or 0
        self.sums["unknown_sizes"] += entry.kind in (Kind.DOCUMENT, Kind.SHORTCUT)
        self.sums["shared"] += "shared" in entry.flags

    def _changes(self, found: Found, name: str) -> None:
        """What will not be as it was."""
        entry = found.entry
        if found.choice is not None:
            self._note("exported", entry, name)
        elif found.convert:
            self._note("converted", entry, name)
        elif name != entry.name:
            self._note("renamed", entry, name)
        if entry.kind is Kind.FILE and entry.media_type in self._traits.rewrites and not self._inside:
            self._note("altered", entry)
        if self._is_taken(entry, name):
            self._note("conflict", entry, name)

    def _is_taken(self, entry: Entry, name: str) -> bool:
        """Whether it meets something there that it does not simply go on in."""
        if self._taken is None or key(name, self._traits) not in self._taken:
            return False
        return entry.kind is not Kind.FOLDER or self._there(name) is None

    def _there(self, name: str) -> str | None:
        """The destination folder in which one of this name will be continued."""
        found = self._taken.get(key(name, self._traits)) if self._taken is not None and self._goes_on else None
        return None if found is None else str(found)

    def _is_too_long(self, way: list[str]) -> bool:
        try:
            check_path(way, self._traits)
        except NameRefused:
            return True
        return False

    def _note(self, code: str, entry: Entry, name: str | None = None) -> None:
        self.sums[f"found:{code}"] += 1
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append({"code": code, "path": self._path(entry), "kind": entry.kind.value, "name": name})

    def _path(self, entry: Entry) -> str:
        path = self._turn.item.entry["path"]
        return f"{path}/{entry.name}" if path else entry.name

    def _below(self, entry: Entry, way: list[str], name: str) -> NewItem:
        item = self._turn.item
        facts: Mapping[str, Any] = pack(
            entry, drive=self._drive, path=self._path(entry), way=way, there=self._there(name)
        )
        new = NewItem(new_id(), "survey", lane(item.tenant, item.person, self._drive), facts)
        return replace(new, identity=source_identity(self._drive, entry.ref), depth=item.depth + 1)
