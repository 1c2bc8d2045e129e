"""From a person's drive id to a drive: their own native drive, or an account they connected and confirmed.

A reader changes nothing. A writer exists only with an instruction: every write is in the ledger before it leaves.
Drives of connected accounts are kept for a while, because their pace belongs to the account and not to a request.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from cache.vault import Scope
from gateway.identity.accounts import Account, Accounts
from gateway.identity.errors import NoSuchAccount
from gateway.ledger import Cover, Ledger, Place, recorded
from providers.drive import Drive, Instruction, Source, Traits
from providers.errors import NotFound, Reconnect
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
    """How drives of one provider are made; all of them are of the class ``drive``."""

    kind: DriveKind
    traits: Traits
    make: Callable[[Scope, str], Drive]
    drive: type
    reach: Reach = "all"

    @property
    def can(self) -> frozenset[str]:
        """What drives of this provider can do beyond what all can."""
        converts = {"convert"} if self.traits.converts else set()
        return frozenset({name for name, verb in VERBS.items() if issubclass(self.drive, verb)} | converts)

    def connected(self, name: str, label: str, state: State) -> Connected:
        """One of these drives as its person sees it."""
        return Connected(name, self.kind, label, state, self.traits, self.can, self.reach)


class Drives:
    """The drives of one deployment."""

    def __init__(
        self, native: Maker, providers: Mapping[str, Maker], accounts: Accounts, ledger: Ledger
    ) -> None:  # fmt: skip
        """``providers``: a maker by the provider's name as accounts hold it ('google', 'microsoft')."""
        self._native = native
        self._providers = providers
        self._accounts = accounts
        self._ledger = ledger
        self._made: OrderedDict[str, Drive] = OrderedDict()
        self._owners: dict[str, Scope] = {}

    async def list(self, person: str, school: str) -> list[Connected]:
        """The native drive first, then the accounts whose provider is still configured."""
        found = [self._native.connected(NATIVE, "", "ready")]
        for account in await self._accounts.list(Scope(school, person)):
            maker = self._providers.get(account.provider)
            if maker is not None and account.state != "closed":
                found.append(maker.connected(account.id, account.label, _state(account)))
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
        self, person: str, school: str, drive: str, instruction: Instruction, cover: Cover | None = None
    ) -> Drive:
        """The drive under an instruction."""
        place = Place(school, person, drive)
        return recorded(await self._drive(Scope(school, person), drive), instruction, self._ledger, place, cover)

    async def _drive(self, scope: Scope, drive: str) -> Drive:
        if drive == NATIVE:
            return self._native.make(scope, drive)
        account = await self._usable(scope, drive)
        if drive not in self._made:
            self._made[drive] = self._providers[account.provider].make(scope, drive)
            self._owners[drive] = scope
            while len(self._made) > KEPT:
                self.forget(next(iter(self._made)))
        self._made.move_to_end(drive)
        return self._made[drive]

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
        self._owners.pop(drive, None)

    def forget_person(self, scope: Scope) -> None:
        """Let go of every drive of a person."""
        for drive in [name for name, owner in self._owners.items() if owner == scope]:
            self.forget(drive)


def _state(account: Account) -> State:
    return "ready" if account.state == "ready" else "unconfirmed" if account.state == "unconfirmed" else "reconnect"
