"""An exported ledger verifies offline with pinned keys alone, and every change of the file is found where it is."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event as sqlalchemy_event

from cache.model import Scope
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.db.tables_ledger import ledger_entries
from gateway.ledger import Ends, Event, Ledger, lines
from gateway.ledger.checkpoints import DAY, Checkpoints
from gateway.ledger.export import Exporter
from gateway.ledger.exported import Report, check, proves
from gateway.ledger.merkle import leaf_hash, path_of
from gateway.signing import EXPORT, SigningKeys, trusted
from gateway.signing.signed import sign
from tests.gateway.ledger import tampering
from tests.gateway.ledger.conftest import Kept
from tests.gateway.ledger.test_ledger import WORD, event, fill
from tests.gateway.signing.test_signing import rotated, stranger

Export = Callable[..., Awaitable[list[bytes]]]


@pytest.fixture
def exporter(vault: Vault, database: Database, checkpoints: Checkpoints, ends: Ends) -> Exporter:
    return Exporter(vault, database, checkpoints, ends)


@pytest.fixture
def export(exporter: Exporter) -> Export:
    async def made(*schools: str, opened: bool = True) -> list[bytes]:
        return [line async for line in exporter.lines(schools, opened=opened)]

    return made


@pytest.fixture
async def pinned(signing: SigningKeys) -> dict[str, Any]:
    return await signing.public("checkpoints")


def kinds(exported: Iterable[bytes]) -> list[str]:
    return [json.loads(line)["kind"] for line in exported]


@pytest.mark.both
async def test_an_export_tells_everything_and_verifies(
    ledger: Ledger, database: Database, checkpoints: Checkpoints, export: Export, pinned: dict[str, Any]
) -> None:
    await fill(ledger, "s1", 2)
    await checkpoints.make("s1")
    await ledger.record("s1", Event("school.settings", "s1-ann", None, None, "p1", {"of": "school"}, 2, b"r" * 32))
    await fill(ledger, "s2", 1)
    exported = await export("s1", "s2")
    assert kinds(exported) == [
        "ledger", "chain", "entry", "entry", "checkpoint", "entry", "checkpoint", "chain", "entry", "checkpoint",
        "page", "seal",
    ]  # fmt: skip
    report = check(exported, pinned)
    assert report.whole
    assert [(one.school, one.base, one.entries) for one in report.chains] == [("s1", 0, 3), ("s2", 0, 1)]
    told = [json.loads(line) for line in exported if b'"kind":"entry"' in line]
    assert told[0]["told"] == {"number": 0, "name": "secret-essay.docx"}
    for line, row in zip(told[:3], await tampering.rows(database, ledger_entries, "s1"), strict=True):
        assert lines.entry_row(line) == row, "column for column"
    shown: list[Any] = []
    check(exported, pinned, shown.append)
    assert shown[:3] == await tampering.rows(database, ledger_entries, "s1")
    sealed = await export("s1", opened=False)
    assert check(sealed, pinned).whole
    assert not any(b"secret-essay" in line for line in sealed)


@pytest.mark.both
async def test_details_are_opened_only_where_their_keys_live(
    ledger: Ledger, database: Database, vault: Vault, export: Export, pinned: dict[str, Any]
) -> None:
    await fill(ledger, "s1", 2)
    async with database.write() as tx:
        await vault.shred(tx, Scope("s1", "s1-ann"))
    exported = await export("s1")
    assert [json.loads(line)["told"] for line in exported if b'"kind":"entry"' in line] == [None, None]
    assert check(exported, pinned).whole


@pytest.mark.both
async def test_a_pruned_chain_is_exported_from_its_base(
    ledger: Ledger, database: Database, checkpoints: Checkpoints, kept: Kept, export: Export, pinned: dict[str, Any]
) -> None:
    await fill(ledger, "s1", 3)
    kept.life = -3 * DAY
    assert await checkpoints.prune("s1") == 3
    await fill(ledger, "s1", 2)
    exported = await export("s1", "s2")
    report = check(exported, pinned)
    assert report.whole
    assert [(one.school, one.base, one.entries) for one in report.chains] == [("s1", 3, 3), ("s2", 0, 0)]
    base = json.loads(exported[1])
    for forged in ({**base, "signed": None}, {**base, "base": 0, "signed": None}, {**base, "base": 4}):
        assert not check([exported[0], lines.dumps(forged), *exported[2:]], pinned).whole


@pytest.fixture
async def long(ledger: Ledger, export: Export, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Two chains over several pages."""
    monkeypatch.setattr("gateway.ledger.lines.PAGE", 6)
    for school in ("s1", "s2"):
        await fill(ledger, school, 9)
    return await export("s1", "s2")


