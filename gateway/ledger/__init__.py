"""What happened on whose word: append-only, chained per school, readable only with the keys of those it is about."""

from gateway.ledger.chain import merkle_root
from gateway.ledger.ledger import Cover, Entry, Event, Ledger, operated
from gateway.ledger.optional import recorded
from gateway.ledger.recorded import Place, Recorded, Recorder
from gateway.ledger.verify import Verdict, verify

__all__ = [
    "Cover",
    "Entry",
    "Event",
    "Ledger",
    "Place",
    "Recorded",
    "Recorder",
    "Verdict",
    "merkle_root",
    "operated",
    "recorded",
    "verify",
]
