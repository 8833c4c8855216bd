"""Which pieces of evidence the facts of a case give.

Reads: Facts, which ``facts`` gathers: the reply, the history of the address, its neighbours, its
receiver, DNS, the spelling. Gives: Observations, i.e. ids of rows of diagnosis.toml with the values
for their sentences. Pure. Of facts that depend on each other, one piece is given: an incident at a
domain is not counted again as a domain where all recipients are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from bouncewise.model import AbsenceState, Cause, Stage

ENOUGH = 3
"""Neighbours delivered that show that a directory works; neighbours refused that may be a flood."""

FLOOD_SHARE = 0.05
"""Share of neighbours refused at the same time that is no coincidence."""

RECENT_DAYS = 30
"""Days since a delivery that is recent; as ``alive_days`` of the policy."""

WEEKS = timedelta(days=7)
"""The time from which on refusals on several days are no outage of the receiver."""

NO_REPLY = (
    Cause.DOMAIN_UNKNOWN,
    Cause.DOMAIN_NO_MAIL,
    Cause.DOMAIN_ROUTING,
    Cause.NETWORK_TIMEOUT,
    Cause.DELIVERY_EXPIRED,
)
"""Causes that the sending server finds, without a reply of a receiver."""


class AddressHistory(msgspec.Struct, frozen=True, kw_only=True):
    """The history of the address itself."""

    delivered_days: float | None = None
    """Days from the last delivery to the refusal; None if there was none."""
    refused_days: int = 0
    """Other days on which the address was refused since that delivery."""
    refused_for: timedelta = timedelta()
    """Between the first refusal since that delivery and the last."""
    recovered: bool = False
    """Whether mail was delivered after the refusal."""


class NeighbourCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to other addresses at the domain or receiver around the time of the refusal."""

    refused: int = 0
    """Addresses refused for the same cause."""
    recent: int = 0
    """Of those, addresses delivered in the month before."""
    recovered: int = 0
    """Of those, addresses delivered since."""
    delivered: int = 0
    """Mails delivered within hours of the refusal."""
    last_delivery_days: float | None = None
    """Days from the last delivery before the refusal; None if there was none."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known about one case. None: it was not, or could not be, found out."""

    subject: str
    domain: str
    cause: Cause
    confidence: float
    alternates: tuple[Cause, ...] = ()
    stage: Stage | None = None
    receiver: str = ""
    words: str = ""
    contact: str = ""
    refused_at: datetime | None = None
    as_of: datetime
    history: AddressHistory | None = None
    at_domain: NeighbourCounts | None = None
    at_receiver: NeighbourCounts | None = None
    refusing_receivers: int | None = None
    incident: str | None = None
    dns: str | None = None
    dns_hosts: str = ""
    absence: AbsenceState | None = None
    """What the last automatic reply of the address states, up to now."""
    absence_on: str = ""
    """The date of that reply."""
    typo: str = ""
    """The address or domain that was probably intended; '' if there is none."""
    typo_how: str = ""
    typo_part: str = "domain"
    """Where the typing error is: "domain" or "local"."""
    missing: tuple[str, ...] = ()


class Observation(NamedTuple):
    """The id of a piece of evidence that applies, and the values for its sentence."""

    id: str
    values: dict[str, Any]


def observe(facts: Facts) -> Iterator[Observation]:
    """The pieces of evidence that apply, at most one of each group."""
    if facts.cause is Cause.GREYLISTED:
        return  # every first-time sender is greylisted, so that no other event shows anything
    common = {"subject": facts.subject, "domain": facts.domain, "receiver": facts.receiver}
    for part in (_stage, _history, _absence, _neighbours, _receivers, _dns, _typo):
        for observation in part(facts):
            yield observation._replace(values=common | observation.values)


def _stage(facts: Facts) -> Iterator[Observation]:
    if facts.cause in NO_REPLY:
        return  # no receiver replied, so that no stage was reached
    if facts.stage in (Stage.CONNECT, Stage.HELO, Stage.MAIL):
        yield Observation("stage.before", {"stage": facts.stage})
    elif facts.stage in (Stage.DATA, Stage.END_OF_DATA):
        yield Observation("stage.after", {"stage": facts.stage})


