"""The ledger: the evidence, kept for good, and what follows from it. All SQL of bouncewise is in this package."""

from __future__ import annotations

from bouncewise.ledger.entries import DeliveryEntry, Entry, EventEntry, entry
from bouncewise.ledger.store import Batch, Ledger

__all__ = ["Batch", "DeliveryEntry", "Entry", "EventEntry", "Ledger", "entry"]
