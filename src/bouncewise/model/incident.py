"""Many addresses or receivers failing at once: Incidents at receivers and domains, Alerts about
the sender.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from bouncewise.model.verdict import Cause


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """Many addresses of one destination, a receiver or an ``@domain``, that were delivered to
    lately and are refused at once.

    ``recovered``: it ended with deliveries, so the addresses exist. ``newly_refused`` of
    ``mailed`` addresses were refused; ``baseline_rate`` is the destination's usual share; None:
    a domain where nobody was ever delivered to.
    """

    destination: str
    opened: datetime
    closed: datetime | None
    recovered: bool
    newly_refused: int
    mailed: int
    baseline_rate: float | None


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """A person's decision about the incident of ``destination`` that ``opened`` then.

    It was over at ``closed``; None: it was a false alarm.
    """

    destination: str
    opened: datetime
    closed: datetime | None
    at: datetime
    why: str
    by: str


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """Days in a row on which receivers refused the sender or the message, not the recipients,
    for one cause; without a cause: days with more claims than may have an effect, ``refused`` of
    them.

    ``receivers`` are ids, "" for hosts of no known receiver; ``share`` is of all mail to them on
    those days.
    """

    cause: Cause | None
    since: datetime
    until: datetime
    receivers: tuple[str, ...]
    refused: int
    share: float
    samples: tuple[str, ...]
