"""What a domain decides for its addresses: which of them is mailed first, and when what one of them
suffered is the domain's to decide.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from bouncewise.ledger import Store
from bouncewise.model import Cause, Decision, Decisions, Kind, State, Trust
from bouncewise.operations.decisions import decisions_on
from bouncewise.operations.refusal_context import RefusalContexts
from bouncewise.policy.decide import (
    CONFIRMED,
    DNS_ROUTE,
    DOMAIN_CAUSES,
    RELEASED,
    REMOVED,
    ROUTE_CAUSES,
)
from bouncewise.policy.load import Policy

CANDIDATES = 100
"""Addresses of a domain among which its probe is chosen."""

_SHORTLY = timedelta(hours=36)
"""Between two daily mailings, which are not sent at the same hour."""

_DIRECTORY_CAUSES = (Cause.ACCESS_DENIED, Cause.MAILBOX_UNKNOWN)
_CLEARING = (Kind.DELIVERED, CONFIRMED, REMOVED, RELEASED, DNS_ROUTE)


def follows_domain(
    own: Decision, whole: Decision, cleared_at: Callable[[], Sequence[datetime]]
) -> bool:
    """Whether evidence about the domain that decided on this address is the domain's to decide:
    while it has a decision, and once it was cleared since. Where its server accepted mail shortly
    before it failed for this address, it failed for this address alone.
    """
    is_route = own.cause in ROUTE_CAUSES and own.trust not in (Trust.CLAIMED, Trust.MATCHED)
    if not is_route and not _is_left_behind(own):
        return False
    if is_route and whole.state is not State.OK:
        return True
    times = cleared_at()
    if not times or own.since is None or times[-1] <= own.since:
        return False
    before = times[: bisect_right(times, own.since)]
    return own.cause in DOMAIN_CAUSES or not before or own.since - before[-1] >= _SHORTLY


def _is_left_behind(own: Decision) -> bool:
    """Whether an incident of the domain left this address suppressed, until it is its turn."""
    return (
        own.cause in _DIRECTORY_CAUSES and own.state is State.SUPPRESSED and own.until is not None
    )


def cleared(domain: str, ledger: Store, until: datetime | None) -> list[datetime]:
    """When mail was delivered to anybody at a domain, last or last before a failure, or a person
    or DNS ended its suppression.
    """
    _, history = next(ledger.histories((domain,), until))
    return [e.at for e in history if e.kind in _CLEARING]


def probe(names: Iterable[str], decisions: Mapping[str, Decisions]) -> str:
    """The address of a domain that is mailed first when the domain's time is up: one that no
    decision of its own keeps.
    """
    free = (
        n for n in names if all(d.cause in ROUTE_CAUSES and not d.by for d in decisions.get(n, ()))
    )
    return next(free, "")


def probe_as_of(domain: str, ledger: Store, policy: Policy, contexts: RefusalContexts) -> str:
    """The probe as it was chosen then, from the addresses with evidence up to then."""
    names = ledger.names_at(domain, CANDIDATES)
    known = [
        name
        for name, history in ledger.histories(names, contexts.at)
        if any(e.kind != Kind.DELIVERED for e in history)
    ]
    return probe(known, dict(decisions_on(known, ledger, policy, contexts.at, contexts)))
