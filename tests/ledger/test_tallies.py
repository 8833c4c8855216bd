"""The counts that pages are made of: derived, the same for any order of evidence, and kept with
every change of it.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from bouncewise.classifier.classify import default_classifier
from bouncewise.ledger import Store, open_store
from bouncewise.model import Event
from bouncewise.operations.alerts import alerts
from bouncewise.operations.context import Context
from bouncewise.operations.decisions import refresh_counts
from bouncewise.operations.forget import forget, plan
from bouncewise.operations.replay import replayed
from bouncewise.operations.suppress import record
from bouncewise.policy.decide import ADDED
from bouncewise.times import MICROS_AN_HOUR, Day, day_of, micros, week_of, week_start
from support.sql import rows
from support.worlds import ADDRESSES, POLICY, START, Happening, ingest, worlds

END = START + timedelta(days=61)
EVER, FIRST, LAST = Day(0), day_of(micros(START)), day_of(micros(END))
TOTALS = ("tally", "tally_domain", "tally_reply", "tally_state")


def totals(ledger: Store) -> dict[str, list[tuple]]:
    return {table: sorted(rows(ledger, f"SELECT * FROM {table}")) for table in TOTALS}


def counted_anew(ledger: Store) -> dict[str, list[tuple]]:
    """What the totals are when everything is counted from nothing."""
    for table in ("tally", "tally_domain", "tally_reply", "tally_hour", "reply"):
        rows(ledger, f"DELETE FROM {table}")
    hours = f"SELECT DISTINCT at / {MICROS_AN_HOUR} FROM event WHERE true"
    rows(ledger, f"INSERT INTO tally_due (hour) {hours} ON CONFLICT DO NOTHING")
    refresh_counts(ledger)
    lasting = Counter(
        (state, basis, cause or rule, trust)
        for state, basis, cause, rule, trust in rows(
            ledger, "SELECT state, basis, cause, rule, trust FROM state WHERE until IS NULL"
        )
    )
    states = sorted((*key, count) for key, count in lasting.items())
    return {**totals(ledger), "tally_state": states}


def happened(*days: int, what: str = "unknown", name: str = ADDRESSES[0]) -> list[Happening]:
    return [Happening(day * 1440 + 60, name, what) for day in days]


@pytest.mark.sqlite
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(worlds())
def test_counts_are_those_of_the_evidence(tmp_path: Path, happenings: list[Happening]) -> None:
    for old in tmp_path.glob("*.sqlite*"):
        old.unlink()
    parts = [happenings[::2], happenings[1::2], happenings[::3]]
    with ingest(tmp_path / "l.sqlite", parts) as ledger:
        found = totals(ledger)
        assert ledger.tallies.due() == 0
        assert found == counted_anew(ledger)
    with ingest(tmp_path / "whole.sqlite", [sorted(happenings)]) as ledger:
        assert totals(ledger) == found


def test_replay_and_forget_change_the_counts(tmp_path: Path) -> None:
    """What only a rule of the site knows is counted under it once it was applied."""
    with ingest(tmp_path / "l", [[*happened(1, 2), *happened(2, name=ADDRESSES[1])]]) as ledger:
        before = totals(ledger)
        assert sum(row[-1] for row in before["tally"]) == 3
        context = Context(ledger, POLICY, default_classifier())
        rows(ledger, "UPDATE event SET cause = 'policy', rule = 'x' WHERE kind = 'failed'")
        with replayed(context, at=END, apply_by=None):
            pass
        assert totals(ledger) == before, "a trial changes nothing"
        with replayed(context, at=END, apply_by="jo"):
            pass
        assert totals(ledger) == before == counted_anew(ledger)
        planned = plan([ADDRESSES[0]], ledger, POLICY, END)
        forget(planned, ledger, POLICY, END, completely=True)
        after = totals(ledger)
        assert sum(row[-1] for row in after["tally"]) == 1
        assert after == counted_anew(ledger)


def test_a_reply_that_no_report_has_any_more_is_removed(tmp_path: Path) -> None:
    blocked = happened(3, what="blocked", name=ADDRESSES[1])
    with ingest(tmp_path / "l", [[*happened(1), *blocked]]) as ledger:
        assert len(ledger.tallies.replies(FIRST, LAST)) == 2
        planned = plan([ADDRESSES[1]], ledger, POLICY, END)
        forget(planned, ledger, POLICY, END, completely=True)
        (left,) = ledger.tallies.replies(FIRST, LAST)
        assert rows(ledger, "SELECT id FROM reply") == [(left.reply,)]
        found = ledger.tallies.reply(left.reply)
        assert found is not None
        assert found.report is not None
        assert found.report.recipient == ADDRESSES[0]


def test_an_address_counts_once_an_hour_for_one_cause(tmp_path: Path) -> None:
    again = [Happening(1440 + minute, ADDRESSES[0], "moment") for minute in (0, 9, 59, 60)]
    with ingest(tmp_path / "l", [again]) as ledger:
        (found,) = ledger.tallies.days(EVER, day_of(micros(END)))
        assert (found.kind, found.reports) == ("delayed", 2)


def test_domains_receivers_and_weeks(tmp_path: Path) -> None:
    sent = [Happening(day * 1440 + 5, ADDRESSES[2], "sent") for day in range(3)]
    with ingest(tmp_path / "l", [[*happened(1, 9), *sent]]) as ledger:
        day = day_of(micros(START))
        (found,) = ledger.tallies.domains("google", EVER, 10)
        assert (found.domain, found.address) == ("@gmail.com", 2)
        assert ledger.tallies.sent_by_receiver(day, Day(day + 9)) == {"google": 3}
        assert ledger.tallies.delivered_to(["@gmail.com"], day, Day(day + 2)) == {"@gmail.com": 2}
        (reply,) = {row.reply for row in ledger.tallies.replies(FIRST, LAST)}
        weeks = [week for week, _ in ledger.tallies.reply_weeks(reply)]
        assert weeks == [week_of(Day(day + 9)), week_of(Day(day + 1))]
        assert week_start(week_of(day)) == day, "START is a Monday"


def test_pages_of_decisions_give_each_once_the_latest_first(tmp_path: Path) -> None:
    names = [f"u{n}@b.example" for n in range(50)]
    with open_store(tmp_path / "l", create=True) as ledger:
        for n, name in enumerate(names):
            at = START + timedelta(minutes=n // 3)
            record([name], Event(at=at, kind=ADDED, by="jo", words="why"), ledger, POLICY)
        kinds = [(row.state, row.cause) for row in ledger.tallies.states.counts(END)]
        found, after = [], None
        while True:
            page = ledger.tallies.states.newest(kinds, after, 7, END)
            found += page.rows
            if (after := page.after) is None:
                break
        assert sorted(name for name, _ in found) == sorted(names)
        times = [decision.since for _, decision in found]
        assert times == sorted(times, reverse=True)
        (kind,) = kinds
        assert ledger.tallies.states.begun(*kind, START + timedelta(minutes=10), END) == 20
        shown = ledger.tallies.states.at_domain("@b.example", -(1 << 63), END)
        assert sorted(name for name, _ in shown.rows) == sorted(names)
        assert shown.after is None


def test_alerts_are_found_where_counts_are_due(tmp_path: Path) -> None:
    """The counts only say which days are worth a look."""
    people = [f"u{n}@gmail.com" for n in range(60)]
    blocked = [Happening(1440 + n, name, "blocked") for n, name in enumerate(people)]
    with ingest(tmp_path / "l", [blocked]) as ledger:
        (found,) = alerts(ledger, POLICY, START)
        assert found.refused == 60
        counted_anew(ledger)
        rows(ledger, "DELETE FROM tally")
        assert alerts(ledger, POLICY, START) == []
        rows(
            ledger, f"INSERT INTO tally_due (hour) SELECT DISTINCT at / {MICROS_AN_HOUR} FROM event"
        )
        assert alerts(ledger, POLICY, START) == [found]
