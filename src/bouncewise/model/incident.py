"""Many addresses or receivers failing at once: Incidents at receivers and domains, Alerts about the sender."""

from __future__ import annotations

from datetime import datetime

import msgspec

from bouncewise.model.verdict import Cause


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """Many good addresses at one receiver or ``@domain`` turning bad at once. ``recovered``: it passed, they were alive.
    ``usual``: the unit's own share of refusals; None: a domain where all are refused and nobody was ever delivered to."""

    unit: str
    opened: datetime
    closed: datetime | None
    recovered: bool
    flipped: int
    mailed: int
    usual: float | None


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """Days in a row on which receivers refused us, not our recipients, for one cause: our IP, domain or content.

    ``receivers`` are ids, "" for hosts of no known receiver; ``share`` is of all mail to them on those days.
    """

    cause: Cause
    since: datetime
    until: datetime
    receivers: tuple[str, ...]
    refused: int
    share: float
    samples: tuple[str, ...]
