"""Executors that let something leave only on the word of the order they work for, which the ledger holds."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from gateway.jobs.model import Outcome
from gateway.jobs.turn import Executor, Turn
from gateway.transfers.access import instruction
from providers.drive import Instruction


class Words(Protocol):
    """`gateway.ledger.Words`."""

    def standing(self, school: str, instruction: Instruction, /) -> AbstractAsyncContextManager[None]:
        """Whatever is done inside, is done on this instruction; it is recorded before where it was not."""
        ...


class Standing:
    """Another executor, on the word of its item's order."""

    def __init__(self, executor: Executor, words: Words) -> None:
        self._executor = executor
        self._words = words

    async def run(self, turn: Turn) -> Outcome:
        """As the executor does."""
        async with self._words.standing(turn.item.tenant, instruction(turn.item)):
            return await self._executor.run(turn)

    async def abandon(self, turn: Turn) -> Outcome | None:
        """As the executor does."""
        async with self._words.standing(turn.item.tenant, instruction(turn.item)):
            return await self._executor.abandon(turn)


def standing(executors: Mapping[str, Executor], words: Words) -> Mapping[str, Executor]:
    """All of them."""
    return {kind: Standing(executor, words) for kind, executor in executors.items()}
