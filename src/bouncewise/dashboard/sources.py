"""Sources and operations: when each source was heard last against its usual, imports, and runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from starlette.requests import Request

from bouncewise.dashboard.views import Source
from bouncewise.ledger import Store
from bouncewise.times import EPOCH

KNOWN = timedelta(days=28)
"""How far back the usual of a source is looked for."""

RUNS, IMPORTS = 20, 20


class Heard(NamedTuple):
    """A source: the hour of its last entry, hours of silence since, its longest usual silence in
    hours (None: too little is known), and ``heard``, ``late`` or ``new``.
    """

    source: str
    last: datetime
    silent_hours: int
    usual_hours: int | None
    state: str


def heard(ledger: Store, now: datetime) -> list[Heard]:
    """The own sources of the last 90 days, those that are late first."""
    last = ledger.coverage.sources()
    hours = ledger.coverage.hours(now - KNOWN)
    found = [
        _heard(source, at, hours.get(source, []), now)
        for source, at in last.items()
        if now - at < 4 * KNOWN
    ]
    return sorted(found, key=lambda h: (h.state != "late", h.source))


def _heard(source: str, last: datetime, hours: Sequence[int], now: datetime) -> Heard:
    silent = max(0, (now - last) // timedelta(hours=1))
    gaps = sorted(b - a for a, b in pairwise(hours))
    if len(gaps) < 5:
        return Heard(source, last, silent, None, "new")
    usual = gaps[-1]  # (a source that rests at night and at the weekend has such gaps each week)
    return Heard(source, last, silent, usual, "late" if silent > max(usual, 1) else "heard")


def sources(source: Source, _: Request) -> dict[str, Any]:
    """When each source was heard last, the imports, the last runs, and what the ledger holds."""
    now = datetime.now(UTC)
    with source.open() as ledger:
        found = heard(ledger, now)
        imports = ledger.imports.latest(IMPORTS)
        runs = ledger.daily.runs(RUNS)
        states = ledger.tallies.states.counts(now)
        due = ledger.tallies.due()
        latest = ledger.latest()
    return {
        "sources": [h._asdict() for h in found],
        "imports": [i._asdict() for i in imports],
        "runs": [{"source": r.source, "rules": r.rules, "began": r.began} for r in runs],
        "decisions": sum(row.names for row in states),
        "due_hours": due,
        "latest": None if latest == EPOCH else latest,
    }