def entries(exported: list[bytes]) -> list[tuple[int, str, int]]:
    """(line, school, sequence) of each entry."""
    told = [(number, json.loads(line)) for number, line in enumerate(exported)]
    return [(number, line["school"], line["sequence"]) for number, line in told if line["kind"] == "entry"]


def altered(line: dict[str, Any], name: str) -> dict[str, Any]:
    """The line with another value under a name."""
    match line[name]:
        case None:
            other: Any = 1 if name == "items" else {"x": 1} if name == "told" else "00"
        case int() as number:
            other = number + 1
        case str() as text:
            other = ("a" if text[:1] != "a" else "b") + text[1:]
        case dict() as told:
            other = {**told, "number": -1}
        case _:
            raise AssertionError(name)
    return {**line, name: other}


async def test_each_column_of_each_entry_of_the_file(long: list[bytes], pinned: dict[str, Any]) -> None:
    """Also what was opened, which no chain covers."""
    assert check(long, pinned).whole
    for number, school, sequence in entries(long):
        line = json.loads(long[number])
        for name in line:
            for changed in (altered(line, name), {k: v for k, v in line.items() if k != name}):
                report = check([*long[:number], lines.dumps(changed), *long[number + 1 :]], pinned)
                assert (report.school, report.broken) == (school, sequence), (name, sequence, report)
        added = lines.dumps({**line, "more": 1})
        assert check([*long[:number], added, *long[number + 1 :]], pinned).broken == sequence


async def test_each_line_dropped_doubled_and_exchanged(long: list[bytes], pinned: dict[str, Any]) -> None:
    places = {number: (school, sequence) for number, school, sequence in entries(long)}
    for number in range(len(long)):
        dropped = check([*long[:number], *long[number + 1 :]], pinned)
        doubled = check([*long[: number + 1], *long[number:]], pinned)
        assert not dropped.whole, number
        assert not doubled.whole, number
        if number in places:
            school, sequence = places[number]
            assert (dropped.school, dropped.broken) == (school, sequence)
            assert (doubled.school, doubled.broken) == (school, sequence + 1)
        if number + 1 < len(long):
            swapped = [*long[:number], long[number + 1], long[number], *long[number + 2 :]]
            assert not check(swapped, pinned).whole, number


async def test_each_cut(long: list[bytes], pinned: dict[str, Any]) -> None:
    """A file that ends early is not whole, wherever, with or without the seal put back."""
    for end in range(len(long)):
        assert not check(long[:end], pinned).whole
        if end < len(long) - 1:
            assert not check([*long[:end], long[-1]], pinned).whole
    whole = b"".join(long)
    for cut in range(0, len(whole), 97):
        assert not check(whole[:cut].splitlines(keepends=True), pinned).whole
    for cut in (3, 9, 12):
        found = [number for number, school, sequence in entries(long) if (school, sequence) == ("s1", cut)]
        if found:
            report = check(long[: found[0]], pinned)
            assert (report.school, report.broken) == ("s1", cut)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_flipped_bit_anywhere(data: st.DataObject) -> None:
    exported, keys = _sample()
    raw = bytearray(b"".join(exported))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= 1 << data.draw(st.integers(0, 7))
    assert not check(bytes(raw).splitlines(keepends=True), keys).whole


