"""The school's own drive: a tree in SQL with sealed names, bytes in the vault."""

from __future__ import annotations

from providers.native.content import Digests
from providers.native.drive import NativeDrive
from providers.native.erasing import Inventory, erase, inventory, tidy
from providers.native.exporting import Contents
from providers.native.paths import Content
from providers.native.tables import metadata
from providers.native.traits import TRAITS, Allowance
from providers.native.trash import empty
from providers.native.trimming import Trimmer

__all__ = [
    "TRAITS",
    "Allowance",
    "Content",
    "Contents",
    "Digests",
    "Inventory",
    "NativeDrive",
    "Trimmer",
    "empty",
    "erase",
    "inventory",
    "metadata",
    "tidy",
]
