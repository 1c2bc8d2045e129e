"""Sign-ins of the browser extension: OAuth 2.0 codes with PKCE, short access tokens, refresh tokens that rotate.

A code or a refresh token that is shown a second time was stolen once: the whole sign-in ends. Only hashes are kept.
An extension is known by its id, which the browser itself puts into the redirect address. While a sign-in, its person
or its school is suspended its tokens are nobody's, and none is spent.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.engine import Database
from gateway.db.some import delete_some
from gateway.db.tables_people import client_codes, client_grants, client_tokens, persons
from gateway.identity.errors import Suspended, TokenRefused
from gateway.identity.people import People
from gateway.identity.schools import Schools
from gateway.identity.secrets import digest, is_challenge, new_secret, proves
from gateway.ids import new_id
from gateway.ledger import Event, Ledger
from gateway.policy import POLICY_VERSION, Principal
from gateway.suspended import Kind, contained, suspended_schools

CLIENT_ID: Final = "file-access-extension"
CODE_LIFE: Final = 60_000
ACCESS_LIFE: Final = 3_600_000
_USE_STEP: Final = 60_000
_REDIRECT: Final = re.compile(r"https://([a-p]{32})\.chromiumapp\.org/[A-Za-z0-9_/-]{0,64}")


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What the extension gets; it exists only here. ``expires_in`` in seconds, for the access token."""

    access_token: str
    refresh_token: str
    expires_in: int


@dataclass(frozen=True, slots=True)
class ClientGrant:
    """One place where the extension is signed in. Times in epoch ms."""

    id: str
    client: str
    created: int
    last_used: int | None
    ends: int


Stolen = Callable[[AsyncConnection, str, str], Awaitable[None]]
"""(tx, school, person): a token of theirs was shown a second time."""


