"""The volume of our mail at each receiver against its history, with the refusals that followed."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import NamedTuple

from bouncewise.ledger import Store
from bouncewise.model import Cause
from bouncewise.policy.load import Policy
from bouncewise.policy.volume import Pattern, pattern
from bouncewise.times import Day, day_of, micros

CAUSES = (Cause.RATE_LIMITED, Cause.REPUTATION)
"""Refusals that follow from too much mail at once."""


class ReceiverVolume(NamedTuple):
    """The pattern at one receiver ("" other hosts)."""

    receiver: str
    pattern: Pattern


def volumes(ledger: Store, policy: Policy, since: datetime) -> list[ReceiverVolume]:
    """The pattern of every receiver with mail since then, the largest first. The last day is that
    of the last evidence.
    """
    until = ledger.latest()
    delivered: dict[str, Counter[Day]] = defaultdict(Counter)
    for sent in ledger.sent(since, until + timedelta(days=1)):
        delivered[sent.receiver][sent.day] += sent.addresses
    refused: dict[str, Counter[Day]] = defaultdict(Counter)
    for receiver, day, count in ledger.traffic.refused_by_day(CAUSES, since):
        refused[receiver][day] += count
    last = day_of(micros(until))
    found = [
        ReceiverVolume(
            receiver, pattern(delivered[receiver], refused[receiver], last, policy.volume)
        )
        for receiver in sorted(delivered.keys() | refused.keys())
    ]
    return sorted(found, key=lambda row: -row.pattern.largest)
