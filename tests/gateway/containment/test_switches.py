"""Each switch cuts off what it names, in every process, and nothing else; lifted, all is as before, nothing is lost."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text

from cache.errors import Suspended as KeySuspended
from cache.model import Scope
from gateway.containment import Already, Contained, NoSuchContainment, NoSuchTarget, OwnAccess, Target, Word
from gateway.db.tables_people import accounts, persons
from gateway.erasure.outside import AccountsOutside
from gateway.erasure.sessions import OpenSessions
from gateway.identity import CLIENT_ID, AccountGrant, Accounts, NotActive, Suspended, TokenPair
from gateway.ids import new_id
from gateway.policy import Principal, Resource, decide
from gateway.suspended import Kind
from providers.http import Outbound
from tests.gateway.desks import EXTENSION, Desk
from tests.gateway.identity.test_client_tokens import CHALLENGE, VERIFIER

pytestmark = pytest.mark.both
BACK = f"https://{EXTENSION}.chromiumapp.org/cb"
WHY = "a laptop was stolen"


def word(desk: Desk, by: str | None = None, school: str = "riverside") -> Word:
    return Word(desk.school(school).id, by)


async def contain(desk: Desk, kind: Kind, target: str, version: int | None = None) -> str:
    return (await desk.containments.begin(word(desk), Target(kind, target, version), WHY)).id


async def lift(desk: Desk, containment: str) -> None:
    await desk.containments.lift(word(desk), containment, "it was found")


async def signed_in(desk: Desk, scope: Scope) -> str:
    return (await desk.sessions.begin(scope, 0)).secret


async def extension(desk: Desk, scope: Scope) -> TokenPair:
    me = Principal(str(scope.subject), scope.tenant, "student", "13_15", "page", "session", 5)
    code = await desk.tokens.authorize(me, CLIENT_ID, BACK, CHALLENGE)
    return await desk.tokens.exchange(CLIENT_ID, code, VERIFIER, BACK)


async def connect(desk: Desk, scope: Scope) -> str:
    """A connected account with a grant."""
    made, fields = new_id(), await desk.vault.fields(scope)
    told = {name: fields.seal("accounts", name, made, name) for name in ("account", "label", "grant")}
    row = {"id": made, "school": scope.tenant, "person": scope.subject, "provider": "google", "state": "ready"}
    async with desk.database.write() as tx:
        await tx.execute(insert(accounts).values(**row, **told, account_index=new_id().encode(), version=1, made=1))
    return made


async def may_work(desk: Desk, scope: Scope) -> None:
    async with desk.database.write() as tx:
        await desk.people.require_active(tx, str(scope.subject))


async def test_a_person(desk: Desk, other: Desk) -> None:
    leo, mia = await desk.arrive("leo"), await desk.arrive("mia")
    cookies = {who: await signed_in(desk, who) for who in (leo, mia)}
    tokens = await extension(desk, leo)
    held = await contain(desk, Kind.PERSON, str(leo.subject))
    for process in (desk, other):
        assert await process.sessions.resolve(cookies[leo]) is None
        assert await process.sessions.resolve(cookies[mia]) is not None
        assert await process.tokens.resolve(tokens.access_token) is None
        with pytest.raises(Suspended):
            await process.tokens.refresh(CLIENT_ID, tokens.refresh_token)
        with pytest.raises(Suspended):
            await process.arrive("leo")
        with pytest.raises(Suspended):
            await may_work(process, leo)
        with pytest.raises(Suspended):
            await process.sessions.begin(leo, 0)
        await may_work(process, mia)
    await lift(other, held)
    assert await desk.sessions.resolve(cookies[leo]) is not None
    assert await desk.tokens.resolve(tokens.access_token) is not None
    assert await desk.tokens.refresh(CLIENT_ID, tokens.refresh_token)
    assert await desk.arrive("leo") == leo


async def test_a_suspended_person_can_still_be_forgotten(desk: Desk) -> None:
    leo = await desk.arrive("leo")
    held = await contain(desk, Kind.PERSON, str(leo.subject))
    async with desk.database.write() as tx:
        assert await desk.people.begin_erasure(tx, leo)
    await lift(desk, held)  # which brings nobody back
    with pytest.raises(NotActive) as caught:
        await desk.arrive("leo")
    assert not isinstance(caught.value, Suspended)
    async with desk.database.write() as tx:
        await desk.people.end_erasure(tx, leo)
        state = (await tx.execute(select(persons.c.state).where(persons.c.id == leo.subject))).scalar_one()
    assert state == "erased"


async def test_ending_an_erasure_needs_one_that_began(desk: Desk) -> None:
    leo = await desk.arrive("leo")
    await contain(desk, Kind.PERSON, str(leo.subject))
    async with desk.database.write() as tx:
        await desk.people.end_erasure(tx, leo)
        row = (await tx.execute(select(persons).where(persons.c.id == leo.subject))).one()
    assert (row.state, row.role) == ("suspended", "student")


async def test_a_school(desk: Desk, other: Desk) -> None:
    leo, sofia = await desk.arrive("leo"), await desk.arrive("sofia", "administrator")
    noor = await desk.arrive("noor", school="hillcrest")
    cookies = {who: await signed_in(desk, who) for who in (leo, sofia, noor)}
    tokens = await extension(desk, sofia)
    held = await contain(desk, Kind.SCHOOL, desk.school().id)
    for process in (desk, other):
        assert await process.sessions.resolve(cookies[leo]) is None
        with pytest.raises(Suspended):
            await process.arrive("leo")
        with pytest.raises(Suspended):
            await process.arrive("somebody new")
        for who in (leo, sofia):
            with pytest.raises(Suspended):
                await may_work(process, who)
        assert await process.tokens.resolve(tokens.access_token) is None
        assert await process.sessions.resolve(cookies[noor]) is not None
        await may_work(process, noor)
        me = await process.sessions.resolve(cookies[sofia])
        assert me is not None
        assert await process.sessions.lives(me, using=False)
        mine, ours = Resource(me.school, me.person), Resource(me.school)
        assert decide(me, "drive.list", mine).reason == "contained"
        for action in ("school.containment", "school.incidents", "school.release", "school.ledger"):
            assert decide(me, action, ours).allowed
        for action in ("erasure.self", "erasure.plan", "me.read", "session.end"):
            assert decide(me, action, mine).allowed
        assert await process.arrive("sofia", "administrator") == sofia
        await process.sessions.begin(sofia, 0)
    await lift(other, held)
    assert await desk.sessions.resolve(cookies[leo]) is not None
    assert await desk.tokens.resolve(tokens.access_token) is not None
    await may_work(desk, leo)
    me = await desk.sessions.resolve(cookies[sofia])
    assert me is not None
    assert not me.contained


async def test_a_connection(desk: Desk, other: Desk) -> None:
    leo = await desk.arrive("leo")
    mine, second = await connect(desk, leo), await connect(desk, leo)
    held = await contain(desk, Kind.CONNECTION, mine)
    for process in (desk, other):
        with pytest.raises(Contained):
            await AccountGrant(process.vault, process.database, leo, mine).load()
        assert await AccountGrant(process.vault, process.database, leo, second).load() == b"grant"
    await lift(other, held)
    assert await AccountGrant(desk.vault, desk.database, leo, mine).load() == b"grant"


async def test_a_connection_as_its_person_sees_it(desk: Desk) -> None:
    leo = await desk.arrive("leo")
    mine, second = await connect(desk, leo), await connect(desk, leo)
    room = Accounts(
        vault=desk.vault, database=desk.database, people=desk.people, ledger=desk.ledger, consents={},
        redirect_uri="https://here.example/connect/callback",
    )  # fmt: skip
    me = Principal(str(leo.subject), leo.tenant, "student", "13_15", "page", "s", 5)
    held = await contain(desk, Kind.CONNECTION, mine)
    assert {one.id: one.state for one in await room.list(leo)} == {mine: "contained", second: "ready"}
    assert (await room.get(leo, mine)).state == "contained"
    with pytest.raises(Contained):  # connected anew it would be another one, and free
        await room.disconnect(me, mine)
    assert len(await room.grants(leo)) == 2, "to be given back when they are forgotten"
    await lift(desk, held)
    assert {one.state for one in await room.list(leo)} == {"ready"}
    await room.disconnect(me, mine)
    assert [one.id for one in await room.list(leo)] == [second]


async def test_who_is_forgotten_while_their_key_is_suspended_loses_the_grants_unrevoked(desk: Desk) -> None:
    leo = await desk.arrive("leo")
    await connect(desk, leo)
    room = Accounts(
        vault=desk.vault, database=desk.database, people=desk.people, ledger=desk.ledger, consents={},
        redirect_uri="https://here.example/connect/callback",
    )  # fmt: skip
    sessions = OpenSessions(desk.vault, desk.database, Outbound(()))
    outside = AccountsOutside(room, {}, desk.ledger, sessions)
    assert "grant" in (await outside.collect(leo))[0]
    await contain(desk, Kind.KEY, str(leo.subject), 1)
    await desk.look()
    assert await outside.collect(leo) == [{"provider": "google", "school": leo.tenant, "person": leo.subject}]
    (told,) = [await outside.give_back(task) for task in await outside.collect(leo)]
    assert (told["revoked"], bool(told["advice"])) == (False, True)


async def test_an_extensions_sign_in(desk: Desk, other: Desk) -> None:
    leo = await desk.arrive("leo")
    first, second = await extension(desk, leo), await extension(desk, leo)
    me = await desk.tokens.resolve(first.access_token)
    assert me is not None
    held = await contain(desk, Kind.CLIENT, me.session)
    for process in (desk, other):
        assert await process.tokens.resolve(first.access_token) is None
        assert not await process.tokens.lives(me)
        assert await process.tokens.resolve(second.access_token) is not None
        with pytest.raises(Suspended):
            await process.tokens.refresh(CLIENT_ID, first.refresh_token)
    await lift(other, held)
    assert await desk.tokens.resolve(first.access_token) is not None
    assert await desk.tokens.refresh(CLIENT_ID, first.refresh_token), "it was not spent meanwhile"


@pytest.mark.parametrize("whose", ["the person's", "the school's"])
async def test_a_key(desk: Desk, other: Desk, whose: str) -> None:
    leo = await desk.arrive("leo")
    item = await desk.keep(leo, b"essay")
    assert await other.read(leo, item) == b"essay"
    held = await contain(desk, Kind.KEY, str(leo.subject) if whose == "the person's" else "", 1)
    for process in (desk, other):
        await process.look()
        with pytest.raises(KeySuspended):
            await process.read(leo, item)
        with pytest.raises(KeySuspended):
            await process.vault.fields(leo)
        found = await process.containments.get(leo.tenant, held)
        assert (found.reason, found.target.version) == (WHY, 1), "readable, for whoever is to lift it"
    await lift(other, held)
    for process in (desk, other):
        await process.look()
        assert await process.read(leo, item) == b"essay"


async def test_a_key_that_is_not_there(desk: Desk) -> None:
    leo = await desk.arrive("leo")
    for target, version in ((str(leo.subject), 2), ("", 9), (new_id(), 1)):
        with pytest.raises(NoSuchTarget):
            await contain(desk, Kind.KEY, target, version)
    assert [one.suspended for one in await desk.containments.keys(leo.tenant, leo.subject)] == [False]
    with pytest.raises(NoSuchTarget):
        await desk.containments.keys(leo.tenant, new_id())


async def test_a_person_whose_key_is_suspended_already(desk: Desk) -> None:
    """The reason cannot be sealed under the person's key now, and is kept all the same."""
    leo = await desk.arrive("leo")
    key = await contain(desk, Kind.KEY, str(leo.subject), 1)
    await desk.look()
    held = await contain(desk, Kind.PERSON, str(leo.subject))
    assert (await desk.containments.get(leo.tenant, held)).reason == WHY
    await lift(desk, held)
    await lift(desk, key)
    assert (await desk.containments.get(leo.tenant, held)).lift_reason == "it was found"


