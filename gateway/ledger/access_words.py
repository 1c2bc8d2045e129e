"""Which entries of the ledger are accesses to a person's files or data, and how each is told to that person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.sentences import sentence

ACCESSES: Final[Mapping[str, str]] = {
    "file.opened": sentence("A file was opened"),
    "file.pictured": sentence("A small picture of a file was shown"),
    "drive.upload": sentence("A file was saved to a drive"),
    "drive.upload_resumed": sentence("Saving a file to a drive went on"),
    "drive.make_folder": sentence("A folder was made"),
    "drive.relocate": sentence("An item was moved or renamed"),
    "drive.trash": sentence("An item was put into the trash"),
    "drive.delete": sentence("An item was deleted for good"),
    "drive.copy": sentence("An item was copied"),
    "drive.restore": sentence("An item was taken out of the trash"),
    "transfer.ordered": sentence("Items were ordered to be copied or moved"),
    "ledger.details_read": sentence("What the record says about you was read"),
    "hold.opened": sentence("A legal hold of your school began to keep files of yours"),
    "hold.listed": sentence("The names of your files that a legal hold keeps were read"),
    "hold.exported": sentence("Your files that a legal hold keeps were handed out"),
    "export.sent": sentence("A copy of everything about you was fetched"),
    "review.overview": sentence("What is held about you was looked at"),
    "review.records": sentence("Records about you were read"),
    "review.deeds": sentence("What was done with your data was looked at"),
    "review.corrections": sentence("Your corrections were looked at"),
    "review.exports": sentence("The copies that were asked for of your data were looked at"),
    "review.plan": sentence("What would go if you were forgotten was looked at"),
    "lawful.handed_out": sentence("Data about you was handed out on a lawful request"),
}
"""By action. Whoever adds a way to somebody's data adds it here."""