class ClientTokens:
    """Codes and tokens of extensions. ``extensions``: the ids that may sign in; ``life``: of a sign-in, seconds.

    ``stolen`` is told, in the transaction that ends the sign-in, whose token was shown twice.
    """

    def __init__(
        self,
        database: Database,
        people: People,
        schools: Schools,
        ledger: Ledger,
        *,
        extensions: Collection[str],
        life: int = 2_592_000,
        stolen: Stolen | None = None,
    ) -> None:
        self._stolen = stolen
        self._database = database
        self._people = people
        self._schools = schools
        self._ledger = ledger
        self._extensions = frozenset(extensions)
        self._life = life * 1000

    def check(self, client_id: str, redirect_uri: str, challenge: str, method: str) -> None:
        """Whether consent may be asked for at all: before this is known, nothing is sent to the redirect address.

        TokenRefused (invalid_client, invalid_request).
        """
        told = _REDIRECT.fullmatch(redirect_uri)
        if client_id != CLIENT_ID or told is None or told[1] not in self._extensions:
            raise TokenRefused("invalid_client")
        if method != "S256" or not is_challenge(challenge):
            raise TokenRefused("invalid_request")

    async def authorize(
        self, principal: Principal, client_id: str, redirect_uri: str, challenge: str, method: str = "S256"
    ) -> str:
        """The person consented: a code for a minute, good once. TokenRefused, NotActive."""
        self.check(client_id, redirect_uri, challenge, method)
        code, grant = new_secret(), new_id()
        event = Event(
            "extension.authorized", principal.person, principal.person, None, POLICY_VERSION, {"grant": grant}
        )
        await self._ledger.record(principal.school, event)
        async with self._database.write() as tx:
            await self._people.require_active(tx, principal.person)
            now = await self._database.now(tx)
            whose = {"school": principal.school, "person": principal.person, "signed_in_at": principal.signed_in_at}
            await tx.execute(
                insert(client_grants).values(id=grant, client=client_id, **whose, made=now, ends=now + self._life)
            )
            what = {"redirect_uri": redirect_uri, "challenge": challenge, "used": False, "ends": now + CODE_LIFE}
            await tx.execute(insert(client_codes).values(code=digest(code), grant=grant, **what))
        return code

    async def exchange(self, client_id: str, code: str, verifier: str, redirect_uri: str) -> TokenPair:
        """Tokens for a code. Whatever is wrong, the code is spent; shown twice, it ends the sign-in. TokenRefused."""
        pair = None
        async with self._database.write() as tx:
            now = await self._database.now(tx)
            row = await self._spend(tx, client_codes, client_codes.c.code == digest(code))
            if (
                row is not None
                and row["ends"] > now
                and row["client"] == client_id
                and row["redirect_uri"] == redirect_uri
                and proves(verifier, row["challenge"])
            ):
                pair = await self._issue(tx, row, now)
        if pair is None:
            raise TokenRefused("invalid_grant")
        return pair

    async def refresh(self, client_id: str, token: str) -> TokenPair:
        """New tokens for a refresh token, which is spent; shown twice, it ends the sign-in. TokenRefused."""
        pair = None
        mine = (client_tokens.c.token == digest(token)) & (client_tokens.c.kind == "refresh")
        async with self._database.write() as tx:
            now = await self._database.now(tx)
            row = await self._spend(tx, client_tokens, mine)
            if row is not None and row["ends"] > now and row["client"] == client_id:
                await tx.execute(delete(client_tokens).where(client_tokens.c.grant == row["id"], _over(now)))
                pair = await self._issue(tx, row, now)
        if pair is None:
            raise TokenRefused("invalid_grant")
        return pair

    async def _spend(self, tx: AsyncConnection, table: Any, mine: ColumnElement[bool]) -> dict[str, Any] | None:
        """Mark as used and give back the row with its grant; None where there is none or it was used before."""
        first = (await tx.execute(update(table).where(mine, table.c.used.is_(False)).values(used=True))).rowcount == 1
        query = (
            select(table, client_grants.c.id, client_grants.c.client, client_grants.c.school, client_grants.c.person)
            .add_columns(persons.c.state, _free().label("free"))
            .join(client_grants, client_grants.c.id == table.c.grant)
            .join(persons, persons.c.id == client_grants.c.person)
            .where(mine, persons.c.state.in_(("active", "suspended")))
        )
        row = (await tx.execute(query)).mappings().one_or_none()
        if row is None:
            return None
        if row["state"] != "active" or not row["free"]:
            raise Suspended("this sign-in is suspended")  # which undoes the spending: it may be lifted
        if not self._schools.knows(row["school"]):
            raise TokenRefused("invalid_grant")  # which undoes the spending: the school may come back
        if not first:
            await tx.execute(delete(client_grants).where(client_grants.c.id == row["id"]))
            told = {"grant": row["id"]}
            if self._stolen is not None:
                await self._stolen(tx, row["school"], row["person"])
            event = Event("extension.theft_suspected", None, row["person"], None, POLICY_VERSION, told)
            await self._ledger.append(tx, row["school"], event)
            return None
        return dict(row)

    async def _issue(self, tx: AsyncConnection, row: dict[str, Any], now: int) -> TokenPair:
        pair = TokenPair(new_secret(), new_secret(), ACCESS_LIFE // 1000)
        ends = select(client_grants.c.ends).where(client_grants.c.id == row["id"])
        last = int((await tx.execute(ends)).scalar_one())
        made = {"grant": row["id"], "used": False}
        both = [
            {**made, "token": digest(pair.access_token), "kind": "access", "ends": min(now + ACCESS_LIFE, last)},
            {**made, "token": digest(pair.refresh_token), "kind": "refresh", "ends": last},
        ]
        await tx.execute(insert(client_tokens), both)
        await tx.execute(update(client_grants).where(client_grants.c.id == row["id"]).values(used=now))
        await self._tell(tx, "extension.tokens", row["school"], row["person"], row["id"])
        return pair

    async def _tell(self, tx: AsyncConnection, action: str, school: str, person: str, grant: str) -> None:
        """``grant`` stands for the instruction: nothing is sealed, so it works for who is being forgotten, too."""
        await self._ledger.append(tx, school, Event(action, person, person, grant, POLICY_VERSION))

    async def resolve(self, token: str) -> Principal | None:
        """Who an access token speaks for, None where it is nobody (any more)."""
        now = await self._database.now()
        query = (
            select(client_grants, persons.c.role, persons.c.age_band)
            .join(client_tokens, client_tokens.c.grant == client_grants.c.id)
            .join(persons, (persons.c.id == client_grants.c.person) & (persons.c.school == client_grants.c.school))
            .where(client_tokens.c.token == digest(token), client_tokens.c.kind == "access")
            .where(client_tokens.c.ends > now, client_grants.c.ends > now, persons.c.state == "active", _free())
        )
        async with self._database.read() as tx:
            row = (await tx.execute(query)).one_or_none()
        if row is None or not self._schools.knows(row.school):
            return None
        if (row.used or 0) < now - _USE_STEP:
            async with self._database.write() as tx:
                await tx.execute(update(client_grants).where(client_grants.c.id == row.id).values(used=now))
        return Principal(row.person, row.school, row.role, row.age_band, "extension", row.id, row.signed_in_at)

    async def lives(self, principal: Principal) -> bool:
        """Whether the sign-in that a token spoke for and its person are alive, however old that token is by now."""
        mine = (client_grants.c.id == principal.session) & (client_grants.c.person == principal.person)
        query = select(client_grants.c.ends).join(persons, persons.c.id == client_grants.c.person)
        async with self._database.read() as tx:
            ends = (await tx.execute(query.where(mine, persons.c.state == "active", _free()))).scalar_one_or_none()
            return ends is not None and bool(ends > await self._database.now(tx))

    async def list(self, principal: Principal) -> Sequence[ClientGrant]:
        """Where the person's extensions are signed in, the newest first. Codes that were not exchanged are left out."""
        now = await self._database.now()
        mine = (client_grants.c.person == principal.person) & (client_grants.c.school == principal.school)
        alive = mine & (client_grants.c.ends > now) & client_grants.c.used.is_not(None)
        async with self._database.read() as tx:
            rows = (await tx.execute(select(client_grants).where(alive).order_by(client_grants.c.made.desc()))).all()
        return [ClientGrant(row.id, row.client, row.made, row.used, row.ends) for row in rows]

    async def revoke_family(self, principal: Principal, grant: str) -> bool:
        """Sign one of the person's extensions out. False where it is not theirs or not there."""
        mine = (client_grants.c.person == principal.person) & (client_grants.c.school == principal.school)
        return await self._end(mine & (client_grants.c.id == grant))

    async def revoke(self, token: str) -> None:
        """End the sign-in that either token belongs to (RFC 7009). An unknown token is fine."""
        whose = select(client_tokens.c.grant).where(client_tokens.c.token == digest(token))
        await self._end(client_grants.c.id.in_(whose))

    async def _end(self, which: ColumnElement[bool]) -> bool:
        """Sign one extension out. False where there is none."""
        whose = (client_grants.c.id, client_grants.c.school, client_grants.c.person)
        async with self._database.write() as tx:
            gone = (await tx.execute(delete(client_grants).where(which).returning(*whose))).one_or_none()
            if gone is not None:
                await self._tell(tx, "extension.revoked", gone.school, gone.person, gone.id)
        return gone is not None

    async def sweep(self, limit: int) -> int:
        """Delete what has ended, and sign-ins whose code nobody exchanged; at most ``limit`` of each. How many."""
        now = await self._database.now()
        unused = client_grants.c.used.is_(None) & (client_grants.c.made <= now - CODE_LIFE)
        async with self._database.write() as tx:
            done = await delete_some(tx, client_tokens, _over(now), limit)
            done += await delete_some(tx, client_codes, client_codes.c.ends <= now, limit)
            return done + await delete_some(tx, client_grants, or_(client_grants.c.ends <= now, unused), limit)


def _free() -> ColumnElement[bool]:
    """Sign-ins that are not suspended, nor their school."""
    return ~contained(Kind.CLIENT, client_grants.c.id) & client_grants.c.school.not_in(suspended_schools())


def _over(now: int) -> ColumnElement[bool]:
    return client_tokens.c.ends <= now
