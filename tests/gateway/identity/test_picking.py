"""Choosing what a connection sees: the answer belongs to one session once and changes no grant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from cache.model import Scope
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.identity import Accounts, ConnectRefused, NoSuchAccount, People, Sessions
from gateway.ledger import Ledger
from gateway.policy import Principal
from tests.gateway.identity.test_accounts import CALLBACK, Consents, signed_in


class Narrow(Consents):
    """A consent under which people pick."""

    async def pick(self, redirect_uri: str, state: str, label: str) -> tuple[str, bytes]:
        assert redirect_uri == CALLBACK
        self.states.append(state)
        return f"https://provider.example/picker?hint={label}", b"picker-verifier"

    async def picked(self, flow: bytes, params: Mapping[str, str]) -> Sequence[str]:
        if self.trouble:
            raise self.trouble
        self.exchanged.append((flow, params))
        return ["canary-file-1", "canary-file-2"]


@pytest.fixture
def narrow() -> Narrow:
    return Narrow()


@pytest.fixture
def accounts(vault: Vault, database: Database, people: People, ledger: Ledger, narrow: Narrow) -> Accounts:
    """With a limit of one account, which a pick never counts against."""
    offered = {"google": narrow, "microsoft": Consents()}
    return Accounts(
        vault=vault, database=database, people=people, ledger=ledger, consents=offered, redirect_uri=CALLBACK, limit=1
    )  # fmt: skip


@pytest.fixture
async def me(sessions: Sessions, leo: Scope) -> Principal:
    return await signed_in(sessions, leo)


async def ready(accounts: Accounts, consent: Consents, me: Principal, provider: str = "google") -> str:
    await accounts.begin(me, provider)
    account = await accounts.finish(me, {"state": consent.states[-1], "code": "c"})
    await accounts.confirm(me, account)
    return account


@pytest.mark.both
async def test_a_pick_comes_back_once_as_its_account(
    accounts: Accounts, narrow: Narrow, me: Principal, ledger: Ledger
) -> None:
    account = await ready(accounts, narrow, me)
    assert await accounts.pick(me, account) == "https://provider.example/picker?hint=canary@gmail.example"
    answer = {"state": narrow.states[-1], "code": "c", "picked_file_ids": "canary-file-1,canary-file-2"}
    assert await accounts.finish(me, answer) == account
    assert narrow.exchanged[-1][0] == b"picker-verifier"
    assert (await accounts.get(Scope(me.school, me.person), account)).state == "ready"
    told = (await ledger.read(me.school))[-1]
    assert (told.action, told.details) == ("account.picked", {"account": account, "items": 2})
    with pytest.raises(ConnectRefused):
        await accounts.finish(me, answer)


async def test_whose_pick_it_is(accounts: Accounts, narrow: Narrow, me: Principal, sessions: Sessions) -> None:
    account = await ready(accounts, narrow, me)
    await accounts.pick(me, account)
    other = await signed_in(sessions, Scope(me.school, me.person))
    with pytest.raises(ConnectRefused):
        await accounts.finish(other, {"state": narrow.states[-1], "code": "c"})
    for nobodys in ("0" * 32, "native"):
        with pytest.raises(NoSuchAccount):
            await accounts.pick(me, nobodys)


async def test_nothing_is_picked_for_an_account_that_ended_meanwhile(
    accounts: Accounts, narrow: Narrow, me: Principal
) -> None:
    account = await ready(accounts, narrow, me)
    await accounts.pick(me, account)
    await accounts.disconnect(me, account)
    with pytest.raises(NoSuchAccount):
        await accounts.finish(me, {"state": narrow.states[-1], "code": "c"})
    assert len(narrow.exchanged) == 1


async def test_only_confirmed_connections_of_a_consent_that_picks(
    accounts: Accounts, narrow: Narrow, me: Principal
) -> None:
    await accounts.begin(me, "google")
    account = await accounts.finish(me, {"state": narrow.states[-1], "code": "c"})
    with pytest.raises(ConnectRefused) as refused:
        await accounts.pick(me, account)
    assert refused.value.reason == "pick"
