"""What can go wrong with a drive, translated once at the boundary into facts a caller can act on.

    DriveError
    ├── NotFound               the item is not there, or not visible to this account
    │   └── NotPicked          the grant covers chosen items only, and this one may just not be chosen
    ├── Changed                the item is not the version that was asked for
    ├── NameTaken              another item of that name is in the way
    ├── NameRefused            the drive does not allow this name
    ├── TooLarge               over the drive's limit for a file
    ├── SizeRequired           this drive must know the size before the first byte
    ├── QuotaFull              the account has no room
    ├── Refused                the account may not do this          .reason says which rule
    │   ├── AdminBlocked       a policy of the school or an age rule forbids it; an administrator can change it
    │   ├── DownloadForbidden  the owner disabled downloading
    │   ├── AcrossDrives       the drive does not move this item there; copying it may work
    │   ├── LimitReached       a limit of the provider that making room does not lift
    │   └── Malware            the provider flagged the file; never acknowledged here
    ├── ExportTooLarge         the provider does not export a document of this size
    ├── Unsupported            an item that cannot be read as bytes (notebooks, unknown native types)
    ├── Reconnect              the grant is dead; the person must connect the account again
    ├── SessionLost            the upload session is gone; begin a new one
    ├── Busy                   throttled; .retry_after seconds when the provider said so, .wide whom it concerns
    │   └── Locked             somebody has the item open in an editor: the item waits, not the account
    ├── Offline                the provider does not answer; try again later
    └── Untrusted              the answer is not what the protocol promises; nothing of it was kept

Messages never carry names, tokens, addresses or content. ``advice`` is what a person can do, in plain English, the
key under which the gateway translates it.
"""

from __future__ import annotations

from typing import ClassVar


class DriveError(Exception):
    """The root. ``code`` is stable and lower-case; ``retryable`` whether the same call may succeed later."""

    code: ClassVar[str] = "drive_error"
    retryable: ClassVar[bool] = False
    reconnect: ClassVar[bool] = False
    advice: ClassVar[str] = "Try again. If it happens again, tell your school's administrator."

    def __init__(self, message: str = "", *, retry_after: float | None = None, reason: str | None = None) -> None:
        super().__init__(message or self.__class__.__name__)
        self.retry_after = retry_after
        """Seconds the provider asked us to wait, None where it did not say."""
        self.reason = reason
        """The provider's own reason code (never free text), for reports."""


class NotFound(DriveError):
    code = "not_found"
    advice = "The item is no longer there, or it is no longer shared with you. Refresh the folder."


class NotPicked(NotFound):
    code = "not_picked"
    advice = "The item is gone, or it was never chosen for this connection. Choose it first, then try again."


class Changed(DriveError):
    code = "changed"
    advice = "The item changed in the meantime. Refresh the folder and try again."


class NameTaken(DriveError):
    code = "name_taken"
    advice = "There is already an item of this name. Choose another name, or choose to replace it."


class NameRefused(DriveError):
    code = "name_refused"
    advice = "This drive does not allow this name. Choose another name."


class TooLarge(DriveError):
    code = "too_large"
    advice = "The file is larger than this drive accepts."


class SizeRequired(DriveError):
    code = "size_required"
    advice = "This drive must know the size of a file before it is sent."


class QuotaFull(DriveError):
    code = "quota_full"
    advice = "The drive is full. Make room there, then try again."


class Refused(DriveError):
    code = "refused"
    advice = "You do not have permission to do this with the item. Ask its owner."


class AdminBlocked(Refused):
    code = "admin_blocked"
    advice = "Your school or an age rule does not allow this. Ask your school's administrator."


class DownloadForbidden(Refused):
    code = "download_forbidden"
    advice = "The owner does not allow this file to be downloaded. Ask the owner."


class AcrossDrives(Refused):
    code = "across_drives"
    advice = "The drive does not move this item there. Copy it instead."


class LimitReached(Refused):
    code = "limit_reached"
    advice = "A limit of the drive's provider is reached. Try again tomorrow, or choose another folder."


class Malware(Refused):
    code = "malware"
    advice = "The drive's provider says that this file is harmful, so it stays closed."


class ExportTooLarge(DriveError):
    code = "export_too_large"
    advice = "The document is too large to be converted. Open it in its own drive, or choose another format."


class Unsupported(DriveError):
    code = "unsupported"
    advice = "Items of this kind cannot be opened or moved here. Open it in its own drive."


class Reconnect(DriveError):
    code = "reconnect"
    reconnect = True
    advice = "The connection to this drive has ended. Connect it again."


class SessionLost(DriveError):
    code = "session_lost"
    retryable = True
    advice = "The upload was interrupted and starts again."


class Busy(DriveError):
    code = "busy"
    retryable = True
    advice = "The drive is busy. It is tried again by itself."

    def __init__(
        self, message: str = "", *, retry_after: float | None = None, reason: str | None = None, wide: bool = False
    ) -> None:
        super().__init__(message, retry_after=retry_after, reason=reason)
        self.wide = wide
        """Whether the whole tenant or application has to wait, and not only this account."""


class Locked(Busy):
    code = "locked"
    advice = "Somebody has it open. Try again when they have closed it, or save a copy under another name."


class Offline(DriveError):
    code = "offline"
    retryable = True
    advice = "The drive does not answer at the moment. Try again in a few minutes."


class Untrusted(DriveError):
    code = "untrusted"
    retryable = True
    advice = "The drive sent something that does not fit. Nothing of it was kept. Try again later."
