"""Proves that an item was ordered: a leaf under the Merkle root of an entry that was there before any byte."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.jobs import history
from gateway.jobs.model import JobView
from gateway.jobs.service import Jobs
from gateway.ledger import Ledger
from gateway.ledger.merkle import included, leaf_hash, path_of
from gateway.transfers.covers import leaf


@dataclass(frozen=True, slots=True)
class ItemProof:
    """The leaf at ``index`` of ``items`` under the ``root`` of the school's entry ``sequence``, by ``path``."""

    sequence: int
    entry: str
    root: bytes
    items: int
    index: int
    leaf: bytes
    path: Sequence[bytes]

    @property
    def holds(self) -> bool:
        """Whether it does prove that."""
        return included(self.leaf, self.index, self.items, self.path, self.root)


class Proofs:
    """Of the items of people's own jobs."""

    def __init__(self, jobs: Jobs, ledger: Ledger) -> None:
        self._jobs = jobs
        self._ledger = ledger

    async def of(self, school: str, person: str, job: JobView, item: str) -> ItemProof | None:
        """None where there is no such item, or no entry covers it (any more)."""
        sealer = await self._jobs.sealer(school, person)
        async with self._jobs.database.read() as tx:
            found = await history.entry(tx, sealer, school, person, job.id, item)
        if found is None or "cover" not in found[2]:
            return None
        kind, folder, entry = found
        name, index = entry["cover"]
        cover = await self._ledger.leaves(school, name)
        if cover is None:
            return None
        told = leaf(kind, entry, job.mode, job.spec["destination"]["drive"], folder)
        if not index < len(cover.hashes) or cover.hashes[index] != leaf_hash(told):
            return None
        path = path_of(cover.hashes, index)
        return ItemProof(cover.sequence, name, cover.root, len(cover.hashes), index, told, path)
