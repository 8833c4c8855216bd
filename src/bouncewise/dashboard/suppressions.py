"""Suppressions and holds, the latest first, by state and cause, or those of a name or a domain."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import Any

import msgspec
from starlette.requests import Request

from bouncewise.dashboard.views import Source
from bouncewise.ledger import Store
from bouncewise.ledger.tally_records import Shown, StatePlace
from bouncewise.lists.names import name_in
from bouncewise.model import Decision, State
from bouncewise.policy.decide import in_force

PAGE = 100
"""Decisions of one page."""

STATES = (State.SUPPRESSED.value, State.HELD.value)


def suppressions(source: Source, request: Request) -> dict[str, Any]:
    """Decisions in force, page by page; each page costs the same, however many there are."""
    query, now = request.query_params, datetime.now(UTC)
    state = query.get("state", "") if query.get("state") in STATES else ""
    cause, search = query.get("cause", "")[:40], query.get("q", "").strip()[:400]
    after = _place(query.get("after", ""))
    with source.open() as ledger:
        counts = ledger.tallies.states.counts(now)
        kinds = {
            (row.state, row.cause)
            for row in counts
            if state in ("", row.state) and cause in ("", row.cause)
        }
        if search:
            page = _found(ledger, search, after, now)
        else:
            page = ledger.tallies.states.newest(kinds, after, PAGE, now)
    return {
        "rows": [
            _row(name, d)
            for name, d in page.rows
            if not search or (d.state.value, _cause(d)) in kinds
        ],
        "after": _text(page.after),
        "state": state,
        "cause": cause,
        "q": search,
        "causes": sorted({row.cause for row in counts if state in ("", row.state)}),
        "total": sum(row.names for row in counts if (row.state, row.cause) in kinds),
        "totals": {s: sum(row.names for row in counts if row.state == s) for s in STATES},
    }


def _found(ledger: Store, search: str, after: StatePlace | None, now: datetime) -> Shown:
    """The Decisions on an address; on a domain, and on the addresses there."""
    name = name_in(search if "@" in search else f"@{search}").key
    decisions = ledger.decisions([name]) if after is None else {}
    rows = [
        (key, d)
        for key, found in decisions.items()
        for d in found
        if in_force(d, now).state is not State.OK
    ]
    if not name.startswith("@"):
        return Shown(rows, None)
    page = ledger.tallies.states.at_domain(name, after.address if after else -(1 << 63), now)
    return Shown([*rows, *page.rows], page.after)


def _row(name: str, d: Decision) -> dict[str, Any]:
    return {
        "name": name,
        "state": d.state.value,
        "cause": _cause(d),
        "scope": d.scope.value,
        "since": d.since,
        "until": d.until,
        "why": d.why,
        "by": d.by,
        "trust": d.trust.value,
    }


def _cause(d: Decision) -> str:
    return d.cause.value if d.cause else d.rule


def _text(place: StatePlace | None) -> str | None:
    """*place* as a parameter of an address."""
    if place is None:
        return None
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def _place(text: str) -> StatePlace | None:
    """What ``_text`` made; None for everything else."""
    try:
        padded = text[:2000] + "=" * (-len(text[:2000]) % 4)
        place = msgspec.json.decode(base64.urlsafe_b64decode(padded), type=StatePlace)
    except (binascii.Error, msgspec.DecodeError, ValueError):
        return None
    numbers = (place.since, place.address)
    return place if all(-(1 << 63) <= n < 1 << 63 for n in numbers) else None
