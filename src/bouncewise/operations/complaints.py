"""Complaint rates by stream and receiver, and which feedback loops are not enrolled.

Joins the deliveries and complaints of the ledger, the settings, and the table of loops.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import NamedTuple

from bouncewise.ledger.records import ComplaintCount
from bouncewise.operations.context import Context
from bouncewise.sender.loops import FeedbackLoop, LoopKind, RateLevel, level_of, loops


class Rate(NamedTuple):
    """The complaints of one stream ("" unknown) at one receiver ("" others). ``delivered``:
    addresses with mail delivered, each once a day and campaign; ``claimed``: complaints that
    nothing proves.
    """

    stream: str
    receiver: str
    delivered: int
    complaints: int
    claimed: int
    level: RateLevel


class LoopState(NamedTuple):
    """A loop of a receiver that mail is delivered to; ``arriving``: reports are in the ledger."""

    loop: FeedbackLoop
    delivered: int
    enrolled: bool
    arriving: bool


class ComplaintRates(NamedTuple):
    """The rates, the most complaints first; the loops, the most deliveries first."""

    rates: list[Rate]
    loops: list[LoopState]


def complaint_rates(context: Context, since: datetime, until: datetime) -> ComplaintRates:
    """The complaint rates of the whole days from *since* to before *until*."""
    known = loops()
    delivered: Counter[tuple[str, str]] = Counter()
    for sent in context.ledger.sent(since, until):
        delivered[sent.stream, sent.receiver] += sent.addresses
    counted = context.ledger.traffic.complaints(since, until)
    complained = {(c.stream, c.receiver): c for c in counted}
    at_receiver: Counter[str] = Counter()
    for (_, receiver), count in delivered.items():
        at_receiver[receiver] += count
    arriving = {c.receiver for c in counted}
    senders = _senders(context)
    states = [
        LoopState(
            loop, at_receiver[loop.receiver], loop.is_among(senders), loop.receiver in arriving
        )
        for loop in known.loop
        if at_receiver[loop.receiver] or loop.receiver in arriving
    ]
    reporting = {s.loop.receiver for s in states if s.enrolled and s.loop.kind is LoopKind.REPORTS}
    rates = []
    for key in delivered.keys() | complained.keys():
        stream, receiver = key
        found = complained.get(key) or ComplaintCount(stream, receiver, 0, 0)
        level = level_of(
            found.complaints,
            delivered[key],
            known.limits,
            reported=receiver in reporting or receiver in arriving,
        )
        rates.append(Rate(stream, receiver, delivered[key], *found[2:], level))
    rates.sort(key=lambda rate: (-rate.complaints, -rate.delivered, rate.stream, rate.receiver))
    states.sort(key=lambda state: -state.delivered)
    return ComplaintRates(rates, states)


def _senders(context: Context) -> set[str]:
    configured = context.settings.feedback.values()
    return {name for loop in configured for name in (*loop.dkim_domains, *loop.senders)}
