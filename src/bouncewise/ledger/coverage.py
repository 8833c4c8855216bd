"""Which times own logs and events cover, and the claims of those times.

A time is covered where the same source has entries before and after it. What was covered, or
claimed, since Decisions were derived last is noted, so that the claims it affects can be decided
again.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from bouncewise.ledger.database import Database
from bouncewise.ledger.entries import DeliveryEntry, Entry
from bouncewise.model import Channel
from bouncewise.model.trust import OWN_CHANNELS
from bouncewise.times import MICROS_A_DAY, MICROS_AN_HOUR, Day, Micros, datetime_of, micros

_COVERED, _CLAIMED = "covered", "claimed"
Span = tuple[datetime, datetime]
"""The first and the last moment."""


def mark_covered(database: Database, entries: Iterable[Entry]) -> None:
    """Record the hours of *entries* from own logs and events."""
    hours = {
        (item.source, item.at // MICROS_AN_HOUR)
        for item in entries
        if isinstance(item, DeliveryEntry) or Channel(item.origin.channel) in OWN_CHANNELS
    }
    if not hours:
        return
    is_first = database.one("coverage_any", known=_LAST_HOUR) is None
    if database.many("coverage_add", sorted(hours)) or is_first:
        times = [Micros(hour * MICROS_AN_HOUR) for _, hour in hours]
        # Before its first entry a ledger covers nothing; then every claim is concerned.
        first = Micros(0) if is_first else min(times)
        last = _END_OF_TIME if is_first else Micros(max(times) + MICROS_AN_HOUR)
        _widen(database, _COVERED, first, last)


def mark_claims(database: Database, times: list[Micros]) -> None:
    """Record that claims of these *times* were added."""
    if times:
        _widen(database, _CLAIMED, min(times), max(times))


_END_OF_TIME = Micros(253_402_300_799_000_000)  # the end of the year 9999
_LAST_HOUR = _END_OF_TIME // MICROS_AN_HOUR


def _widen(database: Database, name: str, first: Micros, last: Micros) -> None:
    if found := _span(database, name):
        first, last = min(first, found[0]), max(last, found[1])
    database.run("meta_set", name=name, value=f"{first} {last}")


def _span(database: Database, name: str) -> tuple[Micros, Micros] | None:
    found = database.one("meta_get", name=name)
    if found is None:
        return None
    first, last = found[0].split()
    return Micros(int(first)), Micros(int(last))


class Coverage:
    """What a ledger knows of the times that it covers, and of claims."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def covers(self, at: datetime, within: timedelta, known: datetime) -> bool:
        """Whether an own source has an entry within that time before *at*, and then one after
        it, as far as is *known*; at its end the one before is enough.
        """
        hour, span = micros(at) // MICROS_AN_HOUR, within // timedelta(hours=1)
        known_hour = micros(known) // MICROS_AN_HOUR
        for source, last in self._db.all("coverage_before", since=hour - span, hour=hour):
            if last > known_hour:
                continue
            found = self._db.one("coverage_after", source=source, hour=hour, known=known_hour)
            if found is None or found[0] is None or found[0] <= hour + span:
                return True
        return False

    def covers_anything(self, known: datetime) -> bool:
        """Whether any own source has an entry up to that time."""
        return self._db.one("coverage_any", known=micros(known) // MICROS_AN_HOUR) is not None

    def sources(self) -> dict[str, datetime]:
        """The own sources, each with the hour of its last entry."""
        found = self._db.all("coverage_before", since=0, hour=_LAST_HOUR)
        return {source: datetime_of(Micros(hour * MICROS_AN_HOUR)) for source, hour in found}

    def hours(self, since: datetime) -> dict[str, list[int]]:
        """The hours (since 1970) with an entry since then, by own source, in order."""
        found: dict[str, list[int]] = {}
        for source, hour in self._db.all("coverage_hours", since=micros(since) // MICROS_AN_HOUR):
            found.setdefault(source, []).append(hour)
        return found

    def claims_by_day(self, since: datetime, until: datetime) -> dict[Day, int]:
        """How many claims each day from *since* to before *until* has."""
        span = {"since": micros(since), "until": micros(until)}
        rows = self._db.all("claims_by_day", day=MICROS_A_DAY, **span)
        return {Day(day): count for day, count in rows}

    def newly_covered(self) -> Span | None:
        """The span in which times were covered since Decisions were derived last."""
        return self._datetimes(_COVERED)

    def newly_claimed(self) -> Span | None:
        """The span in which claims were added since Decisions were derived last."""
        return self._datetimes(_CLAIMED)

    def counts_before(self, since: Day, until: Day) -> dict[Day, int]:
        """How many claims the days had when Decisions were derived last."""
        rows = self._db.all("claim_day_all", since=since, until=until)
        return {Day(day): count for day, count in rows}

    def mark_settled(self, counts: dict[Day, int]) -> None:
        """Record that Decisions were derived, with these counts of claims."""
        self._db.many("claim_day_put", sorted(counts.items()))
        for name in (_COVERED, _CLAIMED):
            self._db.run("meta_delete", name=name)

    def relays(self, domains: int, known: datetime) -> set[int]:
        """The hosts that accepted mail for so many domains up to a time."""
        rows = self._db.all("relays_of_domains", until=micros(known), least=domains)
        return {host for (host,) in rows}

    def new_relays(self, domains: int) -> list[int]:
        """The hosts that accept mail for so many domains since Decisions were derived last; they
        are remembered.
        """
        found = self._db.all("relays_changed", least=domains)
        self._db.many("relay_host_count", ((count, host) for host, count in found))
        return [host for host, _ in found]

    def _datetimes(self, name: str) -> Span | None:
        found = _span(self._db, name)
        return found and (datetime_of(found[0]), datetime_of(found[1]))
