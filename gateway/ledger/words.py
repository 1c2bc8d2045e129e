"""Lets something leave only on a word that the ledger holds: the entry is committed, then the word is said.

The connector (`providers.http.Outbound`) demands a word of whatever leaves. Outside of tests, words are said here and
by `gateway.webhooks.sending`, whose messages name their instruction themselves; signing in is exempt.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final, Protocol

from gateway.ids import new_id
from gateway.ledger.ledger import Event
from gateway.ledger.recorded import Recorder
from providers.drive import Instruction
from providers.http import Word, on_word

KEPT: Final = 4096
"""Instructions that are remembered as recorded."""


class Records(Recorder, Protocol):
    """Where entries go and are looked for; `Ledger` is one."""

    async def names(self, school: str, instruction: Instruction) -> bool: ...


@asynccontextmanager
async def on_record(ledger: Recorder, school: str, event: Event) -> AsyncIterator[str]:
    """Record the event, then let what is inside leave on its word: the instruction's id, a new one where it has none.

    Where it cannot be recorded nothing inside is reached.
    """
    told = event if event.instruction is not None else replace(event, instruction=new_id())
    assert told.instruction is not None
    await ledger.record(school, told)
    with on_word(Word(told.instruction)):
        yield told.instruction


class Words:
    """The words of work that was ordered before, perhaps from another process."""

    def __init__(self, ledger: Records, most: int = KEPT) -> None:
        self._ledger = ledger
        self._most = most
        self._known: OrderedDict[tuple[str, Instruction], None] = OrderedDict()

    @asynccontextmanager
    async def standing(self, school: str, instruction: Instruction) -> AsyncIterator[None]:
        """Let what is inside leave on an instruction that an entry names; where none does, one is written before."""
        if (school, instruction) not in self._known:
            await self._require(school, instruction)
        self._known[school, instruction] = None
        self._known.move_to_end((school, instruction))
        while len(self._known) > self._most:
            self._known.popitem(last=False)
        with on_word(Word(instruction.id)):
            yield

    async def _require(self, school: str, instruction: Instruction) -> None:
        if await self._ledger.names(school, instruction):
            return
        who = instruction.principal
        await self._ledger.record(
            school, Event("instruction.taken_up", who, who, instruction.id, instruction.policy_version)
        )
