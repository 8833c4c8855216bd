"""Receivers: all of them over some days, and one with its days, causes, domains, replies and
contacts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from starlette.requests import Request

from bouncewise.dashboard.period import Period, period
from bouncewise.dashboard.replies import reply_rows
from bouncewise.dashboard.views import Source
from bouncewise.ledger import Store
from bouncewise.ledger.tally_records import Tally
from bouncewise.model import Cause, Kind
from bouncewise.rules.load import Receiver
from bouncewise.sender.contacts import contacts
from bouncewise.times import Day, day_start

OTHER = "other"
"""What hosts that are no receiver of receivers.toml are called in paths."""

COLOURS = ("address", "domain", "sender", "other")
"""What final failures are about; the names of their colours."""

DOMAINS, REPLIES = 50, 20
"""Rows of the page of one receiver."""

DOMAIN_DAYS = 30
"""Days of which domains are counted at most: there may be very many of them."""


def colour(row: Tally) -> str:
    """What a count is about: one of COLOURS, or ``delayed``."""
    if row.kind != Kind.FAILED:
        return Kind.DELAYED.value
    return row.bearing.removesuffix("-claim") or "other"


def day_rows(
    counts: Iterable[Tally], sent: Mapping[Day, int], shown: Period
) -> list[dict[str, Any]]:
    """Each day of a period: deliveries, final failures by what they are about, deferrals."""
    days: dict[Day, Counter[str]] = {}
    for row in counts:
        days.setdefault(row.day, Counter())[colour(row)] += row.reports
    return [
        {
            "day": day_start(Day(day)).date(),
            "delivered": sent.get(Day(day), 0),
            **{name: days.get(Day(day), Counter())[name] for name in (*COLOURS, "delayed")},
        }
        for day in range(shown.first, shown.end)
    ]


def receivers(source: Source, request: Request) -> dict[str, Any]:
    """Every receiver with mail in the period, the one that refuses us most first."""
    with source.open() as ledger:
        shown = period(ledger, request)
        counts = ledger.tallies.days(shown.first, shown.end)
        delivered = ledger.tallies.sent_by_receiver(shown.first, shown.end)
    known = {r.id: r for r in source.classifier.ruleset.receivers}
    found: dict[str, Counter[str]] = {name: Counter() for name in delivered}
    causes: dict[str, Counter[str]] = {}
    sparks: dict[str, Counter[int]] = {}
    for row in counts:
        found.setdefault(row.receiver, Counter())[colour(row)] += row.reports
        if row.kind == Kind.FAILED:
            causes.setdefault(row.receiver, Counter())[row.cause] += row.reports
            sparks.setdefault(row.receiver, Counter())[row.day] += row.reports
    rows: list[dict[str, Any]] = [
        {
            "receiver": name or OTHER,
            "title": _title(known.get(name)),
            "delivered": delivered.get(name, 0),
            **{key: numbers[key] for key in (*COLOURS, "delayed")},
            "refused_share": _share(numbers["sender"], delivered.get(name, 0), numbers),
            "causes": [
                {"cause": cause, "reports": count}
                for cause, count in causes.get(name, Counter()).most_common(3)
            ],
            "spark": [sparks.get(name, Counter())[d] for d in range(shown.first, shown.end)],
        }
        for name, numbers in found.items()
    ]
    rows.sort(key=lambda r: (-r["sender"], -r["address"], -r["delivered"], r["receiver"]))
    return {"receivers": rows, "since": shown.since, "until": shown.latest, "days": shown.days}


def _share(refused: int, delivered: int, numbers: Mapping[str, int]) -> float | None:
    """The share of refusals of us among all mails with an outcome; None: there are none."""
    mails = delivered + sum(numbers[key] for key in COLOURS)
    return round(refused / mails, 4) if mails else None


def _title(receiver: Receiver | None) -> str:
    return receiver.name if receiver else "All other hosts"


def receiver(source: Source, request: Request) -> dict[str, Any] | None:
    """One receiver; None: there is no such receiver."""
    wanted = request.path_params["name"]
    name = "" if wanted == OTHER else wanted
    facts = {r.id: r for r in source.classifier.ruleset.receivers}.get(name)
    if name and facts is None:
        return None
    with source.open() as ledger:
        shown = period(ledger, request)
        counts = ledger.tallies.days(shown.first, shown.end, name)
        sent = ledger.tallies.sent(shown.first, shown.end, name)
        domains = _domains(ledger, name, shown)
        replies = reply_rows(ledger, ledger.tallies.replies(shown.first, shown.end, name), REPLIES)
        incident = any(i.destination == name and i.closed is None for i in ledger.incidents.all())
    days = day_rows(counts, sent, shown)
    own = sum(row["sender"] for row in days)
    return {
        "receiver": wanted,
        "title": _title(facts),
        "notes": facts.notes if facts else "",
        "open_incident": incident,
        "since": shown.since,
        "until": shown.latest,
        "length": shown.days,
        "totals": {
            key: sum(row[key] for row in days) for key in ("delivered", *COLOURS, "delayed")
        },
        "refused_share": _share(
            own, sum(sent.values()), {key: sum(row[key] for row in days) for key in COLOURS}
        ),
        "days": days,
        "causes": _causes(source, counts),
        "domains": domains,
        "replies": replies,
        "pages": [p for p in facts.postmaster if p not in _addresses(facts)] if facts else [],
        "contacts": [
            {"address": c.address, "use": c.use, "asks": c.asks, "source": c.source}
            for c in contacts()
            if facts and c.receiver == facts.id
        ],
    }


def _addresses(facts: Receiver) -> set[str]:
    return {c.address for c in contacts() if c.receiver == facts.id}


def _domains(ledger: Store, name: str, shown: Period) -> list[dict[str, Any]]:
    first = max(shown.first, Day(shown.end - DOMAIN_DAYS))
    found = ledger.tallies.domains(name, first, DOMAINS)
    delivered = ledger.tallies.delivered_to((d.domain for d in found), first, shown.end)
    return [{**d._asdict(), "delivered": delivered.get(d.domain, 0)} for d in found]


def _causes(source: Source, counts: Iterable[Tally]) -> list[dict[str, Any]]:
    facts = source.classifier.ruleset.causes
    found: dict[str, Counter[str]] = {}
    for row in counts:
        found.setdefault(row.cause, Counter())[row.kind] += row.reports
    rows = [
        {
            "cause": cause,
            "party": facts[Cause(cause)].party.value if cause else "",
            "failed": numbers[Kind.FAILED.value],
            "delayed": numbers[Kind.DELAYED.value],
        }
        for cause, numbers in found.items()
    ]
    return sorted(rows, key=lambda r: (-r["failed"], -r["delayed"], r["cause"]))
