"""The ledger: the evidence, kept permanently, and what follows from it. All SQL of bouncewise is in
this package.
"""

from __future__ import annotations

from bouncewise.ledger.entries import DeliveryEntry, Entry, EventEntry, entry
from bouncewise.ledger.location import Location, locate
from bouncewise.ledger.opening import exists
from bouncewise.ledger.protocol import Store
from bouncewise.ledger.records import Batch
from bouncewise.ledger.store import open_store

__all__ = [
    "Batch",
    "DeliveryEntry",
    "Entry",
    "EventEntry",
    "Location",
    "Store",
    "entry",
    "exists",
    "locate",
    "open_store",
]
