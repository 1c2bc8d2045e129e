"""Access that is cut off at once while something is looked into, and given back: schools, people, connections, keys."""

from gateway.containment.errors import (
    Already,
    Contained,
    ContainmentError,
    NoSuchContainment,
    NoSuchTarget,
    OwnAccess,
)
from gateway.containment.model import Containment, Target, Word
from gateway.containment.service import Containments, Journal

__all__ = [
    "Already",
    "Contained",
    "Containment",
    "ContainmentError",
    "Containments",
    "Journal",
    "NoSuchContainment",
    "NoSuchTarget",
    "OwnAccess",
    "Target",
    "Word",
]
