"""The ledger for a school's administrators, and for each person what was done with their own files."""

from __future__ import annotations

from datetime import datetime

from aiohttp import web

from cache.errors import Suspended
from cache.vault import Scope
from gateway.api.lines import send_lines
from gateway.api.problems import Problem, not_found
from gateway.api.routes_account import moment
from gateway.api.routes_jobs import find
from gateway.api.routing import PUBLIC, Call, Route, answer
from gateway.api.schemas_ledger import (
    AccessesAsked,
    Accessor,
    AccessOut,
    AccessPage,
    ItemProofOut,
    LedgerAsked,
    LedgerEntry,
    LedgerPage,
    LedgerStatus,
)
from gateway.identity.errors import NotActive
from gateway.ids import is_id
from gateway.ledger import Event
from gateway.ledger.access_words import ACCESSES
from gateway.ledger.ledger import LEAVES, Entry
from gateway.ledger.reading import Asked
from gateway.policy import POLICY_VERSION
from gateway.signing import CHECKPOINT


def _ms(at: datetime | None) -> int | None:
    return None if at is None else round(at.timestamp() * 1000)


async def list_entries(call: Call) -> web.StreamResponse:
    """The school's chain, the newest entry first. A page may hold few entries, or none, and still have a next one.

    `details=1`, with `person`: what was done to what, opened where an entry is about this person, who sees that it was
    read; what they did to others stays sealed. Without it, only times, actions and random ids.
    """
    query = call.query
    opened = query.details == "1"
    if opened and query.person is None:
        raise Problem(422, "person_needed", "Details are opened for one person at a time. Name the person.")
    if opened:
        await tell_reading(call, query.person)
    asked = Asked(
        person=query.person, actions=None if query.action is None else (query.action,), since=_ms(query.since),
        until=_ms(query.until),
    )  # fmt: skip
    entries, after = await _page(call, "ledger", asked, query.person if opened else None)
    items = [_entry_out(one) for one in entries]
    return answer(LedgerPage(items=items, next=after), headers=_next(call, after))


def _next(call: Call, cursor: str | None) -> dict[str, str]:
    """The Link header of the next page, which is asked for with the same query."""
    if cursor is None:
        return {}
    return {"Link": f'<{call.request.rel_url.update_query(cursor=cursor)}>; rel="next"'}


async def _page(call: Call, name: str, asked: Asked, opened: str | None) -> tuple[list[Entry], str | None]:
    bound = f"{call.me.person}\0{name}\0{asked}"
    place = call.services.cursors.read(call.query.cursor, bound)
    entries, more = await call.services.reading.page(
        call.me.school, asked, None if place is None else int(place), call.query.limit, opened=opened
    )
    return list(entries), None if more is None else call.services.cursors.make(str(more), bound)


async def tell_reading(call: Call, person: str) -> None:
    """The person sees it among their accesses; whoever is forgotten has no details any more."""
    event = Event("ledger.details_read", call.me.person, person, call.instruction, POLICY_VERSION)
    await call.services.ledger.record(call.me.school, event)


def _entry_out(entry: Entry) -> LedgerEntry:
    told = entry.details and {name: value for name, value in entry.details.items() if name != LEAVES}
    return LedgerEntry(
        sequence=entry.sequence,
        at=moment(entry.at),
        action=entry.action,
        principal=entry.principal,
        subject=entry.subject,
        instruction=entry.instruction,
        policy_version=entry.policy_version,
        items=entry.items,
        details=dict(told) if told else None,
    )


async def get_status(call: Call) -> web.StreamResponse:
    """How long the chain is, up to where it is signed, and whether it held when it was verified last."""
    return answer(await _status(call))


async def _status(call: Call) -> LedgerStatus:
    note = await call.services.keeping.note(call.me.school)
    state = "broken" if note.broken is not None else "verifying" if note.verified is None else "whole"
    return LedgerStatus(
        first=note.base + 1,
        last=note.sequence,
        checkpoint=note.checkpoint,
        checkpoint_at=None if note.signed is None else moment(note.signed),
        state=state,
        verified_at=None if note.verified is None else moment(note.verified),
        broken=note.broken,
        why=note.why,
    )


async def verify_again(call: Call) -> web.StreamResponse:
    """Verify the whole chain anew, in the background; it is verified once a day in any case. Look at the status."""
    await call.services.keeping.again(call.me.school)
    return answer(await _status(call), 202)


