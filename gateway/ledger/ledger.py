"""The ledger: who instructed what, under which policy, in one chain per school that cannot be changed unseen.

Entries are appended in the caller's transaction, so an act and its entry exist together or not at all. An entry's
details are sealed before the end of the chain is locked; append it as the last thing in a transaction, because the
lock holds until that ends. They are sealed under a key that lasts as long as whom they are about, since the chain is
over the sealed bytes: no cycle of the other keys may change them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.database import insert_if_absent
from cache.errors import Missing, Shredded
from cache.fields import Fields, sealed_version
from cache.keyrows import FIRST_RECORD
from cache.model import Scope
from gateway.db.engine import Database
from gateway.db.tables_ledger import ledger_entries, ledger_heads
from gateway.ids import new_id
from gateway.ledger.chain import genesis, link, merkle_root
from gateway.policy import POLICY_VERSION
from gateway.signing import DEPLOYMENT
from providers.drive import Instruction


class Sealers(Protocol):
    """Gives the sealer of a scope's records; the vault is one."""

    async def fields(self, scope: Scope) -> Fields: ...
    async def records(self, scope: Scope, tx: AsyncConnection | None = None) -> Fields: ...


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happens. ``principal`` instructs it, it is about ``subject``: random ids of persons.

    ``subject`` None: about the school; ``details`` are then sealed under the school's record key. ``items`` and
    ``root`` are set where the entry covers many items, see `Ledger.cover`.
    """

    action: str
    principal: str | None
    subject: str | None
    instruction: str | None
    policy_version: str
    details: Mapping[str, Any] = field(default_factory=dict)
    items: int | None = None
    root: bytes | None = None


@dataclass(frozen=True, slots=True)
class Cover:
    """Proof that an entry covers an instruction's items: what a bulk job needs before its first byte leaves."""

    school: str
    sequence: int
    instruction: Instruction


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as it is read back. ``details`` is None where its key is gone or there are none."""

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

    def __init__(self, sealers: Sealers, database: Database) -> None:
        self._sealers = sealers
        self._database = database

    async def append(self, tx: AsyncConnection, school: str, event: Event) -> int:
        """The entry's sequence. StorageError where it cannot be sealed: then what it would tell must not happen."""
        entry = new_id()
        box = await self._seal(tx, school, entry, event)
        await insert_if_absent(tx, ledger_heads, {"school": school, "sequence": 0, "hash": genesis(school)})
        mine = ledger_heads.c.school == school
        head = (await tx.execute(select(ledger_heads).where(mine).with_for_update())).one()
        values = {
            "school": school,
            "sequence": head.sequence + 1,
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
        end = link(head.hash, values)
        await tx.execute(insert(ledger_entries).values(**values, hash=end))
        await tx.execute(update(ledger_heads).where(mine).values(sequence=head.sequence + 1, hash=end))
        return int(head.sequence) + 1

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
    ) -> Cover:
        """One entry for many items: their number and Merkle root. A cover counts once ``tx`` has committed.

        ``leaves``: one byte string an item, made of what identifies it and where it goes; at most a few thousand.
        """
        event = Event(
            action,
            instruction.principal,
            subject or instruction.principal,
            instruction.id,
            instruction.policy_version,
            details or {},
            items=len(leaves),
            root=merkle_root(leaves),
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

    async def read(self, school: str, *, subject: str | None = None, after: int = 0, limit: int = 100) -> list[Entry]:
        """Entries after a sequence, oldest first; ``subject`` narrows to one person."""
        query = select(ledger_entries).where(ledger_entries.c.school == school, ledger_entries.c.sequence > after)
        if subject is not None:
            query = query.where(ledger_entries.c.subject == subject)
        async with self._database.read() as tx:
            rows = (await tx.execute(query.order_by(ledger_entries.c.sequence).limit(limit))).mappings().all()
        return [await self._entry(dict(row)) for row in rows]

    async def _seal(self, tx: AsyncConnection, school: str, entry: str, event: Event) -> bytes | None:
        if not event.details:
            return None
        fields = await self._sealers.records(Scope(school, event.subject), tx)
        told = json.dumps(event.details, sort_keys=True, separators=(",", ":"))
        return fields.seal("ledger_entries", "details", entry, told)

    async def _entry(self, row: dict[str, Any]) -> Entry:
        details = await unseal(self._sealers, row)
        kept = {name: row[name] for name in Entry.__dataclass_fields__ if name != "details"}
        return Entry(**kept, details=details)


def operated(action: str, details: Mapping[str, Any] | None = None) -> Event:
    """An act of the operator as an event, for whoever appends it in a transaction of their own."""
    return Event(action, None, None, new_id(), POLICY_VERSION, details or {})


async def unseal(sealers: Sealers, row: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The details of a row; None where there are none or nobody can read them any more. Corrupt where altered."""
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
