"""Where an upload goes, and how a finished one is recognised when its answer was lost."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

from providers.drive import Entry, Kind, NewFile, Progress, UploadSession
from providers.errors import NotFound, SessionLost
from providers.onedrive.client import Client
from providers.onedrive.traits import TRAITS
from providers.onedrive.wire import same_time


@dataclass(frozen=True, slots=True)
class Target:
    """The settled ``name``, the ``old`` version where known, and the session's ``address`` (None: no session)."""

    name: str
    old: str | None = None
    address: str | None = None

    @classmethod
    def of(cls, session: UploadSession) -> Target:
        """From a session's secret. SessionLost where it is not one of ours."""
        try:
            return cls(**json.loads(session.secret))
        except (ValueError, TypeError):
            raise SessionLost("not a session of this drive") from None

    def seal(self) -> bytes:
        """For `UploadSession.secret`."""
        return json.dumps(asdict(self)).encode()


async def arrived(client: Client, spec: NewFile, target: Target) -> Entry | None:
    """The finished file of an upload whose answer never came, or None.

    It has the name (or the id, where content was replaced), the size and the time that were sent. Somebody else's file
    of the same name, size and second is told apart by the hash, when the transfer is verified.
    """
    found = await _there(client, spec, target)
    if found is None or found.kind is not Kind.FILE or (target.old is not None and found.version == target.old):
        return None
    whole = found.size == spec.size or _may_be_rewritten(found, spec)
    return found if whole and same_time(found.modified, spec.modified) else None


async def _there(client: Client, spec: NewFile, target: Target) -> Entry | None:
    if spec.replaces is None:
        return await client.find(spec.parent, target.name)
    try:
        return await client.stat(spec.replaces[0])
    except NotFound:
        return None


def _may_be_rewritten(found: Entry, spec: NewFile) -> bool:
    return found.media_type in TRAITS.rewrites or spec.media_type in TRAITS.rewrites


def finished(done: Entry, spec: NewFile) -> Progress:
    """All bytes were taken; where the provider then changed the file, the entry says so."""
    size = spec.size or 0
    if done.size != size:
        done = replace(done, flags=done.flags | {"altered"})
    return Progress(size, done)
