"""The incident book: each step added and in the ledger, the clock from the school's awareness, signed before closed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import insert, select, text

from gateway.books import DEPLOYMENT, scope
from gateway.containment import Target, Word
from gateway.db.tables_webhooks import webhook_messages, webhooks
from gateway.incidents import Changed, Closed, Draft, Incident, NoSuchIncident, NotYet, Refused, Told
from gateway.incidents.model import CLOCK_MS
from gateway.suspended import Kind
from tests.gateway.desks import Desk

pytestmark = pytest.mark.both
SECRET = "a teacher sent the class list to the wrong address"
HOUR = 3_600_000
SOFIA, PAUL = "a" * 32, "b" * 32


def admin(desk: Desk, by: str = SOFIA, school: str = "riverside") -> Word:
    return Word(desk.school(school).id, by)


def operator(desk: Desk) -> Word:
    return Word(desk.school().id)


async def enter(desk: Desk, word: Word, **more: Any) -> Incident:
    told = Told(SECRET, people=["students"], data=["contact"], people_count=24)
    return await desk.incidents.open(word, Draft("disclosure", more.pop("severity", "low"), told, **more))


async def ready(desk: Desk, word: Word, incident: str) -> None:
    """Both decisions are made."""
    for about in ("authority", "people"):
        await desk.incidents.decide(word, incident, about, False, "no risk")


async def listen(desk: Desk, after: int = 10**9) -> None:
    """The school has set an address for jobs that last very long."""
    row = {"school": desk.school().id, "told": b"x", "after": after, "stopped": 0, "given_up": 0}
    async with desk.database.write() as tx:
        await tx.execute(insert(webhooks).values(**row))


async def messages(desk: Desk) -> list[Any]:
    async with desk.database.read() as tx:
        return list((await tx.execute(select(webhook_messages))).all())


async def test_an_administrators_entry_makes_the_school_aware(desk: Desk) -> None:
    before = await desk.database.now()
    one = await enter(desk, admin(desk))
    assert (one.origin, one.state, one.severity, one.kind) == ("administrator", "open", "low", "disclosure")
    assert one.aware is not None
    assert before <= one.aware <= await desk.database.now()
    assert (one.aware_by, one.noticed) == (SOFIA, None)
    assert one.told is not None
    assert (one.told.description, one.told.people_count, list(one.told.people)) == (SECRET, 24, ["students"])
    assert [(act.act, act.actor, act.by) for act in await desk.incidents.acts(one.school, one.id)] == [
        ("opened", "administrator", SOFIA),
        ("aware", "administrator", SOFIA),
    ]


async def test_a_name_is_entered_once(desk: Desk) -> None:
    draft = Draft("disclosure", "low", Told(SECRET))
    first = await desk.incidents.open(admin(desk), draft, "e" * 32)
    again = await desk.incidents.open(admin(desk), draft, "e" * 32)
    assert first == again
    assert first.id == "e" * 32


async def test_the_operators_entry_gives_notice_at_once(desk: Desk) -> None:
    await listen(desk)
    one = await enter(desk, operator(desk))
    assert one.noticed is not None
    assert one.aware is None
    assert one.clock(await desk.database.now()).state == "waiting"
    (message,) = await messages(desk)
    assert f'"incident":"{one.id}"' in message.body
    assert '"type":"incident.opened"' in message.body
    assert SECRET not in message.body
    acts = await desk.incidents.acts(one.school, one.id)
    assert [act.act for act in acts] == ["opened", "noticed"]
    assert acts[1].told == {"ways": ["book", "webhook"]}


async def test_without_an_address_the_book_alone_is_the_notice(desk: Desk) -> None:
    one = await enter(desk, operator(desk))
    assert (await desk.incidents.acts(one.school, one.id))[1].told == {"ways": ["book"]}
    assert await messages(desk) == []
    later = await desk.incidents.noticed(operator(desk), one.id, one.opened - HOUR, "telephone")
    assert later.noticed == one.opened - HOUR


async def test_the_first_administrator_who_reads_it_makes_the_school_aware(desk: Desk, other: Desk) -> None:
    one = await enter(desk, operator(desk))
    assert (await desk.incidents.read(operator(desk), one.id)).aware is None, "the operator is not the school"
    await asyncio.gather(*(process.incidents.read(admin(desk), one.id) for process in (desk, other)))
    found = await desk.incidents.read(admin(desk, PAUL), one.id)
    assert found.aware_by == SOFIA
    acts = [act.act for act in await desk.incidents.acts(one.school, one.id)]
    assert acts == ["opened", "noticed", "aware"]
    assert found.clock(found.aware or 0).state == "running"


async def test_the_clock(desk: Desk) -> None:
    one = await enter(desk, admin(desk), severity="high")
    assert one.aware is not None
    aware = one.aware
    running = one.clock(aware + 2 * HOUR)
    assert (running.state, running.deadline, running.remaining) == ("running", aware + CLOCK_MS, 70 * 3600)
    assert one.clock(aware + CLOCK_MS).remaining == 0
    assert one.clock(aware + CLOCK_MS).state == "overdue"
    earlier = await desk.incidents.aware(admin(desk), one.id, aware - HOUR)
    assert earlier.clock(aware).deadline == aware - HOUR + CLOCK_MS
    with pytest.raises(Refused, match="aware_before"):
        await desk.incidents.aware(admin(desk), one.id, aware)
    with pytest.raises(Refused, match="in_the_future"):
        await desk.incidents.aware(admin(desk), one.id, await desk.database.now() + HOUR)
    told = await desk.incidents.notified(admin(desk), one.id, "authority", aware, "file 7")
    assert told.clock(aware + 99 * HOUR).state == "met"
    not_needed = await desk.incidents.decide(admin(desk), (await enter(desk, admin(desk))).id, "authority", False, "x")
    assert not_needed.clock(aware).state == "not_needed"


async def test_a_late_notification_says_why(desk: Desk) -> None:
    one = await enter(desk, admin(desk), aware=await desk.database.now() - 80 * HOUR)
    with pytest.raises(Refused, match="reason_for_delay"):
        await desk.incidents.notified(admin(desk), one.id, "authority", await desk.database.now())
    done = await desk.incidents.notified(
        admin(desk), one.id, "authority", await desk.database.now(), delay="holidays"
    )  # fmt: skip
    assert done.clock(await desk.database.now()).state == "late"
    facts = await desk.incidents.facts(one.school, one.id, "Riverside")
    assert facts.reasons["delay"] == "holidays"


async def test_it_is_closed_when_all_is_done_and_signed(desk: Desk) -> None:
    one = await enter(desk, admin(desk))
    with pytest.raises(NotYet) as caught:
        await desk.incidents.close(admin(desk), one.id)
    assert caught.value.missing == ("decision_authority", "decision_people", "signatures")
    await desk.incidents.decide(admin(desk), one.id, "authority", True, "a risk")
    await desk.incidents.decide(admin(desk), one.id, "people", True, "a high risk")
    with pytest.raises(NotYet) as caught:
        await desk.incidents.close(admin(desk), one.id)
    assert caught.value.missing == ("notice_authority", "notice_people", "signatures")
    now = await desk.database.now()
    await desk.incidents.notified(admin(desk), one.id, "authority", now)
    last = await desk.incidents.notified(admin(desk), one.id, "people", now)
    await desk.incidents.sign(admin(desk), one.id, last.acts)
    closed = await desk.incidents.close(admin(desk), one.id)
    assert (closed.state, closed.missing) == ("closed", [])
    for step in (
        desk.incidents.decide(admin(desk), one.id, "people", False, "x"),
        desk.incidents.amend(admin(desk), one.id, closed.acts, {"severity": "high"}),
        desk.incidents.touch(admin(desk), one.id, [("person", "c" * 32)]),
        desk.incidents.sign(admin(desk, PAUL), one.id, closed.acts),
        desk.incidents.close(admin(desk), one.id),
    ):
        with pytest.raises(Closed):
            await step
    noted = await desk.incidents.note(admin(desk), one.id, "the mail was deleted unread")
    assert noted.state == "closed"
    again = await desk.incidents.reopen(admin(desk), one.id, "another mail was found")
    assert (again.state, again.closed) == ("open", None)
    assert again.missing == ["signatures"], "what was signed was another state of it"
    with pytest.raises(Refused, match="open"):
        await desk.incidents.reopen(admin(desk), one.id, "x")


async def test_a_severe_one_needs_two_people(desk: Desk) -> None:
    one = await enter(desk, admin(desk), severity="high")
    await ready(desk, admin(desk), one.id)
    signed = await desk.incidents.sign(admin(desk), one.id, (await desk.incidents.get(one.school, one.id)).acts)
    with pytest.raises(Refused, match="signed_already"):
        await desk.incidents.sign(admin(desk), one.id, signed.acts)
    with pytest.raises(NotYet) as caught:
        await desk.incidents.close(admin(desk), one.id)
    assert caught.value.missing == ("signatures",)
    signed = await desk.incidents.sign(operator(desk), one.id, signed.acts)
    assert signed.signed == {SOFIA, "operator"}
    assert (await desk.incidents.close(admin(desk), one.id)).state == "closed"


async def test_two_administrators_are_two_people_and_one_twice_is_not(desk: Desk, other: Desk) -> None:
    one = await enter(desk, admin(desk), severity="high")
    await ready(desk, admin(desk), one.id)
    acts = (await desk.incidents.get(one.school, one.id)).acts
    done = await asyncio.gather(
        *(process.incidents.sign(admin(desk), one.id, acts) for process in (desk, other)), return_exceptions=True
    )
    assert [isinstance(found, Incident) for found in done].count(True) == 1
    now = await desk.incidents.get(one.school, one.id)
    assert now.signed == {SOFIA}
    assert (await desk.incidents.sign(admin(desk, PAUL), one.id, now.acts)).missing == []


async def test_what_is_changed_must_be_signed_again(desk: Desk) -> None:
    one = await enter(desk, admin(desk))
    await ready(desk, admin(desk), one.id)
    signed = await desk.incidents.sign(admin(desk), one.id, (await desk.incidents.get(one.school, one.id)).acts)
    assert signed.missing == []
    changed = await desk.incidents.amend(
        admin(desk), one.id, signed.acts, {"severity": "high", "measures": "recalled", "began": signed.opened - HOUR}
    )
    assert changed.missing == ["signatures"]
    assert changed.told is not None
    assert (changed.told.description, changed.told.measures) == (SECRET, "recalled")
    assert (changed.severity, changed.began) == ("high", signed.opened - HOUR)
    with pytest.raises(Changed):
        await desk.incidents.amend(admin(desk), one.id, signed.acts, {"severity": "low"})
    with pytest.raises(Changed):
        await desk.incidents.sign(admin(desk), one.id, signed.acts)
    noted = await desk.incidents.sign(admin(desk), one.id, changed.acts)
    after = await desk.incidents.note(admin(desk, PAUL), one.id, "a note changes nothing that is signed")
    assert after.signed == noted.signed == {SOFIA}


@pytest.mark.parametrize(
    ("times", "code"),
    [
        ({"began": 5, "ended": 4}, "ends_before_it_begins"),
        ({"began": 1 << 50}, "in_the_future"),
        ({"ended": 1 << 50}, "in_the_future"),
        ({"aware": 1 << 50}, "in_the_future"),
    ],
)
async def test_times_that_make_no_sense(desk: Desk, times: dict[str, int], code: str) -> None:
    with pytest.raises(Refused, match=code):
        await enter(desk, admin(desk), **times)
    assert (await desk.incidents.list(desk.school().id))[0] == []


async def test_whom_it_touched_in_pages(desk: Desk) -> None:
    one = await enter(desk, admin(desk))
    people = [("person", f"{number:032x}") for number in range(5)]
    assert await desk.incidents.touch(admin(desk), one.id, [*people, *people, ("object", "f" * 32)]) == 6
    assert await desk.incidents.touch(admin(desk), one.id, people[:2]) == 0
    found, after = [], ("", "")
    while page := await desk.incidents.affected(one.school, one.id, after, 2):
        found += [(kind, target) for kind, target, _ in page]
        after = found[-1]
    assert found == [("object", "f" * 32), *people]
    assert await desk.incidents.counted(one.school, one.id) == {"object": 1, "person": 5}


async def test_another_schools_book_is_not_there(desk: Desk) -> None:
    one = await enter(desk, admin(desk))
    there, now = admin(desk, school="hillcrest"), one.acts
    for step in (
        desk.incidents.get(there.school, one.id), desk.incidents.read(there, one.id),
        desk.incidents.acts(there.school, one.id), desk.incidents.amend(there, one.id, now, {"severity": "low"}),
        desk.incidents.note(there, one.id, "x"), desk.incidents.sign(there, one.id, now),
        desk.incidents.close(there, one.id), desk.incidents.affected(there.school, one.id),
        desk.incidents.touch(there, one.id, [("person", "c" * 32)]), desk.incidents.counted(there.school, one.id),
        desk.incidents.facts(there.school, one.id, "x"),
    ):  # fmt: skip
        with pytest.raises(NoSuchIncident):
            await step
    assert (await desk.incidents.list(there.school))[0] == []


async def test_a_list_in_pages(desk: Desk) -> None:
    made = []
    for _ in range(5):
        made.append((await enter(desk, admin(desk))).id)
        desk.database.ahead += 1000
    await ready(desk, admin(desk), made[0])
    await desk.incidents.sign(admin(desk), made[0], (await desk.incidents.get(desk.school().id, made[0])).acts)
    await desk.incidents.close(admin(desk), made[0])
    seen, before = [], None
    while True:
        page, before = await desk.incidents.list(desk.school().id, before=before, limit=2)
        seen += [one.id for one in page]
        if before is None:
            break
    assert seen == made[::-1]
    open_ones, _ = await desk.incidents.list(desk.school().id, state="open")
    assert [one.id for one in open_ones] == made[:0:-1]


async def test_every_step_stands_in_the_ledger(desk: Desk) -> None:
    one = await enter(desk, operator(desk))
    await desk.incidents.read(admin(desk), one.id)
    await desk.incidents.note(admin(desk), one.id, "x")
    entries = await desk.ledger.read(one.school)
    assert [(entry.action, entry.principal) for entry in entries if entry.instruction == one.id] == [
        ("incident.opened", None),
        ("incident.noticed", None),
        ("incident.aware", SOFIA),
        ("incident.note", SOFIA),
    ]


async def test_nothing_told_lies_in_the_clear_and_the_schools_keys_do_not_matter(desk: Desk) -> None:
    one = await enter(desk, admin(desk))
    await desk.incidents.note(admin(desk), one.id, SECRET)
    async with desk.database.read() as tx:
        for table in ("incidents", "incident_acts"):
            for row in (await tx.execute(text(f"SELECT * FROM {table}"))).all():
                raw = b"\0".join(value if isinstance(value, bytes) else str(value).encode() for value in row)
                assert SECRET.encode() not in raw
    await desk.containments.begin(operator(desk), Target(Kind.KEY, "", 1), "its key may be known")
    await desk.look()
    found = await desk.incidents.get(one.school, one.id)
    assert found.told is not None
    assert found.told.description == SECRET
    await desk.incidents.note(admin(desk), one.id, "written while the school's key is suspended")


async def test_without_the_books_own_key_the_codes_are_still_shown(desk: Desk) -> None:
    one = await enter(desk, admin(desk))
    async with desk.database.write() as tx:
        await desk.vault.suspend(tx, scope(one.school), 1)
    await desk.look()
    found = await desk.incidents.get(one.school, one.id)
    assert found.told is None
    assert found.kind == "disclosure"
    assert [act.told for act in await desk.incidents.acts(one.school, one.id)] == [None, None]


async def test_what_belongs_to_no_school(desk: Desk) -> None:
    one = await desk.incidents.open(Word(DEPLOYMENT), Draft("key", "high", Told("the root key")))
    assert one.noticed is None
    assert one.aware is not None
    assert (await desk.incidents.get(DEPLOYMENT, one.id)).told is not None
