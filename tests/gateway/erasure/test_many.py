"""Many people and whole schools: two administrators, a delay, a way back until then, one receipt of counts."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select, update

from cache.errors import Shredded, Suspended
from cache.vault import Scope
from gateway.approvals import NoSuchApproval, Request, SecondNeeded, State, WrongState
from gateway.books import Books
from gateway.containment import Containments, Target, Word
from gateway.db.tables_approvals import approval_votes, approvals
from gateway.db.tables_erasure import erasures
from gateway.db.tables_ledger import ledger_checkpoints, ledger_entries, ledger_heads
from gateway.db.tables_people import persons, schools
from gateway.erasure import eraser, ordering
from gateway.erasure.model import ErasureRefused, NothingThere
from gateway.forgetting import Forgetting
from gateway.identity import Schools
from gateway.identity.schools import SchoolStillHere
from gateway.ledger import Ends, Ledger
from gateway.ledger.checkpoints import Checkpoints
from gateway.ledger.ends import leaving
from gateway.ledger.keeping import Keeping
from gateway.ledger.verify import verify
from gateway.settings import IdentityProvider, SchoolSetting
from gateway.suspended import Kind
from tests.gateway.erasure.conftest import ADA, EVERYBODY, LEO, MIA, ZOE, World, set_role

ISSUER = "https://launchpad.example"


async def asked(made: Forgetting, *people: str) -> tuple[Request, str]:
    """A request by Ada to forget these, or with nobody the school."""
    if people:
        return await made.orders.many("school", "ada", list(people), {"reason": "they left"})
    return await made.orders.school("school", "ada", {"reason": "the contract ends"})


async def due(world: World, made: Forgetting, request: Request) -> None:
    """Zoe approves, and its time has come."""
    approved, secret = await made.orders.approve("school", "zoe", request.id)
    assert secret is not None
    assert (approved.state, [vote.person for vote in approved.votes]) == (State.APPROVED, ["ada", "zoe"])
    await made.approvals.sweep(10)


async def actions(world: World, school: str = "school") -> list[tuple[str, str | None]]:
    async with world.database.read() as tx:
        query = select(ledger_entries.c.action, ledger_entries.c.principal).where(ledger_entries.c.school == school)
        return [(row.action, row.principal) for row in await tx.execute(query.order_by(ledger_entries.c.sequence))]


@pytest.mark.both
async def test_many_people(world: World) -> None:
    """Those who were named and nobody else; the receipt counts, and names nobody."""
    made = await world.started()
    request, secret = await asked(made, "leo", "mia")
    assert await made.eraser.receipts.fetch(secret) is None, "it may come"
    plan = await made.plans.people("school", ["leo", "mia", "nobody"])
    assert (plan.people, [part.count for part in plan.parts if part.store == "cached"]) == (2, [1])
    await due(world, made, request)
    statement = await world.statement(secret)
    assert (statement["scope"], statement["people"], statement["asked_by"]) == ("people", 2, "school")
    assert sum(one["erased"] for one in statement["erased"] if one["store"] == "cached") == 1
    assert statement["outside"] == []
    assert [await world.state(one) for one in EVERYBODY] == ["erased", "erased", "active", "active"]
    assert (await made.approvals.get("school", request.id)).state is State.DONE
    told = await actions(world)
    assert told[:2] == [("approval.proposed", "ada"), ("approval.approved", "zoe")]
    assert told[-1] == ("receipt.fetched", None)
    assert set(told[2:-1]) == {("erasure.begun", "ada"), ("approval.done", None), ("erasure.done", None)}


def persons_in(world: World) -> set[str]:
    """Of whom the journal says that they are forgotten."""
    lines = [json.loads(line) for line in world.journal.read_text().splitlines()]
    return {line["person"] for line in lines if line["scope"] == "person"}


@pytest.mark.both
async def test_everybody_of_many_is_in_the_journal_before_the_first_key_dies(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However few are taken up at once: an older copy that is put back then brings nobody of them back."""
    monkeypatch.setattr(eraser, "CROWD", 1)
    monkeypatch.setattr(eraser, "_PAGE", 2)
    made = await world.started()
    taken = list[str]()
    written: list[set[str]] = []

    def took(one: str, *, crowd: bool = False) -> None:
        if crowd:
            taken.append(one)
            written.append(persons_in(world))

    monkeypatch.setattr(made.eraser, "_spawn", took)
    request, _ = await asked(made, "leo", "mia", "zoe")
    await made.approvals.approve("school", "zoe", request.id)
    await made.approvals.sweep(10)
    await made.eraser._take_up()
    assert taken
    assert written[0] == {"leo", "mia", "zoe"}


