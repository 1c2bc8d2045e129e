"""What a school's administrators may have forgotten, and what each of it needs: one person on one administrator's word,
everything beyond that only with a second one and a delay.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.vault import Scope
from gateway.approvals import Approvals, Request
from gateway.db.engine import Database
from gateway.db.tables_erasure import erasures
from gateway.db.tables_people import persons
from gateway.erasure.eraser import Eraser
from gateway.erasure.held import Holds
from gateway.erasure.model import Asked, Begun, ErasureRefused, NothingThere
from gateway.sentences import sentence

DAY: Final = 24 * 3_600_000
FEW: Final = 10
"""People whom the administrators of a school may have forgotten in a day, each on one word. What goes beyond are many
people, however few at a time.
"""
MOST: Final = 5000
"""People in one request."""
PEOPLE: Final = "erase_people"
SCHOOL: Final = "erase_school"
RELEASE: Final = "hold_release"
KINDS: Final = (PEOPLE, SCHOOL, RELEASE)
HELD: Final = sentence("The school keeps something under a legal hold. Release all holds first: then it can leave.")
_CHUNK: Final = 500

Delay = Callable[[str], Awaitable[int]]
"""How long the school waits after the last approval, ms."""


class Orders:
    """The orders of administrators. Whether they are administrators with a fresh sign-in, the routes have checked."""

    def __init__(
        self, database: Database, eraser: Eraser, approvals: Approvals, delay: Delay, holds: Holds
    ) -> None:  # fmt: skip
        self._database = database
        self._eraser = eraser
        self._approvals = approvals
        self._delay = delay
        self._holds = holds

    async def person(self, school: str, by: str, person: str) -> Begun:
        """Forget one person now. NothingThere; ErasureRefused where it takes two administrators."""
        async with self._database.read() as tx:
            await self._check(tx, school, by, person)
        begun = await self._eraser.begin(Scope(school, person), Asked(by))
        if begun is None:
            raise ErasureRefused("erasing", sentence("This is being done already."))
        return begun

    async def _check(self, tx: AsyncConnection, school: str, by: str, person: str) -> None:
        mine = (persons.c.id == person) & (persons.c.school == school) & (persons.c.state != "erased")
        row = (await tx.execute(select(persons.c.role).where(mine))).one_or_none()
        if row is None:
            raise NothingThere
        if person == by:
            raise ErasureRefused("yourself", sentence("To be forgotten yourself, use your own page."))
        if row.role == "administrator":
            raise ErasureRefused(
                "second_administrator",
                sentence("An administrator is forgotten only with the approval of a second one. Make a request."),
            )
        since = await self._database.now(tx) - DAY
        ordered = (erasures.c.school == school) & (erasures.c.scope == "person") & erasures.c.batch.is_(None)
        ordered &= (erasures.c.by != erasures.c.person) & erasures.c.through.is_(None) & (erasures.c.begun > since)
        if int((await tx.execute(select(func.count()).where(ordered))).scalar_one()) >= FEW:
            raise ErasureRefused(
                "second_administrator",
                sentence("So many people in one day are forgotten only with a second administrator. Make a request."),
            )

    async def many(
        self, school: str, by: str, people: Sequence[str], details: dict[str, Any], word: str | None = None
    ) -> tuple[Request, str]:
        """A request to forget many people, and the secret of a link to its receipt. NothingThere for a stranger."""
        async with self._database.write() as tx:
            await self._all_here(tx, school, people)
            return await self._propose(tx, school, by, PEOPLE, people, details, word)

    async def school(
        self, school: str, by: str, details: dict[str, Any], word: str | None = None
    ) -> tuple[Request, str]:
        """A request to forget the whole school, which leaves, and the secret of a link to its receipt.

        ErasureRefused while a legal hold stands in its way.
        """
        async with self._database.write() as tx:
            if await self._holds.standing(tx, school):
                raise ErasureRefused("held", HELD)
            return await self._propose(tx, school, by, SCHOOL, (), details, word)

    async def _propose(
        self,
        tx: AsyncConnection,
        school: str,
        by: str,
        kind: str,
        people: Sequence[str],
        details: dict[str, Any],
        word: str | None,
    ) -> tuple[Request, str]:
        delay = await self._delay(school)
        made = await self._approvals.propose(tx, school, by, kind, people, details, delay=delay, word=word)
        secret = await self._eraser.receipts.link(tx, made)
        return await self._approvals.get(school, made, tx), secret

    async def approve(self, school: str, by: str, request: str) -> tuple[Request, str | None]:
        """Approve a request of any kind; of an erasure with the secret of a link to its receipt. ApprovalError."""
        approved = await self._approvals.approve(school, by, request)
        if approved.kind not in KINDS:
            return approved, None
        async with self._database.write() as tx:
            return approved, await self._eraser.receipts.link(tx, request)

    async def _all_here(self, tx: AsyncConnection, school: str, people: Sequence[str]) -> None:
        wanted = set(people)
        for at in range(0, len(people), _CHUNK):
            some = people[at : at + _CHUNK]
            mine = (persons.c.school == school) & persons.c.id.in_(some) & (persons.c.state != "erased")
            wanted -= set((await tx.execute(select(persons.c.id).where(mine))).scalars())
        if wanted or not people:
            raise NothingThere
