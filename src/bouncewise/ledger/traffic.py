"""Deliveries and refusals by destination and slot: what tells one departed colleague from a
receiver's outage.

A destination is a receiver's id, "" for all hosts of no known receiver, or an ``@domain``.
Deliveries are counted as they enter, each address once a day; refusals are found among the
events.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from bouncewise.ledger.database import Database
from bouncewise.ledger.records import ComplaintCount, Refusals, SenderRefusals
from bouncewise.ledger.rows import domain_of, id_of
from bouncewise.ledger.tallies import Tallies
from bouncewise.model import Cause, Kind
from bouncewise.times import (
    MICROS_A_DAY,
    MICROS_A_SLOT,
    SLOTS_A_DAY,
    Day,
    Micros,
    Slot,
    datetime_of,
    last_slot_of_day,
    micros,
    slot_of,
    slot_start,
)

T = TypeVar("T")


class Traffic:
    """What a ledger knows of destinations."""

    def __init__(self, database: Database) -> None:
        self._db = database

    # ── the slots with evidence, and those in which incidents were not looked for yet ────────────

    def first(self) -> Slot:
        """The first slot with evidence; 0 where there is none."""
        return self._span("observed", (Slot(0), Slot(0)))[0]

    def latest(self) -> Slot:
        """The last slot with evidence; 0 where there is none."""
        return self._span("observed", (Slot(0), Slot(0)))[1]

    def mark_observed(self, first: Micros, last: Micros) -> None:
        """Record that evidence from *first* to *last* was added, and that incidents were not
        looked for there since.

        A delivery may move what was counted later on its day.
        """
        self._widen("observed", slot_of(first), slot_of(last))
        self._widen("unexamined", slot_of(first), last_slot_of_day(last))

    def mark_delivered(self, first: Micros) -> None:
        """Record that a delivery at *first* was added. Before its first delivery a ledger says
        nothing about new domains, so an earlier first delivery concerns everything after it.
        """
        before = self.first_delivery()
        if before is None or first < before:
            self._db.run("meta_set", name="first_delivery", value=str(first))
            self._widen("unexamined", slot_of(first), max(slot_of(first), self.latest()))

    def first_delivery(self) -> Micros | None:
        """The time of the first delivery of all; None where the ledger knows none."""
        found = self._db.one("meta_get", name="first_delivery")
        return Micros(int(found[0])) if found else None

    def unexamined(self) -> tuple[Slot, Slot] | None:
        """The first and the last slot in which incidents were not looked for; None where there
        is none.
        """
        return self._span("unexamined", None)

    def mark_examined(self) -> None:
        """Record that incidents were looked for in all slots."""
        self._db.run("meta_delete", name="unexamined")

    def _span(self, name: str, nothing: T) -> tuple[Slot, Slot] | T:
        found = self._db.one("meta_get", name=name)
        if found is None:
            return nothing
        first, last = found[0].split()
        return Slot(int(first)), Slot(int(last))

    def _widen(self, name: str, first: Slot, last: Slot) -> None:
        before = self._span(name, (first, last))
        self._db.run("meta_set", name=name, value=f"{min(first, before[0])} {max(last, before[1])}")

    # ── deliveries ───────────────────────────────────────────────────────────────────────────────

    def deliveries(self, destination: str, since: Slot, until: Slot) -> list[tuple[Slot, int]]:
        """(slot, addresses delivered to) of a destination from *since* to before *until*."""
        return [
            (Slot(s), n)
            for s, n in self._db.all(
                "traffic_of", destination=destination, since=since, until=until
            )
        ]

    def delivered(self, destination: str, since: Slot, until: Slot) -> int:
        """The addresses delivered to at a destination in those slots, each once a day."""
        return self._sum(destination, since, until)

    def _sum(self, destination: str, since: int, until: int) -> int:
        found = self._db.one("traffic_sum", destination=destination, since=since, until=until)
        return int(found[0]) if found else 0

    # ── refusals ─────────────────────────────────────────────────────────────────────────────────

    def refusals(self, since: Slot, until: Slot, recent: int) -> dict[str, Refusals]:
        """By destination, the refusals in the slots from *since* to before *until* of addresses
        that had mail delivered less than *recent* slots before.
        """
        found: dict[str, Refusals] = {}
        values = {"recent": recent * MICROS_A_SLOT, **_span_of(since, until)}
        for number, at, directory, name, repeated in self._db.each(
            "refusals_of_good", addresses=1, **values
        ):
            for destination in filter(None, (domain_of(name), directory)):
                refusals = found.setdefault(destination, Refusals({}, {}))
                _add(refusals, number, at, repeated)
        return found

    def failing_domains(self, since: Slot, until: Slot, recent: int) -> Refusals:
        """The failures of whole domains in those slots, of domains that had mail delivered less
        than *recent* slots before.
        """
        found = Refusals({}, {})
        values = {"recent": recent * MICROS_A_SLOT, **_span_of(since, until)}
        for number, at, _, _, repeated in self._db.each("refusals_of_good", domains=1, **values):
            _add(found, number, at, repeated)
        return found

    def sender_refusals_by_slot(
        self, destinations: Collection[str], since: Slot, until: Slot
    ) -> dict[str, Counter[Slot]]:
        """Of each destination, by slot, how many of its addresses refused the sender or the
        message.
        """
        wanted = {id_of(d) if d.startswith("@") else d: Counter[Slot]() for d in destinations}
        span = _span_of(since, until)
        for slot, receiver, domain, n in self._db.all(
            "sender_refusals_by_slot", slot=MICROS_A_SLOT, **span
        ):
            for key in (receiver, domain):
                if key in wanted:
                    wanted[key][Slot(slot)] += n
        return dict(zip(destinations, wanted.values(), strict=True))

    def sender_refusals_by_day(
        self, since: datetime, is_reached: Callable[[int, int], bool]
    ) -> list[SenderRefusals]:
        """The days on which a receiver refused the sender or message for so many addresses, beside
        so many delivered to, that *is_reached*; by cause and day.

        *is_reached* holds for more refusals if it holds for fewer: reports are counted first, and
        addresses only where reports are enough.
        """
        found = []
        delivered = cache(self._delivered_on)
        for day, receiver, cause, reports in Tallies(self._db).refusing_days(since):
            if receiver is not None and not is_reached(reports, delivered(day, receiver)):
                continue
            rows = self._db.all(
                "sender_refusals_by_day",
                since=max(micros(since), day * MICROS_A_DAY),
                until=(day + 1) * MICROS_A_DAY,
                cause=cause,
                receiver=receiver,
            )
            found += [
                SenderRefusals(
                    Cause(c),
                    day,
                    r,
                    n,
                    delivered(day, r),
                    datetime_of(first),
                    datetime_of(last),
                    self._words(c, r, first),
                )
                for c, r, n, first, last in rows
                if is_reached(n, delivered(day, r))
            ]
        return sorted(found, key=lambda row: (row.cause, row.day, -row.refused, row.receiver))

    def _words(self, cause: str, receiver: str, at: int) -> str:
        """The words with which the sender was refused at that moment."""
        found = self._db.one("sender_refusal_words", cause=cause, receiver=receiver, at=at)
        return str(found[0]) if found else ""

    def _delivered_on(self, day: Day, receiver: str) -> int:
        return self._sum(receiver, day * SLOTS_A_DAY, (day + 1) * SLOTS_A_DAY)

    def refused_by_day(
        self, causes: Iterable[Cause], since: datetime
    ) -> list[tuple[str, Day, int]]:
        """(receiver, day, addresses refused with one of *causes*); claims do not count."""
        found = self._db.all(
            "refused_by_day",
            day=MICROS_A_DAY,
            since=micros(since),
            kinds=[Kind.FAILED.value, Kind.DELAYED.value],
            causes=[cause.value for cause in causes],
        )
        return [(receiver, Day(day), count) for receiver, day, count in found]

    def complaints(self, since: datetime, until: datetime) -> list[ComplaintCount]:
        """The addresses that complained from *since* to before *until*, by stream and receiver."""
        span = {"since": micros(since), "until": micros(until)}
        rows = self._db.all("complaint_counts", kind=Kind.COMPLAINT.value, **span)
        return [ComplaintCount(*row) for row in rows]

    def refused_of_new_domains(
        self, since: Slot, until: Slot, least: int
    ) -> dict[str, dict[Slot, int]]:
        """By ``@domain`` and slot, the addresses refused for the first time where nobody had
        ever been delivered to.

        Of domains with *least* such addresses before slot *until*, one of them from *since* on;
        of none where the ledger knows no delivery before *until* at all.
        """
        first = self.first_delivery()
        if first is None or first >= slot_start(until):
            return {}
        found: dict[str, dict[Slot, int]] = {}
        known: set[str] = set()
        for name, at in self._db.each("refused_of_new_domains", **_span_of(since, until)):
            slots = found.setdefault(domain_of(name), {})
            slots[slot_of(at)] = slots.get(slot_of(at), 0) + (name not in known)
            known.add(name)
        return {domain: slots for domain, slots in found.items() if sum(slots.values()) >= least}

    def refused(self, destination: str, since: Slot, until: Slot) -> list[str]:
        """The names refused by *destination* in the slots from *since* to before *until*, by
        name.
        """
        span = _span_of(since, until)
        return [name for (name,) in self._db.all("refused_names", **_filter(destination), **span)]

    def sample_words(self, destination: str, since: Slot, until: Slot, most: int) -> list[str]:
        """The words with which *destination* refused addresses in those slots, the *most*
        frequent first.
        """
        span = _span_of(since, until)
        return [
            words
            for (words,) in self._db.all("refused_words", most=most, **_filter(destination), **span)
        ]


def _add(refusals: Refusals, number: int, at: Micros, repeated: int) -> None:
    slots = refusals.repeated if repeated else refusals.new
    slots.setdefault(slot_of(at), set()).add(number)


def _span_of(since: Slot, until: Slot) -> dict[str, int]:
    return {"since": slot_start(since), "until": slot_start(until)}


def _filter(destination: str) -> dict[str, Any]:
    """The parameter by which a query finds the events of a destination."""
    return (
        {"domain": id_of(destination)}
        if destination.startswith("@")
        else {"directory": destination}
    )
