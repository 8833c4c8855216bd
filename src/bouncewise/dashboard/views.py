"""What each page shows, as plain values: a dictionary that the template and the JSON twin share."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from starlette.requests import Request

from bouncewise.classifier.classify import Classifier
from bouncewise.contract.addresses import AddressAnswer, EventRow
from bouncewise.contract.incidents import AlertRow, IncidentRow
from bouncewise.dashboard.charts import Bar
from bouncewise.ledger import Location, Store, open_store
from bouncewise.ledger.deliveries import OWN_DNS
from bouncewise.lists.names import name_in
from bouncewise.model import Alert, Mail, State
from bouncewise.operations.alerts import alerts, steps
from bouncewise.operations.check import check
from bouncewise.operations.incidents import details
from bouncewise.operations.status import overview
from bouncewise.policy.decide import in_force
from bouncewise.policy.load import Policy
from bouncewise.times import Day, day_start

DAYS = 30
PAGE = 100
EVENTS = 200

PARTIES = {"address": "about recipients", "domain": "about domains", "sender": "about us"}
"""What bearings are called on the pages."""


class Source(NamedTuple):
    """The ledger that is shown, opened anew for each page."""

    location: Location
    policy: Policy
    classifier: Classifier

    def open(self) -> Store:
        """The ledger, to ask questions of. Raises LedgerError."""
        return open_store(self.location, read_only=True)


def today(source: Source, _: Request) -> dict[str, Any]:
    """What needs somebody, what changed, and the refusals of the last days."""
    now = datetime.now(UTC)
    with source.open() as ledger:
        found = overview(ledger, source.policy, now, (1, 7))
        latest = min(now, max(ledger.latest(), now - timedelta(days=365 * 30)))
        days = _days(ledger, latest)
        sent = _sent(ledger, latest)
    status = found.status
    states = Counter({"suppressed": 0, "held": 0})
    causes = Counter[tuple[str, str]]()
    for row, count in status.rows:
        states[row.state.value] += count
        causes[row.state.value, row.cause] += count
    return {
        "names": status.names,
        "unmailable": status.unmailable,
        "states": dict(states),
        "claims": status.on_claims_alone,
        "latest": latest,
        "causes": [
            {"state": state, "cause": cause, "count": count}
            for (state, cause), count in causes.most_common(12)
        ],
        "changes": {
            days: [
                {"state": state.value, "cause": cause, "count": count}
                for (state, cause), count in rows
            ]
            for days, rows in found.changes.items()
        },
        "incidents": [IncidentRow.of(i) for i in found.incidents if i.destination != OWN_DNS],
        "resolver": any(i.destination == OWN_DNS for i in found.incidents),
        "alerts": [AlertRow.of(alert, _steps(source, alert)) for alert in found.alerts],
        "days": days,
        "delivered": sent,
        "refused": sum(bar.total for bar in days),
        "sources": dict(sorted(found.sources.items())),
    }


def _days(ledger: Store, latest: datetime) -> list[Bar]:
    """Refusals of each of the last DAYS days up to the last evidence."""
    since = latest - timedelta(days=DAYS)
    counts: dict[Day, Counter[str]] = {}
    for row in ledger.daily.refused(since, latest + timedelta(seconds=1)):
        counts.setdefault(row.day, Counter())[row.bearing] += row.refused
    first = (since - datetime(1970, 1, 1, tzinfo=UTC)).days + 1
    return [
        Bar(
            day_start(Day(day)).date(),
            {name: counts.get(Day(day), Counter())[name] for name in PARTIES},
        )
        for day in range(first, first + DAYS)
    ]


def _sent(ledger: Store, latest: datetime) -> int:
    since = latest - timedelta(days=DAYS)
    return sum(row.addresses for row in ledger.sent(since, latest + timedelta(days=1)))


def _steps(source: Source, alert: Alert) -> tuple[str, ...]:
    return steps(alert, source.classifier.ruleset)


def incidents(source: Source, _: Request) -> dict[str, Any]:
    """Incidents, the latest first, and alerts of the last 90 days of evidence."""
    with source.open() as ledger:
        found = ledger.incidents.all()
        raised = alerts(ledger, source.policy, ledger.latest() - timedelta(days=90))
    return {
        "incidents": [IncidentRow.of(i) for i in found if i.destination != OWN_DNS],
        "resolver": [IncidentRow.of(i) for i in found if i.destination == OWN_DNS],
        "alerts": [AlertRow.of(alert, _steps(source, alert)) for alert in raised],
    }


def incident(source: Source, request: Request) -> dict[str, Any] | None:
    """The incidents of one receiver or ``@domain``."""
    name = request.path_params["name"]
    with source.open() as ledger:
        found = [i for i in ledger.incidents.all() if i.destination == name]
        every = [details(ledger, i) for i in found]
        decisions = {d.incident.opened: ledger.decisions(d.names[:PAGE]) for d in every}
    if not every:
        return None
    return {
        "name": name,
        "incidents": [
            {
                "row": IncidentRow.of(found.incident),
                "names": len(found.names),
                "samples": found.samples,
                "rulings": [
                    {"by": r.by, "at": r.at, "why": r.why, "closed": r.closed}
                    for r in found.rulings
                ],
                "addresses": [
                    {"name": n, "state": _state(decisions[found.incident.opened].get(n, ()))}
                    for n in found.names[:PAGE]
                ],
            }
            for found in every
        ],
    }


def _state(decisions: Any) -> str:
    return decisions[0].state.value if decisions else State.OK.value


def receivers(source: Source, _: Request) -> dict[str, Any]:
    """Deliveries and refusals of each receiver in the last DAYS days of evidence."""
    with source.open() as ledger:
        latest = ledger.latest()
        since = latest - timedelta(days=DAYS)
        refused = ledger.daily.receivers(since, latest + timedelta(seconds=1))
        delivered = Counter[str]()
        for row in ledger.sent(since, latest + timedelta(days=1)):
            delivered[row.receiver] += row.addresses
    known = {r.id: r for r in source.classifier.ruleset.receivers}
    rows: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys([*(r.receiver for r in refused), *delivered]):
        facts = known.get(name)
        rows[name] = {
            "receiver": name,
            "title": facts.name if facts else "other hosts",
            "postmaster": facts.postmaster[0] if facts and facts.postmaster else "",
            "delivered": delivered[name],
            "refused": dict.fromkeys(PARTIES, 0),
            "causes": [],
        }
    for found in refused:
        entry = rows[found.receiver]
        party = "sender" if found.bearing.startswith("sender") else found.bearing
        entry["refused"][party] += found.addresses
        entry["causes"].append({"cause": found.cause, "addresses": found.addresses})
    listed = sorted(
        rows.values(), key=lambda r: (-sum(r["refused"].values()), -r["delivered"], r["receiver"])
    )
    return {"receivers": listed, "since": since, "until": latest, "parties": PARTIES}


def suppressions(source: Source, request: Request) -> dict[str, Any]:
    """Decisions page by page, in a fixed order."""
    query = request.query_params
    after = query.get("after", "")
    state = query.get("state", "") if query.get("state") in ("suppressed", "held") else ""
    cause = query.get("cause", "")[:40]
    now = datetime.now(UTC)
    first = int(after) if after.lstrip("-").isdecimal() and len(after) < 21 else -(1 << 63)
    with source.open() as ledger:
        page = ledger.daily.states(first, PAGE, state or None, cause or None)
        counts = ledger.state_counts()
    rows = [
        {
            "name": name,
            "state": d.state.value,
            "cause": d.cause.value if d.cause else d.rule,
            "scope": d.scope.value,
            "since": d.since,
            "until": d.until,
            "why": d.why,
            "trust": d.trust.value,
        }
        for name, d in page.rows
        if in_force(d, now).state is not State.OK
    ]
    causes = sorted({c for s, c in counts if not state or s == state})
    total = sum(
        n for (s, c), n in counts.items() if (not state or s == state) and (not cause or c == cause)
    )
    return {
        "rows": rows,
        "after": page.after,
        "state": state,
        "cause": cause,
        "causes": causes,
        "total": total,
    }


def address(source: Source, request: Request) -> dict[str, Any] | None:
    """One address or ``@domain``: may it be mailed, why, and everything that happened."""
    name, _ = name_in(request.path_params["name"])
    now = datetime.now(UTC)
    with source.open() as ledger:
        history = ledger.history(name)
        answers = check([name], ledger, source.policy, at=now, past=False, mail=Mail())
        answer = next(answers)
        other = next(
            check([name], ledger, source.policy, at=now, past=False, mail=Mail(transactional=True))
        )
    is_domain = name.startswith("@")
    return {
        "name": name,
        "is_domain": is_domain,
        "answer": AddressAnswer.of(answer),
        "transactional": other.send,
        "about": answer.name,
        "events": [EventRow.of(event) for event in reversed(history[-EVENTS:])],
        "more": max(0, len(history) - EVENTS),
    }


def sources(source: Source, _: Request) -> dict[str, Any]:
    """When each source was heard last, and the last runs."""
    with source.open() as ledger:
        heard = ledger.coverage.sources()
        runs = ledger.daily.runs(20)
        counts = ledger.counts()
    return {
        "sources": [{"source": name, "last": last} for name, last in sorted(heard.items())],
        "runs": [{"source": r.source, "rules": r.rules, "began": r.began} for r in runs],
        "counts": counts,
    }