async def test_a_reason_sealed_under_a_key_that_is_suspended_later(desk: Desk) -> None:
    leo = await desk.arrive("leo")
    held = await contain(desk, Kind.PERSON, str(leo.subject))
    key = await contain(desk, Kind.KEY, str(leo.subject), 1)
    await desk.look()
    assert (await desk.containments.get(leo.tenant, held)).reason is None
    await lift(desk, key)
    await desk.look()
    assert (await desk.containments.get(leo.tenant, held)).reason == WHY


async def test_a_signing_key(desk: Desk, other: Desk) -> None:
    first = (await desk.signing.public())["keys"][0]["kid"]
    operator = Word("deployment")
    held = await desk.containments.begin(operator, Target(Kind.SIGNING, first), WHY)
    for process in (desk, other):
        with pytest.raises(KeySuspended):
            await process.signing.sign({"a": 1})
        assert (await process.signing.public())["suspended"] == [first]
    async with desk.database.write() as tx:
        second = await desk.signing.rotate(tx, "receipts", older=0)
        assert second is not None
    assert (await other.signing.public())["succession"] == [], "a suspended key vouches for none"
    assert await other.signing.sign({"a": 1})
    await desk.containments.lift(operator, held.id, "a false alarm")
    assert "suspended" not in await other.signing.public()
    with pytest.raises(NoSuchTarget):  # no school's business
        await desk.containments.begin(word(desk), Target(Kind.SIGNING, first), WHY)


