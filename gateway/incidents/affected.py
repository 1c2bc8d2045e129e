"""Whom something touched, answered from the ledger and the catalog: by an object, a drive's item, a key, a time span.

Every answer is a page of bounded work; an empty page with a next one is possible. What nobody can read any more, and
what one entry covers for many items or a whole person (a copy of everything about them, say), cannot be told apart by
item: an answer says how many such entries it met.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.model import Scope, Wrapped
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.db.tables_files import cached_files
from gateway.db.tables_ledger import ledger_entries
from gateway.db.tables_people import accounts, persons
from gateway.holds.model import is_hold
from gateway.ledger.access_words import ACCESSES
from gateway.ledger.ledger import unseal
from providers.drive import Ref
from providers.native import tables as native

SCANNED: Final = 500
"""Entries, or people, that one page looks at."""
NONE_SEEN: Final[Mapping[str, str]] = MappingProxyType(
    {"hold.opened": "what it keeps is seen by nobody before `hold.listed` or `hold.exported`"}
)
"""Told to a person as accesses, and none by which anybody got to see anything: each with its reason."""
ACCESS: Final = (ACCESSES.keys() - NONE_SEEN) | {"transfer.batch"}
"""Actions by which somebody got to a person's files or data; the last one: what an order of a transfer found later."""
_OF_ONE: Final = ("file.", "drive.")
"""How actions begin that name their item; by every other one anything of the person's may have been seen."""


class Unknown(Exception):
    """The school has no such object, drive, person or version of a key, or not any more."""


@dataclass(frozen=True, slots=True)
class Access:
    """One entry of the ledger: who did what when. Random ids."""

    sequence: int
    at: int
    action: str
    principal: str | None
    person: str | None
    client: str | None


@dataclass(frozen=True, slots=True)
class Accesses:
    """A page. ``unclear``: entries on it that may or may not be about the item. ``next``: where the next begins.

    ``of``: whose the item is, None for the school's own.
    """

    of: str | None
    found: Sequence[Access]
    unclear: int
    next: int | None


@dataclass(frozen=True, slots=True)
class Span:
    """A person whose files or data were accessed in a time: how often, first and last, epoch ms."""

    person: str
    accesses: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class _Item:
    """What entries are looked for: of this person, with one of these drive and item texts in their details."""

    person: str | None
    drive: str | None
    names: frozenset[str]


class Affected:
    """Asked for one school at a time."""

    def __init__(self, vault: Vault, database: Database) -> None:
        self._vault = vault
        self._database = database

    async def of_object(self, school: str, object_id: str, after: int = 0) -> Accesses:
        """Accesses to what a stored object holds. Unknown."""
        return await self._scan(school, await self._held_by(school, object_id), after)

    async def of_item(self, school: str, drive: str, item: str, person: str | None, after: int = 0) -> Accesses:
        """Accesses to an item of a drive. ``person``: whose, where it is everybody's own 'native' one. Unknown."""
        if drive != "native":
            async with self._database.read() as tx:
                mine = select(accounts.c.person).where(accounts.c.id == drive, accounts.c.school == school)
                person = (await tx.execute(mine)).scalar_one_or_none()
        if person is None:
            raise Unknown
        return await self._scan(school, _Item(person, drive, frozenset({item})), after)

    async def _held_by(self, school: str, object_id: str) -> _Item:
        async with self._database.read() as tx:
            found = await self._vault.find(tx, school, object_id)
            if found is None:
                raise Unknown
            cached = select(cached_files.c.drive, cached_files.c.lookup).where(cached_files.c.object == object_id)
            copy = (await tx.execute(cached)).one_or_none()
            node = (await tx.execute(_node_of(found))).scalar_one_or_none()
            held = (await tx.execute(_held(found))).one_or_none()
        names = set() if copy is None else {copy.lookup.hex()}
        if node is not None:
            names.add(str(Ref("", node)))
        if held is not None:  # a legal hold's
            return _Item(held.owner, None, frozenset({str(Ref("", held.node))}))
        if not names:  # on its way to a drive: only what is said of the person could be about it
            raise Unknown
        return _Item(found.subject or None, None if copy is None else copy.drive, frozenset(names))

    async def _scan(self, school: str, item: _Item, after: int) -> Accesses:
        """Entries of the next page that are about the item."""
        mine = (ledger_entries.c.school == school) & (ledger_entries.c.subject == item.person)
        query = select(ledger_entries).where(mine, _accesses(), ledger_entries.c.sequence > after)
        async with self._database.read() as tx:
            found = await tx.execute(query.order_by(ledger_entries.c.sequence).limit(SCANNED))
            rows = found.mappings().all()
        hits, unclear = [], 0
        for row in rows:
            details = await unseal(self._vault, dict(row))
            if details is not None and _is_about(details, item):
                hits.append(_access(row, details))
            elif _may_be(row, details):
                unclear += 1
        return Accesses(item.person, hits, unclear, rows[-1]["sequence"] if len(rows) == SCANNED else None)

    async def objects(
        self, school: str, person: str | None, version: int, after: str = "", limit: int = 200
    ) -> tuple[Sequence[Wrapped], str | None]:
        """Objects that this version of a key wraps, or wrapped before a rotation, and where the next page begins.

        Unknown where there is no such version. Sealed columns of the database are not counted here.
        """
        async with self._database.read() as tx:
            known = await self._vault.versions(tx, Scope(school, person))
            if version not in {one.version for one in known}:
                raise Unknown
            found = await self._vault.wrapped(tx, Scope(school, person), version, after=after, limit=limit + 1)
        return found[:limit], found[limit - 1].id if len(found) > limit else None

    async def under_key(
        self, school: str, version: int, after: str = "", limit: int = 200
    ) -> tuple[Sequence[str], str | None]:
        """People whose own keys this version of the school's key wraps, and where the next page begins. Unknown."""
        async with self._database.read() as tx:
            known = await self._vault.versions(tx, Scope(school, None))
            if version not in {one.version for one in known}:
                raise Unknown
            found = await self._vault.under(tx, school, version, after=after, limit=limit + 1)
            page = await _people(tx, school, found[:limit])
        return page, found[limit - 1] if len(found) > limit else None

    async def between(self, school: str, since: int, until: int, after: str = "") -> tuple[Sequence[Span], str | None]:
        """People whose files or data were accessed from ``since`` until before ``until``: by id, forgotten ones too.

        A page looks at `SCANNED` people; where the next begins.
        """
        page = select(persons.c.id).where(persons.c.school == school, persons.c.id > after)
        async with self._database.read() as tx:
            ids = (await tx.execute(page.order_by(persons.c.id).limit(SCANNED))).scalars().all()
            entry, at = ledger_entries.c, ledger_entries.c.at
            mine = and_(entry.school == school, entry.subject.in_(ids), at >= since, at < until, _accesses())
            counted = select(entry.subject, func.count(), func.min(at), func.max(at)).where(mine)
            rows = (await tx.execute(counted.group_by(entry.subject).order_by(entry.subject))).all()
        return [Span(*row) for row in rows], ids[-1] if len(ids) == SCANNED else None


