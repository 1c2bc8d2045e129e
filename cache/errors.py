"""What can go wrong in storage, as facts.

    StorageError
    ├── Missing        no such object, or it was destroyed
    ├── Expired        its time has passed; to a caller the same as never stored
    ├── Shredded       a key that wrapped it is gone, so nobody can read it again
    ├── Corrupt        bytes or keys fail authentication: tampered, truncated, swapped or decayed
    └── Unavailable    the store cannot answer now (disk full, bucket unreachable); try again
        ├── Stale      keys in memory may have been destroyed meanwhile; try again at once
        └── Suspended  the key may not be used until somebody lifts that; nothing is lost

This storey knows no person and no request, so no error carries a name, a path or content.
"""

from __future__ import annotations


class StorageError(Exception):
    """The root of every fact that `cache` raises. ``retryable`` says whether the same call may succeed later."""

    retryable = False


class Missing(StorageError):
    """No object of this id in this scope."""


class Expired(Missing):
    """The object reached its end; it reads as never stored."""


class Shredded(StorageError):
    """A key above the object was destroyed: the bytes, wherever copies lie, cannot be read again."""


class Corrupt(StorageError):
    """Authentication failed. Nothing of the failing segment was handed out."""


class Unavailable(StorageError):
    """The store cannot answer at the moment; nothing was lost or changed."""

    retryable = True


class Stale(Unavailable):
    """Keys in memory were not looked after for over a second: they are used again once the epoch was read."""


class Suspended(Unavailable):
    """A key above it may not be used for now: its bytes stay, and are read again once the suspension is lifted."""
