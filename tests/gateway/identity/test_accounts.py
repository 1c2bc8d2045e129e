"""Connected accounts: a consent belongs to one session once, is confirmed before use, and lies here only sealed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
import stamina
from sqlalchemy import func, select, update

from cache.model import Scope
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.db.tables_people import accounts as accounts_table
from gateway.db.tables_people import connect_flows
from gateway.identity import (
    Accounts,
    ConnectRefused,
    NoSuchAccount,
    NotActive,
    People,
    Sessions,
    WrongState,
)
from gateway.ledger import Ledger
from gateway.policy import Principal
from providers.errors import Offline, Reconnect
from tests.gateway.identity.conftest import Clock

CALLBACK = "https://gateway.example/connect/callback"


@dataclass(frozen=True)
class Given:
    data: bytes
    label: str
    account: str


class Consents:
    """A provider's consent, at hand: it remembers what it was asked."""

    def __init__(self) -> None:
        self.grant = Given(b"canary-refresh-token", "canary@gmail.example", "canary-account-id")
        self.flow = b"canary-verifier"
        self.states: list[str] = []
        self.exchanged: list[tuple[bytes, Mapping[str, str]]] = []
        self.revoked: list[bytes] = []
        self.trouble: Exception | None = None
        self.way = True
        self.asked, self.go_on = asyncio.Event(), asyncio.Event()
        self.go_on.set()

    async def authorize(self, redirect_uri: str, state: str) -> tuple[str, bytes]:
        assert redirect_uri == CALLBACK
        self.states.append(state)
        return f"https://provider.example/consent?state={state}", self.flow

    async def exchange(self, flow: bytes, params: Mapping[str, str]) -> Given:
        if self.trouble:
            raise self.trouble
        self.exchanged.append((flow, params))
        return self.grant

    async def revoke(self, data: bytes) -> bool:
        self.asked.set()
        await self.go_on.wait()
        if self.trouble:
            raise self.trouble
        self.revoked.append(data)
        return self.way


@pytest.fixture(autouse=True)
def quick_retries() -> Iterator[None]:
    """Four tries as always, without the waits between them."""
    stamina.set_testing(True, attempts=4)
    yield
    stamina.set_testing(False)


@pytest.fixture
def google() -> Consents:
    return Consents()


@pytest.fixture
def accounts(vault: Vault, database: Database, people: People, ledger: Ledger, google: Consents) -> Accounts:
    return Accounts(
        vault=vault,
        database=database,
        people=people,
        ledger=ledger,
        consents={"google": google, "microsoft": Consents()},
        redirect_uri=CALLBACK,
        limit=2,
    )


async def signed_in(sessions: Sessions, scope: Scope) -> Principal:
    found = await sessions.resolve((await sessions.begin(scope, 0)).secret)
    assert found is not None
    return found


@pytest.fixture
async def me(sessions: Sessions, leo: Scope) -> Principal:
    return await signed_in(sessions, leo)


async def connected(accounts: Accounts, google: Consents, me: Principal) -> str:
    await accounts.begin(me, "google")
    return await accounts.finish(me, {"state": google.states[-1], "code": "c"})


async def refused(accounts: Accounts, me: Principal, params: dict[str, str]) -> str:
    with pytest.raises(ConnectRefused) as caught:
        await accounts.finish(me, params)
    return caught.value.reason


@pytest.mark.both
async def test_an_account_is_connected_confirmed_and_used(
    accounts: Accounts, google: Consents, me: Principal, leo: Scope, ledger: Ledger
) -> None:
    url = await accounts.begin(me, "google")
    assert url.endswith(google.states[-1])
    account = await accounts.finish(me, {"state": google.states[-1], "code": "c"})
    assert google.exchanged == [(b"canary-verifier", {"state": google.states[-1], "code": "c"})]
    (shown,) = await accounts.list(leo)
    assert (shown.id, shown.provider, shown.label, shown.state) == (
        account, "google", "canary@gmail.example", "unconfirmed",
    )  # fmt: skip
    keeper = accounts.keeper(leo, account)
    with pytest.raises(WrongState):
        await keeper.load()
    with pytest.raises(WrongState):
        await keeper.save(b"x")
    await accounts.confirm(me, account)
    await accounts.confirm(me, account)
    assert await keeper.load() == b"canary-refresh-token"
    await keeper.save(b"renewed")
    assert await keeper.load() == b"renewed"
    assert (await accounts.get(leo, account)).state == "ready"
    assert [entry.action for entry in await ledger.read(leo.tenant)] == ["account.connected", "account.confirmed"]


