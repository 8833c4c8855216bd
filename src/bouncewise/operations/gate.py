"""The gate of a mailing: what a list will cost, and whether a mailing that is being sent should be
stopped.

Reads: a list, a ledger, the policy. Gives: expected hard bounces and complaints; the advice of a
sequential test. Only the sources of addresses are stored, where the caller wants it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from bouncewise.errors import InputError
from bouncewise.ledger import Store
from bouncewise.ledger.rows import domain_of
from bouncewise.model import Basis, Mail
from bouncewise.model.bearing import Bearing
from bouncewise.operations.check import check
from bouncewise.operations.outcomes import ANY, NEVER, History, Outages, age_of, read_history
from bouncewise.policy.gate import (
    Advised,
    BounceTest,
    Forecast,
    Group,
    Level,
    Week,
    forecast,
    is_enough,
)
from bouncewise.policy.load import Policy
from bouncewise.times import SLOTS_AN_HOUR, Slot, day_of, micros, slot_at

SAME_MAIL_HOURS = 12
"""A refusal within so many hours of a delivery to the address is about the same mail, which was
accepted and returned: campaigns are sent about once a day."""

_PAGE = 1000


class Row(NamedTuple):
    """A row of a list: what is in its column of addresses, and its source ('': none)."""

    address: str
    source: str


class ListGroup(NamedTuple):
    """Rows of a list that are alike, and what the ledger knows of mails to such addresses.

    ``by_source``: the history is that of the source, else that of all addresses of this age.
    """

    source: str
    age: str
    rows: int
    bounces: list[Week]
    complaints: list[Week]
    by_source: bool


class ListForecast(NamedTuple):
    """What to expect of a list. ``unmailable``: rows that ``check`` does not let through: they
    count as hard bounces, and ``opted_out`` of them, by a wish of the recipient, as complaints.
    """

    groups: list[ListGroup]
    unmailable: int
    opted_out: int
    bounces: Forecast
    complaints: Forecast

    def is_fine(self, policy: Policy) -> bool:
        """Whether hard bounces stay below the rate of a review for certain, and complaints too,
        where they are known.
        """
        bounces = self.bounces.level(policy.gate.bounce_review)
        complaints = self.complaints.level(policy.gate.complaint_goal)
        return bounces is Level.BELOW and complaints in (Level.BELOW, Level.UNKNOWN)


class Question(NamedTuple):
    """Of which mail, and of which time; ``past``: by the evidence up to then alone."""

    mail: Mail
    at: datetime
    past: bool


def expect(
    rows: Iterable[Row], ledger: Store, policy: Policy, question: Question, *, by_source: bool
) -> ListForecast:
    """What to expect of a mailing to *rows*; *by_source*: they have sources."""
    counts: Counter[tuple[str, str]] = Counter()
    unmailable = opted_out = 0
    for source, age in _grouped(rows, ledger, policy, question):
        if age is None:
            unmailable += 1
            opted_out += source == Basis.WISH
        else:
            counts[source, age] += 1
    history = read_history(ledger, policy.gate, question.at, by_source=by_source)
    groups = [_group(key, counts[key], history, policy) for key in sorted(counts)]
    return ListForecast(
        groups,
        unmailable,
        opted_out,
        forecast([Group(g.rows, g.bounces) for g in groups], policy.gate, unmailable - opted_out),
        forecast([Group(g.rows, g.complaints) for g in groups], policy.gate, opted_out),
    )


def _grouped(
    rows: Iterable[Row], ledger: Store, policy: Policy, question: Question
) -> Iterator[tuple[str, str | None]]:
    """The source and the age of each row; for one that may not be mailed the basis, and None."""
    relays = ledger.coverage.relays(policy.trust.relay_domains, question.at)
    today, stream = day_of(micros(question.at)), iter(rows)
    mail, at, past = question
    while page := list(islice(stream, _PAGE)):
        addresses = [row.address for row in page]
        answers = list(check(addresses, ledger, policy, at=at, past=past, mail=mail))
        names = [answer.name for answer in answers if answer.send]
        last = ledger.familiarity.last_deliveries(names, at, relays)
        for row, answer in zip(page, answers, strict=True):
            if not answer.send:
                yield answer.decision.basis, None
                continue
            delivered = last.get(answer.name)
            days = None if delivered is None else today - day_of(micros(delivered))
            yield row.source, age_of(days, policy.gate.ages)


def _group(key: tuple[str, str], rows: int, history: History, policy: Policy) -> ListGroup:
    """An address that accepted mail speaks for itself; one that never did, only by its source."""
    source, age = key
    own = history.bounce_weeks(key)
    if source != ANY and not is_enough(own, policy.gate) and age != NEVER:
        key = ANY, age
    return ListGroup(
        source,
        age,
        rows,
        history.bounce_weeks(key),
        history.complaint_weeks(key),
        key[0] != ANY,
    )


# ── during the mailing ──────────────────────────────────────────────────────────────────────────


class Span(NamedTuple):
    """The mails that are meant: of a campaign, a stream, or all (None), in a time."""

    campaign: str | None
    stream: str | None
    since: datetime
    until: datetime


class Progress(NamedTuple):
    """A mailing so far. ``bounces``: hard bounces that are the recipient's fault, a domain that
    fails counted once; ``exempt``: refusals during an outage of the receiver; ``blocked``:
    addresses that refused the sender or the message; ``stopped_after``: the mails after which the
    test advised to stop; ``evidence``: the greatest value of the test, ``needed`` stops.
    """

    advice: Advised
    mails: int
    bounces: int
    exempt: int
    blocked: int
    complaints: int
    stopped_after: int | None
    evidence: float
    needed: float


def progress(ledger: Store, policy: Policy, span: Span) -> Progress:
    """How a mailing goes. Raises InputError where the ledger knows no such campaign or stream, or
    no mail of it in the time that is meant.
    """
    known = ledger.outcomes
    mailings = None
    if span.campaign is not None or span.stream is not None:
        found = known.mailings(span.campaign, span.stream)
        if not found:
            raise InputError(
                f"no mail of {_named(span)} in the ledger: `bouncewise gate --by campaign` lists "
                "what it knows"
            )
        mailings = {mailing.number for mailing in found}
    accepted = Counter(dict(known.delivered_by_slot(span.since, span.until, mailings)))
    bounced: Counter[Slot] = Counter()
    outages, exempt = Outages(ledger.incidents.all()), 0
    seen: set[str] = set()
    returned: dict[str, tuple[Slot, bool]] = {}
    for bounce in known.hard_bounces(span.since, span.until):
        whole = bounce.bearing == Bearing.DOMAIN
        name = domain_of(bounce.name) if whole else bounce.name
        if (mailings is not None and bounce.mailing not in mailings) or name in seen:
            continue
        seen.add(name)
        returned[bounce.name] = slot_at(bounce.at), bounce.accepted
        if outages.explain(bounce):
            exempt += 1
        else:
            bounced[slot_at(bounce.at)] += 1
    for name, slot in known.last_delivered(returned, span.since, span.until, mailings).items():
        at, was_accepted = returned[name]
        accepted[slot] -= was_accepted or 0 <= at - slot <= SAME_MAIL_HOURS * SLOTS_AN_HOUR
    complaints = known.complaints(span.since, span.until)
    complained = {c.name for c in complaints if mailings is None or c.mailing in mailings}
    test = BounceTest(policy.gate)
    for slot in sorted({*accepted, *bounced}):
        test.add(max(0, accepted[slot]), bounced[slot])
    refused = known.sender_refused(span.since, span.until, mailings)
    if not (test.mails or test.bounces or exempt or refused):
        of = f" of {_named(span)}" if mailings is not None else ""
        raise InputError(
            f"no mail{of} in the ledger from {span.since:%Y-%m-%d %H:%M} to "
            f"{span.until:%Y-%m-%d %H:%M} UTC, so there is nothing to judge: ingest the log of the "
            "mailing first, or name an earlier --since"
        )
    return Progress(
        test.advice,
        test.mails,
        test.bounces,
        exempt,
        refused,
        len(complained),
        test.stopped_after,
        test.most,
        test.needed,
    )


def _named(span: Span) -> str:
    named = [("campaign", span.campaign), ("stream", span.stream)]
    return ", ".join(f"{what} {name!r}" for what, name in named if name is not None)
