"""Counts of refusals and deferrals by day, receiver, domain and reply, kept for pages.

What is counted: each address once an hour for one outcome and cause at a receiver, under the name
that was mailed; a notice that repeats what a log states counts once. The counts are derived:
whatever adds or changes an event makes its hour due, and ``refresh`` counts the due hours again,
and adds the differences to the totals. Evidence in any order gives the same counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from typing import Any, NamedTuple

import msgspec
import zstandard

from bouncewise.ledger.database import Database
from bouncewise.ledger.rows import domain_of, new_id
from bouncewise.ledger.state_tallies import StateTallies
from bouncewise.ledger.tally_records import (
    DomainTally,
    ReadBy,
    RefusingDay,
    ReplyExample,
    ReplyTally,
    Tally,
)
from bouncewise.model import Kind, Report
from bouncewise.text.alike import alike
from bouncewise.times import (
    MICROS_A_DAY,
    MICROS_AN_HOUR,
    Day,
    day_of,
    micros,
    week_of,
)

COUNTED = (Kind.FAILED.value, Kind.DELAYED.value)
HOURS = 48
"""Hours that are counted in one transaction."""

MOST_A_WEEK = 200
"""Counts of a week that are looked at: replies that differ a little may be very many."""

_HOURS_A_DAY = MICROS_A_DAY // MICROS_AN_HOUR
_BLOCK = msgspec.msgpack.Decoder(list[tuple[msgspec.Raw, msgspec.Raw, msgspec.Raw]])
_REPORT = msgspec.msgpack.Decoder(Report)


class _Facts(NamedTuple):
    """What is counted together, of one hour."""

    receiver: str
    kind: str
    bearing: str
    cause: str
    rule: str
    reply: int
    domain: str


_HOUR = msgspec.msgpack.Decoder(list[tuple[_Facts, int]])


def mark_due(database: Database, times: Iterable[int]) -> None:
    """Record that events at these *times* (microseconds) were added or changed."""
    hours = sorted({at // MICROS_AN_HOUR for at in times})
    database.many("tally_due_add", ((hour,) for hour in hours))


class Tallies:
    """The counts of a ledger."""

    def __init__(self, database: Database) -> None:
        self._db, self.states = database, StateTallies(database)

    # ── counting ─────────────────────────────────────────────────────────────────────────────────

    def refresh(self) -> bool:
        """Count some of the hours that are due, inside a transaction; whether more are due."""
        due = [hour for (hour,) in self._db.all("tally_due_page", most=HOURS)]
        changes: Counter[tuple[int, _Facts]] = Counter()
        for hour in due:
            now, before = self._count(hour), self._counted(hour)
            if now == before:
                continue
            for facts, count in now.items():
                changes[hour, facts] += count
            for facts, count in before.items():
                changes[hour, facts] -= count
            self._keep(hour, now)
        self._add({key: count for key, count in changes.items() if count})
        self._db.many("tally_due_delete", ((hour,) for hour in due))
        return len(due) == HOURS

    def due(self) -> int:
        """How many hours have events that are not counted yet."""
        found = self._db.one("tally_due_count")
        return int(found[0]) if found else 0

    def _counted(self, hour: int) -> Counter[_Facts]:
        found = self._db.one("tally_hour_get", hour=hour)
        if found is None:
            return Counter()
        return Counter(dict(_HOUR.decode(zstandard.decompress(found[0]))))

    def _keep(self, hour: int, counts: Counter[_Facts]) -> None:
        if counts:
            packed = msgspec.msgpack.encode(sorted(counts.items()))
            data = zstandard.compress(packed, 3)
            self._db.run("tally_hour_put", hour=hour, data=data)
        else:
            self._db.run("tally_hour_delete", hour=hour)

    def _count(self, hour: int) -> Counter[_Facts]:
        """The counts of an hour, from its events."""
        span = {"since": hour * MICROS_AN_HOUR, "until": (hour + 1) * MICROS_AN_HOUR}
        counts: Counter[_Facts] = Counter()
        replies: dict[int, tuple[str, int, int]] = {}
        events = sorted(self._db.all("tally_events", kinds=list(COUNTED), **span))
        for _, same in groupby(events, key=_counted_once):
            _, kind, cause, receiver, _, _, _, bearing, rule, words, name, block, item = next(same)
            reply, text = _reply_of(words)
            counts[_Facts(receiver, kind, bearing, cause, rule, reply, domain_of(name))] += 1
            replies.setdefault(reply, (text, block, item))
        self._db.many("reply_add", ((key, *replies[key]) for key in sorted(replies)))
        return counts

    def _add(self, changes: dict[tuple[int, _Facts], int]) -> None:
        """Add *changes* to the totals."""
        days, domains, replies = (Counter[tuple[Any, ...]]() for _ in range(3))
        for (hour, f), count in changes.items():
            day = Day(hour // _HOURS_A_DAY)
            week = week_of(day)
            days[day, f.receiver, f.kind, f.bearing, f.cause] += count
            domains[f.receiver, week, f.domain, f.kind, f.bearing] += count
            replies[week, f.reply, f.receiver, f.kind, f.cause, f.rule] += count
        self._write(days, "tally_add", "tally_prune")
        self._write(domains, "tally_domain_add", "tally_domain_prune")
        self._write(replies, "tally_reply_add", "tally_reply_prune")
        for reply in sorted({key[1] for key, count in replies.items() if count < 0}):
            self._db.run("reply_prune", id=reply)

    def _write(self, counts: Counter[tuple[Any, ...]], add: str, prune: str) -> None:
        rows = [(*key, count) for key, count in sorted(counts.items()) if count]
        self._db.many(add, rows)
        self._db.many(prune, (row[:-1] for row in rows if row[-1] < 0))

    # ── questions ────────────────────────────────────────────────────────────────────────────────

    def days(self, since: Day, until: Day, receiver: str | None = None) -> list[Tally]:
        """The counts of the days from *since* to before *until*, of one *receiver* if given."""
        found = self._db.all("tally_days", since=since, until=until, receiver=receiver)
        return [Tally(Day(day), *rest) for day, *rest in found]

    def sent(self, since: Day, until: Day, receiver: str | None = None) -> dict[Day, int]:
        """How many addresses had mail delivered on each of those days."""
        found = self._db.all("sent_days", since=since, until=until, receiver=receiver)
        return {Day(day): int(count) for day, count in found}

    def sent_by_receiver(self, since: Day, until: Day) -> dict[str, int]:
        """How many addresses had mail delivered on those days, by receiver."""
        found = self._db.all("sent_receivers", since=since, until=until)
        return {name: int(count) for name, count in found}

    def domains(self, receiver: str, since: Day, most: int) -> list[DomainTally]:
        """The domains at *receiver* with the most counts in the weeks from that of *since* on."""
        given = {"receiver": receiver, "since": week_of(since), "most": most}
        found = self._db.all("tally_domains", **given)
        return [DomainTally(name, *map(int, counts)) for name, *counts in found]

    def delivered_to(self, domains: Iterable[str], since: Day, until: Day) -> dict[str, int]:
        """How many addresses at each ``@domain`` had mail delivered on those days."""
        slots = MICROS_A_DAY // 600_000_000
        found = self._db.by_ids(
            "tally_delivered", list(domains), since=since * slots, until=until * slots
        )
        return {name: int(count) for name, count in found}

    def replies(
        self, since: Day, until: Day, receiver: str | None = None, read_by: ReadBy | None = None
    ) -> list[ReplyTally]:
        """The counts in the weeks from that of *since* to that of *until* of the replies that are
        among the MOST_A_WEEK largest counts of one of them, the most frequent first.
        """
        given: dict[str, Any] = {"receiver": receiver}
        if read_by is not None:
            given |= {**read_by._asdict(), read_by.group: 1}
        weeks = range(week_of(since), week_of(until) + 1)
        largest = {
            reply
            for week in weeks
            for (reply,) in self._db.all("tally_reply_most", week=week, most=MOST_A_WEEK, **given)
        }
        rows = self._db.by_ids("tally_replies", sorted(largest), since=weeks[0], **given)
        found = [ReplyTally(*row)._replace(reports=int(row[5])) for row in rows]
        return sorted(found, key=lambda row: (-row.reports, row))

    def words(self, replies: Iterable[int]) -> dict[int, str]:
        """The words of some replies."""
        return dict(self._db.by_ids("reply_words", list(replies)))

    def reply(self, number: int) -> ReplyExample | None:
        """One reply, with a report that has it; None: there is none."""
        found = self._db.one("reply_get", id=number)
        if found is None:
            return None
        words, block, item = found
        (data,) = self._db.one("block_data", id=block) or (None,)
        if data is None:
            return ReplyExample(words, None)
        report = _REPORT.decode(_BLOCK.decode(zstandard.decompress(data))[item][0])
        return ReplyExample(words, report)

    def reply_weeks(self, number: int) -> list[tuple[int, ReplyTally]]:
        """The counts of one reply by week, the latest first."""
        found = self._db.all("tally_reply_weeks", id=number)
        return [(row[0], ReplyTally(*row[1:])) for row in found]

    def refusing_days(self, since: datetime) -> list[RefusingDay]:
        """The final failures that were counted of each day since then, by receiver and cause; and
        the days that are not counted yet.
        """
        first = day_of(micros(since))
        due = {Day(hour // _HOURS_A_DAY) for (hour,) in self._db.all("tally_due_all")}
        found = [
            RefusingDay(Day(day), receiver, cause, int(count))
            for day, receiver, cause, count in self._db.all("tally_refusing", since=first)
        ]
        counted = [row for row in found if row.day not in due]
        return [*counted, *(RefusingDay(day, None, None, 0) for day in sorted(due) if day >= first)]


def _counted_once(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """An address, an outcome, a cause and a receiver."""
    return row[:4]


@lru_cache(maxsize=1 << 14)
def _reply_of(words: str) -> tuple[int, str]:
    text = alike(words)
    return new_id(text), text
