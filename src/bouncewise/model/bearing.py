"""What one event says beyond its own address: the two columns that incidents and alerts are
counted by.

The ledger keeps them beside each event, so that no query names an advice or a cause.
"""

from __future__ import annotations

from enum import StrEnum

from bouncewise.model.report import Kind
from bouncewise.model.trust import Trust
from bouncewise.model.verdict import Advice, Cause

TENANT_CAUSES = frozenset({Cause.ACCESS_DENIED})
"""Causes by which each tenant of a hosting receiver answers from a directory of its own
(Microsoft 365's Directory-Based Edge Blocking), so that other tenants' refusals and deliveries
say nothing about it."""
_TENANT_STATUS = " 5.1.10 "
"""Exchange Online: RESOLVER.ADR.RecipientNotFound, by the tenant's directory, too
(https://learn.microsoft.com/exchange/mail-flow-best-practices/non-delivery-reports-in-exchange-online).
"""

DOMAIN_CAUSES = (Cause.DOMAIN_UNKNOWN, Cause.DOMAIN_NO_MAIL)
"""Causes that concern a whole domain."""

ROUTE_CAUSES = (*DOMAIN_CAUSES, Cause.DOMAIN_ROUTING, Cause.RELAY_DENIED, Cause.NETWORK_TIMEOUT)
"""Causes that all addresses of a domain share: mail does not find, or does not reach, a server that
accepts mail for it."""


class Bearing(StrEnum):
    """What a final refusal is about."""

    ADDRESS = "address"
    DOMAIN = "domain"
    SENDER = "sender"
    """The sender or the message: the recipient may well exist."""
    SENDER_CLAIM = "sender-claim"
    """The same by a report that is only a claim: it may open an alert, and decides nothing."""
    NONE = ""


_BEARINGS = {
    Advice.SUPPRESS_ADDRESS: Bearing.ADDRESS,
    Advice.SUPPRESS_DOMAIN: Bearing.DOMAIN,
    Advice.FIX_SENDER: Bearing.SENDER,
    Advice.FIX_MESSAGE: Bearing.SENDER,
}


def bearing(
    kind: str, advice: str | None, trust: Trust = Trust.OWN, *, meant: bool = True
) -> Bearing:
    """What an event of this kind with this advice is about; NONE for all but final refusals of a
    name that was mailed, and for claims.
    """
    if kind != Kind.FAILED or advice is None or not meant:
        return Bearing.NONE
    found = _BEARINGS.get(Advice(advice), Bearing.NONE)
    if trust is Trust.CLAIMED:
        return Bearing.SENDER_CLAIM if found is Bearing.SENDER else Bearing.NONE
    if trust is Trust.MATCHED and found is Bearing.DOMAIN:
        return Bearing.NONE
    return found


def is_tenants(cause: str | None, words: str) -> bool:
    """Whether a refusal is that of a tenant's own directory; *words*: the reply's, after its
    codes.
    """
    return cause in TENANT_CAUSES or _TENANT_STATUS in words[:12]


def concerns_domain(kind: str, cause: str | None, receiver: str, trust: Trust) -> bool:
    """Whether a report is evidence about the whole domain of its recipient. A server that cannot
    be reached is, unless it is that of a known *receiver*, whose servers are many.
    """
    if trust in (Trust.CLAIMED, Trust.MATCHED) or kind not in (Kind.FAILED, Kind.DELAYED):
        return False
    return cause in ROUTE_CAUSES and not (receiver and cause == Cause.NETWORK_TIMEOUT)


def directory(cause: str | None, receiver: str) -> str:
    """The receiver whose directory answered; '' where it is not known, or each tenant has a
    directory of its own.
    """
    return "" if cause in TENANT_CAUSES else receiver
