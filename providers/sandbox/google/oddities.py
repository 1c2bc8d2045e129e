"""Seeded things that other people share: what every person finds under "shared with me", and what makes trouble there.

They lie in the drives of others on purpose: whoever copies a whole drive of their own must not stumble over them.
"""

from __future__ import annotations

from collections.abc import Sequence

from providers.sandbox.google.office import DOCUMENT
from providers.sandbox.google.planter import TEXT, Planter
from providers.sandbox.people import Person


def exchanged(planter: Planter, others: Sequence[Person]) -> None:
    """A file, which has an older revision, and a folder that a teacher shares with everyone of the other school."""
    shelf = planter.folder(planter.root, "Exchange with other schools")
    reading = planter.file(shelf, "Reading list.txt", TEXT, b"1. A book about trees\n")
    planter.rewrite(reading, b"1. A book about trees\n2. A book about moss\n")
    planter.share(reading, "reader", *others)
    project = planter.folder(shelf, "Exchange project")
    planter.document(project, "Letters", DOCUMENT, ["Dear class,", "how green is your school yard?"])
    planter.file(project, "Rules.txt", TEXT, b"Write every Friday.\n")
    planter.share(project, "writer", *others)


def odd_things(planter: Planter, teachers: Sequence[Person]) -> None:
    """A folder that an administrator shares with the teachers of the school."""
    odd = planter.folder(planter.root, "Odd things")
    flagged = planter.file(odd, "Flagged as malware.txt", TEXT, b"harmless in truth\n")
    planter.change(flagged, marks={"abusive": True})
    look = planter.file(odd, "Only for looking at.txt", TEXT, b"no copies, please\n")
    planter.change(look, nocopy=True)
    draft = planter.document(odd, "Only for looking at (document)", DOCUMENT, ["no copies, please"])
    planter.change(draft, nocopy=True)
    _linked(planter, odd)
    _shortcuts(planter, odd)
    planter.share(odd, "reader", *teachers)


def _linked(planter: Planter, odd: str) -> None:
    """Open by an old link: in the administrator's own folder, so that only the key opens them."""
    attic = planter.folder(planter.root, "Attic")
    old = planter.file(attic, "Old link.txt", TEXT, b"shared by link long ago\n")
    box = planter.folder(attic, "Old linked folder")
    planter.file(box, "In the old folder.txt", TEXT, b"needs the folder's key\n")
    for number, target in enumerate((old, box)):
        planter.change(target, link=f"0-seed{number}")
    planter.shortcut(odd, "Shortcut to an old link", old)
    planter.shortcut(odd, "Shortcut to an old linked folder", box)


def _shortcuts(planter: Planter, odd: str) -> None:
    """Shortcuts that lead nowhere, and some that lead in circles."""
    secret = planter.file(planter.root, "Salaries.txt", TEXT, b"not for teachers\n")
    planter.shortcut(odd, "Target out of reach", secret)
    binned = planter.file(odd, "Binned.txt", TEXT, b"in the bin\n")
    planter.shortcut(odd, "Target in the trash", binned)
    planter.change(binned, trashed=True)
    gone = planter.file(odd, "Gone.txt", TEXT, b"gone\n")
    planter.shortcut(odd, "Target deleted", gone)
    planter.remove(gone)
    first, second = planter.folder(odd, "Circle one"), planter.folder(odd, "Circle two")
    planter.shortcut(first, "To circle two", second)
    planter.shortcut(second, "To circle one", first)
    planter.shortcut(first, "To the folder itself", first)
