"""While one school's key or one person's is suspended, the deployment starts, its sweeps run, and others work."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest
from sqlalchemy import insert, select, update
from structlog.testing import capture_logs

from cache.errors import Suspended
from cache.model import Scope
from gateway.api.routes_holds import WAITS, hold_out
from gateway.app import Deployment, deployment
from gateway.containment import Target, Word
from gateway.db.tables_people import accounts, guardian_links, persons
from gateway.holds import Hold, State
from gateway.holds import Order as HoldOrder
from gateway.identity import Claims
from gateway.lawful import Order
from gateway.lawful.model import LawfulRequest
from gateway.residency import ACTION
from gateway.settings import Residency, Settings
from gateway.suspended import Kind
from providers.native import NativeDrive
from tests.conformance.base import put
from tests.gateway.rights.conftest import DAY, claims, oneself, principal

ISSUER = "https://id.example"
LATER = 4_000_000_000_000
Found = TypeVar("Found")
Run = Callable[[Callable[[Deployment], Awaitable[Found]]], Awaitable[Found]]


def settings(folder: Path) -> Settings:
    """Two schools, and a word about where everything lies."""
    schools = {name: {"name": name.title(), "region": "local"} for name in ("riverside", "hillcrest")}
    provider = {"issuer": ISSUER, "client_id": "gateway", "schools": schools, "sandbox": True}
    return Settings(
        data_dir=folder / "data",
        expiry_dir=folder / "expiry",
        identity_providers=(provider,),
        residency=Residency(machines="Berlin"),
    )


@pytest.fixture
def run(tmp_path: Path) -> Run[Any]:
    """Start, do something, stop."""

    async def started(what: Callable[[Deployment], Awaitable[Found]]) -> Found:
        async with deployment(settings(tmp_path)) as made:
            return await what(made)

    return started


async def arrive(made: Deployment, subject: str, school: str = "riverside", **more: Any) -> Scope:
    found = made.services.schools.find(ISSUER, school)
    assert found is not None
    said: Claims = claims(subject, **more)
    return Scope(found.id, await made.services.people.arrive(found, said))


async def administrator(made: Deployment, school: str = "riverside") -> Scope:
    return await arrive(made, f"sofia of {school}", school, role="administrator", age_band="adult")


async def suspend(made: Deployment, school: str, person: str | None = None) -> str:
    target = Target(Kind.KEY, person or "", 1)
    held = await made.services.containments.begin(Word(school), target, "stolen")
    await noticed(made, Scope(school, person), usable=False)
    return held.id


async def lift(made: Deployment, scope: Scope, held: str) -> None:
    await made.services.containments.lift(Word(scope.tenant), held, "over")
    await noticed(made, scope, usable=True)


async def noticed(made: Deployment, scope: Scope, *, usable: bool) -> None:
    """Wait for the second at most in which this process does not know yet."""
    while await is_usable(made, scope) != usable:
        await asyncio.sleep(0.02)


async def is_usable(made: Deployment, scope: Scope) -> bool:
    try:
        await made.services.vault.fields(scope)
    except Suspended:
        return False
    return True


async def choose(made: Deployment, admin: Scope, **retention: int | None) -> None:
    version = (await made.services.school_choices.get(admin.tenant)).version
    await made.services.school_choices.change(admin.tenant, str(admin.subject), version, {}, None, retention)


async def all_swept(made: Deployment) -> None:
    """Every sweep is due and runs once, and none raises."""
    made.services.rights.inactivity._next = 0.0
    made.services.rights.retentions._looked = -1000.0
    for sweep in (*made.sweeper._sweeps.values(), *made.own._sweeps.values()):
        await sweep(500)


async def attested(made: Deployment, school: str) -> list[Any]:
    return [one.details for one in await made.services.ledger.read(school, limit=1000) if one.action == ACTION]


async def test_the_key_of_one_school_stops_nobody_else(run: Run[Any], tmp_path: Path) -> None:
    async def begin(made: Deployment) -> tuple[Scope, Scope, str]:
        sofia, ada = await administrator(made), await administrator(made, "hillcrest")
        await choose(made, sofia, trash_days=7, cache_seconds=90)
        await choose(made, ada, trash_days=8)
        return sofia, ada, await suspend(made, sofia.tenant)

    sofia, ada, held = await run(begin)

    async def meanwhile(made: Deployment) -> None:
        with pytest.raises(Suspended):
            await made.services.school_choices.get(sofia.tenant)
        known = made.services.rights.retentions.known(sofia.tenant)
        assert (known.trash_days, known.cache_seconds) == (3650, 60), "nothing is lost, and nothing lives longer"
        assert known.inactive_days is None
        assert made.services.rights.retentions.known(ada.tenant).trash_days == 8
        assert (await made.services.people.get(ada)).role == "administrator"
        assert len(await attested(made, ada.tenant)) == 1
        (unread,) = await attested(made, sofia.tenant)
        assert unread is None
        await all_swept(made)

    await run(meanwhile)

    async def lifted(made: Deployment) -> None:
        await lift(made, Scope(sofia.tenant, None), held)
        await all_swept(made)
        known = made.services.rights.retentions.known(sofia.tenant)
        assert (known.trash_days, known.cache_seconds) == (7, 90)
        (told,) = await attested(made, sofia.tenant)
        assert "Berlin" in str(told)

    await run(lifted)


async def test_a_statement_that_had_to_wait_is_made_once_it_can(run: Run[Any], monkeypatch: Any) -> None:
    async def begin(made: Deployment) -> tuple[str, str]:
        school = (await administrator(made)).tenant
        return school, await suspend(made, school)

    school, held = await run(begin)
    before = settings

    def moved(folder: Path) -> Settings:
        return before(folder).model_copy(update={"residency": Residency(machines="Paris")})

    monkeypatch.setattr(f"{__name__}.settings", moved)

    async def again(made: Deployment) -> None:
        assert len(await attested(made, school)) == 1, "it cannot be sealed now"
        await all_swept(made)
        await lift(made, Scope(school, None), held)
        await all_swept(made)
        assert len(await attested(made, school)) == 2
        await all_swept(made)
        assert len(await attested(made, school)) == 2

    await run(again)


async def disconnecting(made: Deployment, account: str, person: Scope) -> None:
    """They disconnected an account, and the process ended before its grant was given back."""
    fields = await made.services.vault.fields(person)
    boxes = {name: fields.seal("accounts", name, account, "x") for name in ("account", "label", "grant")}
    row = {"id": account, "school": person.tenant, "person": person.subject, "provider": "google", "state": "closed"}
    async with made.services.database.write() as tx:
        await tx.execute(insert(accounts).values(**row, **boxes, account_index=b"i" * 32, version=1, made=1))


async def connected(made: Deployment) -> list[str]:
    async with made.services.database.read() as tx:
        return list((await tx.execute(select(accounts.c.person))).scalars())


async def test_the_key_of_one_person_stops_no_sweep(run: Run[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.identity.accounts._STEP", 1)  # nobody is starved by who waits

    async def begin(made: Deployment) -> None:
        services = made.services
        sofia, leo, mia = await administrator(made), await arrive(made, "leo"), await arrive(made, "mia")
        dana = await arrive(made, "dana", role="guardian", age_band="adult")
        now = await services.database.now()
        await choose(made, sofia, inactive_days=100)
        for child in (leo, mia):
            await services.rights.guardians.make(
                principal(sofia), str(child.subject), str(dana.subject), ["review"], now + 30 * DAY
            )
        for account, one in (("first", leo), ("second", mia)):
            await disconnecting(made, account, one)
        held = await suspend(made, leo.tenant, leo.subject)
        async with services.database.write() as tx:
            await tx.execute(update(guardian_links).values(ends=now))
            both = persons.c.id.in_((leo.subject, mia.subject))
            await tx.execute(update(persons).where(both).values(seen=now - 200 * DAY))
        await all_swept(made)
        assert await services.rights.guardians.of(leo) == await services.rights.guardians.of(mia) == []
        away, _ = await services.rights.inactivity.of_school(sofia.tenant)
        assert [one.person for one in away] == [mia.subject], "who cannot be told has no day"
        told = [one for one in await services.ledger.read(leo.tenant, limit=1000) if one.action == "guardian.ended"]
        assert {one.subject: one.details is None for one in told} == {leo.subject: True, mia.subject: False}
        assert await connected(made) == [leo.subject], "a grant that nobody can open waits"
        await lift(made, leo, held)
        await all_swept(made)
        assert await connected(made) == []

    await run(begin)


async def test_what_is_handed_out_is_not_cut(run: Run[Any]) -> None:
    async def begin(made: Deployment) -> None:
        services = made.services
        leo, mia = await arrive(made, "leo"), await arrive(made, "mia")
        await suspend(made, leo.tenant, leo.subject)
        order = Order("Court", "1", "law", (str(leo.subject), str(mia.subject)), ("profile", "accounts", "ledger"))
        found = LawfulRequest("r", leo.tenant, None, order, None, (), None, "", 0, None)  # type: ignore[arg-type]

        async def delivered(_lines: int, _digest: str) -> None: ...

        lines = b"".join([line async for line in services.handing.lines(found, delivered)])
        closed = [line for line in lines.splitlines() if b'"closed": true' in line]
        assert [line.count(str(leo.subject).encode()) for line in closed] == [1, 1]
        assert b"mia@x.example" in lines
        assert b'"kind": "end"' in lines

    await run(begin)


async def test_a_correction_waits_for_its_key_and_nothing_else_does(run: Run[Any], tmp_path: Path) -> None:
    async def begin(made: Deployment) -> tuple[Any, ...]:
        services = made.services
        sofia, leo, mia = await administrator(made), await arrive(made, "leo"), await arrive(made, "mia")
        asked = [(await services.rights.corrections.ask(oneself(one), "name", "Right", "")).id for one in (leo, mia)]
        held = await suspend(made, leo.tenant, leo.subject)
        return sofia, leo, mia, asked, held

    sofia, leo, mia, asked, held = await run(begin)
    shutil.copytree(tmp_path / "data", tmp_path / "backup")

    async def act(made: Deployment) -> None:
        made.services.containments._journal = None  # it ends before it could note that this was lifted
        await lift(made, leo, held)
        for one in asked:
            await made.services.rights.corrections.decide(principal(sofia), one, accept=True, answer="")

    await run(act)
    shutil.rmtree(tmp_path / "data")
    shutil.copytree(tmp_path / "backup", tmp_path / "data")

    async def look(made: Deployment) -> None:
        assert (await made.services.people.get(mia)).name == "Right"
        await made.services.restorer.again()
        with pytest.raises(Suspended):
            await made.services.people.get(leo)
        await lift(made, leo, held)
        assert (await made.services.people.get(leo)).name == "Leo"
        await made.services.restorer.again()
        assert (await made.services.people.get(leo)).name == "Right"

    await run(look)
    await run(lambda made: made.services.people.get(leo))


async def opened(made: Deployment, first: Scope, second: Scope, person: Scope) -> Hold:
    """A legal hold on everything in the person's drive, begun."""
    services, school = made.services, first.tenant
    order = HoldOrder(str(person.subject), None, "Section 12", "District Court", "7/26", LATER)
    asked = await services.holds.open(services.approvals, school, str(first.subject), order)
    assert asked.approval is not None
    await services.approvals.approve(school, str(second.subject), asked.approval)
    await all_swept(made)
    return await services.holds.get(school, asked.id)


