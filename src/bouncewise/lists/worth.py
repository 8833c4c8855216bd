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
    """Why, the weightiest first; the list is closed."""

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
HOLDS = frozenset({_R.HELD, _R.FULL})
"""The risky ones that a recent delivery does not outrank."""

_WORTH = {
    **dict.fromkeys(Reason, Worth.RISKY),
    **dict.fromkeys(list(Reason)[: list(Reason).index(_R.TYPO)], Worth.BAD),
    **dict.fromkeys((_R.DNS_UNANSWERED, _R.OFFLINE), Worth.UNKNOWN),
    **dict.fromkeys((_R.DELIVERED, _R.ROUTABLE), Worth.OK),
}


def worth(reason: Reason) -> Worth:
    """What one reason makes of an address."""
    return _WORTH[reason]
