"""Items on the wire: how an entry of any drive looks to a client, and how what a client sent is read."""

from __future__ import annotations

from collections.abc import Callable

from gateway.api.problems import Problem, not_found
from gateway.api.ranges import strong_etag
from gateway.api.routing import Call
from gateway.api.schemas import ExportOut, Item
from gateway.policy import POLICY_VERSION
from gateway.sentences import sentence
from providers.drive import Drive, Entry, Instruction, Ref, Source
from providers.verbs import Verb, supports


def item_etag(drive: str, entry: Entry) -> str:
    """Differs whenever the bytes, the name or the place differ."""
    return strong_etag(drive, str(entry.ref), entry.version, entry.name, str(entry.parent), entry.modified.isoformat())


def item_out(drive: str, entry: Entry) -> Item:
    """An entry on the wire."""
    return Item(
        id=str(entry.ref),
        drive=drive,
        parent=str(entry.parent) if entry.parent else None,
        name=entry.name,
        kind=entry.kind.value,
        media_type=entry.media_type,
        size=entry.size,
        modified=entry.modified,
        version=strong_etag(entry.version).strip('"'),
        etag=item_etag(drive, entry),
        exports=[ExportOut(id=one.id, media_type=one.media_type, suffix=one.suffix) for one in entry.exports],
        may=sorted(entry.may),
        flags=sorted(entry.flags),
        target=str(entry.target) if entry.target else None,
        ends=entry.ends,
    )


def parse_ref(text: str) -> Ref:
    """An item id as it came; anything else is simply not there."""
    try:
        return Ref.parse(text)
    except ValueError:
        raise not_found() from None


def instruction(call: Call) -> Instruction:
    """This request as the person's word; repeated under its Idempotency-Key it is the same word."""
    return Instruction(call.instruction, call.me.person, POLICY_VERSION)


async def reader(call: Call) -> Source:
    """The drive of the path, for looking only."""
    return await call.services.drives.reader(call.me.person, call.me.school, call.path("drive"))


async def writer(call: Call) -> Drive:
    """The drive of the path, under this request's instruction."""
    return await call.services.drives.writer(call.me.person, call.me.school, call.path("drive"), instruction(call))


async def ref_of(call: Call, source: Source) -> Ref:
    """The item of the path; `root` stands for the drive's top folder."""
    text = call.path("item")
    return await source.root() if text == "root" else parse_ref(text)


def offered(drive: object, verb: Callable[..., Verb]) -> Verb:
    """The drive as one that has this verb; 422 where it has not."""
    found = supports(drive, verb)
    if found is None:
        raise not_offered()
    return found


def not_offered() -> Problem:
    """The drive is one of those that cannot do this."""
    return Problem(
        422, "not_offered", "This drive does not offer that.",
        title=sentence("That did not work"), advice=sentence("Do it in the drive's own pages."),
    )  # fmt: skip
