"""Keys that outlive everything they speak about: the Ed25519 key that signs receipts, the key of the journal's chain.

They are sealed in the database under the deployment's own key. A verifier pins the public key that the gateway
publishes; a receipt carries only the key's id.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, KeySetSerialization, OKPKey
from sqlalchemy import insert, select

from cache.database import Transactions
from cache.vault import Scope, Vault
from gateway.db.tables_erasure import signing_keys

DEPLOYMENT = Scope("deployment", None)
"""The scope of what belongs to the deployment and to no school."""
TABLE = "signing_keys"
MEDIA_TYPE = "application/jose+json"


class SigningKeys:
    """Makes, loads and uses the deployment's signing keys. Start it before use."""

    def __init__(self, vault: Vault, database: Transactions) -> None:
        self._vault = vault
        self._database = database
        self._receipt: OKPKey | None = None
        self._published: list[dict[str, Any]] = []
        self.journal_key = b""

    async def start(self) -> None:
        """Load the keys, or make them where there are none."""
        async with self._database.write() as tx:
            await self._vault.enrol(tx, DEPLOYMENT)
            if (await tx.execute(select(signing_keys.c.id).limit(1))).first() is None:
                await self._make(tx)
        fields = await self._vault.fields(DEPLOYMENT)
        async with self._database.read() as tx:
            rows = (await tx.execute(select(signing_keys).order_by(signing_keys.c.made))).mappings().all()
        for row in rows:
            secret = fields.unseal(TABLE, "secret", row["id"], row["secret"])
            if row["purpose"] == "journal":
                self.journal_key = secret
                continue
            key = OKPKey.import_key(
                {"kty": "OKP", "crv": "Ed25519", "x": _b64(row["public"]), "d": _b64(secret), "kid": row["id"]}
            )
            self._receipt = key
            public = key.as_dict(private=False)
            self._published.append({**public, "kid": row["id"], "use": "sig", "alg": "Ed25519"})

    async def _make(self, tx: Any) -> None:
        fields = await self._vault.fields(DEPLOYMENT)
        now = await self._database.now()
        private = Ed25519PrivateKey.generate()
        public = private.public_key().public_bytes_raw()
        receipt = "receipt-" + hashlib.sha256(public).hexdigest()[:16]
        journal = "journal-" + secrets.token_hex(8)
        made = (
            (receipt, "receipts", public, private.private_bytes_raw()),
            (journal, "journal", None, secrets.token_bytes(32)),
        )
        for row, purpose, shown, secret in made:
            box = fields.seal(TABLE, "secret", row, secret)
            await tx.execute(insert(signing_keys).values(id=row, purpose=purpose, public=shown, secret=box, made=now))

    def sign(self, statement: Mapping[str, Any]) -> dict[str, Any]:
        """The statement as a flattened JWS with EdDSA: readable payload beside it is the caller's choice."""
        assert self._receipt is not None
        header = {"alg": "Ed25519", "kid": self._receipt.kid, "typ": "file-access-receipt"}
        payload = json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        signed = jws.serialize_json({"protected": header}, payload, self._receipt, algorithms=["Ed25519"])
        return dict(signed)

    def public(self) -> dict[str, Any]:
        """The JWKS of everything that ever signed a receipt here."""
        return {"keys": self._published}


def verify(signed: Mapping[str, Any], pinned: Mapping[str, Any]) -> dict[str, Any]:
    """The statement, where one of the ``pinned`` JWKS keys signed it. ValueError otherwise."""
    try:
        given = cast("jws.FlattenedJSONSerialization", dict(signed))
        keys = KeySet.import_key_set(cast("KeySetSerialization", dict(pinned)))
        checked = jws.deserialize_json(given, keys, algorithms=["Ed25519"])
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise ValueError("the receipt was not signed by a pinned key, or was changed") from error
    statement = json.loads(checked.payload)
    if not isinstance(statement, dict):
        raise ValueError("the receipt is not a statement")  # noqa: TRY004  # the caller knows one error
    return statement


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
