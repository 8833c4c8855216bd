"""Alerts: what an operator should look at, and no Decision depends on.

Receivers that refuse the sender for many addresses, and days with more notices that nothing
proves than a mailing brings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from bouncewise.ledger import Store
from bouncewise.ledger.records import SenderRefusals
from bouncewise.model import Alert
from bouncewise.policy.load import Policy
from bouncewise.rules.load import RuleSet
from bouncewise.times import Day, day_start

SAMPLES = 3
"""Replies shown of an alert."""

CLAIMS_DO = (
    "Look at the newest of these messages: are they bounces of your own mail, or forged?",
    "Give bouncewise the log of your mail server, or the events of your provider: notices that it "
    "can match count as before.",
    "Send with signed return addresses (docs/trust.md): then only notices to these count.",
)
"""What to do about many claims."""


def steps(alert: Alert, ruleset: RuleSet) -> tuple[str, ...]:
    """What to do about *alert*."""
    return tuple(ruleset.causes[alert.cause].do) if alert.cause else CLAIMS_DO


def alerts(ledger: Store, policy: Policy, since: datetime) -> list[Alert]:
    """The alerts since then, the latest first."""
    found = [*_sender_alerts(ledger, policy, since), *_claim_alerts(ledger, policy, since)]
    return sorted(found, key=lambda alert: (alert.until, alert.cause or ""), reverse=True)


def _sender_alerts(ledger: Store, policy: Policy, since: datetime) -> Iterator[Alert]:
    """Days in a row on which receivers refused the sender for many addresses, and much of their
    mail.
    """
    heavy = ledger.traffic.sender_refusals_by_day(since, policy.alert.is_reached)
    runs: list[list[SenderRefusals]] = []
    for row in heavy:
        if runs and runs[-1][-1].cause is row.cause and row.day - runs[-1][-1].day <= 1:
            runs[-1].append(row)
        else:
            runs.append([row])
    return map(_sender_alert, runs)


def _sender_alert(run: list[SenderRefusals]) -> Alert:
    refused = Counter[str]()
    for row in run:
        refused[row.receiver] += row.refused
    total = refused.total()
    return Alert(
        cause=run[0].cause,
        since=min(r.first for r in run),
        until=max(r.last for r in run),
        receivers=tuple(receiver for receiver, _ in refused.most_common()),
        refused=total,
        share=total / (total + sum(r.delivered for r in run)),
        samples=tuple(dict.fromkeys(r.words for r in run))[:SAMPLES],
    )


def _claim_alerts(ledger: Store, policy: Policy, since: datetime) -> Iterator[Alert]:
    """Days in a row with more claims than may have an effect (docs/trust.md)."""
    if not ledger.coverage.covers_anything(ledger.latest()):
        return
    counts = ledger.coverage.claims_by_day(since, ledger.latest() + timedelta(days=1))
    days = sorted(day for day, count in counts.items() if count > policy.trust.claims_a_day)
    runs: list[list[Day]] = []
    for day in days:
        if runs and day - runs[-1][-1] == 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    for run in runs:
        yield Alert(
            cause=None,
            since=day_start(run[0]),
            until=day_start(Day(run[-1] + 1)),
            receivers=(),
            refused=sum(counts[day] for day in run),
            share=1.0,
            samples=(),
        )
