"""Stored evidence re-evaluated: the tables side, as a trial or permanently.

Blocks are never written: they keep the first verdict. On trial every table that a
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
from bouncewise.ledger.entries import EventColumns, Names, event_columns, names_of, time_of
from bouncewise.ledger.placing import advice_for
from bouncewise.ledger.records import Block
from bouncewise.ledger.tallies import mark_due
from bouncewise.model import Decision, Report, State, Trust, Verdict
from bouncewise.model.bearing import bearing, concerns_domain, directory
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
        "audit",
        "pending",
        "ruling",
        "state_change",
        "mailing",
        "sent",
        "message",
        "coverage",
        "relay",
        "relay_host",
        "claim_day",
        "carried",
        "forgotten",
        "engagement",
        "address_source",
        "signal",
        "dmarc_report",
        "dmarc_row",
        "tls_report",
        "tls_failure",
        "tally",
        "tally_hour",
        "tally_domain",
        "tally_reply",
        "reply",
    }
)
_PAGE = 10_000  # names derived at a time
_FIRST_ID, _LAST_ID = -(1 << 63), (1 << 63) - 1
_BLOCK = msgspec.msgpack.Decoder(
    list[tuple[Report, msgspec.Raw, msgspec.Raw]]
)  # an old verdict need not be readable


class _Place(NamedTuple):
    """Where the event of a report stands."""

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
            at = time_of(report, block.began)
            names = names_of(report)
            if not names.final or at < first:
                continue
            place = _Place(at, block.number, item)
            changed += self._judge(names, place, event_columns(report, verdict))
        return changed

    def _judge(self, names: Names, place: _Place, columns: EventColumns) -> bool:
        """Put a verdict on a report under all its names; whether it differs from the last."""
        by_id = {rows.id_of(n): n for n in (*names[:3], *names.header) if n}
        found = self._db.all("event_find", ids=sorted(by_id), **place._asdict())
        final = next((row for row in found if row[0] == rows.id_of(names.final)), None)
        if final is None or tuple(final[2:8]) == columns:
            return False
        for number, digest, *row in found:
            trust, meant = Trust(row[8]), bool(row[9])
            advice = advice_for(columns.advice, by_id[number], names.final)
            judged = columns._replace(advice=advice)
            about_whom = bearing(columns.kind, advice, trust, meant=meant).value
            where = directory(columns.cause, columns.receiver)
            self._db.many("event_judge", [(*judged, about_whom, where, number, place.at, digest)])
            self._remember_rule(number, place, row[3])
        self._judge_domain(names.final, place, final, columns)
        mark_due(self._db, [place.at])
        return True

    def _judge_domain(
        self, name: str, place: _Place, final: tuple[Any, ...], columns: EventColumns
    ) -> None:
        """A report about a whole domain stands under the domain's name, too."""
        domain = rows.domain_of(name)
        number, (_, digest, *before) = rows.id_of(domain), final
        trust = Trust(before[8])
        if concerns_domain(before[0], before[1], before[5], trust):
            self._db.run("event_delete", address=number, **place._asdict())
            self._remember_rule(number, place, before[3])
        if concerns_domain(columns.kind, columns.cause, columns.receiver, trust):
            self._db.many("address_add", [rows.address_row(domain)])
            copied = {"source": final[0], "copy": number, "at": place.at, "digest": digest}
            self._db.run("event_copy", **copied)
            about = bearing(columns.kind, columns.advice, trust).value
            where = directory(columns.cause, columns.receiver)
            row = (*columns, about, where, number, place.at, digest)
            self._db.many("event_judge", [row])
            self._db.run("event_mean", address=number, at=place.at, digest=digest)

    def _remember_rule(self, address: int, place: _Place, rule: str) -> None:
        self._db.run("previous_rule_add", address=address, at=place.at, rule=rule)

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
            yield name, _decision(row[:11], row[23]), _decision(row[11:22], row[22])

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
    """Re-evaluate: all is undone at the end unless ``apply`` was called, which nobody may on
    trial.
    """
    with database.rewriting(trial=trial, kept=_NEVER_CHANGED):
        yield Rejudge(database)


def last_replay(database: Database) -> int:
    """The batch in which all evidence was last re-evaluated; 0 where it never was."""
    found = database.one("meta_get", name="replayed")
    return int(found[0]) if found else 0


def _decision(row: list[Any], rule: str | None) -> Decision:
    return Decision(state=State.OK, rule=rule or "") if row[3] is None else rows.decision(row)