_MADE: list[tuple[list[bytes], dict[str, Any]]] = []


def _sample() -> tuple[list[bytes], dict[str, Any]]:
    """A small export, made once by `test_a_sample` below or here in a loop of its own."""
    if not _MADE:
        key = stranger()
        shown = {"keys": [{name: value for name, value in key.items() if name != "d"}]}
        _MADE.append((_by_hand(key), shown))
    return _MADE[0]


def _by_hand(key: dict[str, Any]) -> list[bytes]:
    """The format, written here a second time: a ledger of one chain with two entries."""
    from gateway.ledger.chain import FIELDS, genesis, link
    from gateway.ledger.stated import END, Stated

    made: list[dict[str, Any]] = [
        {"kind": "ledger", "version": 1, "at": "2026-11-29T00:00:00.000+00:00"},
        {"kind": "chain", "school": "s", "base": 0, "to": 2, "signed": None},
    ]
    end = genesis("s")
    for number in (1, 2):
        row: dict[str, Any] = dict.fromkeys(FIELDS)
        row |= {"school": "s", "sequence": number, "id": f"e{number}", "at": number, "action": "a", "details": b"\x01"}
        row |= {"policy_version": "p", "items": 2, "root": b"\x02" * 32}
        end = link(end, row)
        made.append(lines.entry_line({**row, "hash": end}, {"name": "essay"}))
    stated = Stated("s", 2, end, END, 0, 5)
    made.append({"kind": "checkpoint", "signed": sign(stated.statement(), key, "file-access-ledger-checkpoint")})
    raw = [lines.dumps(line) for line in made]
    page = {"part": "page", "number": 0, "before": "", "lines": "".join(lines.digest(line) for line in raw)}
    raw.append(lines.dumps({"kind": "page", "signed": sign(page, key, EXPORT.typ)}))
    chains = [{"school": "s", "base": 0, "to": 2}]
    seal = {"part": "seal", "number": 1, "before": lines.digest(raw[-1]), "chains": chains, "at": "now"}
    return [*raw, lines.dumps({"kind": "seal", "signed": sign(seal, key, EXPORT.typ)})]


def test_the_format_is_exactly_this() -> None:
    exported, keys = _sample()
    report = check(exported, keys)
    assert (report.whole, [(one.school, one.entries) for one in report.chains]) == (True, [("s", 2)])


async def test_chains_of_two_schools_exchanged_and_left_out(long: list[bytes], pinned: dict[str, Any]) -> None:
    first, second = [n for n, kind in enumerate(kinds(long)) if kind == "chain"]
    assert not check([long[0], *long[second:], *long[first:second]], pinned).whole
    assert not check([long[0], *long[second:]], pinned).whole
    assert not check([*long[:second], *long[-2:]], pinned).whole
    swapped = [line.replace(b'"s1"', b'"s3"') for line in long]
    assert check(swapped, pinned).broken == 1


@pytest.mark.parametrize("whose", ["stranger", "receipts"])
async def test_a_file_that_somebody_else_signed(
    ledger: Ledger, export: Export, signing: SigningKeys, pinned: dict[str, Any], whose: str
) -> None:
    """Everything consistent, but by another key: nothing of it counts."""
    await fill(ledger, "s1", 2)
    exported = await export("s1")
    key = stranger() if whose == "stranger" else (await signing._keys("receipts"))[-1]
    for number, kind in enumerate(kinds(exported)):
        if kind in ("page", "seal", "checkpoint"):
            forged = {"kind": kind, "signed": sign(_stated(exported[number]), key, _typ(exported[number]))}
            report = check([*exported[:number], lines.dumps(forged), *exported[number + 1 :]], pinned)
            assert not report.whole, kind
    report = check(_by_hand(stranger()), pinned)
    assert (report.broken, report.why) == (1, "page")


