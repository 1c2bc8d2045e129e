"""What happened on whose word: append-only, chained per school, readable only with the keys of those it is about."""

from gateway.ledger.ends import Ends
from gateway.ledger.ledger import Cover, Entry, Event, Ledger, operated
from gateway.ledger.merkle import merkle_root
from gateway.ledger.optional import recorded
from gateway.ledger.recorded import Place, Recorded, Recorder
from gateway.ledger.together import Together
from gateway.ledger.verify import Verdict, verify
from gateway.ledger.words import Words, on_record

__all__ = [
    "Cover",
    "Ends",
    "Entry",
    "Event",
    "Ledger",
    "Place",
    "Recorded",
    "Recorder",
    "Together",
    "Verdict",
    "Words",
    "merkle_root",
    "on_record",
    "operated",
    "recorded",
    "verify",
]
