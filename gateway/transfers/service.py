"""Orders of transfers: checked against the drives, refused where they make no sense, stored as a job with first items.

Nothing is moved here. The checks that need a drive are made before the transaction, which then stores all or nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from cache.vault import Vault
from gateway.files.uploads import Part
from gateway.files.uploads import Upload as ArrivedUpload
from gateway.ids import new_id
from gateway.jobs.bulk import BULK, MANY
from gateway.jobs.model import ItemState, JobView, NewItem
from gateway.jobs.service import Jobs, lane
from gateway.jobs.turn import Executor
from gateway.transfers import survey
from gateway.transfers.access import TOO_HIGH, Drives, holds
from gateway.transfers.choose import Lookup, Names
from gateway.transfers.conflict import Conflict
from gateway.transfers.copy import Copy
from gateway.transfers.covers import ORDERED, covering
from gateway.transfers.facts import pack, source_identity
from gateway.transfers.folders import MakeFolder, Prune
from gateway.transfers.naming import key
from gateway.transfers.places import Places
from gateway.transfers.plan import Under, judge, steps
from gateway.transfers.preflight import KIND, Plan, Sums, findings, fits_order, items_of, plan
from gateway.transfers.relocate import Relocate
from gateway.transfers.scan import Scan
from gateway.transfers.shortcut import Shortcut
from gateway.transfers.survey import Survey
from gateway.transfers.upload import Upload
from providers import drive as drives
from providers.drive import Entry, Instruction, Kind, Ref
from providers.errors import Untrusted
from providers.together import together
from providers.verbs import CanCopy, supports

Defaults = Callable[[str], Awaitable[Mapping[str, str]]]
"""The formats that a school wants, by media type of a document: the `ExportChoice` each is to be read as."""


@dataclass(frozen=True, slots=True)
class Source:
    """An item of a drive: the connection's id, and the item as `Ref` writes itself."""

    drive: str
    item: str


@dataclass(frozen=True, slots=True)
class Order:
    """What a person wants. ``exports``: by media type of a document, the `ExportChoice` it is to be read as.

    ``convert``: files that can be become documents of the destination's own kind. ``defaults``: as ``exports``, of the
    school; it holds where the person chose nothing.
    """

    school: str
    person: str
    mode: Literal["copy", "move"]
    sources: Sequence[Source]
    destination: Source
    instruction: Instruction
    on_conflict: Conflict = Conflict.RENAME
    exports: Mapping[str, str] = field(default_factory=dict)
    convert: bool = False
    defaults: Mapping[str, str] = field(default_factory=dict)


class OrderRefused(Exception):
    """The order makes no sense as it is. ``code`` is stable, ``advice`` is for the person."""

    def __init__(self, code: str, advice: str) -> None:
        super().__init__(code)
        self.code = code
        self.advice = advice


