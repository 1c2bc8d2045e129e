"""How transfers reach drives, and what a drive's trouble means for the queue. No drive is made here.

The composition root passes one `Drives`: it knows connected accounts, and wraps what it hands out for writing so that
nothing leaves without an instruction and its entry in the ledger.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.jobs.model import Item, Parked
from gateway.walks import CIRCLE, Walk
from providers.drive import Drive, Entry, Instruction, Page, Ref, Source
from providers.errors import Busy, Changed, DriveError, Locked, NotFound, Refused, Untrusted

HIGHEST: Final = 200
"""Folders above an item, at most: beyond it the drive's tree is not trusted."""
TOO_HIGH: Final = "too_high"


class Drives(Protocol):
    """A person's drives by the random id of their connection ('native' for the school's own)."""

    async def reader(self, person: str, school: str, drive: str, /) -> Source:
        """For reading. NotFound where the person has no such drive, Reconnect where its grant is dead."""
        ...

    async def writer(
        self, person: str, school: str, drive: str, instruction: Instruction, /, *, covered: bool = False
    ) -> Drive:
        """For writing, recorded under the instruction: by one entry for many items where they are ``covered``.

        NotFound, Reconnect.
        """
        ...

    async def cover(
        self, tx: AsyncConnection, person: str, school: str, instruction: Instruction, leaves: Sequence[bytes], /
    ) -> None:
        """The entry for many items, in the transaction that stores them, and last in it. ``leaves``: what each is."""
        ...


class SourceChanged(Exception):
    """The source is not the version that was pinned: the item begins again with the new one."""


class Unverified(DriveError):
    """What the destination holds is not what was sent; it was taken away again."""

    code = "unverified"
    retryable = True
    advice = "What arrived was not what was sent. The original was kept. Try again."


def instruction(item: Item) -> Instruction:
    """On whose word the item is done."""
    return Instruction(item.instruction, item.person, item.policy_version)


@contextmanager
def throttled(lane: str | None) -> Iterator[None]:
    """A throttled answer inside parks this lane, instead of costing the item an attempt. Parked."""
    try:
        yield
    except Locked:  # an item's trouble, not the account's
        raise
    except Busy as busy:
        if lane is None:
            raise
        raise Parked(lane, busy.retry_after) from busy


@contextmanager
def at_source(lane: str | None) -> Iterator[None]:
    """`throttled`, and a changed source told apart from anything that changed at the destination. SourceChanged."""
    try:
        with throttled(lane):
            yield
    except Changed as changed:
        raise SourceChanged from changed


async def pages_of(source: Source, folder: Ref) -> AsyncGenerator[Page]:
    """A folder's children, one page in memory at a time. Untrusted ('circle') where they have no end."""
    walk: Walk | None = Walk()
    while walk is not None:
        page = await source.children(folder, walk.token)
        yield page
        walk = walk.after(page.cursor)


async def everything_in(
    source: Source, folder: Ref, wanted: Callable[[Entry], bool] = lambda _: True
) -> tuple[Sequence[Entry], bool]:
    """The children of a folder that are ``wanted``, and whether all were looked at. Of the others none is held."""
    found: dict[tuple[str, str], Entry] = {}
    complete = True
    try:
        async for page in pages_of(source, folder):
            found |= {(entry.ref.space, entry.ref.id): entry for entry in page.entries if wanted(entry)}
            complete = complete and page.complete
    except Untrusted as lie:
        if lie.reason != CIRCLE:
            raise
        complete = False
    return list(found.values()), complete


async def upwards(source: Source, at: Entry) -> AsyncIterator[Entry]:
    """The entry and the folders above it, as far up as this account can look; `HIGHEST` of them at most."""
    for _ in range(HIGHEST):
        yield at
        if at.parent is None:
            return
        try:
            at = await source.stat(at.parent)
        except (NotFound, Refused):  # shared from here on down
            return


async def holds(source: Source, folders: Collection[Ref], to: Source, place: Ref) -> bool:
    """Whether one of these folders of ``source`` is ``place`` in ``to``, or lies anywhere above it.

    Two accounts of one provider may see the same folders, each only from where they are shared with it: both are asked.
    Untrusted with `TOO_HIGH` where there is no top. ``source`` may be ``to``.
    """
    outer = {folder.id.lower() for folder in folders}  # no drive is strict about case in what it tells
    if not outer or source.traits.kind != to.traits.kind:
        return False
    for account in (to,) if source is to else (to, source):
        with suppress(NotFound, Refused):
            found = [above.ref.id.lower() async for above in upwards(account, await account.stat(place))]
            if not outer.isdisjoint(found):
                return True
            if len(found) >= HIGHEST:
                raise Untrusted("a tree without a top", reason=TOO_HIGH)
    return False
