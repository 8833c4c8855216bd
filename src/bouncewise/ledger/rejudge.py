"""Stored evidence judged again: the tables side, on trial or for good.

Blocks are never written: they keep the verdict as first judged. On trial every table that a
judgement changes is shadowed by a temporary copy; what runs in between is the same. Refuses with
LedgerError where there is no room, or another process writes for too long.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import zstandard

from bouncewise.ledger import rows
from bouncewise.ledger.database import Database
from bouncewise.ledger.entries import EventColumns, event_columns
from bouncewise.ledger.records import Block
from bouncewise.model import Advice, Decision, Report, State, Verdict
from bouncewise.rfc import address
from bouncewise.times import Micros, micros

_NEVER_CHANGED = frozenset(
    {
        "meta",
        "batch",
        "done",
        "block",
        "delivery",
        "traffic",
        "act",
        "pending",
        "ruling",
        "state_change",
    }
)
_PAGE = 10_000  # names derived at a time
_FIRST_ID, _LAST_ID = -(1 << 63), (1 << 63) - 1
_BLOCK = msgspec.msgpack.Decoder(
    list[tuple[Report, msgspec.Raw, msgspec.Raw]]
)  # an old verdict need not be readable


class _Place(NamedTuple):
    """Where the event of a report stands."""

    address: int
    at: Micros
    block: int
    item: int


class Rejudge:
    """A ledger whose events get new verdicts; every question to the ledger meanwhile sees what
    is entered here.
    """

    def __init__(self, database: Database) -> None:
        self._db = database
        database.run("previous_state_create")
        database.run("previous_state_index")
        database.run("previous_rule_create")

    def blocks(self, since: datetime | None) -> list[int]:
        """The numbers of all blocks, or of those with an event at *since* or later."""
        if since is None:
            return [number for (number,) in self._db.each("block_all")]
        return [number for (number,) in self._db.each("block_since", since=micros(since))]

    def block(self, number: int) -> Block:
        """The reports of one block."""
        began, data = self._db.one("block_get", id=number) or (0, b"")
        return Block(
            number,
            Micros(began),
            [report for report, _, _ in _BLOCK.decode(zstandard.decompress(data))],
        )

    def enter(
        self, block: Block, verdicts: Iterable[Verdict | None], since: datetime | None
    ) -> int:
        """Put *verdicts* on the events of *block*, those at *since* or later; how many differ
        from the last.

        A report whose event was added with another block is left to that one.
        """
        changed, first = 0, micros(since) if since else _FIRST_ID
        for item, (report, verdict) in enumerate(zip(block.reports, verdicts, strict=True)):
            at = micros(report.at) if report.at else block.began
            name = address.normalise(report.recipient)
            if not name or at < first:
                continue
            place = _Place(rows.id_of(name), at, block.number, item)
            found = self._db.one("event_find", **place._asdict())
            columns = event_columns(report, verdict)
            if found is not None and tuple(found[1:]) != columns:
                changed += 1
                self._change(name, place, found[0], EventColumns(*found[1:]), columns)
        return changed

    def _change(
        self, name: str, place: _Place, digest: int, before: EventColumns, after: EventColumns
    ) -> None:
        self._db.many("event_judge", [(*after, place.address, place.at, digest)])
        self._remember_rule(place, before.rule)
        domain = rows.domain_of(name)
        domain_place = place._replace(address=rows.id_of(domain))
        if before.advice == Advice.SUPPRESS_DOMAIN:
            self._db.run("event_delete", **domain_place._asdict())
            self._remember_rule(domain_place, before.rule)
        if after.advice == Advice.SUPPRESS_DOMAIN:
            self._db.many("address_add", [rows.address_row(domain)])
            row = (domain_place.address, place.at, digest, *after, place.block, place.item)
            self._db.many("event_add", [row])

    def _remember_rule(self, place: _Place, rule: str) -> None:
        self._db.run("previous_rule_add", address=place.address, at=place.at, rule=rule)

    def name_count(self) -> int:
        """How many names have evidence."""
        (count,) = self._db.one("address_count") or (0,)
        return int(count)

    def names(self) -> Iterator[list[str]]:
        """All names with evidence, a page at a time, in the order of their ids."""
        first = _FIRST_ID
        while page := self._db.all("address_page", first=first, most=_PAGE):
            yield [name for _, name in page]
            if page[-1][0] == _LAST_ID:
                return
            first = page[-1][0] + 1

    def note_changes(self) -> None:
        """Note which decisions have changed, for ``changes``."""
        self._db.run("changed_create")

    def changes(self) -> Iterator[tuple[str, Decision, Decision]]:
        """Name, decision before and after, by name. An OK decision has the rule that (then, now)
        judges the same words.
        """
        for name, *row in self._db.each("changed_all"):
            yield name, _decision(row[:8], row[17]), _decision(row[8:16], row[16])

    def apply(self, by: str, rules: str, version: str, since: datetime | None) -> None:
        """Make it permanent; the log of batches says who did it and from which rules to which."""
        judged = [r for (r,) in self._db.each("batch_rules_since", first=last_replay(self._db))]
        others = " ".join(r for r in judged if r != rules) or rules
        limit = f", since {since.isoformat()}" if since else ""
        source = f"replay by {by}: rules {others} -> {rules}{limit}"
        started = time.time_ns() // 1000
        (batch,) = self._db.one(
            "batch_add", source=source[:1000], rules=rules, version=version, started=started
        ) or (0,)
        if since is None:
            self._db.run("meta_set", name="replayed", value=str(batch))
        self._db.commit()


@contextmanager
def rejudging(database: Database, *, trial: bool) -> Iterator[Rejudge]:
    """Judge again: all is undone at the end unless ``apply`` was called, which nobody may on
    trial.
    """
    with database.rewriting(trial=trial, kept=_NEVER_CHANGED):
        yield Rejudge(database)


def last_replay(database: Database) -> int:
    """The batch in which all evidence was judged again the last time; 0 where it never was."""
    found = database.one("meta_get", name="replayed")
    return int(found[0]) if found else 0


def _decision(row: list[Any], rule: str | None) -> Decision:
    return Decision(state=State.OK, rule=rule or "") if row[0] is None else rows.decision(row)
