"""The ledger: who instructed what, under which policy, in one chain per school that cannot be changed unseen.

Entries are appended in the caller's transaction, so an act and its entry exist together or not at all. An entry's
details are sealed before the end of the chain is locked; append it as the last thing in a transaction, because the
lock holds until that ends. They are sealed under a key that lasts as long as whom they are about, since the chain is
over the sealed bytes: no cycle of the other keys may change them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from sqlalchemy import exists, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.errors import Missing, Shredded, Suspended
from cache.fields import Fields, sealed_version
from cache.keyrows import FIRST_RECORD
from cache.model import Scope
from gateway.db.engine import Database
from gateway.db.tables_ledger import ledger_entries
from gateway.ids import new_id
from gateway.ledger.chain import link
from gateway.ledger.ends import Ends
from gateway.ledger.merkle import leaf_hash, root_of
from gateway.policy import POLICY_VERSION
from gateway.signing import DEPLOYMENT
from providers.drive import Instruction

LEAVES: Final = "leaves"
"""Where a cover's details keep the hashes of its leaves, in base64: 32 bytes each, in their order."""


class Sealers(Protocol):
    """Gives the sealer of a scope's records; the vault is one."""

    async def fields(self, scope: Scope) -> Fields: ...
    async def records(self, scope: Scope, tx: AsyncConnection | None = None) -> Fields: ...


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happens. ``principal`` instructs it, it is about ``subject``: random ids of persons.

    ``subject`` None: about the school; ``details`` are then sealed under the school's record key. ``items`` and
    ``root`` are set where the entry covers many items, see `Ledger.cover`. ``id``: the entry's, a new one where it has
    none.
    """

    action: str
    principal: str | None
    subject: str | None
    instruction: str | None
    policy_version: str
    details: Mapping[str, Any] = field(default_factory=dict)
    items: int | None = None
    root: bytes | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Cover:
    """Proof that an entry covers an instruction's items: what a bulk job needs before its first byte leaves."""

    school: str
    sequence: int
    instruction: Instruction