class Transfers:
    """Takes orders; `executors` does them."""

    def __init__(
        self,
        jobs: Jobs,
        drives: Drives,
        vault: Vault,
        *,
        policy_version: str = "",
        most: int = 20,
        defaults: Defaults | None = None,
    ) -> None:
        """``policy_version``: under which uploads are sent on; a transfer's is that of its instruction.

        ``most``: unfinished transfers that a person may have. ``defaults``: what a school's documents are read as.
        """
        self._defaults = defaults
        self._most = most
        self._jobs = jobs
        self._sums = Sums(jobs)
        self._drives = drives
        self._vault = vault
        self._policy_version = policy_version

    def executors(self) -> Mapping[str, Executor]:
        """What a `Worker` needs, by kind of item."""
        places = Places(self._jobs)
        copy, folder = Copy(self._drives, places, self._vault), MakeFolder(self._drives, places)
        return {
            "scan": Scan(self._jobs, self._drives),
            "folder": folder,
            "copy": copy,
            "relocate": Relocate(self._jobs, self._drives, places, copy, folder),
            "shortcut": Shortcut(self._jobs, self._drives, copy, folder),
            "prune": Prune(self._jobs, self._drives),
            "survey": Survey(self._jobs, self._drives),
            "upload": Upload(self._drives, places, self._vault),
        }

    async def create(self, order: Order, confirmed: str | None = None) -> str:
        """Check and store the order; the job's id. OrderRefused; DriveError of whichever drive refuses; not active.

        ``confirmed``: the preflight whose plan the person saw; refused where it is not of this very order.
        """
        order, priority = await self._completed(order), 0
        if confirmed is not None:
            seen = await self._jobs.get(order.school, order.person, confirmed)
            if seen is None or not fits_order(seen, _spec(order)):
                raise OrderRefused(
                    "preflight_unfit", "The plan is not ready, or of another transfer. Look at it again."
                )
            many = items_of(await self._sums.of(order.school, order.person, seen)) > MANY
            priority = BULK if many else 0  # others may overtake what is known to be large
        first = covering(await self.check(order), order.mode, order.destination.drive)
        async with self._jobs.database.write() as tx:
            await self.require_room(tx, order.school, order.person, "transfer")
            job = await self.store(tx, order, first.items, priority=priority)
            await self._drives.cover(
                tx, order.person, order.school, order.instruction, first.leaves, name=first.name, action=ORDERED,
                details={"job": job, **_spec(order)},
            )  # fmt: skip
        self._jobs.wake(job)
        return job

    async def preflight(self, order: Order) -> str:
        """The job that looks through what the order is about, and moves nothing. As `create`."""
        order = await self._completed(order)
        entries = await self._checked(order, await self._destination(order))
        to = order.destination.drive
        tops = survey.first([(one.drive, entry) for one, entry in entries], order.school, order.person, to)
        async with self._jobs.database.write() as tx:
            await self.require_room(tx, order.school, order.person, KIND)
            job = await self.store(tx, order, [tops], kind=KIND)
        self._jobs.wake(job)
        return job

    async def require_room(self, tx: AsyncConnection, school: str, person: str, kind: str) -> None:
        """OrderRefused where the person has as many unfinished jobs of this kind as they may have. Uploads: any."""
        if kind != "upload" and await self._jobs.unfinished(tx, school, person, kind) >= self._most:
            raise OrderRefused("too_many_jobs", "Wait until one of your transfers has ended.")

    async def _completed(self, order: Order) -> Order:
        """With the school's own formats for what the person chose none for."""
        return order if self._defaults is None else replace(order, defaults=await self._defaults(order.school))

    async def check(self, order: Order) -> Sequence[NewItem]:
        """The first items of the order. OrderRefused; DriveError."""
        to = await self._destination(order)
        return await self._first(order, to, await self._checked(order, to))

    async def _destination(self, order: Order) -> drives.Source:
        return await self._drives.reader(order.person, order.school, order.destination.drive)

    async def _checked(self, order: Order, to: drives.Source) -> Sequence[tuple[Source, Entry]]:
        """What was chosen, each as its drive has it now."""
        if not order.sources:
            raise OrderRefused("nothing_chosen", "Choose at least one file or folder.")

        async def folder() -> Entry:
            return await to.stat(Ref.parse(order.destination.item))

        chosen = list(dict.fromkeys(order.sources))
        looks: list[Callable[[], Awaitable[Entry]]] = [folder, *(partial(self._entry, order, one) for one in chosen)]
        place, *entries = await together(looks)
        if place.kind is not Kind.FOLDER:
            raise OrderRefused("not_a_folder", "Choose a folder as the destination.")
        sources = list(zip(chosen, entries, strict=True))
        await self._refuse_circles(order, to, place.ref, sources)
        return sources

    async def store(
        self, tx: AsyncConnection, order: Order, first: Sequence[NewItem], *, kind: str = "transfer", priority: int = 0
    ) -> str:
        """The job's rows, in the caller's transaction; call `Jobs.wake` after it."""
        return await self._jobs.create(
            tx,
            tenant=order.school,
            person=order.person,
            kind=kind,
            mode=order.mode,
            spec=_spec(order),
            first=first,
            instruction=order.instruction.id,
            policy_version=order.instruction.policy_version,
            priority=priority,
        )

    async def plan(self, job: JobView, school: str, person: str) -> Plan:
        """See `gateway.transfers.preflight.plan`."""
        return await plan(self._jobs, await self._sums.of(school, person, job), self._drives, school, person, job)

    async def findings(
        self, school: str, person: str, job: str, after: int, limit: int
    ) -> tuple[Sequence[Mapping[str, Any]], int | None]:
        """See `gateway.transfers.preflight.findings`."""
        return await findings(self._jobs, school, person, job, after, limit)

    async def send_on(self, tx: AsyncConnection, upload: ArrivedUpload, parts: Sequence[Part]) -> str:
        """The job that sends a complete upload to its drive, in the caller's transaction; call `Jobs.wake` after it."""
        spec, size = upload.spec, sum(part.size for part in parts)
        item = NewItem(
            id=new_id(),
            kind="upload",
            lane=lane(upload.school, upload.person, upload.drive),
            size=size,
            identity=upload.id,
            entry={
                "name": spec.name,
                "path": spec.name,
                "kind": Kind.FILE.value,
                "media_type": spec.media_type,
                "modified": spec.modified or datetime.now(UTC).isoformat(),
                "dated": spec.modified is not None,
                "parts": [[part.object, part.size] for part in parts],
            },
        )
        return await self._jobs.create(
            tx,
            tenant=upload.school,
            person=upload.person,
            kind="upload",
            mode="upload",
            spec={
                "destination": {"drive": upload.drive, "item": spec.parent},
                "on_conflict": spec.on_conflict,
                "convert": spec.convert,
            },
            first=[item],
            instruction=upload.instruction,
            policy_version=self._policy_version,
            priority=-10,
        )

    async def _entry(self, order: Order, one: Source) -> Entry:
        source = await self._drives.reader(order.person, order.school, one.drive)
        entry = await source.stat(Ref.parse(one.item))
        if order.mode == "move" and _same(entry.ref, await source.root()):
            raise OrderRefused("whole_drive", "A whole drive cannot be moved. Choose what is in it, or copy it.")
        return entry

    async def _refuse_circles(
        self, order: Order, to: drives.Source, place: Ref, entries: Sequence[tuple[Source, Entry]]
    ) -> None:
        """A folder cannot go into itself or into anything below it, through whichever account either is seen."""
        for drive in dict.fromkeys(one.drive for one, _ in entries):
            folders = [entry.ref for one, entry in entries if one.drive == drive and entry.kind is Kind.FOLDER]
            same = drive == order.destination.drive
            source = to if same else await self._drives.reader(order.person, order.school, drive)
            try:
                circle = await holds(source, folders, to, place)
            except Untrusted as error:
                if error.reason != TOO_HIGH:
                    raise
                raise OrderRefused(
                    "too_deep", "The destination is nested too deeply. Choose a folder further up."
                ) from None
            if circle:
                raise OrderRefused("into_itself", "A folder cannot be put into itself. Choose another destination.")

    async def _first(
        self, order: Order, to: drives.Source, entries: Sequence[tuple[Source, Entry]]
    ) -> Sequence[NewItem]:
        spec, new, traits = _spec(order), list[NewItem](), to.traits
        copied = [(one, entry) for one, entry in entries if not _stays_inside(order, one)]
        new += [_relocation(order, entry) for one, entry in entries if _stays_inside(order, one)]
        moved = {key(entry.name, traits) for one, entry in entries if _stays_inside(order, one)}
        names = Names(_among(moved), traits, rename=order.on_conflict is not Conflict.FAIL)
        under = [self._under(order, one, to) for one, _ in copied]
        judged = [judge(entry, spec, traits, at) for (_, entry), at in zip(copied, under, strict=True)]
        for at, (found, name) in zip(under, await names.choose(judged), strict=True):
            new += steps(found, name, None if name is None else key(name, traits), at, spec)
        return new

    def _under(self, order: Order, one: Source, to: drives.Source) -> Under:
        copies = one.drive == order.destination.drive and supports(to, CanCopy) is not None
        return Under(order.school, order.person, one.drive, None, "", 0, copies=copies)