async def test_who_could_not_be_given_back_is_named_by_id(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """They must end it themselves, and somebody must be able to tell them."""

    async def kept(task: dict[str, Any]) -> dict[str, Any]:
        return {"cancelled": 0} if "sessions" in task else {"provider": "OneDrive", "what": "", "revoked": False}

    monkeypatch.setattr(world.outside, "give_back", kept)
    made = await world.started()
    request, secret = await asked(made, "mia")
    await due(world, made, request)
    assert (await world.statement(secret))["outside"] == [{"person": "mia", "not_revoked": {"OneDrive": 1}}]


async def used_for_ever(world: World) -> None:
    """Use the school's key. A process may have one that is suspended for a second more."""
    while await world.vault.fields(Scope("school", None)):
        await asyncio.sleep(0.02)


@pytest.mark.both
@pytest.mark.parametrize("people", [("leo", "mia"), ()])
async def test_a_suspended_key_of_the_school_stops_no_forgetting(world: World, people: tuple[str, ...]) -> None:
    """Not even between the two approvals: only a legal hold may stop an erasure."""
    made = await world.started()
    request, secret = await asked(made, *people)
    ledger = Ledger(world.vault, world.database)
    held = Containments(world.vault, world.database, ledger, Books(world.vault))
    await held.begin(Word("school"), Target(Kind.KEY, "", 1), "stolen")
    with pytest.raises(Suspended):
        await used_for_ever(world)
    await due(world, made, request)
    assert (await world.statement(secret))["scope"] == ("people" if people else "school")
    assert await world.state(LEO) == "erased"
    if people:
        found = await made.approvals.get("school", request.id)
        assert (found.state, found.details) == (State.DONE, {})


async def test_one_administrator_is_not_enough(world: World) -> None:
    made = await world.started()
    request, _ = await asked(made, "leo")
    with pytest.raises(SecondNeeded):
        await made.orders.approve("school", "ada", request.id)
    await made.approvals.sweep(10)
    assert await world.state(LEO) == "active"
    with pytest.raises(NoSuchApproval):
        await made.orders.approve("another", "zoe", request.id)


async def test_the_delay_leaves_time_to_cancel(world: World) -> None:
    made = await world.started()
    made.orders._delay = _hour
    request, secret = await asked(made, "leo")
    approved, _ = await made.orders.approve("school", "zoe", request.id)
    assert approved.due is not None
    assert approved.due - approved.votes[1].at == 3_600_000
    await made.approvals.sweep(10)
    assert await world.state(LEO) == "active"
    assert (await made.approvals.cancel("school", "zoe", request.id)).state is State.CANCELLED
    with pytest.raises(WrongState):
        await made.orders.approve("school", "zoe", request.id)
    async with world.database.write() as tx:
        await tx.execute(update(approvals).values(due=1))
    await made.approvals.sweep(10)
    assert await world.state(LEO) == "active"
    with pytest.raises(KeyError):
        await made.eraser.receipts.fetch(secret)


async def _hour(_school: str) -> int:
    return 3_600_000


@pytest.mark.parametrize("gone", [{"state": "suspended"}, {"role": "teacher"}, {"state": "erased"}])
async def test_who_is_no_administrator_any_more_stands_behind_nothing(world: World, gone: dict[str, str]) -> None:
    """When its time comes, not only when they said so."""
    made = await world.started()
    request, _ = await asked(made, "leo")
    await made.approvals.approve("school", "zoe", request.id)
    await set_role(world, ZOE, **gone)
    await made.approvals.sweep(10)
    now = await made.approvals.get("school", request.id)
    assert (now.state, now.due, [vote.person for vote in now.votes]) == (State.PROPOSED, None, ["ada"])
    assert await world.state(LEO) == "active"


async def test_a_request_that_nobody_approves_lapses(world: World) -> None:
    made = await world.started()
    request, _ = await asked(made, "leo")
    async with world.database.write() as tx:
        await tx.execute(update(approvals).values(made=1))
    await made.approvals.sweep(10)
    assert (await made.approvals.get("school", request.id)).state is State.LAPSED
    assert (await actions(world))[-1] == ("approval.lapsed", None)


async def test_an_act_that_fails_is_tried_again_and_done_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the first try is left."""
    made = await world.started()
    request, _ = await asked(made, "leo")
    await made.approvals.approve("school", "zoe", request.id)
    real, failed = made.approvals._acts["erase_people"], list[bool]()

    async def fails_once(tx: Any, request: Request) -> None:
        await real(tx, request)
        if not failed:
            failed.append(True)
            raise OSError

    monkeypatch.setitem(made.approvals._acts, "erase_people", fails_once)
    assert await made.approvals.sweep(10) == 0
    assert await world.state(LEO) == "active"
    assert await made.approvals.sweep(10) == 1
    assert await made.approvals.sweep(10) == 0
    await world.done(request.id)
    assert await world.state(LEO) == "erased"


async def test_one_person_on_one_word_and_not_a_whole_class(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a few a day, and for an administrator, it takes two."""
    monkeypatch.setattr(ordering, "FEW", 1)
    made = await world.started()
    for person, code in (("ada", "yourself"), ("zoe", "second_administrator")):
        with pytest.raises(ErasureRefused) as refused:
            await made.orders.person("school", "ada", person)
        assert refused.value.code == code
    with pytest.raises(NothingThere):
        await made.orders.person("another", "ada", "leo")
    statement = await world.receipt(await made.orders.person("school", "ada", "leo"))
    assert (statement["asked_by"], statement["scope"]) == ("school", "person")
    with pytest.raises(ErasureRefused) as refused:
        await made.orders.person("school", "zoe", "mia")
    assert refused.value.code == "second_administrator"
    assert await world.state(MIA) == "active"


async def test_strangers_are_in_no_request(world: World) -> None:
    made = await world.started()
    for people in (["leo", "nobody"], []):
        with pytest.raises(NothingThere):
            await made.orders.many("school", "ada", people, {})
    async with world.database.read() as tx:
        assert (await tx.execute(select(func.count()).select_from(approval_votes))).scalar_one() == 0


@pytest.mark.both
async def test_a_school_that_leaves(world: World) -> None:
    """Everybody, its keys, its settings, its ledger but the chain's end; what others have stays."""
    async with world.database.write() as tx:
        row = {"id": "other", "issuer": ISSUER, "claim": "hillcrest", "name": "Hillcrest", "region": "here", "made": 1}
        await tx.execute(insert(schools).values(**row))
        await tx.execute(insert(persons).values(id="eve", school="other", state="active", role="student"))
        await world.vault.enrol(tx, Scope("other", "eve"))
    await world.hold_something(Scope("other", "eve"))
    made = await world.started()
    request, secret = await asked(made)
    plan = await made.plans.school("school")
    assert (plan.people, [part.count for part in plan.parts if part.store == "cached"]) == (4, [1])
    await due(world, made, request)
    statement = await world.statement(secret)
    assert (statement["scope"], statement["people"]) == ("school", 4)
    assert statement["ledger"]["sequence"] >= 4
    async with world.database.read() as tx:
        head = (await tx.execute(select(ledger_heads).where(ledger_heads.c.school == "school"))).one()
        states = {row.id: row.state for row in await tx.execute(select(persons.c.id, persons.c.state))}
        left = (await tx.execute(select(schools).where(schools.c.id == "school"))).one()
        requests = (await tx.execute(select(func.count()).select_from(approvals))).scalar_one()
    assert statement["ledger"]["hash"] == head.hash.hex()
    assert states == {**dict.fromkeys(("leo", "mia", "ada", "zoe"), "erased"), "eve": "active"}
    assert (left.left is not None, left.name, requests) == (True, "", 0)
    assert await actions(world) == []
    operators = [action for action, _ in await actions(world, "deployment")]
    assert operators[-2:] == ["operator.school_left", "receipt.fetched"], "the school's own chain is over"
    with pytest.raises(Shredded):
        await world.vault.fields(Scope("school", None))
    assert len(world.blobs()) == 1, "of the other school"


@pytest.mark.both
async def test_the_chain_of_a_school_that_left_still_verifies(world: World) -> None:
    """Its end is signed; no alarm is raised for the entries that are gone, before that or after."""
    ends, ledger = Ends(), Ledger(world.vault, world.database)
    alarms: list[str] = []

    async def for_ever(_school: str) -> int:
        return 1 << 60

    async def found(school: str, _place: int, _why: str) -> None:
        alarms.append(school)

    checkpoints = Checkpoints(ledger, world.database, ends, world.signing, for_ever)
    keeping = Keeping(checkpoints, world.database, found=found, pause=0)
    made = await world.started()
    request, secret = await asked(made)
    before = await verify(world.database, "school", await checkpoints.check())
    await due(world, made, request)
    await world.statement(secret)
    await keeping.sweep(10)
    verdict = await verify(world.database, "school", await checkpoints.check(), known=(before.sequence, before.end))
    assert (verdict.whole, verdict.entries, verdict.base == verdict.sequence > before.sequence) == (True, 0, True)
    assert alarms == []
    async with world.database.write() as tx:
        for step, gone in (("people", 0), ("erased", 1)):
            await tx.execute(update(erasures).where(erasures.c.id == request.id).values(step=step))
            assert len((await tx.execute(leaving())).all()) == gone, "it may wait for long before anything goes"
        own = ledger_checkpoints.c.school == "school"
        (stated,) = (await tx.execute(select(ledger_checkpoints).where(own))).mappings().all()
        await tx.execute(delete(ledger_checkpoints).where(own))
        await tx.execute(update(ledger_heads).values(kept=None))
    await keeping.sweep(10)
    assert alarms == [], "while it is taken away it is left alone"
    async with world.database.write() as tx:
        await tx.execute(update(erasures).where(erasures.c.id == request.id).values(step="done"))
        await tx.execute(insert(ledger_checkpoints).values(**stated))
        await tx.execute(update(ledger_heads).where(ledger_heads.c.school == "school").values(sequence=1, kept=None))
    await keeping.again("school")
    await keeping.sweep(10)
    assert alarms == ["school"], "what is left is still looked after"


async def configured(world: World, again: int) -> Schools:
    """What a start makes of the configuration."""
    made = Schools(world.vault, world.database)
    told = SchoolSetting(name="Riverside", region="here", again=again)
    provider = IdentityProvider(issuer=ISSUER, client_id="c", schools={"riverside": told}, roles={"a": "student"})
    await made.start([provider])
    return made


async def test_nobody_signs_in_to_it_until_it_is_configured_anew(world: World) -> None:
    """And then it is another school: no id is used again."""
    made = await world.started()
    request, secret = await asked(made)
    await due(world, made, request)
    assert (await configured(world, 0)).find(ISSUER, "riverside") is None, "already while it runs"
    await world.statement(secret)
    assert (await configured(world, 0)).find(ISSUER, "riverside") is None
    anew = (await configured(world, 1)).find(ISSUER, "riverside")
    assert anew is not None
    assert anew.id != "school"
    for wrong in (2, 3):
        with pytest.raises(SchoolStillHere):
            await configured(world, wrong)
    assert (await configured(world, 0)).find(ISSUER, "riverside") is None


async def test_people_who_go_by_themselves_meanwhile_are_forgotten_once(world: World) -> None:
    made = await world.started()
    request, secret = await asked(made)
    begun = await made.eraser.begin(LEO)
    assert begun is not None
    await due(world, made, request)
    assert (await world.statement(secret))["people"] == 3
    async with world.database.read() as tx:
        mine = select(func.count()).where(erasures.c.person == "leo")
        assert (await tx.execute(mine)).scalar_one() == 1
    assert (await world.receipt(begun))["asked_by"] == "self"
    assert await world.state(ADA) == "erased"
