"""The deployment's keys that outlive everything they speak about: Ed25519 keys by purpose, and the journal's MAC key.

They are sealed in the database under the deployment's own key, and read anew whenever they are used, so that a key
which another process made counts at once, and one that is suspended signs nothing. What is published is derived from
the sealed half: a public key that somebody put into the database signs nothing here. No key is ever deleted.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import RowMapping, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.database import Transactions
from cache.errors import Suspended
from cache.vault import Scope, Vault
from gateway.db.tables_containment import containments
from gateway.db.tables_erasure import signing_keys
from gateway.signing.signed import PREFIXES, RECEIPT, Kind, jwk, key_id, sign, succession, without_secret
from gateway.suspended import ACTIVE
from gateway.suspended import Kind as Suspension

DEPLOYMENT: Final = Scope("deployment", None)
"""The scope of what belongs to the deployment and to no school."""
TABLE: Final = "signing_keys"
MEDIA_TYPE: Final = "application/jose+json"
YEAR: Final = 365 * 24 * 3_600_000
"""So old a key is replaced, ms."""


class SigningKeys:
    """Makes, replaces and uses the keys. Start it before use."""

    def __init__(self, vault: Vault, database: Transactions) -> None:
        self._vault = vault
        self._database = database
        self.journal_key = b""

    async def start(self) -> None:
        """Make what is missing, and load the journal's key."""
        async with self._database.write() as tx:
            await self._vault.enrol(tx, DEPLOYMENT)
            rows = await self._rows(tx, lock=True)
            for purpose in ("journal", *PREFIXES):
                if not any(row["purpose"] == purpose for row in rows):
                    await self._make(tx, purpose)
        async with self._database.read() as tx:
            (journal,) = [row for row in await self._rows(tx) if row["purpose"] == "journal"]
        fields = await self._vault.fields(DEPLOYMENT)
        self.journal_key = fields.unseal(TABLE, "secret", journal["id"], journal["secret"])

    async def due(self, older: int = YEAR) -> Sequence[str]:
        """The purposes whose newest key is at least ``older`` ms old."""
        async with self._database.read() as tx:
            rows, before = await self._rows(tx), await self._database.now(tx) - older
        newest = {row["purpose"]: row["made"] for row in rows}
        return [purpose for purpose in PREFIXES if newest[purpose] <= before]

    async def rotate(self, tx: AsyncConnection, purpose: str, older: int = YEAR) -> str | None:
        """Put a new key in the place of one that is at least ``older`` ms old; its id, None where that is younger.

        The two sign each other; a suspended key vouches for none. For the caller to record in the same transaction.
        """
        rows = [row for row in await self._rows(tx, lock=True) if row["purpose"] == purpose]
        if rows[-1]["made"] > await self._database.now(tx) - older:
            return None
        suspended = await self._suspended(tx)
        good = [row for row in rows if row["id"] not in suspended]
        return await self._make(tx, purpose, after=await self._opened(good[-1]) if good else None)

    async def sign(self, statement: Mapping[str, Any], kind: Kind = RECEIPT) -> dict[str, Any]:
        """The statement as a flattened JWS by the newest key of its purpose. Suspended where all of them are."""
        keys = await self._keys(kind.purpose)
        if not keys:
            raise Suspended("the signing keys are suspended")
        return sign(statement, keys[-1], kind.typ)

    async def public(self, purpose: str = RECEIPT.purpose) -> dict[str, Any]:
        """The JWKS of everything that ever signed for this purpose, and how each key vouches for the next.

        ``suspended``: ids of keys that sign nothing for now.
        """
        async with self._database.read() as tx:
            rows = [row for row in await self._rows(tx) if row["purpose"] == purpose]
            suspended = await self._suspended(tx)
        shown = [without_secret(await self._opened(row)) for row in rows]
        crossed = [one for row in rows for one in json.loads(row["succession"] or "[]")]
        held = [row["id"] for row in rows if row["id"] in suspended]
        return {"keys": shown, "succession": crossed, **({"suspended": held} if held else {})}

    async def _keys(self, purpose: str) -> Sequence[Mapping[str, Any]]:
        """Those of a purpose that may sign, with their secrets, the newest last."""
        async with self._database.read() as tx:
            rows, suspended = await self._rows(tx), await self._suspended(tx)
        good = [row for row in rows if row["purpose"] == purpose and row["id"] not in suspended]
        return [await self._opened(row) for row in good]

    async def _suspended(self, tx: AsyncConnection) -> set[str]:
        query = select(containments.c.target).where(ACTIVE, containments.c.kind == Suspension.SIGNING)
        return set((await tx.execute(query)).scalars())

    async def _rows(self, tx: AsyncConnection, *, lock: bool = False) -> Sequence[RowMapping]:
        query = select(signing_keys).order_by(signing_keys.c.made, signing_keys.c.id)
        return (await tx.execute(query.with_for_update() if lock else query)).mappings().all()

    async def _opened(self, row: RowMapping) -> dict[str, Any]:
        """A key with its secret. Corrupt, ValueError where the row was tampered with."""
        fields = await self._vault.fields(DEPLOYMENT)
        secret = fields.unseal(TABLE, "secret", row["id"], row["secret"])
        public = Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
        if key_id(row["purpose"], public) != row["id"]:
            raise ValueError("a signing key does not fit its id")
        return jwk(row["purpose"], public, secret)

    async def _make(self, tx: AsyncConnection, purpose: str, after: Mapping[str, Any] | None = None) -> str:
        now = await self._database.now(tx)
        if purpose == "journal":
            name, public, secret = "journal-" + secrets.token_hex(8), None, secrets.token_bytes(32)
        else:
            private = Ed25519PrivateKey.generate()
            public, secret = private.public_key().public_bytes_raw(), private.private_bytes_raw()
            name = key_id(purpose, public)
        crossed = None
        if after is not None and public is not None:
            at = datetime.fromtimestamp(now / 1000, UTC).isoformat(timespec="milliseconds")
            crossed = json.dumps(succession(purpose, after, jwk(purpose, public, secret), at))
        box = (await self._vault.fields(DEPLOYMENT)).seal(TABLE, "secret", name, secret)
        await tx.execute(
            insert(signing_keys).values(
                id=name, purpose=purpose, public=public, secret=box, made=now, succession=crossed
            )
        )  # fmt: skip
        return name
