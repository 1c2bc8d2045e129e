"""Two gateway processes over one database, as far as suspensions and incidents need them: real keys, seals, ledger."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cache.blobs import open_blobs
from cache.expiry import ExpiryKeys, MemoryExpiry
from cache.keyring import Keyring
from cache.model import Scope
from cache.roots import Root
from cache.vault import Life, Vault
from gateway.books import Books
from gateway.containment import Containments
from gateway.containment.service import Journal
from gateway.db.engine import Database
from gateway.identity import Claims, ClientTokens, People, School, Schools, Sessions
from gateway.incidents import Affected, Detection, Incidents, Thresholds
from gateway.ledger import Ledger
from gateway.settings import IdentityProvider
from gateway.signing import SigningKeys
from tests.databases import STILL

ISSUER = "https://id.example"
EXTENSION = "abcdefghijklmnopabcdefghijklmnop"


def provider() -> IdentityProvider:
    """Two schools."""
    schools = {name: {"name": name.title(), "region": "local"} for name in ("riverside", "hillcrest")}
    return IdentityProvider.model_validate(
        {"issuer": ISSUER, "client_id": "gateway", "schools": schools, "sandbox": True}
    )


class Clock(Database):
    """A database whose clock can be moved."""

    ahead = 0

    async def now(self, tx: object = None) -> int:
        return await super().now(tx) + self.ahead  # type: ignore[arg-type]


@dataclass
class Desk:
    """One process's services."""

    database: Clock
    vault: Vault
    keyring: Keyring
    signing: SigningKeys
    schools: Schools
    people: People
    sessions: Sessions
    tokens: ClientTokens
    ledger: Ledger
    books: Books
    containments: Containments
    incidents: Incidents
    detection: Detection
    affected: Affected
    journal: Journal | None = None

    def school(self, name: str = "riverside") -> School:
        """One of the two."""
        found = self.schools.find(ISSUER, name)
        assert found is not None
        return found

    async def arrive(self, subject: str, role: str = "student", school: str = "riverside") -> Scope:
        """Somebody signs in at their provider."""
        told = {"age_band": "13_15", "name": subject.title(), "email": f"{subject}@x.example", "locale": "en"}
        claims = Claims(issuer=ISSUER, subject=subject, proven_at=0, role=role, **told)  # type: ignore[arg-type]
        return Scope(self.school(school).id, await self.people.arrive(self.school(school), claims))

    async def look(self) -> None:
        """What every process does each 250 ms."""
        await self.keyring.watch.refresh()

    async def keep(self, scope: Scope, data: bytes) -> str:
        """Store something; its id."""
        async with self.vault.put(scope, Life.KEPT) as writer:
            await writer.write(data)
            await writer.finish()
            async with self.database.write() as tx:
                return (await writer.commit(tx)).id

    async def read(self, scope: Scope, item: str) -> bytes:
        """Read it back."""
        async with self.vault.open(scope, item) as pieces:
            return b"".join([piece async for piece in pieces])


@dataclass
class Building:
    """What several processes share."""

    database: Clock
    folder: Path
    root: Root = field(default_factory=lambda: Root(1, secrets.token_bytes(32)))
    expiry: ExpiryKeys = field(default_factory=MemoryExpiry)
    thresholds: Thresholds = field(default_factory=lambda: Thresholds(failed_tags=3, burst=60_000, window=3_600_000))

    @asynccontextmanager
    async def desk(self, journal: Journal | None = None) -> AsyncIterator[Desk]:
        """A process that starts, and stops at the end."""
        database, keyring = self.database, Keyring(self.root, self.database, self.expiry, limit=STILL)
        vault = Vault(keyring, open_blobs((self.folder / "blobs").as_uri()), database, self.folder / "staging")
        await vault.start()
        signing, schools, people = SigningKeys(vault, database), Schools(vault, database), People(vault, database)
        await signing.start()
        await schools.start([provider()])
        ledger, books = Ledger(vault, database), Books(vault)
        incidents = Incidents(database, ledger, books)
        detection = Detection(database, incidents, self.thresholds)
        try:
            yield Desk(
                database, vault, keyring, signing, schools, people, Sessions(database, people, schools),
                ClientTokens(
                    database, people, schools, ledger, extensions=[EXTENSION], life=86_400, stolen=detection.stolen
                ),
                ledger, books, Containments(vault, database, ledger, books, journal), incidents, detection,
                Affected(vault, database), journal,
            )  # fmt: skip
        finally:
            await vault.close()
