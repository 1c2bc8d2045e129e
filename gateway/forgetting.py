"""Puts the rooms of being forgotten together: erasures of every scope, approvals, the journal, receipts, plans."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from cache.vault import Scope, Vault
from gateway.approvals import Act, Approvals
from gateway.db.engine import Database
from gateway.erasure.eraser import Eraser
from gateway.erasure.held import Holds
from gateway.erasure.holdings import SCHOOL_STORES, STORES
from gateway.erasure.item import ForgetItem
from gateway.erasure.looking import Looking
from gateway.erasure.many import ForgetMany, ForgetSchool
from gateway.erasure.ordering import Delay, Orders
from gateway.erasure.person import ForgetPerson, Outside
from gateway.erasure.plans import Plans
from gateway.erasure.receipts import Receipts
from gateway.erasure.release import ForgetHeld
from gateway.erasure.restoring import Restorer
from gateway.erasure.steps import Conclusion, DeadBy, Journalled
from gateway.erasure.things import Things
from gateway.identity import People, Schools
from gateway.ledger import Ledger
from gateway.signing import SigningKeys


@dataclass(frozen=True)
class Forgetting:
    """Everything of it that others use."""

    eraser: Eraser
    approvals: Approvals
    restorer: Restorer
    plans: Plans
    looking: Looking
    orders: Orders


def forgetting(
    *,
    vault: Vault,
    database: Database,
    ledger: Ledger,
    signing: SigningKeys,
    people: People,
    schools: Schools,
    outside: Outside,
    things: Things,
    holds: Holds,
    stop: Callable[[Scope], Awaitable[None]],
    dead_by: DeadBy,
    restorer: Restorer,
    acts: Mapping[str, Act],
    delay: Delay,
) -> Forgetting:
    """``acts``: what approved requests of other rooms do, by kind. ``signing`` was started, ``restorer`` not yet."""
    journalled, receipts = Journalled(restorer, database), Receipts(database, ledger)
    conclusion = Conclusion(
        vault=vault, database=database, ledger=ledger, signing=signing, receipts=receipts, dead_by=dead_by
    )
    person = ForgetPerson(
        vault=vault, database=database, journalled=journalled, conclusion=conclusion, stores=STORES, people=people,
        outside=outside, holds=holds, stop=stop,
    )  # fmt: skip
    school = ForgetSchool(
        vault=vault, database=database, ledger=ledger, journalled=journalled, conclusion=conclusion,
        stores=SCHOOL_STORES, holds=holds,
    )  # fmt: skip
    eraser = Eraser(
        database=database, ledger=ledger, people=people, schools=schools, journalled=journalled, receipts=receipts,
        things=things, holds=holds,
        flows={
            "person": person.flow,
            "item": ForgetItem(vault, things, database, journalled, conclusion, holds).flow,
            "people": ForgetMany(database, conclusion, STORES).flow,
            "school": school.flow,
            "released": ForgetHeld(vault, database, journalled, conclusion, holds).flow,
        },
    )  # fmt: skip
    own: dict[str, Act] = {
        "erase_people": eraser.begin_people,
        "erase_school": eraser.begin_school,
        "hold_release": eraser.begin_release,
    }
    approvals = Approvals(vault, database, ledger, people, {**own, **acts})
    orders = Orders(database, eraser, approvals, delay, holds)
    return Forgetting(eraser, approvals, restorer, Plans(database, things, holds), Looking(database), orders)
