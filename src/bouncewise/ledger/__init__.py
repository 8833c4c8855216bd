"""The ledger: what was read, kept for good, and what follows from it. All SQL of bouncewise is in this folder."""

from __future__ import annotations

from bouncewise.ledger.append import Entry, Told, entry
from bouncewise.ledger.store import Ledger

__all__ = ["Entry", "Ledger", "Told", "entry"]