async def filed(made: Deployment, person: Scope) -> None:
    """A file in the person's drive."""
    drive = NativeDrive(made.services.vault, made.services.database, person)
    await put(drive, await drive.root(), "diary.txt", b"dear diary")


async def released(made: Deployment, first: Scope, second: Scope, hold: Hold) -> None:
    """Let go of by both."""
    services, school = made.services, first.tenant
    asked = await services.holds.release(services.approvals, school, str(first.subject), hold.id)
    assert asked.release is not None
    await services.approvals.approve(school, str(second.subject), asked.release)
    await all_swept(made)


async def reaches(made: Deployment, school: str, hold: str, state: State) -> Hold:
    while (found := await made.services.holds.get(school, hold)).state is not state:
        await asyncio.sleep(0.02)
    return found


@pytest.mark.parametrize("of_school", [True, False], ids=["school", "person"])
async def test_a_release_waits_for_no_suspended_key(run: Run[Any], of_school: bool) -> None:
    """What it kept is dead at once; what would be told with the key is left out."""

    async def begin(made: Deployment) -> None:
        services = made.services
        sofia, ada = await administrator(made), await arrive(made, "ada", role="administrator", age_band="adult")
        leo = await arrive(made, "leo")
        await filed(made, leo)
        hold = await opened(made, sofia, ada, leo)
        call: Any = SimpleNamespace(say=str, services=services)
        assert hold_out(call, hold, 0).waits is None
        asked = await services.holds.release(services.approvals, leo.tenant, str(sofia.subject), hold.id)
        held = await suspend(made, leo.tenant, None if of_school else leo.subject)
        with capture_logs() as logs:
            await services.approvals.approve(leo.tenant, str(ada.subject), str(asked.release))
            await all_swept(made)
            async with asyncio.timeout(30):
                found = await reaches(made, leo.tenant, hold.id, State.RELEASED)
        assert not [one for one in logs if one["event"] == "erasure_waits"]
        assert (found.waits, found.contents) == ("school_key" if of_school else None, 0)
        shown = hold_out(call, found, 0)
        assert (shown.person, shown.basis is None) == (leo.subject, of_school)
        assert (shown.words == WAITS["school_key"]) == of_school
        await lift(made, Scope(leo.tenant, None) if of_school else leo, held)
        found = await services.holds.get(leo.tenant, hold.id)
        assert (found.order, found.waits) == (hold.order, None)
        entries = await services.ledger.read(leo.tenant, limit=1000)
        told = [(one.subject, one.details is None) for one in entries if one.action == "hold.released"]
        assert told == [(leo.subject, True), (None, of_school)]
        messages, _ = await services.rights.notifications.list(leo)
        assert [one.kind for one in messages] == ["hold_opened"]

    await run(begin)


