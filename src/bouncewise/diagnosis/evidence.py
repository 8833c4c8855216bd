"""Which pieces of evidence the facts of a case amount to.

Reads: Facts: what a reply said, what befell the address, its neighbours and its receiver, what DNS says, what the spelling.
Gives: ids of rows of diagnosis.toml with the words their sentences are filled with. Pure. Facts that depend on each other give
one piece: a domain's incident is not counted again as a domain all of whose recipients are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from bouncewise.model import Cause, Stage

ENOUGH, FLOOD = 3, 0.05
"""So many neighbours tell that a directory works; so great a share refused at once is no coincidence."""


SILENT = (
    Cause.DOMAIN_UNKNOWN,
    Cause.DOMAIN_NO_MAIL,
    Cause.DOMAIN_ROUTING,
    Cause.NETWORK_TIMEOUT,
    Cause.DELIVERY_EXPIRED,
)
"""Causes that our own server found, no receiver."""


class Own(msgspec.Struct, frozen=True, kw_only=True):
    """The address's own history: days since its last delivery before the refusal (None: never), other days on which it was
    refused since then, and whether it has had mail delivered after the refusal."""

    delivered_days: float | None = None
    refused_days: int = 0
    back: bool = False


class Others(msgspec.Struct, frozen=True, kw_only=True):
    """Neighbours: refused with the same cause; of them good in the month before; of them delivered to since; and deliveries
    to others within hours of the refusal. ``past_days``: since the last delivery to anybody before, None: never."""

    refused: int = 0
    good: int = 0
    back: int = 0
    delivered: int = 0
    past_days: float | None = None


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known of one case. None means that it was not, or could not be, asked."""

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
    asked_at: datetime
    own: Own | None = None
    at_domain: Others | None = None
    at_receiver: Others | None = None
    receivers: int | None = None
    incident: str | None = None
    dns: str | None = None
    dns_says: str = ""
    slip: str = ""
    slip_how: str = ""
    slip_of: str = "domain"
    missing: tuple[str, ...] = ()


def observe(facts: Facts) -> Iterator[tuple[str, dict[str, Any]]]:
    """The ids of the pieces of evidence that apply, at most one of each group, with what their sentences are filled with."""
    if facts.cause is Cause.GREYLISTED:
        return  # it is told to whoever comes first: what came later, or to others, is no evidence
    fill: dict[str, Any] = {
        "subject": facts.subject,
        "domain": facts.domain,
        "receiver": facts.receiver,
    }
    if facts.cause in SILENT:
        pass  # nobody spoke, so no stage was reached
    elif facts.stage in (Stage.CONNECT, Stage.HELO, Stage.MAIL):
        yield "stage.before", fill | {"stage": facts.stage}
    elif facts.stage in (Stage.DATA, Stage.END_OF_DATA):
        yield "stage.after", fill | {"stage": facts.stage}
    if facts.own is not None:
        yield from _own(facts.own, fill)
    # Many people slip alike: that all at such a domain are refused says nothing more.
    near = _neighbours(facts) if not facts.slip or facts.slip_of != "domain" else ""
    if near:
        yield near, fill | _counts(facts.at_domain)
    alone = facts.own is None or facts.own.delivered_days is None  # else own history has said it
    if facts.at_domain is not None and alone and not near.startswith("incident"):
        past = _past(facts.at_domain)
        if past:
            yield past, fill | {"days": round(facts.at_domain.past_days or 0)}
    wide = _receiver(facts.at_receiver)
    if wide and near in ("", "domain.alone", "domain.few", "domain.some"):
        yield wide, fill | _counts(facts.at_receiver)
    if facts.receivers is not None and facts.receivers:
        yield (
            ("receivers.several" if facts.receivers > 1 else "receivers.one"),
            fill | {"count": facts.receivers},
        )
    if facts.dns is not None:
        yield f"dns.{facts.dns}", fill | {"says": facts.dns_says}
    if facts.slip:
        yield f"typo.{facts.slip_of}", fill | {"slip": facts.slip, "how": facts.slip_how}


def _counts(others: Others | None) -> dict[str, int]:
    some = others or Others()
    return {
        "refused": some.refused,
        "good": some.good,
        "back": some.back,
        "delivered": some.delivered,
    }


def _own(own: Own, fill: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    days = fill | {"days": round(own.delivered_days or 0)}
    if own.back:
        yield "own.back", fill
    elif own.delivered_days is None:
        yield "own.never", fill
    else:
        yield ("own.lately" if own.delivered_days <= 30 else "own.earlier"), days
    if own.refused_days and not own.back:
        yield "own.again", fill | {"times": own.refused_days}


def _neighbours(facts: Facts) -> str:
    """The one reading of what befell the others at the domain; '' where nothing is known of any."""
    others = facts.at_domain
    if facts.incident is not None:
        return f"incident.{facts.incident}"
    if others is None:
        return ""
    share = others.refused / max(1, others.refused + others.delivered)
    many = others.refused >= ENOUGH or (others.refused >= 2 and others.delivered == 0)
    if others.back and (many or others.back == others.refused):
        return "domain.back"
    if many and others.delivered == 0:
        return "domain.all"
    if others.refused >= ENOUGH and share >= FLOOD:
        return "domain.flood"
    if others.refused and others.delivered < ENOUGH:
        return "domain.some"
    if others.delivered >= ENOUGH:
        return "domain.works"
    return "domain.few" if others.delivered else "domain.alone"


def _past(others: Others) -> str:
    if others.delivered or others.back:
        return ""  # said already by the neighbours
    if others.past_days is None:
        return "past.never"
    return "past.lately" if others.past_days <= 30 else "past.earlier"


def _receiver(others: Others | None) -> str:
    if others is None:
        return ""
    share = others.refused / max(1, others.refused + others.delivered)
    if others.refused >= ENOUGH and share >= FLOOD:
        return "receiver.back" if others.back >= others.refused / 2 else "receiver.flood"
    return "receiver.calm" if others.delivered >= 10 else ""
