"""No command works on an older copy that was put back before a gateway has started on it.

What the journal says is not so there yet: who was forgotten since could be read, what was suspended since is free.
"""

from __future__ import annotations

from gateway.db.engine import Database
from gateway.erasure.journal import Journal, JournalRefused
from gateway.erasure.mark import Mark
from gateway.erasure.restoring import is_older_copy
from gateway.settings import Settings
from gateway.stores import StartRefused, journal_path

OLDER = (
    "this is an older copy of the database, and what was forgotten, suspended or given up since it was made is not yet "
    "so in it. Nothing was done: start the gateway first, which makes it so, then run this command again. Only "
    "`file-access ledger verify` and `file-access keys retire` work before that"
)


async def refuse_older(settings: Settings, database: Database, key: bytes) -> None:
    """StartRefused on such a copy, and where the journal does not fit. ``key``: the journal's, 32 bytes."""
    journal = Journal(journal_path(settings), key)
    try:
        older = await is_older_copy(journal, Mark(journal.folder, key), database)
    except JournalRefused as error:
        raise StartRefused(str(error)) from error
    except OSError as error:
        raise StartRefused(f"the erasure journal cannot be read ({type(error).__name__})") from error
    if older:
        raise StartRefused(OLDER)
