"""Policies compared on the history of a ledger, with what happened later as the truth.

Only mail that was sent shows what became of it. Of an address that a policy would have suppressed,
and that was not mailed since, nothing is known: it is counted apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from bouncewise.ledger import Store
from bouncewise.model import Basis, Event, State
from bouncewise.model.bearing import ROUTE_CAUSES
from bouncewise.model.verdict import Cause
from bouncewise.operations.refusal_context import RefusalContexts
from bouncewise.policy.decide import decide, in_force
from bouncewise.policy.load import Policy
from bouncewise.policy.others import OTHERS, Outcome, Span, outcomes

_MOMENT = timedelta(microseconds=1)

OURS = "bouncewise"
"""The name of the policy of the ledger."""

_DEAD = (
    *ROUTE_CAUSES,
    Cause.MAILBOX_UNKNOWN,
    Cause.MAILBOX_DISABLED,
    Cause.MAILBOX_MOVED,
    Cause.ACCESS_DENIED,
    Cause.ADDRESS_SYNTAX,
)


class Compared(NamedTuple):
    """What one policy would have done.

    ``suppressed``: addresses that it would have suppressed, or held, at some time. Of these:
    ``delivered_later``: mail arrived afterwards, while it would have sent none; ``refused_again``:
    mail was refused again, and none arrived; ``unknown``: no mail was sent since. ``withheld``:
    mails that arrived and that it would not have sent; ``sent_to_dead``: mails to addresses that
    were refused as dead before, and were refused so again, which it would have sent.
    """

    policy: str
    suppressed: int
    delivered_later: int
    refused_again: int
    unknown: int
    withheld: int
    sent_to_dead: int


def compare(
    ledger: Store,
    policy: Policy,
    since: datetime | None = None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> list[Compared]:
    """Every policy on the addresses that were refused, by the history from *since* on."""
    contexts = RefusalContexts(ledger, policy, None)
    counts = {name: _Count() for name in (OURS, *OTHERS)}
    names = (name for name in ledger.names() if not name.startswith("@"))
    for number, (name, history) in enumerate(ledger.histories(names, brief=False), 1):
        events = [e for e in history if since is None or e.at >= since]
        mails = outcomes(events, policy.trust.return_days)
        if any(not mail.accepted for mail in mails):
            for other, spans_of in OTHERS.items():
                counts[other].add(mails, spans_of(mails))
            counts[OURS].add(mails, list(_ours(events, mails, policy, contexts, name)))
        progress(number, number)
    return [Compared(name, *count.result()) for name, count in counts.items()]


def _ours(
    events: list[Event],
    mails: list[Outcome],
    policy: Policy,
    contexts: RefusalContexts,
    name: str,
) -> Iterator[Span]:
    """The spans between two mails in which the policy of the ledger sends nothing."""
    context, stands = contexts.of(name), False
    for mail, following in zip(mails, [*mails[1:], None], strict=True):
        if mail.accepted and not stands:
            continue  # a delivery begins nothing
        known = [event for event in events if event.at <= mail.at]
        in_force_then = [
            d
            for d in decide(known, policy, context=context)
            if d.basis is Basis.EVIDENCE and in_force(d, mail.at).state is not State.OK
        ]
        stands = bool(in_force_then)
        for decision in in_force_then:
            # What becomes of the next mail decides anew.
            end = following.at + _MOMENT if following else None
            until = decision.until
            yield mail.at, until if end is None or (until and until < end) else end


class _Count:
    """The sums of one policy."""

    def __init__(self) -> None:
        self.names = self.delivered = self.refused = self.unknown = 0
        self.withheld = self.sent = 0

    def add(self, mails: list[Outcome], spans: list[Span]) -> None:
        """One address."""
        later = [mail for mail in mails if _is_withheld(mail, spans)]
        self.withheld += sum(mail.accepted for mail in later)
        self.sent += _sent_to_dead(mails, spans)
        if not spans:
            return
        self.names += 1
        if any(mail.accepted for mail in later):
            self.delivered += 1
        elif later:
            self.refused += 1
        else:
            self.unknown += 1

    def result(self) -> tuple[int, int, int, int, int, int]:
        return (
            self.names,
            self.delivered,
            self.refused,
            self.unknown,
            self.withheld,
            self.sent,
        )


def _is_withheld(mail: Outcome, spans: list[Span]) -> bool:
    return any(begin < mail.at and (end is None or mail.at < end) for begin, end in spans)


def _sent_to_dead(mails: list[Outcome], spans: list[Span]) -> int:
    """Mails to an address after it was refused as dead, refused so again, and not withheld."""
    count, was_dead = 0, False
    for mail in mails:
        is_dead = not mail.accepted and mail.cause in _DEAD
        if is_dead and was_dead and not _is_withheld(mail, spans):
            count += 1
        was_dead = is_dead or (was_dead and not mail.accepted)
    return count