def _history(facts: Facts) -> Iterator[Observation]:
    history = facts.history
    if history is None:
        return
    if history.recovered:
        yield Observation("own.back", {})
        return
    if history.delivered_days is None:
        yield Observation("own.never", {})
    else:
        is_recent = history.delivered_days <= RECENT_DAYS
        days = {"days": round(history.delivered_days)}
        yield Observation("own.lately" if is_recent else "own.earlier", days)
    if history.refused_days:
        is_for_weeks = history.refused_for >= WEEKS and _others_are_delivered(facts)
        weeks = round(history.refused_for / timedelta(days=7))
        id_ = "own.for-weeks" if is_for_weeks and history.refused_days > 1 else "own.again"
        yield Observation(id_, {"times": history.refused_days, "weeks": weeks})


def _absence(facts: Facts) -> Iterator[Observation]:
    """A statement that ends by itself, or is about the mailbox's use, explains no refusal."""
    if facts.absence in (AbsenceState.LEFT, AbsenceState.MOVED):
        yield Observation(f"absence.{facts.absence}", {"on": facts.absence_on})


def _others_are_delivered(facts: Facts) -> bool:
    found = (facts.at_domain, facts.at_receiver)
    return any(counts is not None and counts.delivered >= ENOUGH for counts in found)


def _neighbours(facts: Facts) -> Iterator[Observation]:
    """Evidence of other addresses: around the refusal, in the past, at the receiver."""
    # Many people make the same typing error. That all addresses at such a domain are refused adds
    # nothing.
    is_domain_typo = facts.typo and facts.typo_part == "domain"
    id_ = "" if is_domain_typo else _at_domain(facts)
    if id_:
        yield Observation(id_, _counts(facts.at_domain))
    # The history of the address, if it was ever delivered, implies the past of the domain.
    is_new = facts.history is None or facts.history.delivered_days is None
    if facts.at_domain is not None and is_new and not id_.startswith("incident"):
        yield from _past(facts.at_domain)
    if id_ in ("", "domain.alone", "domain.few", "domain.some"):
        yield from _at_receiver(facts.at_receiver)


def _counts(neighbours: NeighbourCounts | None) -> dict[str, int]:
    counts = neighbours or NeighbourCounts()
    return {
        "refused": counts.refused,
        "recent": counts.recent,
        "recovered": counts.recovered,
        "delivered": counts.delivered,
    }


def _at_domain(facts: Facts) -> str:
    """The id of the one piece about neighbours at the domain; '' if nothing is known about any."""
    if facts.incident is not None:
        return f"incident.{facts.incident}"
    if facts.at_domain is None:
        return ""
    refused, delivered = facts.at_domain.refused, facts.at_domain.delivered
    recovered = facts.at_domain.recovered
    is_many = refused >= ENOUGH or (refused >= 2 and delivered == 0)
    if recovered and (is_many or recovered == refused):
        return "domain.back"
    if is_many and delivered == 0:
        return "domain.all"
    if _is_flood(facts.at_domain):
        return "domain.flood"
    if refused and delivered < ENOUGH:
        return "domain.some"
    if delivered >= ENOUGH:
        return "domain.works"
    return "domain.few" if delivered else "domain.alone"


def _is_flood(neighbours: NeighbourCounts) -> bool:
    share = neighbours.refused / max(1, neighbours.refused + neighbours.delivered)
    return neighbours.refused >= ENOUGH and share >= FLOOD_SHARE


def _past(at_domain: NeighbourCounts) -> Iterator[Observation]:
    if at_domain.delivered or at_domain.recovered:
        return  # the piece about neighbours says it
    days = at_domain.last_delivery_days
    if days is None:
        yield Observation("past.never", {})
    else:
        id_ = "past.lately" if days <= RECENT_DAYS else "past.earlier"
        yield Observation(id_, {"days": round(days)})


def _at_receiver(at_receiver: NeighbourCounts | None) -> Iterator[Observation]:
    if at_receiver is None:
        return
    if _is_flood(at_receiver):
        is_over = at_receiver.recovered >= at_receiver.refused / 2
        id_ = "receiver.back" if is_over else "receiver.flood"
        yield Observation(id_, _counts(at_receiver))
    elif at_receiver.delivered >= 10:
        yield Observation("receiver.calm", _counts(at_receiver))


def _receivers(facts: Facts) -> Iterator[Observation]:
    if facts.refusing_receivers:
        id_ = "receivers.several" if facts.refusing_receivers > 1 else "receivers.one"
        yield Observation(id_, {"count": facts.refusing_receivers})


def _dns(facts: Facts) -> Iterator[Observation]:
    if facts.dns is not None:
        yield Observation(f"dns.{facts.dns}", {"hosts": facts.dns_hosts})


def _typo(facts: Facts) -> Iterator[Observation]:
    if facts.typo:
        values = {"typo": facts.typo, "how": facts.typo_how}
        yield Observation(f"typo.{facts.typo_part}", values)
