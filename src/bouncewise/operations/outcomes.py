"""The hard bounces and complaints of a ledger as a gate counts them: without refusals that were not
the recipient's fault, by the age and the source of addresses, or by mailing.

Reads: a ledger and the policy. Gives: histories by week, and rates. Changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from bouncewise.ledger import Store
from bouncewise.ledger.deliveries import OWN_DNS
from bouncewise.ledger.outcomes import WEEK
from bouncewise.ledger.records import Outcome
from bouncewise.ledger.rows import domain_of
from bouncewise.model import Incident
from bouncewise.model.bearing import Bearing
from bouncewise.policy.gate import GatePolicy, Week
from bouncewise.times import Day, day_of, micros

NEVER = "never"
"""The age of an address that never had mail delivered."""

ANY = ""
"""All sources together."""


class By(StrEnum):
    """What rates are counted by."""

    SOURCE = "source"
    STREAM = "stream"
    CAMPAIGN = "campaign"
    RECEIVER = "receiver"


class Outages:
    """The incidents during which a refusal says nothing about the address. One that ended without
    a recovery was no outage: the mailboxes are gone.
    """

    def __init__(self, incidents: Iterable[Incident]) -> None:
        self._spans: dict[str, list[tuple[datetime, datetime | None]]] = {}
        for incident in incidents:
            if incident.closed is None or incident.recovered:
                span = incident.opened, incident.closed
                self._spans.setdefault(incident.destination, []).append(span)

    def explain(self, bounce: Outcome) -> bool:
        """Whether a hard bounce happened in such an incident."""
        own = [OWN_DNS] if bounce.bearing == Bearing.DOMAIN else []
        return any(
            opened <= bounce.at and (closed is None or bounce.at <= closed)
            for destination in (bounce.directory, domain_of(bounce.name), *own)
            for opened, closed in self._spans.get(destination, ())
        )


def age_of(days: int | None, ages: Collection[int]) -> str:
    """The group of an address by the days since its last delivery: ``0-30``, ``731-``, or
    ``never``.
    """
    if days is None:
        return NEVER
    low = 0
    for high in sorted(ages):
        if days <= high:
            return f"{low}-{high}"
        low = high + 1
    return f"{low}-"


class History(NamedTuple):
    """What mails to like addresses did: by (source, age) and week."""

    mails: dict[tuple[str, str], Counter[int]]
    bounces: dict[tuple[str, str], Counter[int]]
    complaints: dict[tuple[str, str], Counter[int]]

    def bounce_weeks(self, key: tuple[str, str]) -> list[Week]:
        """The hard bounces of a group by week."""
        return self._weeks(key, self.bounces, ends=True)

    def complaint_weeks(self, key: tuple[str, str]) -> list[Week]:
        """The complaints of a group by week; none where no complaint is known at all."""
        return self._weeks(key, self.complaints, ends=False) if self.complaints else []

    def _weeks(
        self, key: tuple[str, str], hits: dict[tuple[str, str], Counter[int]], *, ends: bool
    ) -> list[Week]:
        """*ends*: a hit is a mail that is not among the deliveries."""
        delivered, found = self.mails.get(key, Counter()), hits.get(key, Counter())
        counts = (
            (delivered[week] + (found[week] if ends else 0), found[week])
            for week in sorted({*delivered, *found})
        )
        return [Week(mails, min(mails, hit)) for mails, hit in counts if mails > 0]


def read_history(ledger: Store, numbers: GatePolicy, at: datetime, *, by_source: bool) -> History:
    """The history of all addresses by age; *by_source*: also of those whose source is known."""
    known, first = ledger.outcomes, ledger.outcomes.first_day()
    until = Day(day_of(micros(at)) + 1)
    since = Day(until - numbers.history_days)
    history = History({}, {}, {})
    if first is None:
        return history
    warm = first + numbers.warm_up_days

    def add(
        counts: dict[tuple[str, str], Counter[int]],
        source: str,
        gap: int | None,
        on: tuple[int, int],
    ) -> None:
        week, number = on
        if gap is not None or week * WEEK >= warm:
            counts.setdefault((source, age_of(gap, numbers.ages)), Counter())[week] += number

    sources = known.gaps_by_source(since, until) if by_source else ()
    for found in (*known.gaps(since, until), *sources):
        add(history.mails, found.source, found.gap, (found.week, found.mails))
    start = at - timedelta(days=numbers.history_days)
    outages = Outages(ledger.incidents.all())
    for outcomes, counts in (
        (known.hard_bounces(start, at), history.bounces),
        (known.complaints(start, at), history.complaints),
    ):
        for outcome in _once_a_day(outcomes):
            if counts is history.bounces and outages.explain(outcome):
                continue
            day = day_of(micros(outcome.at))
            gap = None if outcome.before is None else day - outcome.before
            for source in {ANY, outcome.source if by_source else ANY}:
                add(counts, source, gap, (day // WEEK, 1))
                if counts is history.bounces and outcome.accepted:
                    add(history.mails, source, gap, (day // WEEK, -1))
    return history


def _once_a_day(outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    seen: set[tuple[str, int]] = set()
    for outcome in outcomes:
        key = outcome.name, day_of(micros(outcome.at))
        if key not in seen:
            seen.add(key)
            yield outcome


# ── rates ───────────────────────────────────────────────────────────────────────────────────────


class Rate(NamedTuple):
    """The mails of one source, stream, campaign or receiver ('': not known), with the hard bounces
    and complaints among them; ``exempt``: refusals during an outage of the receiver, which are no
    hard bounces.
    """

    name: str
    mails: int
    bounces: int
    exempt: int
    complaints: int


def rates(ledger: Store, by: By, since: datetime, until: datetime) -> list[Rate]:
    """The rates from *since* to before *until*, most mails first. A mail is an address on a day."""
    known = ledger.outcomes
    mailings = {m.number: m for m in known.mailings(None, None)}
    outages = Outages(ledger.incidents.all())
    mails = _sent(ledger, by, since, until)
    bounces: Counter[str] = Counter()
    exempt: Counter[str] = Counter()
    complaints: Counter[str] = Counter()

    def name(outcome: Outcome) -> str:
        mailing = mailings.get(outcome.mailing)
        return {
            By.SOURCE: outcome.source,
            By.RECEIVER: outcome.receiver,
            By.STREAM: mailing.stream if mailing else "",
            By.CAMPAIGN: mailing.campaign if mailing else "",
        }[by]

    for outcome in _once_a_day(known.hard_bounces(since, until)):
        mails[name(outcome)] += not outcome.accepted
        (exempt if outages.explain(outcome) else bounces)[name(outcome)] += 1
    for outcome in _once_a_day(known.complaints(since, until)):
        complaints[name(outcome)] += 1
    names = {n for n in (*mails, *bounces, *complaints) if n or by is not By.SOURCE}
    found = [Rate(n, mails[n], bounces[n], exempt[n], complaints[n]) for n in names]
    return sorted(found, key=lambda rate: (-rate.mails, rate.name))


def _sent(ledger: Store, by: By, since: datetime, until: datetime) -> Counter[str]:
    if by is By.SOURCE:
        return Counter(ledger.outcomes.sent_by_source(since, until))
    counts: Counter[str] = Counter()
    for sent in ledger.sent(since, until + timedelta(days=1)):
        counts[getattr(sent, by.value)] += sent.addresses
    return counts
