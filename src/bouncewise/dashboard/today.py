"""Today: what needs somebody, the last whole day against the usual, bounces by party and cause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request

from bouncewise.contract.incidents import AlertRow, IncidentRow
from bouncewise.dashboard.period import USUAL_DAYS, Compared, Period, compared, last_day, period
from bouncewise.dashboard.receivers import colour, day_rows
from bouncewise.dashboard.sources import heard
from bouncewise.dashboard.views import Source
from bouncewise.ledger import Store
from bouncewise.ledger.deliveries import OWN_DNS
from bouncewise.ledger.tally_records import StateTally, Tally
from bouncewise.model import Cause, Incident, Kind, State, Trust
from bouncewise.operations.alerts import alerts, steps
from bouncewise.operations.watch import noted
from bouncewise.times import Day, day_start

WEEK = timedelta(days=7)
CAUSES, BOUNCES = 12, 12
"""Rows of the tables."""

_ALSO_NOTED = ("source", "incident", "refusals")  # what alerts are given about, and is shown itself
FIGURES = {
    "delivered": "delivered",
    "bounced": "bounced",
    "refused": "refused you",
    "delayed": "deferred",
}
"""The numbers of a day, and what they are called."""


def today(source: Source, request: Request) -> dict[str, Any]:
    """What needs somebody, what changed, and the mail and bounces of the period."""
    now = datetime.now(UTC)
    with source.open() as ledger:
        shown = period(ledger, request)
        first = Day(min(shown.first, shown.end - 5 * 7 - 1))  # (what is usual is before it)
        counts = ledger.tallies.days(first, shown.end)
        sent = ledger.tallies.sent(first, shown.end)
        states = ledger.tallies.states.counts(now)
        raised = alerts(ledger, source.policy, max(now, shown.latest) - WEEK)
        incidents = [i for i in ledger.incidents.all() if i.closed is None]
        sources = heard(ledger, now)
        problems = [p for p in noted(ledger)[0] if p.part.split()[0] not in _ALSO_NOTED]
        changes = _changes(ledger, states, now)
        due = ledger.tallies.due()
    known = frozenset({*sent, *(row.day for row in counts)})
    day = last_day(known, shown.latest)
    return {
        "latest": shown.latest,
        "since": shown.since,
        "until": shown.latest,
        "length": shown.days,
        "due_hours": due,
        **_needs(source, incidents, raised),
        "problems": [{"part": p.part, "words": p.words, "fix": p.fix} for p in problems],
        "late": [h._asdict() for h in sources if h.state == "late"],
        "day": day_start(day).date(),
        "figures": _figures(counts, sent, day, known),
        "days": day_rows((row for row in counts if row.day >= shown.first), sent, shown),
        "bounces": _bounces(source, counts, shown),
        **_standing(states),
        "changes": changes,
        "sources": [h._asdict() for h in sources],
    }


def _needs(source: Source, incidents: list[Incident], raised: list[Any]) -> dict[str, Any]:
    ruleset = source.classifier.ruleset
    return {
        "incidents": [IncidentRow.of(i) for i in incidents if i.destination != OWN_DNS],
        "resolver": any(i.destination == OWN_DNS for i in incidents),
        "alerts": [AlertRow.of(alert, steps(alert, ruleset)) for alert in raised],
    }


def _figures(
    counts: Iterable[Tally], sent: Mapping[Day, int], day: Day, known: frozenset[Day]
) -> list[dict[str, Any]]:
    """The numbers of the last whole day beside the usual."""
    by_name: dict[str, Counter[Day]] = {name: Counter() for name in FIGURES}
    by_name["delivered"].update(sent)
    for row in counts:
        found = colour(row)
        by_name["delayed" if found == "delayed" else "bounced"][row.day] += row.reports
        if found == "sender":
            by_name["refused"][row.day] += row.reports
    return [
        _figure(name, title, compared(by_name[name], day, known)) for name, title in FIGURES.items()
    ]


def _figure(name: str, title: str, found: Compared) -> dict[str, Any]:
    return {"figure": name, "title": title, **found._asdict(), "words": found.words}


def _bounces(source: Source, counts: Iterable[Tally], shown: Period) -> list[dict[str, Any]]:
    """Final failures of the last seven days by cause, beside the usual of seven days."""
    facts = source.classifier.ruleset.causes
    last: Counter[str] = Counter()
    before: Counter[str] = Counter()
    for row in counts:
        if row.kind == Kind.FAILED:
            week = last if row.day >= shown.end - 7 else before
            week[row.cause] += row.reports if row.day >= shown.end - 7 - USUAL_DAYS else 0
    return [
        {
            "cause": cause,
            "title": facts[Cause(cause)].title if cause else "",
            "party": facts[Cause(cause)].party.value if cause else "",
            "reports": count,
            "usual": round(before[cause] * 7 / USUAL_DAYS),
        }
        for cause, count in last.most_common(BOUNCES)
    ]


def _standing(states: Iterable[StateTally]) -> dict[str, Any]:
    """The Decisions in force, by state and by cause."""
    totals = Counter({State.SUPPRESSED.value: 0, State.HELD.value: 0})
    causes: Counter[tuple[str, str]] = Counter()
    claims = 0
    for row in states:
        totals[row.state] += row.names
        causes[row.state, row.cause] += row.names
        claims += row.names if row.trust == Trust.CLAIMED else 0
    return {
        "states": dict(totals),
        "claims": claims,
        "causes": [
            {"state": state, "cause": cause, "count": count}
            for (state, cause), count in causes.most_common(CAUSES)
        ],
    }


def _changes(ledger: Store, states: Iterable[StateTally], now: datetime) -> dict[int, list[Any]]:
    """By a number of days, the Decisions that began in them."""
    kinds = sorted({(row.state, row.cause) for row in states})
    found: dict[int, list[Any]] = {}
    for days in (1, 7):
        rows = [
            {"state": state, "cause": cause, "count": count}
            for state, cause in kinds
            if (count := ledger.tallies.states.begun(state, cause, now - timedelta(days=days), now))
        ]
        found[days] = sorted(rows, key=lambda row: -row["count"])
    return found
