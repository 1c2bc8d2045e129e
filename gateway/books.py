"""The key of each school's incident book: of its own, so that the book is read while the school's keys are suspended.

It lies below the deployment's key, not below the school's. Whoever lets a school leave destroys it with `scope`.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from cache.fields import Fields
from cache.model import Scope
from cache.vault import Vault
from gateway import signing

DEPLOYMENT: Final = signing.DEPLOYMENT.tenant
"""What stands for a school where something belongs to the deployment and to no school."""


def scope(school: str) -> Scope:
    """Whose key seals a school's incident book."""
    return Scope(DEPLOYMENT, f"incidents-{school}")


class Books:
    """Sealers of incident books; a book's key is made when it is first needed."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def sealer(self, tx: AsyncConnection, school: str) -> Fields:
        """For writing, inside a write transaction."""
        await self._vault.enrol(tx, scope(school))
        return await self._vault.fields(scope(school))

    async def reader(self, school: str) -> Fields:
        """For reading what was sealed. Missing where nothing ever was."""
        return await self._vault.fields(scope(school))