async def export(call: Call) -> web.StreamResponse:
    """The school's chain as JSON Lines with its checkpoints, details sealed: verifies offline with the pinned keys."""
    event = Event("ledger.exported", call.me.person, None, call.instruction, POLICY_VERSION, {"opened": False})
    await call.services.ledger.record(call.me.school, event)
    return await send_lines(call, "ledger.jsonl", call.services.exporter.lines([call.me.school], opened=False))


async def checkpoint_keys(call: Call) -> web.StreamResponse:
    """The public keys that checkpoints and exports of the ledger are signed with, as a JWKS, and how they succeed."""
    keys = await call.services.signing.public(CHECKPOINT.purpose)
    return web.json_response(keys, content_type="application/jwk-set+json")


async def list_accesses(call: Call) -> web.StreamResponse:
    """Every access to the person's files: who, when, what; the newest first. A page may be empty and still go on."""
    asked = Asked(
        subject=call.me.person, actions=tuple(ACCESSES), since=_ms(call.query.since), until=_ms(call.query.until)
    )
    entries, after = await _page(call, "accesses", asked, call.me.person)
    known: dict[str, Accessor] = {}
    items = [await _access_out(call, one, known) for one in entries]
    return answer(AccessPage(items=items, next=after), headers=_next(call, after))


async def _access_out(call: Call, entry: Entry, known: dict[str, Accessor]) -> AccessOut:
    told = entry.details or {}
    return AccessOut(
        at=moment(entry.at),
        action=entry.action,
        words=call.say(ACCESSES[entry.action]),
        by=await _by(call, entry.principal, known),
        client=told.get("client"),
        drive=told.get("drive", told.get("account")),
        item=told.get("item"),
        name=told.get("name"),
        items=entry.items,
    )


async def _by(call: Call, person: str | None, known: dict[str, Accessor]) -> Accessor:
    """Who it was, each looked up once."""
    if person is None:
        return Accessor(kind="gateway")
    if person == call.me.person:
        return Accessor(kind="you")
    if person not in known:
        known[person] = Accessor(kind="person")
        try:
            found = await call.services.people.get(Scope(call.me.school, person))
            known[person] = Accessor(kind="person", name=found.name, role=found.role)
        except (NotActive, Suspended):
            pass
    return known[person]


async def prove_item(call: Call) -> web.StreamResponse:
    """Proof that an item was ordered: a leaf under the Merkle root of a ledger entry that was there before any byte."""
    view, item = await find(call, call.path("job")), call.path("item")
    proof = await call.services.proofs.of(call.me.school, call.me.person, view, item) if is_id(item) else None
    if proof is None:
        raise not_found()
    return answer(
        ItemProofOut(
            entry=proof.entry,
            sequence=proof.sequence,
            root=proof.root.hex(),
            items=proof.items,
            index=proof.index,
            leaf=proof.leaf.decode(),
            path=[one.hex() for one in proof.path],
        )
    )


PATH = "/v1/school/ledger"
ROUTES = (
    Route(
        "GET", PATH, list_entries, "school.ledger", "The school's ledger", "ledger", query=LedgerAsked,
        answer=LedgerPage, rate=240,
    ),
    Route("GET", f"{PATH}/status", get_status, "school.ledger", "Whether it holds", "ledger", answer=LedgerStatus),
    Route(
        "POST", f"{PATH}/verify", verify_again, "school.ledger", "Verify it again", "ledger", answer=LedgerStatus,
        status=202, rate=10,
    ),
    Route(
        "GET", f"{PATH}/export", export, "school.ledger", "The ledger as a file", "ledger", media="application/jsonl",
        rate=10, told=True,
    ),
    Route(
        "GET", "/v1/ledger-keys", checkpoint_keys, PUBLIC, "Keys that sign checkpoints", "ledger",
        media="application/jwk-set+json",
    ),
    Route(
        "GET", "/v1/me/accesses", list_accesses, "access.read", "Accesses to your files", "me", query=AccessesAsked,
        answer=AccessPage, rate=120,
    ),
    Route(
        "GET", "/v1/jobs/{job}/items/{item}/proof", prove_item, "job.read", "Proof that an item was ordered", "jobs",
        answer=ItemProofOut, rate=240,
    ),
)  # fmt: skip
