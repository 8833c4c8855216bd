"""Incidents and addresses, as plain values: a dictionary that the template and the twins share. The
other pages have modules of their own.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from starlette.requests import Request

from bouncewise.classifier.classify import Classifier
from bouncewise.contract.addresses import AddressAnswer, EventRow
from bouncewise.contract.incidents import AlertRow, IncidentRow
from bouncewise.ledger import Location, Store, open_store
from bouncewise.ledger.deliveries import OWN_DNS
from bouncewise.lists.names import name_in
from bouncewise.model import Mail, State
from bouncewise.operations.alerts import alerts, steps
from bouncewise.operations.check import Checker
from bouncewise.operations.incidents import details
from bouncewise.policy.load import Policy

PAGE = 100
EVENTS = 200


class Source(NamedTuple):
    """The ledger that is shown, opened anew for each page."""

    location: Location
    policy: Policy
    classifier: Classifier

    def open(self) -> Store:
        """The ledger, to ask questions of. Raises LedgerError."""
        return open_store(self.location, read_only=True)


def incidents(source: Source, _: Request) -> dict[str, Any]:
    """Incidents, the latest first, and alerts of the last 90 days of evidence."""
    with source.open() as ledger:
        found = ledger.incidents.all()
        raised = alerts(ledger, source.policy, ledger.latest() - timedelta(days=90))
    return {
        "incidents": [IncidentRow.of(i) for i in found if i.destination != OWN_DNS],
        "resolver": [IncidentRow.of(i) for i in found if i.destination == OWN_DNS],
        "alerts": [AlertRow.of(alert, steps(alert, source.classifier.ruleset)) for alert in raised],
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
        "addresses": [
            {"incident": name, "opened": d.incident.opened, "name": n, "state": _state(states)}
            for d in every
            for n in d.names[:PAGE]
            if (states := decisions[d.incident.opened].get(n, ())) is not None
        ],
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


def address(source: Source, request: Request) -> dict[str, Any] | None:
    """One address or ``@domain``: may it be mailed, why, and everything that happened."""
    name, _ = name_in(request.path_params["name"])
    now = datetime.now(UTC)
    with source.open() as ledger:
        history = ledger.history(name)
        checker = Checker(ledger, source.policy, for_few=True)
        answer = checker.check(name, at=now)
        other = checker.check(name, mail=Mail(transactional=True), at=now)
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
