"""What was done with a person's data, by whom and on whose word, the newest first: their own part of the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

from sqlalchemy import select

from cache.model import Scope
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.db.tables_ledger import ledger_entries
from gateway.ledger.ledger import unseal
from gateway.rights.acting import How
from gateway.sentences import sentence

WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "account": sentence("A connected account"),
        "approval": sentence("What two administrators decide"),
        "contained": sentence("Access was suspended"),
        "correction": sentence("A correction of your data"),
        "drive": sentence("Something in a drive was made, changed or removed"),
        "erasure": sentence("Being forgotten"),
        "export": sentence("A copy of your data"),
        "extension": sentence("The browser extension"),
        "file": sentence("A file was opened"),
        "file.pictured": sentence("A small picture of a file was shown"),
        "grant": sentence("A connected account"),
        "guardian": sentence("A guardian's link"),
        "hold": sentence("Legal holds on your files"),
        "lawful": sentence("Data about you was handed out on a lawful request"),
        "ledger": sentence("What the record says about you was read"),
        "person": sentence("Your sign-in and your account here"),
        "released": sentence("Access was given back"),
        "review": sentence("What is held about you was looked at"),
        "transfer": sentence("A move or a copy"),
        "upload": sentence("An upload"),
        "webhook": sentence("Your school was told that a job ended"),
    }
)
"""What an entry is about, by its action or the first word of it."""
OTHER: Final = sentence("Something else")

By = Literal["self", "guardian", "school", "gateway"]


@dataclass(frozen=True, slots=True)
class Access:
    """One entry: ``by`` as what whoever instructed it acted, ``principal`` their random id. ``at`` in epoch ms."""

    sequence: int
    at: int
    action: str
    what: str
    by: By
    principal: str | None
    policy_version: str
    details: Mapping[str, Any] | None


class AccessList:
    """The entries about all people."""

    def __init__(self, vault: Vault, database: Database) -> None:
        self._vault = vault
        self._database = database

    async def list(
        self, scope: Scope, before: int | None = None, limit: int = 100
    ) -> tuple[Sequence[Access], int | None]:  # fmt: skip
        """Entries about a person, the newest first, and where the next page begins."""
        mine = (ledger_entries.c.school == scope.tenant) & (ledger_entries.c.subject == scope.subject)
        query = select(ledger_entries).where(mine)
        if before is not None:
            query = query.where(ledger_entries.c.sequence < before)
        async with self._database.read() as tx:
            newest = query.order_by(ledger_entries.c.sequence.desc()).limit(limit + 1)
            rows = (await tx.execute(newest)).mappings().all()
        found = [await self._access(scope, row) for row in rows[:limit]]
        return found, found[-1].sequence if len(rows) > limit else None

    async def _access(self, scope: Scope, row: Mapping[Any, Any]) -> Access:
        details = await unseal(self._vault, row)
        words = WORDS.get(row["action"]) or WORDS.get(row["action"].partition(".")[0], OTHER)
        by = _by(row["principal"], scope, (details or {}).get("as"))
        return Access(
            row["sequence"], row["at"], row["action"], words, by, row["principal"], row["policy_version"], details
        )


def _by(principal: str | None, scope: Scope, how: How | None) -> By:
    if principal is None:
        return "gateway"
    if principal == scope.subject:
        return "self"
    return "guardian" if how == "guardian" else "school"
