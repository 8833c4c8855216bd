"""The verdicts on addresses of lists, and the closed list of their reasons.

Reads: nothing. Gives: names, and what each reason makes of an address. Refuses: other reasons.
"""

from __future__ import annotations

from enum import StrEnum


class Worth(StrEnum):
    """The verdict on an address, the weightiest first: of several reasons the first decides."""

    BAD = "bad"
    RISKY = "risky"
    UNKNOWN = "unknown"
    OK = "ok"


class Reason(StrEnum):
    """Why; the list is closed."""

    SYNTAX = "syntax"
    NO_SUCH_DOMAIN = "no-such-domain"
    NULL_MX = "null-mx"
    NO_ROUTE = "no-route"
    MX_UNUSABLE = "mx-unusable"
    SUPPRESSED = "suppressed"
    UNSUBSCRIBED = "unsubscribed"
    COMPLAINED = "complained"
    TYPO = "typo"
    DISPOSABLE = "disposable"
    ROLE_NO_REPLY = "role-no-reply"
    NO_SUCH_TLD = "no-such-tld"
    IMPLICIT_MX = "implicit-mx"
    MX_DANGLING = "mx-dangling"
    HELD = "held"
    FULL = "full"
    DOMAIN_LAPSED = "domain-lapsed"
    STALE = "stale"
    ACCEPTS_ALL = "accepts-all"
    DNS_UNANSWERED = "dns-unanswered"
    OFFLINE = "offline"
    DELIVERED = "delivered"
    ROUTABLE = "routable"


_R = Reason
_BAD = frozenset(list(Reason)[: list(Reason).index(_R.TYPO)])
_UNKNOWN = frozenset({_R.DNS_UNANSWERED, _R.OFFLINE})
_FINE = frozenset({_R.DELIVERED, _R.ROUTABLE})
HOLDS = frozenset({_R.HELD, _R.FULL})
"""The risky ones that a recent delivery does not outrank."""


def worth(reason: Reason) -> Worth:
    """What one reason makes of an address."""
    if reason in _BAD:
        return Worth.BAD
    if reason in _UNKNOWN:
        return Worth.UNKNOWN
    return Worth.OK if reason in _FINE else Worth.RISKY