async def test_a_hold_says_that_it_waits_for_its_persons_key(run: Run[Any]) -> None:
    async def begin(made: Deployment) -> None:
        sofia, ada = await administrator(made), await arrive(made, "ada", role="administrator", age_band="adult")
        leo = await arrive(made, "leo")
        await filed(made, leo)
        held = await suspend(made, leo.tenant, leo.subject)
        hold = await opened(made, sofia, ada, leo)
        assert hold.waits == "person_key"
        await lift(made, leo, held)
        await all_swept(made)
        assert (await reaches(made, leo.tenant, hold.id, State.OPEN)).waits is None

    await run(begin)


@pytest.mark.parametrize("over", [False, True], ids=["held", "released"])
async def test_a_hold_waits_for_its_schools_key_and_the_start_does_not(
    run: Run[Any], tmp_path: Path, over: bool
) -> None:
    """The older copy knows neither that the suspension was lifted nor of the hold, nor that it was let go of."""

    async def begin(made: Deployment) -> tuple[Any, ...]:
        sofia, ada = await administrator(made), await arrive(made, "ada", role="administrator", age_band="adult")
        leo = await arrive(made, "leo")
        await filed(made, leo)
        return sofia, ada, leo, await suspend(made, leo.tenant)

    sofia, ada, leo, held = await run(begin)
    shutil.copytree(tmp_path / "data", tmp_path / "backup")

    async def act(made: Deployment) -> Hold:
        made.services.containments._journal = None  # it ends before it could note that this was lifted
        await lift(made, Scope(leo.tenant, None), held)
        hold = await opened(made, sofia, ada, leo)
        assert hold.state is State.OPEN
        if over:
            await released(made, sofia, ada, hold)
            await reaches(made, leo.tenant, hold.id, State.RELEASED)
        return hold

    hold = await run(act)
    shutil.rmtree(tmp_path / "data")
    shutil.copytree(tmp_path / "backup", tmp_path / "data")

    async def look(made: Deployment) -> None:
        await all_swept(made)
        await lift(made, Scope(leo.tenant, None), held)
        await made.services.restorer.again()
        assert made.services.restorer._left == []
        await all_swept(made)
        again = await reaches(made, leo.tenant, hold.id, State.RELEASED if over else State.OPEN)
        assert (again.contents, again.order) == (0 if over else 1, hold.order)

    await run(look)
    await run(all_swept)
