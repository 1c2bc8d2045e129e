"""From a person's drive id to a drive: their own native drive, or an account they connected and confirmed.

A reader changes nothing. A writer exists only with an instruction: every write is in the ledger before it leaves.
Drives of connected accounts are kept for a while, because their pace belongs to the account and not to a request.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from cache.vault import Scope
from gateway.identity.accounts import Account, Accounts
from gateway.identity.errors import NoSuchAccount
from gateway.ledger import Cover, Ledger, Place, recorded
from providers.drive import Drive, Instruction, Source, Traits
from providers.errors import NotFound, Reconnect
from providers.http import is_background
from providers.verbs import (
    CanCopy,
    CanRestore,
    CanSearch,
    HasChanges,
    HasQuota,
    HasSpaces,
    HasThumbnails,
    HasTrash,
    HasVersions,
)

NATIVE: Final = "native"
KEPT: Final = 1024
"""Drives of connected accounts held in memory."""
TRUSTED: Final = 1.0
"""Seconds for which background work believes that an account is still connected: it asks hundreds of times in them."""

DriveKind = Literal["google", "onedrive", "native"]
State = Literal["ready", "unconfirmed", "reconnect"]
Reach = Literal["all", "picked"]
VERBS: Final[Mapping[str, type]] = {
    "search": CanSearch,
    "spaces": HasSpaces,
    "versions": HasVersions,
    "trash": HasTrash,
    "restore": CanRestore,
    "changes": HasChanges,
    "thumbnails": HasThumbnails,
    "copy": CanCopy,
    "quota": HasQuota,
}
"""What only some drives can do, by the name under which people's clients know it."""


@dataclass(frozen=True, slots=True)
class Connected:
    """A drive as its person sees it in a list. ``label`` is the account's e-mail, or empty for the native drive.

    ``can``: names of `VERBS`, and 'convert'. ``reach``: 'picked' where only items that the person chose are seen.
    """

    id: str
    kind: DriveKind
    label: str
    state: State
    traits: Traits
    can: frozenset[str] = frozenset()
    reach: Reach = "all"


@dataclass(frozen=True, slots=True)
class Maker:
    """How drives of one provider are made, all of the class ``drive``; ``variant``: of an account that differs."""

    kind: DriveKind
    traits: Traits
    make: Callable[[Scope, str], Drive]
    drive: type
    reach: Reach = "all"
    variant: Callable[[Account], Maker | None] = lambda _: None

    def of(self, account: Account) -> Maker:
        """How the drive of this account is made."""
        return self.variant(account) or self

    @property
    def can(self) -> frozenset[str]:
        """What drives of this provider can do beyond what all can."""
        converts = {"convert"} if self.traits.converts else set()
        return frozenset({name for name, verb in VERBS.items() if issubclass(self.drive, verb)} | converts)

    def connected(self, name: str, label: str, state: State) -> Connected:
        """One of these drives as its person sees it."""
        return Connected(name, self.kind, label, state, self.traits, self.can, self.reach)


@dataclass(slots=True)
class _Kept:
    """A drive in memory, whose it is, and when its account was looked at last."""

    drive: Drive
    owner: Scope
    looked: float = 0.0