async def test_nothing_of_it_lies_open(accounts: Accounts, google: Consents, me: Principal, database: Clock) -> None:
    await accounts.begin(me, "google")
    await connected(accounts, google, me)
    await database.checkpoint()
    assert database.address.path is not None
    raw = database.address.path.read_bytes()
    for secret in ("canary", google.states[0], google.states[1]):
        assert secret.encode() not in raw


@pytest.mark.both
async def test_a_state_works_once(accounts: Accounts, google: Consents, me: Principal) -> None:
    await connected(accounts, google, me)
    assert await refused(accounts, me, {"state": google.states[-1], "code": "c"}) == "state"
    await accounts.begin(me, "google")
    params = {"state": google.states[-1], "code": "c"}
    found = await asyncio.gather(*(accounts.finish(me, params) for _ in range(5)), return_exceptions=True)
    assert [isinstance(one, ConnectRefused) for one in found].count(False) == 1
    assert len(google.exchanged) == 2


@pytest.mark.both
async def test_a_state_belongs_to_its_session(
    accounts: Accounts, google: Consents, me: Principal, sessions: Sessions, leo: Scope, mia: Scope
) -> None:
    await accounts.begin(me, "google")
    params = {"state": google.states[-1], "code": "c"}
    other, foreign = await signed_in(sessions, leo), await signed_in(sessions, mia)
    thieves = [other, foreign, replace(foreign, session=me.session), replace(me, school=mia.tenant)]
    for thief in thieves:
        assert await refused(accounts, thief, params) == "state"
    assert google.exchanged == []
    assert await accounts.finish(me, params)


async def test_states_nobody_made(accounts: Accounts, me: Principal) -> None:
    for state in ("", "x", "\0", "\udc80", "a" * 5000):
        assert await refused(accounts, me, {"state": state, "code": "c"}) == "state"
    assert await refused(accounts, me, {}) == "state"


@pytest.mark.both
async def test_a_consent_ends_after_ten_minutes_and_with_its_session(
    accounts: Accounts, google: Consents, me: Principal, sessions: Sessions, database: Clock
) -> None:
    await accounts.begin(me, "google")
    database.ahead = 600_001
    assert await refused(accounts, me, {"state": google.states[-1], "code": "c"}) == "state"
    await accounts.begin(me, "google")
    database.ahead += 600_001
    assert await accounts.sweep(10) == 1
    await accounts.begin(me, "google")
    await sessions.end(me)
    async with database.read() as tx:
        assert (await tx.execute(select(func.count()).select_from(connect_flows))).scalar_one() == 0


async def test_declining_spends_the_state(accounts: Accounts, google: Consents, me: Principal, leo: Scope) -> None:
    await accounts.begin(me, "google")
    state = google.states[-1]
    assert await refused(accounts, me, {"state": state, "error": "access_denied"}) == "cancelled"
    assert await refused(accounts, me, {"state": state, "code": "c"}) == "state"
    assert await accounts.list(leo) == []


async def test_an_exchange_that_fails_connects_nothing(
    accounts: Accounts, google: Consents, me: Principal, leo: Scope
) -> None:
    google.trouble = Reconnect()
    await accounts.begin(me, "google")
    with pytest.raises(Reconnect):
        await accounts.finish(me, {"state": google.states[-1], "code": "bad"})
    assert await accounts.list(leo) == []


async def test_providers_that_are_not_offered(accounts: Accounts, me: Principal) -> None:
    for provider in ("dropbox", "", "Google"):
        with pytest.raises(ConnectRefused, match="provider"):
            await accounts.begin(me, provider)


@pytest.mark.both
async def test_the_same_account_again_keeps_its_id_and_confirmation(
    accounts: Accounts, google: Consents, me: Principal, leo: Scope
) -> None:
    first = await connected(accounts, google, me)
    assert await connected(accounts, google, me) == first
    assert (await accounts.get(leo, first)).state == "unconfirmed"
    await accounts.confirm(me, first)
    google.grant = replace(google.grant, data=b"second grant")
    assert await connected(accounts, google, me) == first
    assert (await accounts.get(leo, first)).state == "ready"
    assert await accounts.keeper(leo, first).load() == b"second grant"
    google.grant = replace(google.grant, account="another")
    second = await connected(accounts, google, me)
    assert second != first
    assert (await accounts.get(leo, second)).state == "unconfirmed"
    with pytest.raises(WrongState):
        await accounts.begin(me, "google")


