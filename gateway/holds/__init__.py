"""Legal hold: what a school must keep of a person, whoever has it forgotten. Nothing else stops an erasure."""

from gateway.holds.handing import Handing, Part
from gateway.holds.holds import Holds
from gateway.holds.model import (
    KIND,
    RELEASE,
    Hold,
    HoldError,
    NoSuchHold,
    NothingToHold,
    Order,
    State,
    WrongState,
)

__all__ = [
    "KIND",
    "RELEASE",
    "Handing",
    "Hold",
    "HoldError",
    "Holds",
    "NoSuchHold",
    "NothingToHold",
    "Order",
    "Part",
    "State",
    "WrongState",
]
