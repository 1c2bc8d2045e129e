"""Names on a drive that allows twins: what refusing, renaming and replacing mean there.

Drive keeps any number of items of one name in a folder and has no conditional create; so the name is looked up first.
Two who do so in the same moment can still make twins, which Drive can hold and which lose nothing.
"""

from __future__ import annotations

from providers.drive import Entry, Kind, OnConflict, Ref
from providers.errors import NameTaken
from providers.google.client import Client
from providers.google.traits import TRAITS
from providers.names import check, free_name

MOST_TWINS = 100


async def settle(
    client: Client, parent: Ref, name: str, on_conflict: OnConflict, kind: Kind
) -> tuple[str, Entry | None]:
    """The name to use, and under REPLACE the entry of that kind that is there. NameRefused, NameTaken."""
    check(name, TRAITS)
    found = await client.by_name(parent, name)
    if not found:
        return name, None
    if on_conflict is OnConflict.REPLACE:
        return name, _only(found, kind)
    if on_conflict is OnConflict.RENAME:
        return await _free(client, parent, name), None
    raise NameTaken("the name is taken")


def _only(found: list[Entry], kind: Kind) -> Entry | None:
    """The one to be replaced; a folder does not stand in a file's way here. Of twins nobody can say which is meant."""
    same = [entry for entry in found if entry.kind is kind]
    if kind is Kind.FOLDER:
        return min(same, key=lambda entry: entry.ref.id, default=None)
    if len(same) > 1:
        raise NameTaken("there are several items of this name", reason="ambiguous")
    return same[0] if same else None


async def _free(client: Client, parent: Ref, name: str) -> str:
    for number in range(2, MOST_TWINS):
        other = free_name(name, number, TRAITS.max_name)
        if not await client.by_name(parent, other):
            return other
    raise NameTaken("no free name was found", reason="many")
