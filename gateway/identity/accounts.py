"""Connected accounts: a person's Google and Microsoft drives, from consent to disconnection.

A consent under way belongs to the session that began it, once. What comes back is shown to the person and used only
after they confirmed that the account is theirs. Nothing of it lies here unsealed. A disconnection begins with the row's
state ``closed``; whoever dies before the grant is given back and the row deleted leaves that to the next sweep.
It stands in the erasure journal, so that an older copy of the database does not connect the account again.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, runtime_checkable

import structlog
from sqlalchemy import RowMapping, delete, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.errors import Corrupt, Suspended
from cache.fields import Fields
from cache.model import Scope
from cache.vault import Vault
from gateway.containment import Contained
from gateway.db.engine import Database
from gateway.db.some import delete_some
from gateway.db.tables_people import accounts, connect_flows, persons, sessions
from gateway.identity.errors import ConnectRefused, NoSuchAccount, NotActive, WrongState
from gateway.identity.grants import TABLE, AccountGrant
from gateway.identity.people import People
from gateway.identity.revoking import give_back
from gateway.identity.secrets import digest, new_secret
from gateway.ids import new_id
from gateway.ledger import Event, Ledger, on_record
from gateway.policy import POLICY_VERSION, Principal
from gateway.suspended import Kind, contained, locked

log = structlog.get_logger()

Provider = Literal["google", "microsoft"]
DISCONNECTED: Final = "disconnected"
"""The journal's word for a connection that was given up."""
_LIFE: Final = 600_000
_FLOWS: Final = "connect_flows"
_LOOKED_AT: Final = select(accounts, contained(Kind.CONNECTION, accounts.c.id).label("contained"))
_STEP: Final = 10
"""Closed accounts that one sweep ends, side by side: a provider that does not answer holds the others up once."""


class Granted(Protocol):
    """What a consent gives: `providers.consent.Grant`."""

    @property
    def data(self) -> bytes: ...
    @property
    def label(self) -> str: ...
    @property
    def account(self) -> str: ...


class Consent(Protocol):
    """The part of `providers.consent.OAuthClient` that is needed here."""

    async def authorize(self, redirect_uri: str, state: str) -> tuple[str, bytes]: ...
    async def exchange(self, flow: bytes, params: Mapping[str, str]) -> Granted: ...
    async def revoke(self, data: bytes) -> bool: ...


@runtime_checkable
class Picking(Protocol):
    """A consent under which people choose what a connection sees: `providers.consent.GoogleConsent`."""

    async def pick(self, redirect_uri: str, state: str, label: str) -> tuple[str, bytes]: ...
    async def picked(self, flow: bytes, params: Mapping[str, str]) -> Sequence[str]: ...


class Line(Protocol):
    """What is read of an entry of the erasure journal."""

    @property
    def erasure(self) -> str: ...


