"""The words of the incident book: what kinds there are, how severe, what can have been touched. Codes, and sentences.

A code never changes; its sentence is what a person reads, also in drafted notices.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from gateway.sentences import sentence

Severity = Literal["low", "medium", "high"]
Origin = Literal["gateway", "administrator", "operator"]
Cause = Literal["failed_tags", "broken_chain", "token_reuse"]
SEVERITIES: Final[tuple[Severity, ...]] = ("low", "medium", "high")

DETECTED: Final[Mapping[Cause, Severity]] = {"failed_tags": "high", "broken_chain": "high", "token_reuse": "low"}
"""What the gateway sees by itself, and how severe it takes it for until somebody has looked."""

KINDS: Final[Mapping[str, str]] = {
    "failed_tags": sentence("Kept data or keys were altered or damaged: they did not pass their integrity check."),
    "broken_chain": sentence("The ledger of accesses was altered: its chain of entries does not hold together."),
    "token_reuse": sentence("A sign-in of the browser extension was used a second time, as a thief would use it."),
    "disclosure": sentence("Data reached somebody who should not have received it."),
    "access": sentence("Somebody saw or used data without being allowed to."),
    "loss": sentence("Data was lost or destroyed."),
    "alteration": sentence("Data was changed without permission."),
    "unavailable": sentence("Data could not be reached for a time."),
    "key": sentence("A password, key or other secret became known."),
    "device": sentence("A device with access was lost or stolen."),
    "other": sentence("Something else put data at risk."),
}
"""What happened, by code."""

PEOPLE: Final[Mapping[str, str]] = {
    "students": sentence("students"),
    "guardians": sentence("parents and guardians"),
    "teachers": sentence("teachers"),
    "staff": sentence("other staff of the school"),
    "outside": sentence("people outside the school"),
}
"""Whom it concerns, by code."""

DATA: Final[Mapping[str, str]] = {
    "identity": sentence("names and roles"),
    "contact": sentence("e-mail addresses and other contact details"),
    "sign_in": sentence("sign-in data"),
    "files": sentence("files and their contents"),
    "file_names": sentence("names of files and folders"),
    "usage": sentence("records of who opened what and when"),
    "special": sentence("especially sensitive data, such as data about health or beliefs"),
}
"""What data it concerns, by code."""

ADVICE: Final[Mapping[str, str]] = {
    "token_reuse": sentence("Sign in again. If you did not use the browser extension yourself, tell your school."),
    "key": sentence("Change the password that may be known, and use it nowhere else."),
    "device": sentence("Sign out on all your devices, and change your password."),
    "disclosure": sentence("Be careful with messages that mention what is in these files."),
    "access": sentence("Be careful with messages that mention what is in these files."),
}
"""What a person can do about it, by the incident's code."""
USUAL_ADVICE: Final = sentence("You need not do anything now. Ask your school if you have questions.")