async def test_what_is_not_theirs(desk: Desk) -> None:
    leo, noor = await desk.arrive("leo"), await desk.arrive("noor", school="hillcrest")
    sofia = await desk.arrive("sofia", "administrator")
    account, me = await connect(desk, noor), await desk.tokens.resolve((await extension(desk, noor)).access_token)
    assert me is not None
    foreign = [
        Target(Kind.PERSON, str(noor.subject)), Target(Kind.SCHOOL, noor.tenant), Target(Kind.CONNECTION, account),
        Target(Kind.CLIENT, me.session), Target(Kind.KEY, str(noor.subject), 1), Target(Kind.PERSON, new_id()),
    ]  # fmt: skip
    for target in foreign:
        with pytest.raises(NoSuchTarget):
            await desk.containments.begin(word(desk, str(sofia.subject)), target, WHY)
    with pytest.raises(OwnAccess):
        await desk.containments.begin(
            word(desk, str(sofia.subject)), Target(Kind.PERSON, str(sofia.subject)), WHY
        )  # fmt: skip
    held = await contain(desk, Kind.PERSON, str(leo.subject))
    for work in (desk.containments.get(noor.tenant, held), desk.containments.lift(Word(noor.tenant), held, "x")):
        with pytest.raises(NoSuchContainment):
            await work
    assert (await desk.containments.list(noor.tenant))[0] == []


