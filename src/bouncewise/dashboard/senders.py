"""Senders: what ``watch`` noted last about our domains and addresses, what receivers report about
them, and what mailbox providers ask for. Nothing here asks DNS.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request

from bouncewise.dashboard.period import Period, period
from bouncewise.dashboard.views import Source
from bouncewise.ledger import Store
from bouncewise.operations.watch import DUE, noted
from bouncewise.sender.requirements import requirements
from bouncewise.sender.watching import Noted

SIGNAL_DAYS = 30

_RECORDS, _LISTING, _REPORTS, _NEW_SOURCE = "records", "listing", "reports", "new-source"
_KINDS = (_RECORDS, _LISTING, _REPORTS, _NEW_SOURCE)


def senders(source: Source, request: Request) -> dict[str, Any]:
    """Problems as noted, reports of receivers, and the requirements that bounces name."""
    with source.open() as ledger:
        shown = period(ledger, request)
        problems, looked = noted(ledger)
        reports = ledger.sender_reports
        dmarc = [row._asdict() for row in reports.passed(shown.since)]
        tls = [row._asdict() for row in reports.tls(shown.since)]
        signals = _signals(ledger, shown.latest)
        explained = _explained(ledger, shown)
    return {
        "problems": [_problem(p) for p in problems if p.part.split()[0] in _KINDS],
        "looked": [
            {"kind": kind, "at": datetime.fromtimestamp(looked[kind], UTC)}
            for kind in DUE
            if kind in looked
        ],
        "dmarc": dmarc,
        "tls": [{**row, "failures": len(row["failures"])} for row in tls],
        "signals": signals,
        "requirements": explained,
        "since": shown.since,
        "until": shown.latest,
        "length": shown.days,
    }


def _problem(found: Noted) -> dict[str, Any]:
    kind, _, subject = found.part.partition(" ")
    return {
        "kind": kind,
        "subject": subject,
        "id": found.id,
        "level": found.level.value,
        "words": found.words,
        "fix": found.fix,
        "since": datetime.fromtimestamp(found.since, UTC),
    }


def _signals(ledger: Store, latest: datetime) -> list[dict[str, Any]]:
    """The last figure of each kind."""
    last: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in ledger.sender_reports.signals(latest - timedelta(days=SIGNAL_DAYS)):
        day = datetime.fromtimestamp(row.day * 86_400, UTC).date()
        last[row.origin, row.subject, row.name] = {**row._asdict(), "day": day}
    return list(last.values())


def _explained(ledger: Store, shown: Period) -> list[dict[str, Any]]:
    """Each requirement with the final failures and deferrals at its receiver whose reply names it
    by a status code, of all there; the commonest replies are looked at.
    """
    by_receiver: dict[str, Counter[int]] = {}
    for name in {r.receiver for r in requirements()}:
        for row in ledger.tallies.replies(shown.first, shown.end, name):
            by_receiver.setdefault(name, Counter())[row.reply] += row.reports
    total: Counter[str] = Counter()
    for day in ledger.tallies.days(shown.first, shown.end):
        total[day.receiver] += day.reports
    words = ledger.tallies.words({reply for found in by_receiver.values() for reply in found})
    rows = []
    for each in requirements():
        found = by_receiver.get(each.receiver, Counter())
        pattern = "|".join(rf"\b{re.escape(status)}\b" for status in each.statuses)
        rows.append(
            {
                "provider": each.provider,
                "requirement": each.id,
                "words": each.words,
                "applies": each.applies,
                "explained": (
                    sum(n for reply, n in found.items() if re.search(pattern, words.get(reply, "")))
                    if pattern
                    else None
                ),
                "refused": total[each.receiver],
                "source": each.source,
            }
        )
    return sorted(rows, key=lambda r: -(r["explained"] or 0))
