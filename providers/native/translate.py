"""Facts of the vault, told as facts of a drive."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import IntegrityError, OperationalError

from cache.errors import Corrupt, Missing, Shredded, StorageError, Suspended
from providers.errors import DriveError, NameTaken, NotFound, Offline, Untrusted
from providers.native.errors import Withheld


@contextmanager
def translated() -> Iterator[None]:
    """StorageError inside becomes a DriveError outside."""
    try:
        yield
    except StorageError as error:
        raise told(error) from error
    except IntegrityError as error:
        raise NameTaken("another process was first") from error
    except OperationalError as error:
        raise Offline("the database does not answer") from error


def told(error: StorageError) -> DriveError:
    """The drive's word for a fact of the vault."""
    if isinstance(error, (Missing, Shredded)):
        return NotFound("what was stored is gone")
    if isinstance(error, Corrupt):
        return Untrusted("what was stored is damaged")
    if isinstance(error, Suspended):
        return Withheld("what was stored may not be read now")
    return Offline("the store does not answer")