def _stated(line: bytes) -> Any:
    from base64 import urlsafe_b64decode

    return json.loads(urlsafe_b64decode(json.loads(line)["signed"]["payload"] + "=="))


def _typ(line: bytes) -> str:
    from base64 import urlsafe_b64decode

    return str(json.loads(urlsafe_b64decode(json.loads(line)["signed"]["protected"] + "=="))["typ"])


@pytest.mark.both
async def test_an_export_of_an_altered_chain_is_broken_where_the_chain_is(
    ledger: Ledger, database: Database, export: Export, pinned: dict[str, Any]
) -> None:
    """The gateway signs pages of what it has; that it was altered before is seen by everybody."""
    await fill(ledger, "s1", 5)
    await tampering.change(database, ledger_entries, "s1", 4, action="other")
    assert check(await export("s1"), pinned).broken == 4
    await tampering.head(database, "s1", sequence=3)
    assert not check(await export("s1"), pinned).whole


async def test_a_key_that_was_replaced_is_followed(
    ledger: Ledger, database: Database, export: Export, signing: SigningKeys, pinned: dict[str, Any]
) -> None:
    await fill(ledger, "s1", 2)
    await rotated(signing, database)
    exported = await export("s1")
    assert not check(exported, pinned).whole
    assert check(exported, trusted(pinned, await signing.public("checkpoints"))).whole


@pytest.mark.parametrize(
    "raw",
    [b"", b"\n", b"{}", b"[]", b"null", b'{"kind":1}', b"\xff\xfe", b'{"kind":"seal"}', b'{"kind":"page","signed":[]}',
     b'{"kind":"entry"}', b'{"kind":"chain","school":1}', b"[" * 100_000, b'{"kind":"ledger","version":2}'],
)  # fmt: skip
async def test_what_is_no_export(raw: bytes, pinned: dict[str, Any]) -> None:
    assert not check([raw], pinned).whole
    assert not check([], pinned).whole
    assert not check([_sample()[0][0], raw], pinned).whole


@pytest.mark.both
async def test_a_long_chain_is_read_a_page_at_a_time_and_never_in_one_snapshot(
    ledger: Ledger, database: Database, exporter: Exporter, pinned: dict[str, Any]
) -> None:
    async with database.write() as tx:
        for number in range(450):
            await ledger.append(tx, "s1", event(number=number))
    fetched: list[int] = []

    def noted(_connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if "ledger_entries" in statement and "details" in statement and statement.startswith("SELECT"):
            fetched.append(1)

    engine = database._read_engine.sync_engine
    sqlalchemy_event.listen(engine, "after_cursor_execute", noted)
    try:
        made: list[bytes] = []
        async for line in exporter.lines(["s1"]):
            made.append(line)
            if len(made) == 100:
                await fill(ledger, "s1", 1)  # nobody waits for the export, and it ends where it began to
    finally:
        sqlalchemy_event.remove(engine, "after_cursor_execute", noted)
    assert len(fetched) == 3
    report = check(made, pinned)
    assert (report.whole, report.chains[0].entries) == (True, 450)


async def test_an_items_proof_holds_against_the_export(
    ledger: Ledger, database: Database, export: Export, pinned: dict[str, Any]
) -> None:
    leaves = [f"[1,{n}]".encode() for n in range(5)]
    async with database.write() as tx:
        await ledger.cover(tx, "s1", WORD, leaves, name="e" * 32)
    found: list[Any] = []
    report: Report = check(await export("s1"), pinned, found.append)
    assert report.whole
    (row,) = found
    path = [one.hex() for one in path_of([leaf_hash(leaf) for leaf in leaves], 2)]
    proof = {"entry": "e" * 32, "items": 5, "index": 2, "leaf": "[1,2]", "path": path}
    assert proves(row, proof)
    for wrong in ({"index": 1}, {"leaf": "[1,3]"}, {"path": path[1:]}, {"items": 4}, {"entry": "f" * 32}, {"path": 1}):
        assert not proves(row, {**proof, **wrong})
    assert not proves(row, {})