@pytest.mark.both
async def test_accounts_of_others_are_not_there(
    accounts: Accounts, google: Consents, me: Principal, sessions: Sessions, leo: Scope, mia: Scope
) -> None:
    account = await connected(accounts, google, me)
    await accounts.confirm(me, account)
    foreign = await signed_in(sessions, mia)
    assert await accounts.list(mia) == []
    for scope in (mia, Scope(mia.tenant, leo.subject), Scope(leo.tenant, mia.subject)):
        with pytest.raises(NoSuchAccount):
            await accounts.get(scope, account)
        with pytest.raises(NoSuchAccount):
            await accounts.keeper(scope, account).load()
    for call in (accounts.confirm(foreign, account), accounts.disconnect(foreign, account)):
        with pytest.raises(NoSuchAccount):
            await call
    with pytest.raises(NoSuchAccount):
        await accounts.confirm(me, "unknown")
    assert google.revoked == []
    assert await accounts.keeper(leo, account).load() == b"canary-refresh-token"


@pytest.mark.both
async def test_a_dead_grant_is_connected_anew(accounts: Accounts, google: Consents, me: Principal, leo: Scope) -> None:
    account = await connected(accounts, google, me)
    await accounts.confirm(me, account)
    keeper = accounts.keeper(leo, account)
    assert await keeper.dead(b"an older grant") is False
    assert (await accounts.get(leo, account)).state == "ready"
    assert await keeper.dead(await keeper.load()) is True
    assert (await accounts.get(leo, account)).state == "reconnect"
    google.grant = replace(google.grant, data=b"new life")
    assert await connected(accounts, google, me) == account
    assert (await accounts.get(leo, account)).state == "ready"
    await keeper.dead(b"new life")
    await keeper.save(b"came back by itself")
    assert (await accounts.get(leo, account)).state == "ready"


@pytest.mark.both
@pytest.mark.parametrize(
    ("trouble", "way", "revoked"), [(None, True, True), (None, False, False), (Offline(), True, False)]
)
async def test_disconnecting_forgets_here_in_any_case(
    accounts: Accounts, google: Consents, me: Principal, leo: Scope, database: Clock, ledger: Ledger,
    trouble: Any, way: bool, revoked: bool,
) -> None:  # fmt: skip
    account = await connected(accounts, google, me)
    google.trouble, google.way = trouble, way
    keeper = accounts.keeper(leo, account)
    assert await accounts.disconnect(me, account) is revoked
    assert google.revoked == ([] if trouble else [b"canary-refresh-token"])
    assert await accounts.list(leo) == []
    for call in (keeper.load(), keeper.save(b"x"), accounts.disconnect(me, account)):
        with pytest.raises(NoSuchAccount):
            await call
    async with database.read() as tx:
        assert (await tx.execute(select(func.count()).select_from(accounts_table))).scalar_one() == 0
    told = [entry.action for entry in await ledger.read(leo.tenant)]
    assert told[-2:] == ["account.disconnected", "grant.revoked"]


@pytest.mark.both
async def test_an_erasure_finds_every_grant(
    accounts: Accounts, google: Consents, me: Principal, leo: Scope, people: People, database: Clock
) -> None:
    account = await connected(accounts, google, me)
    await accounts.begin(me, "google")
    state = google.states[-1]
    async with database.write() as tx:
        await people.begin_erasure(tx, leo)
    ((provider, data),) = await accounts.grants(leo)
    assert (provider, data) == ("google", b"canary-refresh-token")
    with pytest.raises(NotActive):
        await accounts.begin(me, "google")
    with pytest.raises(NotActive):
        await accounts.confirm(me, account)
    with pytest.raises(NotActive):
        await accounts.finish(me, {"state": state, "code": "c"})


async def test_at_the_limit_no_more_accounts(accounts: Accounts, google: Consents, me: Principal) -> None:
    for number in range(2):
        google.grant = replace(google.grant, account=f"account {number}")
        await connected(accounts, google, me)
    with pytest.raises(WrongState):
        await accounts.begin(me, "microsoft")


async def rows(database: Clock) -> list[tuple[str, str]]:
    async with database.read() as tx:
        return [(row.id, row.state) for row in await tx.execute(select(accounts_table))]


async def cut_off(accounts: Accounts, google: Consents, me: Principal, account: str) -> None:
    """Disconnect, and die while the provider is asked."""
    google.go_on.clear()
    task = asyncio.create_task(accounts.disconnect(me, account))
    await google.asked.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    google.go_on.set()


