"""Page sessions: only the cookie opens one, and it ends by disuse, by age, by sign-out and with its person."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from cache.model import Scope
from cache.vault import Vault
from gateway.db.tables_people import persons
from gateway.db.tables_people import sessions as table
from gateway.identity import NotActive, People, Schools, Sessions
from gateway.policy import Principal
from tests.gateway.identity.conftest import Clock, configured


@pytest.mark.both
async def test_a_cookie_resolves_to_its_person(sessions: Sessions, database: Clock, leo: Scope) -> None:
    now = await database.now()
    begun = await sessions.begin(leo, now - 1000)
    assert await sessions.resolve(begun.secret) == Principal(
        str(leo.subject), leo.tenant, "student", "13_15", "page", begun.id, now - 1000
    )
    assert abs(begun.ends - now - 3_600_000) < 10_000
    for other in ("", begun.id, begun.secret[:-1], begun.secret + "A", begun.secret.swapcase(), "é\udc80" * 10):
        assert await sessions.resolve(other) is None


async def test_only_a_hash_is_kept(sessions: Sessions, database: Clock, leo: Scope) -> None:
    begun = await sessions.begin(leo, 0)
    await database.checkpoint()
    assert database.address.path is not None
    assert begun.secret.encode() not in database.address.path.read_bytes()


@pytest.mark.both
async def test_it_ends_when_it_is_not_used(sessions: Sessions, database: Clock, leo: Scope) -> None:
    begun = await sessions.begin(leo, 0)
    for _ in range(5):
        database.ahead += 500_000
        assert await sessions.resolve(begun.secret) is not None
    database.ahead += 601_000
    assert await sessions.resolve(begun.secret) is None


@pytest.mark.both
async def test_it_ends_at_its_time_however_much_it_is_used(sessions: Sessions, database: Clock, leo: Scope) -> None:
    begun = await sessions.begin(leo, 0)
    for _ in range(7):
        database.ahead += 500_000
        assert await sessions.resolve(begun.secret) is not None
    database.ahead += 110_000
    assert await sessions.resolve(begun.secret) is None
    assert await sessions.sweep(10) == 1


async def test_use_is_noted_once_a_minute(sessions: Sessions, database: Clock, leo: Scope) -> None:
    begun = await sessions.begin(leo, 0)

    async def used() -> int:
        async with database.read() as tx:
            return int((await tx.execute(select(table.c.used))).scalar_one())

    first = await used()
    database.ahead = 30_000
    await sessions.resolve(begun.secret)
    assert await used() == first
    database.ahead = 61_000
    await sessions.resolve(begun.secret)
    assert await used() > first


@pytest.mark.both
async def test_signing_out_ends_one_session_and_no_other(sessions: Sessions, leo: Scope, mia: Scope) -> None:
    first, second, foreign = [await sessions.begin(scope, 0) for scope in (leo, leo, mia)]
    who = await sessions.resolve(first.secret)
    assert who is not None
    await sessions.end(who)
    found = [await sessions.resolve(one.secret) is not None for one in (first, second, foreign)]
    assert found == [False, True, True]


async def test_a_new_sign_in_ends_the_old_session_of_the_browser(sessions: Sessions, leo: Scope) -> None:
    first = await sessions.begin(leo, 0)
    second = await sessions.begin(leo, 0, instead_of=first.secret)
    assert await sessions.resolve(first.secret) is None
    assert await sessions.resolve(second.secret) is not None


@pytest.mark.both
async def test_nobody_acts_as_a_person_who_is_being_forgotten(
    sessions: Sessions, people: People, database: Clock, leo: Scope
) -> None:
    begun = await sessions.begin(leo, 0)
    async with database.write() as tx:
        await people.begin_erasure(tx, leo)
    assert await sessions.resolve(begun.secret) is None
    with pytest.raises(NotActive):
        await sessions.begin(leo, 0)


async def test_a_changed_role_counts_at_once(sessions: Sessions, database: Clock, leo: Scope) -> None:
    begun = await sessions.begin(leo, 0)
    async with database.write() as tx:
        await tx.execute(update(persons).where(persons.c.id == leo.subject).values(role="teacher"))
    who = await sessions.resolve(begun.secret)
    assert who is not None
    assert who.role == "teacher"


async def test_a_sign_in_from_the_future_is_now(sessions: Sessions, database: Clock, leo: Scope) -> None:
    begun = await sessions.begin(leo, await database.now() + 10_000_000)
    who = await sessions.resolve(begun.secret)
    assert who is not None
    assert who.signed_in_at <= await database.now()


async def test_it_is_nobodys_while_its_school_is_not_configured(
    sessions: Sessions, database: Clock, vault: Vault, people: People, leo: Scope, mia: Scope
) -> None:
    """The gateway is started with a school less, then as before."""
    begun, other = await sessions.begin(leo, 0), await sessions.begin(mia, 0)
    settings = configured("https://id.example")
    fewer = settings.model_copy(update={"schools": {"hillcrest": settings.schools["hillcrest"]}})
    left = Schools(vault, database)
    await left.start([fewer])
    without = Sessions(database, people, left)
    assert await without.resolve(begun.secret) is None
    assert await without.resolve(other.secret) is not None
    assert await sessions.resolve(begun.secret) is not None


@pytest.mark.both
async def test_a_stream_keeps_it_alive_only_by_use(sessions: Sessions, database: Clock, leo: Scope) -> None:
    """Bytes that somebody reads are use; a page that was left open is not."""
    read, left = [await sessions.resolve((await sessions.begin(leo, 0)).secret) for _ in range(2)]
    assert read is not None
    assert left is not None
    for _ in range(2):
        database.ahead += 400_000
        reading, following = await sessions.lives(read, using=True), await sessions.lives(left, using=False)
    assert (reading, following) == (True, False)
    await sessions.end(read)
    assert not await sessions.lives(read, using=True)
