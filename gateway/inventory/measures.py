"""What protects people here, risk by risk, and which test shows it: the measures of GDPR Article 32, the facts of 35.

A measure names the test that fails where it does not hold; a test of the inventory sees to it that this test exists.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Measure:
    """``risk``: what could happen to people; ``against``: what is done; ``shown``: a file of tests, from the root."""

    risk: str
    against: str
    shown: str


MEASURES: Final[tuple[Measure, ...]] = (
    Measure(
        "A disk, a snapshot, a bucket or a database backup is stolen.",
        "Contents, names, addresses and tokens are sealed with AES-256-GCM under a key of their person; keys are "
        "wrapped up to a root key that lies elsewhere.",
        "tests/e2e/test_story.py",
    ),
    Measure(
        "Stored files are altered, cut, reordered or swapped between people.",
        "Every segment is authenticated and bound to its object, school and place before a byte of it is shown.",
        "tests/cache/test_sealing.py",
    ),
    Measure(
        "A copy outlives the time for which it was made.",
        "Temporary objects need an expiry key that dies at their end, in copies and backups too.",
        "tests/cache/test_expiry.py",
    ),
    Measure(
        "Somebody who was forgotten comes back with a restored backup.",
        "An erasure destroys keys first and stands in a journal outside all backups, which a restored database obeys "
        "before it serves a request.",
        "tests/gateway/erasure/test_eraser.py",
    ),
    Measure(
        "Something of a person is forgotten to be forgotten.",
        "Every personal table is erased or stays for a stated reason.",
        "tests/gateway/erasure/test_holdings.py",
    ),
    Measure(
        "Somebody sees or does what they may not, also across schools.",
        "One table of rules that denies by default; what belongs to others is answered as if it did not exist.",
        "tests/gateway/api/test_live_strangers.py",
    ),
    Measure(
        "Somebody acts for a person who did not ask for it.",
        "Every write to a drive carries the instruction of a person and is in the ledger before it leaves.",
        "tests/gateway/ledger/test_recorded.py",
    ),
    Measure(
        "What was done is denied or changed afterwards.",
        "A ledger for each school whose entries are chained by hashes.",
        "tests/gateway/ledger/test_ledger.py",
    ),
    Measure(
        "Files are lost on the way between two drives.",
        "A source is put into the trash only after the destination's own hash agreed.",
        "tests/gateway/transfers/test_nothing_lost.py",
    ),
    Measure(
        "A sign-in is stolen from a shared computer.",
        "Sign-ins end by themselves; cookies are out of reach of scripts; tokens are stored as hashes only; what "
        "cannot be undone needs a fresh sign-in.",
        "tests/gateway/identity/test_sessions.py",
    ),
    Measure(
        "A file that somebody shared attacks whoever opens it.",
        "Opened files are sandboxed, never sniffed, never run, never stored by the browser.",
        "tests/gateway/api/test_headers.py",
    ),
    Measure(
        "More is collected than is needed.",
        "Attributes of a sign-in are an allow-list; log fields are an allow-list; whatever is stored, written or sent "
        "and not in the inventory fails a test.",
        "tests/gateway/inventory/test_tables.py",
    ),
    Measure(
        "People are followed by cookies or by others.",
        "Only cookies that the service needs, none before somebody begins to sign in, nothing loaded from elsewhere.",
        "tests/e2e/test_inventory_browser.py",
    ),
    Measure(
        "Data leaves its region.",
        "One deployment serves one region; schools and AWS stores of another one refuse the start, everything else is "
        "the operator's word in the ledger.",
        "tests/gateway/residency/test_residency.py",
    ),
)

NOT_COVERED: Final[tuple[str, ...]] = (
    "Whoever has root on a running gateway sees what passes through it.",
    "Sizes and times of files are not hidden.",
    "Bytes that are in the kernel's buffers already are not recalled.",
    "What was moved to Google, Microsoft or another person's drive stays there; the receipt of an erasure names it.",
    "Deleted rows stay in PostgreSQL's files until they are overwritten; what was in them is unreadable.",
)
"""What remains, said openly; a school's own assessment weighs it."""