@pytest.mark.both
async def test_a_disconnection_that_was_broken_off_is_finished(
    accounts: Accounts, google: Consents, me: Principal, leo: Scope, database: Clock
) -> None:
    account = await connected(accounts, google, me)
    await cut_off(accounts, google, me, account)
    assert (google.revoked, await rows(database)) == ([], [(account, "closed")])
    assert await accounts.list(leo) == []
    with pytest.raises(NoSuchAccount):
        await accounts.disconnect(me, account)
    assert await accounts.sweep(10) == 1
    assert (google.revoked, await rows(database)) == ([b"canary-refresh-token"], [])
    assert await accounts.sweep(10) == 0


async def test_a_sweep_leaves_a_running_disconnection_alone(
    accounts: Accounts, google: Consents, me: Principal
) -> None:
    account = await connected(accounts, google, me)
    google.go_on.clear()
    task = asyncio.create_task(accounts.disconnect(me, account))
    await google.asked.wait()
    assert await accounts.sweep(10) == 0
    google.go_on.set()
    assert await task
    assert google.revoked == [b"canary-refresh-token"]


@pytest.mark.both
async def test_an_erasure_gives_back_what_a_broken_disconnection_left(
    accounts: Accounts, google: Consents, me: Principal, leo: Scope, people: People, database: Clock
) -> None:
    account = await connected(accounts, google, me)
    await cut_off(accounts, google, me, account)
    async with database.write() as tx:
        await people.begin_erasure(tx, leo)
    ((provider, data),) = await accounts.grants(leo)
    assert (provider, data) == ("google", b"canary-refresh-token")
    assert await accounts.sweep(10) == 0


class FullDisk:
    """A journal that cannot be written for now."""

    def __init__(self) -> None:
        self.fails, self.noted, self.said = True, list[str](), list[int]()

    async def note(self, noted: str, _school: str, _person: str, scope: str, _at: int, /) -> int:
        if self.fails:
            raise OSError
        self.noted.append(f"{scope} {noted}")
        return 7

    async def seen(self, _tx: Any, *sequences: int) -> None:
        self.said += sequences


async def test_nothing_is_given_back_before_the_journal_knows(
    accounts: Accounts, google: Consents, me: Principal, leo: Scope
) -> None:
    """The account is closed all the same, and the sweep does the rest."""
    accounts._journal = journal = FullDisk()
    account = await connected(accounts, google, me)
    assert await accounts.disconnect(me, account) is False
    assert await accounts.list(leo) == []
    with pytest.raises(OSError):
        await accounts.sweep(500)
    assert google.revoked == []
    journal.fails = False
    assert await accounts.sweep(500) == 1
    assert len(google.revoked) == 1
    assert (journal.noted, journal.said) == ([f"disconnected {account}:1"], [7])


@pytest.mark.both
async def test_who_connects_again_during_a_disconnection_is_connected(
    accounts: Accounts, google: Consents, me: Principal, leo: Scope
) -> None:
    account = await connected(accounts, google, me)
    google.go_on.clear()
    task = asyncio.create_task(accounts.disconnect(me, account))
    await google.asked.wait()
    google.grant = replace(google.grant, data=b"second grant")
    assert await connected(accounts, google, me) == account
    google.go_on.set()
    assert await task
    assert (await accounts.get(leo, account)).state == "unconfirmed"
    assert await accounts.sweep(10) == 0
    ((_, data),) = await accounts.grants(leo)
    assert data == b"second grant"


@pytest.mark.both
async def test_the_limit_counts_when_the_provider_answers(
    accounts: Accounts, google: Consents, me: Principal, leo: Scope, database: Clock
) -> None:
    """Three consents begun while there was room for two; the accounts that are there stay renewable."""
    for _ in range(4):
        await accounts.begin(me, "google")

    async def answered(number: int) -> str:
        google.grant = replace(google.grant, account=f"account {number}")
        return await accounts.finish(me, {"state": google.states[number], "code": "c"})

    first, second = await answered(0), await answered(1)
    with pytest.raises(WrongState):
        await answered(2)
    google.grant = replace(google.grant, account="account 0")
    assert await accounts.finish(me, {"state": google.states[3], "code": "c"}) == first
    assert {known.id for known in await accounts.list(leo)} == {first, second}
    async with database.write() as tx:
        await tx.execute(update(accounts_table).where(accounts_table.c.id == first).values(state="closed"))
    await accounts.begin(me, "google")
    google.grant = replace(google.grant, account="account 5")
    await accounts.finish(me, {"state": google.states[4], "code": "c"})
    await accounts.sweep(10)
    assert len(await accounts.list(leo)) == 2