def _spec(order: Order) -> dict[str, Any]:
    return {
        "mode": order.mode,
        "sources": [[one.drive, one.item] for one in order.sources],
        "destination": {"drive": order.destination.drive, "item": order.destination.item},
        "on_conflict": order.on_conflict.value,
        "exports": dict(order.exports),
        "defaults": dict(order.defaults),
        "convert": order.convert,
    }


def _stays_inside(order: Order, one: Source) -> bool:
    """One account's own items need no copy to be moved."""
    return order.mode == "move" and one.drive == order.destination.drive


def _relocation(order: Order, entry: Entry) -> NewItem:
    return NewItem(
        id=new_id(),
        kind="relocate",
        lane=lane(order.school, order.person, order.destination.drive),
        state=ItemState.READY,
        size=entry.size if entry.kind is Kind.FILE else None,
        identity=source_identity(order.destination.drive, entry.ref),
        entry=pack(
            entry, drive=order.destination.drive, path=entry.name, to=entry.name, export=None, convert=False, via=[]
        ),
    )


def _among(names: Set[str]) -> Lookup:
    """What is moved in one request keeps its name: what is copied beside it takes another one."""

    async def taken(keys: Sequence[str]) -> set[str]:
        return set(keys) & names

    return taken


def _same(one: Ref, other: Ref) -> bool:
    return (one.space, one.id) == (other.space, other.id)
