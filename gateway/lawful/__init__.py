"""An authority's lawful requests: on which basis, for what, approved by two, told to the school unless forbidden."""

from gateway.lawful.handing import Handing
from gateway.lawful.model import (
    KIND,
    PARTS,
    Actor,
    LawfulError,
    LawfulRequest,
    NoSuchPerson,
    NoSuchRequest,
    Order,
    SecondNeeded,
    State,
    WrongState,
)
from gateway.lawful.requests import LawfulRequests, after_a_restore

__all__ = [
    "KIND",
    "PARTS",
    "Actor",
    "Handing",
    "LawfulError",
    "LawfulRequest",
    "LawfulRequests",
    "NoSuchPerson",
    "NoSuchRequest",
    "Order",
    "SecondNeeded",
    "State",
    "WrongState",
    "after_a_restore",
]
