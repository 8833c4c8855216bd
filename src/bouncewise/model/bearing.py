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


def directory(cause: str | None, receiver: str) -> str:
    """The receiver whose directory answered; '' where it is not known, or each tenant has a
    directory of its own.
    """
    return "" if cause in TENANT_CAUSES else receiver