class Journal(Protocol):
    """Where disconnections are noted, so that no restore undoes them: `gateway.erasure.suspending.Noted`."""

    async def note(self, noted: str, school: str, person: str, scope: str, at: int, /) -> int: ...
    async def seen(self, tx: AsyncConnection, *sequences: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Account:
    """A connected account, opened. ``state``: unconfirmed, ready, reconnect, contained, for an erasure also closed.

    ``label``: its e-mail address. ``account``: the provider's own id of it, which nobody is shown.
    """

    id: str
    provider: Provider
    label: str
    state: str
    account: str = ""


class Accounts:
    """The connected accounts of all people. ``consents`` by provider; ``redirect_uri`` is our /connect/callback."""

    def __init__(
        self,
        *,
        vault: Vault,
        database: Database,
        people: People,
        ledger: Ledger,
        consents: Mapping[str, Consent],
        redirect_uri: str,
        limit: int = 10,
        journal: Journal | None = None,
    ) -> None:
        """``journal`` None: for whoever disconnects nothing."""
        self._journal = journal
        self._vault = vault
        self._database = database
        self._people = people
        self._ledger = ledger
        self._consents = consents
        self._redirect_uri = redirect_uri
        self._limit = limit
        self._ending: set[str] = set()

    async def begin(self, principal: Principal, provider: str) -> str:
        """The provider's consent page. ConnectRefused where it is not offered, WrongState at the limit."""
        state = new_secret()
        url, flow = await self._consent(provider).authorize(self._redirect_uri, state)
        await self._under_way(principal, provider, state, flow)
        return url

    async def pick(self, principal: Principal, account: str) -> str:
        """The provider's page where more items are chosen for a connection. NoSuchAccount, ConnectRefused ('pick')."""
        found = await self.get(Scope(principal.school, principal.person), account)
        consent = self._consent(found.provider)
        if not isinstance(consent, Picking) or found.state != "ready":
            raise ConnectRefused("pick")
        state = new_secret()
        url, flow = await consent.pick(self._redirect_uri, state, found.label)
        await self._under_way(principal, found.provider, state, flow, picks=account)
        return url

    async def _under_way(
        self, principal: Principal, provider: str, state: str, flow: bytes, *, picks: str | None = None
    ) -> None:
        """Keep what the answer will be checked with; ``picks``: it chooses items for this account."""
        key, scope = digest(state), Scope(principal.school, principal.person)
        box = (await self._vault.fields(scope)).seal(_FLOWS, "flow", key.hex(), _kept(flow, picks))
        async with self._database.write() as tx:
            await self._people.require_active(tx, principal.person)
            if picks is None:
                await self._require_room(tx, principal)
            whose = {"session": principal.session, "school": principal.school, "person": principal.person}
            alive = select(sessions.c.id).where(sessions.c.id == principal.session).with_for_update(read=True)
            if (await tx.execute(alive)).first() is None:
                raise NotActive("this sign-in has ended")
            ends = await self._database.now(tx) + _LIFE
            await tx.execute(
                insert(connect_flows).values(state=key, **whose, provider=provider, flow=box, ends=ends)
            )  # fmt: skip

    async def finish(self, principal: Principal, params: Mapping[str, str]) -> str:
        """The provider sent the browser back: the id of the account, to be shown and confirmed.

        Works once, in the session that began it. ConnectRefused, NotActive, WrongState at the limit, DriveError.
        """
        key = digest(params.get("state", ""))
        flow = await self._take(principal, key)
        if params.get("error") == "access_denied":
            raise ConnectRefused("cancelled")  # other errors are the provider's, and `exchange` tells them apart
        scope = Scope(principal.school, principal.person)
        fields = await self._vault.fields(scope)
        secret, picks = _opened(fields.unseal(_FLOWS, "flow", key.hex(), flow["flow"]))
        if picks is not None:
            return await self._picked(principal, picks, secret, params)
        grant = await self._consent(flow["provider"]).exchange(secret, params)
        async with self._database.write() as tx:
            # One after the other for one person, else two consents at once could both find the last free place.
            whole = select(persons.c.id).where(persons.c.id == principal.person).with_for_update(key_share=True)
            await tx.execute(whole)
            await self._people.require_active(tx, principal.person)
            return await self._keep(tx, principal, flow["provider"], grant, await self._vault.fields(scope))

    async def _picked(self, principal: Principal, account: str, secret: bytes, params: Mapping[str, str]) -> str:
        """The provider widened the grant by what was chosen; here nothing changes but the ledger."""
        found = await self.get(Scope(principal.school, principal.person), account)
        consent = self._consent(found.provider)
        assert isinstance(consent, Picking)
        chosen = await consent.picked(secret, params)
        async with self._database.write() as tx:
            await self._people.require_active(tx, principal.person)
            await self._tell(tx, principal, "account.picked", account, items=len(chosen))
        return account

    async def _take(self, principal: Principal, key: bytes) -> RowMapping:
        whose = (connect_flows.c.session == principal.session) & (connect_flows.c.person == principal.person)
        mine = (connect_flows.c.state == key) & whose & (connect_flows.c.school == principal.school)
        async with self._database.write() as tx:
            now = await self._database.now(tx)
            gone = await tx.execute(delete(connect_flows).where(mine).returning(connect_flows))
            row = gone.mappings().one_or_none()
        if row is None or row["ends"] <= now:
            raise ConnectRefused("state")
        return row

    async def _require_room(self, tx: AsyncConnection, principal: Principal) -> None:
        mine = (accounts.c.person == principal.person) & (accounts.c.state != "closed")
        if (await tx.execute(select(func.count()).where(mine))).scalar_one() >= self._limit:
            raise WrongState("no more accounts can be connected")

    async def _keep(
        self, tx: AsyncConnection, principal: Principal, provider: str, grant: Granted, fields: Fields
    ) -> str:
        """The same account connected again keeps its id; a confirmed one stays confirmed, a closed one begins anew."""
        labels = fields.indexes("account", f"{provider}\0{grant.account}")
        label = labels[fields.version]
        mine = (accounts.c.person == principal.person) & accounts.c.account_index.in_(labels.values())
        found = (await tx.execute(select(accounts.c.id, accounts.c.state).where(mine).with_for_update())).one_or_none()
        if found is None or found.state == "closed":
            await self._require_room(tx, principal)
        account = new_id() if found is None else str(found.id)
        told: dict[str, bytes | str] = {"account": grant.account, "label": grant.label, "grant": grant.data}
        values: dict[str, Any] = {name: fields.seal(TABLE, name, account, value) for name, value in told.items()}
        if found is None:
            fixed = {"id": account, "school": principal.school, "person": principal.person, "provider": provider}
            made = {"account_index": label, "version": 1, "made": await self._database.now(tx)}
            await tx.execute(insert(accounts).values(**fixed, **values, **made, state="unconfirmed"))
        else:
            state = "ready" if found.state in {"ready", "reconnect"} else "unconfirmed"
            changed = {**values, "account_index": label, "version": accounts.c.version + 1, "state": state}
            await tx.execute(update(accounts).where(accounts.c.id == account).values(**changed))
        await self._tell(tx, principal, "account.connected", account)
        return account

    async def confirm(self, principal: Principal, account: str) -> None:
        """The person has seen whose account it is and wants it used. May be repeated. NoSuchAccount."""
        async with self._database.write() as tx:
            await self._people.require_active(tx, principal.person)
            mine = (accounts.c.id == account) & _of(Scope(principal.school, principal.person))
            done = await tx.execute(
                update(accounts).where(mine, accounts.c.state == "unconfirmed").values(state="ready")
            )
            if done.rowcount == 1:
                await self._tell(tx, principal, "account.confirmed", account)
            elif (await tx.execute(select(accounts.c.id).where(mine))).one_or_none() is None:
                raise NoSuchAccount("this account is not connected")

    async def list(self, scope: Scope) -> Sequence[Account]:
        """The person's accounts, the oldest first."""
        async with self._database.read() as tx:
            rows = (await tx.execute(_LOOKED_AT.where(_of(scope)).order_by(accounts.c.made, accounts.c.id))).mappings()
        fields = await self._vault.fields(scope)
        return [_account(fields, row) for row in rows]

    async def get(self, scope: Scope, account: str) -> Account:
        """One of them. NoSuchAccount."""
        async with self._database.read() as tx:
            found = await tx.execute(_LOOKED_AT.where(_of(scope), accounts.c.id == account))
        row = found.mappings().one_or_none()
        if row is None:
            raise NoSuchAccount("this account is not connected")
        return _account(await self._vault.fields(scope), row)

    def keeper(self, scope: Scope, account: str) -> AccountGrant:
        """Where the drive's authoriser finds and keeps the grant; it opens only what was confirmed."""
        return AccountGrant(self._vault, self._database, scope, account)

    async def disconnect(self, principal: Principal, account: str) -> bool:
        """Stop using an account, revoke its grant, forget it in any case. Whether it was revoked. NoSuchAccount.

        Contained while it is suspended: connected anew it would be another account.
        From the first commit on it is closed; if this process ends before the rest is done, `sweep` does it.
        """
        scope = Scope(principal.school, principal.person)
        self._ending.add(account)
        try:
            async with self._database.write() as tx:
                mine = _of(scope) & (accounts.c.id == account)
                closed = update(accounts).where(mine).values(state="closed").returning(accounts)
                row = (await tx.execute(closed)).mappings().one_or_none()
                if row is None:
                    raise NoSuchAccount("this account is not connected")
                if (await tx.execute(select(contained(Kind.CONNECTION, literal(account))))).scalar_one():
                    raise Contained("this account is suspended")
                await self._tell(tx, principal, "account.disconnected", account)
            return await self._end(row)
        except (OSError, Suspended) as error:  # the journal's disk, or a key: closed is closed, the sweep does the rest
            log.warning("disconnection_waits", why=type(error).__name__)
            return False
        finally:
            self._ending.discard(account)

    async def _end(self, row: RowMapping) -> bool:
        """Give a closed account's grant back and delete its row, unless it was connected anew meanwhile.

        In the journal before that. OSError.
        """
        noted = await self._noted(row)
        fields = await self._vault.fields(Scope(row["school"], row["person"]))
        grant = fields.unseal(TABLE, "grant", row["id"], row["grant"])
        revoked = await self._given_back(row, grant)
        same = (accounts.c.id == row["id"]) & (accounts.c.version == row["version"]) & (accounts.c.state == "closed")
        async with self._database.write() as tx:
            await tx.execute(delete(accounts).where(same))
            await self._vault.renew(tx, Scope(row["school"], row["person"]))
            if self._journal is not None:
                await self._journal.seen(tx, *noted)
        return revoked

    async def _noted(self, row: RowMapping) -> Sequence[int]:
        """Each disconnection of the same account by an id of its own."""
        if self._journal is None:
            return ()
        told, now = f"{row['id']}:{row['version']}", await self._database.now()
        return (await self._journal.note(told, row["school"], row["person"], DISCONNECTED, now),)

    async def disconnected(self, tx: AsyncConnection, line: Line) -> None:
        """It was given up: the journal's handler, after a restore. The sweep gives the grant back once more."""
        account, _, version = line.erasure.partition(":")
        mine = (accounts.c.id == account) & (accounts.c.version <= int(version))
        await tx.execute(update(accounts).where(mine).values(state="closed"))

    async def _given_back(self, row: RowMapping, grant: bytes) -> bool:
        if (consent := self._consents.get(row["provider"])) is None:
            return False
        who, told = row["person"], {"account": row["id"]}
        event = Event("grant.revoked", who, who, None, POLICY_VERSION, told)
        async with on_record(self._ledger, row["school"], event):
            return await give_back(consent, grant)

    async def grants(self, scope: Scope) -> Sequence[tuple[Provider, bytes | None]]:
        """Every grant, by its provider: for an erasure, which revokes them after the person's keys are gone.

        Also those that are closed: nobody could open their grants any more to finish the disconnection. None for one
        that is damaged: it must not keep anybody from being forgotten.
        """
        mine = (accounts.c.person == scope.subject) & (accounts.c.school == scope.tenant)
        async with self._database.read() as tx:
            rows = (await tx.execute(select(accounts).where(mine).order_by(accounts.c.made, accounts.c.id))).mappings()
        fields = await self._vault.fields(scope)
        return [(row["provider"], _opened_or_none(fields, row)) for row in rows]

    async def providers(self, scope: Scope) -> Sequence[str]:
        """The provider of each account, of the closed ones too; no key is needed."""
        mine = (accounts.c.person == scope.subject) & (accounts.c.school == scope.tenant)
        async with self._database.read() as tx:
            return (await tx.execute(select(accounts.c.provider).where(mine).order_by(accounts.c.made))).scalars().all()

    async def sweep(self, limit: int) -> int:
        """Delete consents that nobody finished, at most ``limit``, and finish disconnections that were broken off.

        How many. Where a key is suspended that opens the grant, that waits, and nothing else with it.
        """
        now = await self._database.now()
        async with self._database.write() as tx:
            gone = await delete_some(tx, connect_flows, connect_flows.c.ends <= now, limit)
        return gone + await self._finish_closed()

    async def _finish_closed(self) -> int:
        left = (accounts.c.state == "closed") & accounts.c.id.not_in(self._ending)
        active = select(persons.c.id).where(persons.c.state == "active")  # an erasure gives the others' grants back
        async with self._database.read() as tx:
            free = accounts.c.person.in_(active) & ~locked(accounts.c.school, accounts.c.person)
            rows = (
                (await tx.execute(select(accounts).where(left, free).order_by(accounts.c.id).limit(_STEP)))
                .mappings()
                .all()
            )
        ended = await asyncio.gather(*(self._end(row) for row in rows), return_exceptions=True)
        waiting = [one for one in ended if isinstance(one, Suspended)]  # a moment ago
        if errors := [one for one in ended if isinstance(one, BaseException) and one not in waiting]:
            raise errors[0]  # the others are done; the sweeper says so and comes back
        return len(rows) - len(waiting)

    def _consent(self, provider: str) -> Consent:
        if provider not in self._consents:
            raise ConnectRefused("provider")
        return self._consents[provider]

    async def _tell(self, tx: AsyncConnection, principal: Principal, action: str, account: str, **more: int) -> None:
        who, told = principal.person, {"account": account, **more}
        await self._ledger.append(tx, principal.school, Event(action, who, who, None, POLICY_VERSION, told))


def _kept(flow: bytes, picks: str | None) -> bytes:
    return json.dumps({"flow": base64.b64encode(flow).decode(), "picks": picks}).encode()


def _opened(kept: bytes) -> tuple[bytes, str | None]:
    told = json.loads(kept)
    return base64.b64decode(told["flow"]), told["picks"]


def _opened_or_none(fields: Fields, row: RowMapping) -> bytes | None:
    try:
        return fields.unseal(TABLE, "grant", row["id"], row["grant"])
    except Corrupt:
        return None


def _of(scope: Scope) -> Any:
    mine = (accounts.c.person == scope.subject) & (accounts.c.school == scope.tenant)
    return mine & (accounts.c.state != "closed")


def _account(fields: Fields, row: RowMapping) -> Account:
    state = "contained" if row.get("contained") else row["state"]
    label, account = (fields.text(TABLE, name, row["id"], row[name]) for name in ("label", "account"))
    return Account(row["id"], row["provider"], label, state, account)