async def test_once_at_a_time(desk: Desk, other: Desk) -> None:
    leo = await desk.arrive("leo")
    both = [contain(process, Kind.PERSON, str(leo.subject)) for process in (desk, other)]
    done = await asyncio.gather(*both, return_exceptions=True)
    (held,) = [one for one in done if isinstance(one, str)]
    assert [type(one) for one in done if not isinstance(one, str)] == [Already]
    lifted = await asyncio.gather(*(lift(process, held) for process in (desk, other)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in lifted) == ["Already", "NoneType"]
    again = await contain(desk, Kind.PERSON, str(leo.subject))
    assert again != held


async def test_a_list_in_pages(desk: Desk) -> None:
    held = []
    for name in ("ann", "ben", "cem", "dan", "eva"):
        scope = await desk.arrive(name)
        held.append(await contain(desk, Kind.PERSON, str(scope.subject)))
        desk.database.ahead += 1000
    await lift(desk, held[1])
    school, seen, before = desk.school().id, [], None
    while True:
        page, before = await desk.containments.list(school, before=before, limit=2)
        seen += [one.id for one in page]
        if before is None:
            break
    assert seen == held[::-1]
    active, _ = await desk.containments.list(school, active=True)
    assert [one.id for one in active] == [one for one in held[::-1] if one != held[1]]
    (lifted,), _ = await desk.containments.list(school, active=False)
    assert (lifted.id, lifted.lift_reason) == (held[1], "it was found")


async def test_every_act_stands_in_the_ledger_and_no_words_in_the_clear(desk: Desk, tmp_path: Path) -> None:
    leo, sofia = await desk.arrive("leo"), await desk.arrive("sofia", "administrator")
    by = word(desk, str(sofia.subject))
    held = await desk.containments.begin(by, Target(Kind.PERSON, str(leo.subject)), WHY)
    await desk.containments.lift(word(desk), held.id, "it was found")
    entries = [one for one in await desk.ledger.read(leo.tenant) if one.instruction == held.id]
    assert [(one.action, one.principal, one.subject) for one in entries] == [
        ("contained.person", sofia.subject, leo.subject),
        ("released.person", None, leo.subject),
    ]
    async with desk.database.read() as tx:
        rows = (await tx.execute(text("SELECT * FROM containments"))).all()
    shown = b"".join(
        bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode() for value in rows[0]
    )
    assert WHY.encode() not in shown
    assert b"found" not in shown
