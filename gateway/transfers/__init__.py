"""Copies and moves between any two drives, verified before anything is removed, and the sending on of uploads."""

from gateway.transfers.access import Drives
from gateway.transfers.conflict import Conflict
from gateway.transfers.service import Order, OrderRefused, Source, Transfers

__all__ = ["Conflict", "Drives", "Order", "OrderRefused", "Source", "Transfers"]
