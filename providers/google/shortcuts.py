"""Where a shortcut leads: to an item, or to nothing that this account reaches.

A listing tells only what a shortcut once pointed to; whether that is still there costs a request for each, so it is
found out where one shortcut is looked at.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from providers.drive import Entry, Kind
from providers.google.client import Client

DANGLING: Final = "dangling"
LONGEST: Final = 8
"""Google makes no shortcuts to shortcuts; should one be met, so many are followed."""


async def resolved(client: Client, shortcut: Entry) -> Entry:
    """The shortcut with its last target, as that is addressed; flagged where it leads nowhere or in a circle."""
    seen, at = {shortcut.ref.id}, shortcut
    while len(seen) <= LONGEST:
        target = at.target
        found = None if target is None or target.id in seen else await client.find(target)
        if found is None:
            break
        if found.kind is not Kind.SHORTCUT:
            return replace(shortcut, target=found.ref)
        seen.add(found.ref.id)
        at = found
    return replace(shortcut, flags=shortcut.flags | {DANGLING})