def _accesses() -> ColumnElement[bool]:
    return ledger_entries.c.action.in_(ACCESS) | ledger_entries.c.action.startswith("drive.", autoescape=True)


def _may_be(row: Mapping[Any, Any], details: Mapping[str, Any] | None) -> bool:
    """Whether an entry that names the item not may cover it: it is of many items, of a whole person, or unreadable."""
    unread = details is None and row["details"] is not None
    return unread or row["root"] is not None or not row["action"].startswith(_OF_ONE)


def _node_of(found: Wrapped) -> Any:
    """The file of the native drive that an object is, or was, content of."""
    version = native.parts.c.version == native.versions.c.id
    joined = native.versions.join(native.parts, version)
    return select(native.versions.c.node).select_from(joined).where(native.parts.c.object == found.id).limit(1)


def _held(found: Wrapped) -> Any:
    """Whose file it is, or was, content of, where a legal hold keeps it."""
    both = (native.kept.c.subject == native.kept_parts.c.subject) & (
        native.kept.c.content == native.kept_parts.c.content
    )
    columns = (native.kept.c.owner, native.kept.c.node)
    mine = native.kept_parts.c.object == found.id
    return select(*columns).select_from(native.kept.join(native.kept_parts, both)).where(mine).limit(1)


async def _people(tx: AsyncConnection, school: str, subjects: Sequence[str]) -> Sequence[str]:
    """Whose keys these are: the person's, or of a legal hold the key of whose things it keeps."""
    mine = (native.kept.c.tenant == school) & native.kept.c.subject.in_(subjects)
    rows = await tx.execute(select(native.kept.c.subject, native.kept.c.owner).where(mine).distinct())
    owners = {row.subject: row.owner for row in rows}
    return list(dict.fromkeys(owners.get(one, one) for one in subjects if one in owners or not is_hold(one)))


def _is_about(details: Mapping[str, Any], item: _Item) -> bool:
    drive = details.get("account", details.get("drive"))
    told = {details.get(name) for name in ("item", "ref", "parent", "copy")}
    return (item.drive is None or drive in (None, item.drive)) and not told.isdisjoint(item.names)


def _access(row: Mapping[Any, Any], details: Mapping[str, Any]) -> Access:
    client = details.get("client")
    return Access(
        row["sequence"], row["at"], row["action"], row["principal"], row["subject"],
        client if isinstance(client, str) else None,
    )  # fmt: skip
