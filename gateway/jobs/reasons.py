"""Why an item ended as it did, in words a person can act on. Codes are stable; the texts are translation keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from gateway.sentences import sentence
from providers.errors import DriveError

_OWN: Final[Mapping[str, str]] = {
    "waiting": sentence("The drive asked for a pause. It goes on by itself."),
    "waiting_google": sentence("Google Drive asked for a pause. It goes on by itself."),
    "waiting_onedrive": sentence("OneDrive asked for a pause. It goes on by itself."),
    "already_there": sentence("It was in this folder already."),
    "cancelled": sentence("It was not begun, because the job was cancelled."),
    "folder_failed": sentence("The folder it belongs into could not be made. Look at the folder's own reason."),
    "incomplete_listing": sentence(
        "The drive did not list everything in this folder. Run it again; nothing was removed."
    ),
    "too_deep": sentence("The folders are nested too deeply. Move the inner folder on its own."),
    "shortcut": sentence("A shortcut only points to another item. Choose the item itself."),
    "shortcut_dangling": sentence(
        "The shortcut points to something that is no longer there, or that is not shared with you any more."
    ),
    "shortcut_inside": sentence("It points to something that is part of this transfer, so that was not copied twice."),
    "shortcut_around": sentence("It points to a folder that this transfer goes into, so that was not copied."),
    "shortcut_again": sentence("The folder it points to was copied in another place of this transfer already."),
    "shortcut_kept": sentence("The folder it points to was copied. The shortcut and that folder stay where they are."),
    "same_there": sentence("The same file was there already, so it was not sent again."),
    "same_kept": sentence(
        "It seems to be there already, but that cannot be proven, so the original was kept. Compare the two."
    ),
    "replaced": sentence(
        "It took the place of the file of this name. Where the drive keeps older versions, the earlier one is there."
    ),
    "across_own": sentence(
        "It could not be moved between these drives, so it was copied and the original is in the trash."
        " The copy belongs to you."
    ),
    "across_shared": sentence(
        "It could not be moved between these drives, so it was copied and the original is in the trash."
        " The copy belongs to the shared drive."
    ),
    "converted": sentence(
        "It is a document of the drive's own kind now. Look through it: a conversion can change how it looks."
    ),
    "converted_kept": sentence(
        "It is a document of the drive's own kind now. A conversion can change how it looks, so the original was kept."
    ),
    "altered_equal": sentence(
        "The drive added properties of its own to this file. Every part of the document itself is the same."
    ),
    "altered_equal_kept": sentence(
        "The drive added properties of its own to this file. Every part of the document itself is the same."
        " The original was kept: keep both, or delete the original yourself."
    ),
    "altered": sentence("The drive changes files of this kind as it stores them, so the copy cannot be proven equal."),
    "altered_kept": sentence(
        "The drive changed this file as it stored it, so the original was kept. Compare the two, then keep both or"
        " delete the original yourself."
    ),
    "source_kept": sentence("The copy is complete, but the original could not be removed. Remove it in its own drive."),
    "copy_gone": sentence(
        "The copy is no longer as it arrived, so the original was kept. Look at the destination folder."
    ),
    "source_changed": sentence("The copy is complete, but the original was changed meanwhile, so it was kept."),
    "not_empty": sentence("The folder was kept, because something in it was not moved."),
    "unverified": sentence("What arrived was not what was sent. The original was kept. Try again."),
    "keeps_changing": sentence(
        "The file was being changed while it was copied. Try again when nobody is working on it."
    ),
    "no_free_name": sentence("No free name was found for it in the destination folder."),
    "source_lost": sentence("What was uploaded is no longer there. Upload it again."),
    "worker_lost": sentence("The work on it was interrupted too often. Try again."),
    "internal": sentence(
        "Something went wrong on our side. Try again; if it happens again, tell your school's administrator."
    ),
}


def advice(code: str | None) -> str | None:
    """What a person can do about it, in English; None where there is nothing to say."""
    return None if code is None else ADVICE.get(code, DriveError.advice)


def _family(kind: type[DriveError]) -> Iterator[type[DriveError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _family(child)


ADVICE: Final[Mapping[str, str]] = {**{kind.code: kind.advice for kind in _family(DriveError)}, **_OWN}
