"""What became of mailings: mails by time and by the age of the last delivery, and the hard bounces
and complaints among them.

Reads: the tables of deliveries, traffic, events and sources of addresses. Gives: counts, and one
record for each hard bounce or complaint; claims are left out. Days and weeks are counted from 1970.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime

from bouncewise.ledger.database import Database
from bouncewise.ledger.records import GapCount, Mailing, Outcome
from bouncewise.ledger.rows import id_of, new_id
from bouncewise.model import Kind
from bouncewise.model.bearing import Bearing
from bouncewise.times import (
    MICROS_A_SLOT,
    SLOTS_A_DAY,
    Day,
    Micros,
    Slot,
    datetime_of,
    day_of,
    micros,
    slot_at,
    slot_of,
)

WEEK = 7
_HARD = [Bearing.ADDRESS.value, Bearing.DOMAIN.value]
_COMPLAINTS = [Kind.COMPLAINT.value]


class Outcomes:
    """Questions to a ledger about mailings."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def mailings(self, campaign: str | None, stream: str | None) -> list[Mailing]:
        """The mailings of a campaign, of a stream, or of both."""
        rows = self._db.all("mailing_find", campaign=campaign, stream=stream)
        return [Mailing(*row) for row in rows]

    def delivered_by_slot(
        self, since: datetime, until: datetime, mailings: Collection[int] | None
    ) -> list[tuple[Slot, int]]:
        """How many addresses had mail of *mailings* (None: any mail) delivered, each once a day,
        by the slot of the first delivery.
        """
        if mailings is None:
            span = {"since": slot_at(since), "until": slot_at(until) + 1}
            rows = self._db.all("traffic_slots", **span)
        else:
            rows = self._db.all(
                "mailing_slots",
                slot=MICROS_A_SLOT,
                mailings=list(mailings),
                since=day_of(micros(since)),
                until=micros(until),
                **{"from": micros(since)},
            )
        return [(Slot(slot), count) for slot, count in rows if count > 0]

    def last_delivered(
        self,
        names: Iterable[str],
        since: datetime,
        until: datetime,
        mailings: Collection[int] | None,
    ) -> dict[str, Slot]:
        """The slot of the last delivery of *mailings* to each of *names* that has one."""
        wanted = {new_id(name): name for name in names}
        span = {"since": micros(since), "until": micros(until)}
        chosen = None if mailings is None else list(mailings)
        found = self._db.by_ids("delivery_last_of", wanted, mailings=chosen, **span)
        return {wanted[number]: slot_of(Micros(first)) for number, first in found}

    def hard_bounces(
        self, since: datetime, until: datetime, names: Collection[str] | None = None
    ) -> Iterator[Outcome]:
        """Final refusals for a fault of the address or its domain, in the order of time;
        of *names*, if they are given.
        """
        return self._outcomes(since, until, names, bearings=_HARD)

    def complaints(
        self, since: datetime, until: datetime, names: Collection[str] | None = None
    ) -> Iterator[Outcome]:
        """Complaints, in the order of time; of *names*, if they are given."""
        return self._outcomes(since, until, names, kinds=_COMPLAINTS)

    def _outcomes(
        self,
        since: datetime,
        until: datetime,
        names: Collection[str] | None,
        **wanted: list[str],
    ) -> Iterator[Outcome]:
        span = {"since": micros(since), "until": micros(until)}
        if names is None:
            rows = self._db.each("outcomes", **span, **wanted)
        else:
            rows = self._db.by_ids("outcomes", map(new_id, names), **span, **wanted)
        for name, at, bearing, directory, receiver, mailing, mailed, *rest in rows:
            source, before_bounce, before_complaint = rest
            before = before_bounce if "bearings" in wanted else before_complaint
            yield Outcome(
                name,
                datetime_of(at),
                bearing,
                directory,
                receiver,
                mailing,
                mailed is not None,
                source,
                None if before is None else Day(before),
            )

    def sender_refused(
        self, since: datetime, until: datetime, mailings: Collection[int] | None
    ) -> int:
        """How many addresses refused the sender or the message."""
        chosen = None if mailings is None else list(mailings)
        span = {"since": micros(since), "until": micros(until)}
        found = self._db.one("sender_refused", mailings=chosen, **span)
        return int(found[0]) if found else 0

    def first_day(self) -> Day | None:
        """The day of the first delivery."""
        found = self._db.one("delivery_first_day")
        return Day(found[0] // SLOTS_A_DAY) if found and found[0] is not None else None

    def gaps(self, since: Day, until: Day) -> Iterator[GapCount]:
        """Deliveries to addresses by week and by the days since the delivery before."""
        span = {"since": since, "until": until, "week": WEEK}
        counts: Counter[tuple[int, int | None]] = Counter()
        for week, gap, count in self._db.each("delivery_gaps", **span):
            counts[week, gap] += count
        # Table delivery counts domains beside addresses.
        domains = (id_of(name) for (name,) in self._db.all("delivery_domains"))
        for week, gap, count in self._db.by_ids("delivery_gaps_of", domains, **span):
            counts[week, gap] -= count
        for (week, gap), count in counts.items():
            if count > 0:
                yield GapCount("", week, gap, count)

    def gaps_by_source(self, since: Day, until: Day) -> Iterator[GapCount]:
        """The same of the addresses whose source is known, by source."""
        span = {"since": since, "until": until, "week": WEEK}
        return (GapCount(*row) for row in self._db.each("delivery_gaps_by_source", **span))

    def sent_by_source(self, since: datetime, until: datetime) -> dict[str, int]:
        """By source: how many of its addresses had mail delivered, each once a day."""
        days = {"since": day_of(micros(since)), "until": day_of(micros(until)) + 1}
        return dict(self._db.all("sent_sources", **days))

    def add_sources(self, sources: Iterable[tuple[str, str]], at: datetime) -> None:
        """Record where addresses were collected: (name, source)."""
        day = day_of(micros(at))
        rows = ((new_id(name), source, day) for name, source in sources)
        self._db.many("address_source_put", rows)
