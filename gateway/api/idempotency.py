"""Idempotency-Key: the same request under the same key is done once; its answer is given again for a day.

The stored answer is sealed under the person's key. A request whose process died before it answered may run again:
its instruction follows from the key, so a job that it had made already is found.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass

from aiohttp import web
from sqlalchemy import RowMapping, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from cache.database import Transactions
from cache.vault import Scope, Vault
from gateway.api.problems import Problem
from gateway.db.tables_files import idempotency
from gateway.files.opening import RequireActive

LIFE = 24 * 3_600_000
TABLE = "idempotency"
_KEY = re.compile(r"[A-Za-z0-9._~-]{1,64}")
_KEPT_HEADERS = ("Location", "ETag", "Content-Type")


@dataclass(frozen=True, slots=True)
class Once:
    """A claimed key: finish it with the answer, or release it."""

    person: str
    key: bytes


def still_running() -> Problem:
    """Somebody is at it."""
    return Problem(409, "still_running", "The first request under this key is still running.")


class Idempotency:
    """The keys of one deployment."""

    def __init__(
        self, vault: Vault, database: Transactions, owner: str, require_active: RequireActive, *, abandoned: int = 0
    ) -> None:
        """``abandoned``: ms after which a claim of another process is a dead one's; 0 where there can be no other."""
        self._vault = vault
        self._database = database
        self._owner = owner
        self._require_active = require_active
        self._abandoned = abandoned

    async def claim(self, scope: Scope, header: str, fingerprint: bytes) -> Once | web.Response:
        """The claim of a new key, or the stored answer. 400, 409 while it runs, 422 for another request."""
        if not _KEY.fullmatch(header):
            raise Problem(400, "bad_idempotency_key", "An Idempotency-Key has 1 to 64 letters, digits or . _ ~ -")
        once = Once(scope.subject or "", hashlib.sha256(header.encode()).digest())
        mine = (idempotency.c.person == once.person) & (idempotency.c.key == once.key)
        now = await self._database.now()
        row = {"school": scope.tenant, "request": fingerprint, "owner": self._owner, "ends": now + LIFE}
        try:
            async with self._database.write() as tx:
                await self._require_active(tx, once.person)
                await tx.execute(delete(idempotency).where(mine, idempotency.c.ends <= now))
                await tx.execute(insert(idempotency).values(person=once.person, key=once.key, **row))
            return once
        except IntegrityError:
            pass
        async with self._database.read() as tx:
            kept = (await tx.execute(select(idempotency).where(mine))).mappings().one_or_none()
        if kept is None or (kept["status"] is None and self._runs(kept, now)):
            raise still_running()
        if kept["request"] != fingerprint:
            raise Problem(422, "key_reused", "This Idempotency-Key was used for another request.")
        if kept["status"] is None:
            same = mine & (idempotency.c.owner == kept["owner"]) & idempotency.c.status.is_(None)
            async with self._database.write() as tx:
                if (await tx.execute(update(idempotency).where(same).values(owner=self._owner))).rowcount != 1:
                    raise still_running()
            return once
        fields = await self._vault.fields(scope)
        reply = json.loads(fields.text(TABLE, "reply", once.key.hex(), kept["reply"]))
        return web.Response(
            status=kept["status"],
            body=reply["body"].encode(),
            headers={**reply["headers"], "Cache-Control": "no-store", "Idempotent-Replayed": "true"},
        )

    def _runs(self, kept: RowMapping, now: int) -> bool:
        claimed = kept["ends"] - LIFE
        return bool(kept["owner"] == self._owner or now < claimed + self._abandoned)

    async def finish(self, scope: Scope, once: Once, response: web.Response) -> None:
        """Keep the answer for a day."""
        fields = await self._vault.fields(scope)
        body = response.body if isinstance(response.body, bytes) else b""
        headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
        reply = fields.seal(TABLE, "reply", once.key.hex(), json.dumps({"headers": headers, "body": body.decode()}))
        mine = (idempotency.c.person == once.person) & (idempotency.c.key == once.key)
        async with self._database.write() as tx:
            await tx.execute(update(idempotency).where(mine).values(status=response.status, reply=reply))

    async def release(self, once: Once) -> None:
        """Forget a claim whose request was refused or failed: it may be sent again."""
        mine = (idempotency.c.person == once.person) & (idempotency.c.key == once.key)
        async with self._database.write() as tx:
            await tx.execute(delete(idempotency).where(mine))

    async def sweep(self, limit: int) -> int:
        """Delete what is older than a day.

        Nobody gets a new key for it, else everybody who works here would with each cycle: a backup made within that day
        loses the answer with the person's next new key.
        """
        now = await self._database.now()
        ended = select(idempotency.c.key).where(idempotency.c.ends <= now).limit(limit)
        async with self._database.write() as tx:
            done = await tx.execute(
                delete(idempotency).where(idempotency.c.key.in_(ended), idempotency.c.ends <= now)
            )  # fmt: skip
        return done.rowcount