@dataclass(frozen=True, slots=True)
class Leaves:
    """What a cover stands for: the hashes of its leaves, in their order, under its ``root``."""

    sequence: int
    root: bytes
    hashes: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as it is read back. ``details`` is None where there are none, or its key is gone or suspended."""

    sequence: int
    at: int
    action: str
    principal: str | None
    subject: str | None
    instruction: str | None
    policy_version: str
    items: int | None
    details: Mapping[str, Any] | None


class Ledger:
    """The chains of all schools."""

    def __init__(self, sealers: Sealers, database: Database, ends: Ends | None = None) -> None:
        """``ends``: with the deployment's key, so that nobody else can move the end of a chain."""
        self._sealers = sealers
        self._database = database
        self._ends = ends or Ends()

    async def append(self, tx: AsyncConnection, school: str, event: Event) -> int:
        """The entry's sequence. StorageError where it cannot be sealed: then what it would tell must not happen."""
        entry = event.id or new_id()
        box = await self._seal(tx, school, entry, event)
        end = await self._ends.lock(tx, school)
        values = {
            "school": school,
            "sequence": end.sequence + 1,
            "id": entry,
            "at": await self._database.now(tx),
            "action": event.action,
            "principal": event.principal,
            "subject": event.subject,
            "instruction": event.instruction,
            "policy_version": event.policy_version,
            "items": event.items,
            "root": event.root,
            "details": box,
        }
        after = link(end.hash, values)
        await tx.execute(insert(ledger_entries).values(**values, hash=after))
        return (await self._ends.move(tx, end, sequence=end.sequence + 1, hash=after)).sequence

    async def tell(self, tx: AsyncConnection, school: str, event: Event) -> int:
        """`append` of what is so already: without its details while the key may not be used that would seal them."""
        try:
            return await self.append(tx, school, event)
        except Suspended:
            return await self.append(tx, school, replace(event, details={}))

    async def record(self, school: str, event: Event) -> int:
        """`append` in a transaction of its own: committed when this returns."""
        async with self._database.write() as tx:
            return await self.append(tx, school, event)

    async def operate(self, action: str, details: Mapping[str, Any] | None = None) -> int:
        """An act of the operator that is about no single school, in the deployment's own chain: committed then.

        ``action`` begins with "operator."; what is about one school belongs into that school's chain instead.
        """
        return await self.record(DEPLOYMENT.tenant, operated(action, details))

    async def cover(
        self,
        tx: AsyncConnection,
        school: str,
        instruction: Instruction,
        leaves: Sequence[bytes],
        *,
        subject: str | None = None,
        action: str = "transfer.batch",
        details: Mapping[str, Any] | None = None,
        name: str | None = None,
    ) -> Cover:
        """One entry for many items: their number and Merkle root. A cover counts once ``tx`` has committed.

        ``leaves``: one byte string an item, made of what identifies it and where it goes; at most a few thousand. Their
        hashes are kept with the details, so that each can be proven for as long as the entry is kept. ``name``: the
        entry's id, 32 hexadecimal digits, where the items know it already.
        """
        hashes = [leaf_hash(leaf) for leaf in leaves]
        event = Event(
            action,
            instruction.principal,
            subject or instruction.principal,
            instruction.id,
            instruction.policy_version,
            {**(details or {}), LEAVES: base64.b64encode(b"".join(hashes)).decode()},
            items=len(leaves),
            root=root_of(hashes),
            id=name,
        )
        return Cover(school, await self.append(tx, school, event), instruction)

    async def covered(self, school: str, instruction: Instruction) -> Cover | None:
        """The cover that an earlier process wrote for this instruction, None where there is none."""
        found = select(ledger_entries.c.sequence).where(
            ledger_entries.c.school == school,
            ledger_entries.c.instruction == instruction.id,
            ledger_entries.c.principal == instruction.principal,
            ledger_entries.c.root.is_not(None),
        )
        async with self._database.read() as tx:
            row = (await tx.execute(found.order_by(ledger_entries.c.sequence).limit(1))).first()
        return None if row is None else Cover(school, int(row.sequence), instruction)

    async def leaves(self, school: str, name: str) -> Leaves | None:
        """What the entry ``name`` covers; None where it covers nothing, or its person was forgotten. Suspended."""
        mine = (ledger_entries.c.id == name) & (ledger_entries.c.school == school)
        async with self._database.read() as tx:
            row = (await tx.execute(select(ledger_entries).where(mine))).mappings().one_or_none()
        told = None if row is None or row["root"] is None else await _unsealed(self._sealers, dict(row))
        if row is None or told is None:
            return None
        raw = base64.b64decode(told[LEAVES])
        return Leaves(row["sequence"], bytes(row["root"]), [raw[at : at + 32] for at in range(0, len(raw), 32)])

    async def names(self, school: str, instruction: Instruction) -> bool:
        """Whether an entry names this instruction of this person."""
        mine = (ledger_entries.c.school == school) & (ledger_entries.c.instruction == instruction.id)
        found = select(exists().where(mine, ledger_entries.c.principal == instruction.principal))
        async with self._database.read() as tx:
            return bool((await tx.execute(found)).scalar_one())

    async def read(self, school: str, *, subject: str | None = None, after: int = 0, limit: int = 100) -> list[Entry]:
        """Entries after a sequence, oldest first; ``subject`` narrows to one person."""
        query = select(ledger_entries).where(ledger_entries.c.school == school, ledger_entries.c.sequence > after)
        if subject is not None:
            query = query.where(ledger_entries.c.subject == subject)
        async with self._database.read() as tx:
            rows = (await tx.execute(query.order_by(ledger_entries.c.sequence).limit(limit))).mappings().all()
        return [await self.shown(dict(row), details=True) for row in rows]

    async def shown(self, row: Mapping[str, Any], *, details: bool) -> Entry:
        """A row as it is read back; without ``details`` they stay sealed."""
        kept = {name: row[name] for name in Entry.__dataclass_fields__ if name != "details"}
        return Entry(**kept, details=await unseal(self._sealers, row) if details else None)

    async def _seal(self, tx: AsyncConnection, school: str, entry: str, event: Event) -> bytes | None:
        if not event.details:
            return None
        fields = await self._sealers.records(Scope(school, event.subject), tx)
        told = json.dumps(event.details, sort_keys=True, separators=(",", ":"))
        return fields.seal("ledger_entries", "details", entry, told)


def operated(action: str, details: Mapping[str, Any] | None = None) -> Event:
    """An act of the operator as an event, for whoever appends it in a transaction of their own."""
    return Event(action, None, None, new_id(), POLICY_VERSION, details or {})


async def unseal(sealers: Sealers, row: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The details of a row; None where there are none, or nobody can read them now or ever. Corrupt where altered."""
    try:
        return await _unsealed(sealers, row)
    except Suspended:
        return None


async def _unsealed(sealers: Sealers, row: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if row["details"] is None:
        return None
    try:
        scope = Scope(row["school"], row["subject"])
        older = sealed_version(row["details"]) < FIRST_RECORD  # from before records had keys of their own
        fields = await (sealers.fields(scope) if older else sealers.records(scope))
        told: Mapping[str, Any] = json.loads(fields.unseal("ledger_entries", "details", row["id"], row["details"]))
    except (Missing, Shredded):
        return None
    return told