class Drives:
    """The drives of one deployment."""

    def __init__(
        self,
        native: Maker,
        providers: Mapping[str, Maker],
        accounts: Accounts,
        ledger: Ledger,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``providers``: a maker by the provider's name as accounts hold it ('google', 'microsoft')."""
        self._native = native
        self._providers = providers
        self._accounts = accounts
        self._ledger = ledger
        self._clock = clock
        self._made: OrderedDict[str, _Kept] = OrderedDict()
        self._covers: OrderedDict[tuple[str, Instruction], Cover] = OrderedDict()

    async def list(self, person: str, school: str) -> list[Connected]:
        """The native drive first, then the accounts whose provider is still configured."""
        found = [self._native.connected(NATIVE, "", "ready")]
        for account in await self._accounts.list(Scope(school, person)):
            maker = self._providers.get(account.provider)
            if maker is not None and account.state != "closed":
                found.append(maker.of(account).connected(account.id, account.label, _state(account)))
        return found

    async def kind(self, person: str, school: str, drive: str) -> DriveKind | None:
        """Of which kind one of this person's drives is; None where it is no longer theirs."""
        if drive == NATIVE:
            return self._native.kind
        try:
            maker = self._providers.get((await self._accounts.get(Scope(school, person), drive)).provider)
        except NoSuchAccount:
            return None
        return None if maker is None else maker.kind

    async def reader(self, person: str, school: str, drive: str) -> Source:
        """The drive for looking only. NotFound for what is not this person's, Reconnect for a dead connection."""
        return await self._drive(Scope(school, person), drive)

    async def writer(
        self, person: str, school: str, drive: str, instruction: Instruction, *, covered: bool = False
    ) -> Drive:
        """The drive under an instruction. ``covered``: for an item that `cover` was told of."""
        place, cover = Place(school, person, drive), await self._cover(school, instruction) if covered else None
        return recorded(await self._drive(Scope(school, person), drive), instruction, self._ledger, place, cover)

    async def cover(
        self, tx: AsyncConnection, person: str, school: str, instruction: Instruction, leaves: Sequence[bytes]
    ) -> None:
        """One entry of the ledger for many items to be made; it counts once ``tx`` has committed. See `Ledger.cover`.

        The last thing in a transaction, which also stores the items.
        """
        await self._ledger.cover(tx, school, instruction, leaves, subject=person)

    async def _cover(self, school: str, instruction: Instruction) -> Cover | None:
        """What was committed for this instruction, by whichever process; each write has its own entry without one."""
        known = self._covers.get((school, instruction))
        if known is None and (known := await self._ledger.covered(school, instruction)) is not None:
            self._covers[school, instruction] = known
            while len(self._covers) > KEPT:
                self._covers.popitem(last=False)
        return known

    async def _drive(self, scope: Scope, drive: str) -> Drive:
        if drive == NATIVE:
            return self._native.make(scope, drive)
        kept, now = self._made.get(drive), self._clock()
        trusted = kept is not None and kept.owner == scope and now - kept.looked < TRUSTED and is_background()
        if kept is None or not trusted:
            kept = await self._looked_at(scope, drive, now)
        if drive in self._made:
            self._made.move_to_end(drive)
        return kept.drive

    async def _looked_at(self, scope: Scope, drive: str, now: float) -> _Kept:
        """The drive of an account that is usable now. While one looks, other background work does not."""
        kept = self._made.get(drive)
        if kept is not None and kept.owner == scope and is_background():
            kept.looked = now
        try:
            account = await self._usable(scope, drive)
        except (NotFound, Reconnect):
            if kept is not None and kept.owner == scope:
                kept.looked = now - TRUSTED
            raise
        if (kept := self._made.get(drive)) is None:  # as it is after the look
            maker = self._providers[account.provider].of(account)
            kept = self._made[drive] = _Kept(maker.make(scope, drive), scope)
        kept.looked = now
        while len(self._made) > KEPT:
            self.forget(next(iter(self._made)))
        return kept

    async def _usable(self, scope: Scope, drive: str) -> Account:
        try:
            account = await self._accounts.get(scope, drive)
        except NoSuchAccount:
            raise NotFound(reason="no_such_drive") from None
        if account.provider not in self._providers or account.state == "unconfirmed":
            raise NotFound(reason="no_such_drive")
        if account.state != "ready":
            raise Reconnect(reason="disconnected")
        return account

    def forget(self, drive: str) -> None:
        """Let go of a drive that was disconnected or whose person is being forgotten."""
        self._made.pop(drive, None)

    def forget_person(self, scope: Scope) -> None:
        """Let go of every drive of a person."""
        for drive in [name for name, kept in self._made.items() if kept.owner == scope]:
            self.forget(drive)


def _state(account: Account) -> State:
    return "ready" if account.state == "ready" else "unconfirmed" if account.state == "unconfirmed" else "reconnect"
