"""Everybody outside to whom something goes: what, why, on whose word, and by which settings it is reached.

A processor that the operator engages is told apart from a drive that a person connects: Google and Microsoft get a
person's files because that person has an account there, under the school's own contract or the person's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from gateway.sentences import sentence

Role = Literal["drive", "school", "processor", "none"]


@dataclass(frozen=True, slots=True)
class Recipient:
    """``settings`` name what leads there, ``hosts`` the vendor's further host families that its answers may name.

    ``title``, ``gets`` and ``when`` are translated where they are shown.
    """

    key: str
    title: str
    role: Role
    gets: str
    when: str
    settings: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


RECIPIENTS: Final[tuple[Recipient, ...]] = (
    Recipient(
        "identity",
        sentence("Your school's sign-in"),
        "school",
        sentence("That you sign in here. It tells us who you are; whatever else it says is not kept."),
        sentence("When you sign in."),
        ("identity_providers",),
    ),
    Recipient(
        "google",
        sentence("Google"),
        "drive",
        sentence("The files that you save or move to your Google Drive, and which ones you ask for."),
        sentence("Only if you connect a Google account, and only on your word."),
        ("google__api_root", "google__auth_url", "google__token_url", "google__revoke_url"),
        (".google.com", ".googleapis.com", ".googleusercontent.com"),
    ),
    Recipient(
        "microsoft",
        sentence("Microsoft"),
        "drive",
        sentence("The files that you save or move to your OneDrive, and which ones you ask for."),
        sentence("Only if you connect a Microsoft account, and only on your word."),
        ("microsoft__authority", "microsoft__graph_root"),
        (
            ".1drv.com", ".microsoftpersonalcontent.com", ".onedrive.com", ".sharepoint.com", ".sharepoint.cn",
            ".sharepoint.us", ".sharepoint-mil.us", ".svc.ms",
        ),
    ),
    Recipient(
        "webhook",
        sentence("An address of your school"),
        "school",
        sentence(
            "That a job, an incident, a lawful request or a new privacy notice or terms need looking at: random "
            "numbers, counts, states and version numbers."
        ),
        sentence("Only if your school's administrators set one."),
    ),
    Recipient(
        "stores",
        sentence("Who keeps the machines, disks and backups"),
        "processor",
        sentence("Everything in this list, sealed. Without the keys it is unreadable."),
        sentence("Always; where and by whom stands below."),
        ("database_url", "blobs_url", "expiry_url", "root_kms"),
    ),
    Recipient(
        "scanner",
        sentence("A virus scanner"),
        "none",
        sentence("Nothing: this version sends no file to a scanner."),
        sentence("Never."),
    ),
    Recipient(
        "mail",
        sentence("A mail server"),
        "none",
        sentence("Nothing: this version sends no mail."),
        sentence("Never."),
    ),
)  # fmt: skip
"""Everybody. There is no advertising, no measuring of people, no artificial intelligence and nobody who buys data."""
