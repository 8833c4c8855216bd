"""Acts of recipients by day, and what a segment follows from.

Reads and writes table engagement; reads deliveries, events and acts. Only days are kept: neither
links nor browsers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from itertools import islice

import msgspec
import zstandard

from bouncewise.ledger.database import Database
from bouncewise.ledger.queries import MOST_IDS
from bouncewise.ledger.records import Mailed
from bouncewise.ledger.rows import new_id
from bouncewise.model import Cause, Kind, Report
from bouncewise.model.absence import ABSENCE_RULE
from bouncewise.model.engagement import PERSONS
from bouncewise.times import MICROS_A_DAY, Day, Micros, day_of, micros

_SPAN = "engagement"
"""The name in table meta of the first and the last day with any act."""

_BLOCK = msgspec.msgpack.Decoder(list[tuple[Report, msgspec.Raw, msgspec.Raw]])
_WISHES = [Kind.COMPLAINT.value, Kind.UNSUBSCRIBE.value]
_CONFIRMED = ["confirmed"]


class Engagement:
    """Questions to a ledger about acts of recipients, and the acts on their way in."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, counts: Iterable[tuple[str, Day, str, int]]) -> None:
        """Add (name, day, kind, number) of acts."""
        rows = sorted((new_id(name), day, kind, count) for name, day, kind, count in counts)
        if not rows:
            return
        self._db.many("engagement_add", rows)
        days = [row[1] for row in rows]
        first, last = self.span() or (days[0], days[0])
        value = f"{min(first, *days)} {max(last, *days)}"
        self._db.run("meta_set", name=_SPAN, value=value)

    def span(self) -> tuple[Day, Day] | None:
        """The first and the last day with any act; None where no act is known."""
        found = self._db.one("meta_get", name=_SPAN)
        if found is None:
            return None
        first, last = found[0].split()
        return Day(int(first)), Day(int(last))

    def prune(self, before: Day) -> None:
        """Forget acts before that day."""
        self._db.run("engagement_prune", first=before)
        if span := self.span():
            value = f"{max(before, span[0])} {max(before, span[1])}"
            self._db.run("meta_set", name=_SPAN, value=value)

    def delivery_times(
        self, names: Iterable[str], since: Day, until: Day
    ) -> dict[str, list[Micros]]:
        """The first and last delivery of each of those days to each of *names*, in order."""
        wanted = {new_id(name): name for name in names}
        found: dict[str, set[Micros]] = {}
        for number, first, last in self._db.by_ids(
            "engagement_times", wanted, since=since, until=until
        ):
            found.setdefault(wanted[number], set()).update((first, last))
        return {name: sorted(times) for name, times in found.items()}

    def known(self, names: Collection[str], until: Day) -> Iterator[Mailed]:
        """What is known of the mails and acts of each of *names* up to and with that day, of which
        anything is.
        """
        covered, end = self.span() or (Day(1), Day(0))
        values = {
            "until": until,
            "covered": covered,
            "end": end,
            "micros": MICROS_A_DAY,
            "persons": [kind.value for kind in PERSONS],
            "wishes": _WISHES,
            "confirmed": _CONFIRMED,
        }
        wanted = iter({new_id(name): name for name in names}.items())
        while page := dict(islice(wanted, MOST_IDS)):
            for number, *row in self._db.all("engagement_known", ids=list(page), **values):
                yield Mailed(page[number], *row)

    def mails(self, names: Collection[str], since: datetime, until: datetime) -> dict[str, int]:
        """On how many days mail was delivered to each of *names*."""
        wanted = {new_id(name): name for name in names}
        span = {"since": day_of(micros(since)), "until": day_of(micros(until)) + 1}
        found = self._db.by_ids("delivery_days_between", wanted, **span)
        return {wanted[number]: days for number, days in found}

    def statements(self, names: Collection[str], until: datetime) -> dict[str, list[Report]]:
        """The reports about each of *names* that may name another address: that the mailbox has
        moved, and automatic replies that state something; the latest first.
        """
        wanted = {new_id(name): name for name in names}
        chosen = {"until": micros(until), "rule": ABSENCE_RULE, "cause": Cause.MAILBOX_MOVED.value}
        places: dict[int, list[tuple[int, str]]] = {}
        order: dict[str, list[tuple[int, int]]] = {}
        for number, block, item in self._db.by_ids("statements_of", wanted, **chosen):
            places.setdefault(block, []).append((item, wanted[number]))
            order.setdefault(wanted[number], []).append((block, item))
        found: dict[tuple[int, int], Report] = {}
        for block, items in places.items():
            (data,) = self._db.one("block_data", id=block) or (None,)
            reports = _BLOCK.decode(zstandard.decompress(data)) if data else []
            found.update({(block, i): reports[i][0] for i, _ in items if i < len(reports)})
        return {name: [found[at] for at in of if at in found] for name, of in order.items()}
