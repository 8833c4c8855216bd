"""The same operations on SQLite and on PostgreSQL leave the same rows and get the same answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bouncewise.classifier.classify import Classifier, default_classifier
from bouncewise.ledger import Store, open_store
from bouncewise.model import Event, Ruling
from bouncewise.operations.check import check
from bouncewise.operations.context import Context
from bouncewise.operations.forget import forget, plan
from bouncewise.operations.ingest import Session
from bouncewise.operations.replay import replayed
from bouncewise.operations.status import status
from bouncewise.operations.suppress import record
from bouncewise.policy.decide import ADDED, REMOVED
from bouncewise.rules.load import load as load_rules
from support import postgres
from support.sql import dump
from support.worlds import ADDRESSES, POLICY, START, Happening, worlds

pytestmark = pytest.mark.sqlite  # each test uses both

NAMES = [*ADDRESSES, "@tenant.example", "jürgen@small.example"]
END = START + timedelta(days=61)
RULE = """
title = "Ours"

[[rule]]
id = "ours.unknown"
cause = "mailbox-unknown"
advice = "review"
when.phrase = ["does not exist"]
source = "https://x.example"
why = "a rule of this site"
example = ["550 5.1.1 The email account that you tried to reach does not exist"]
"""

acts = st.tuples(st.sampled_from([ADDED, REMOVED]), st.sampled_from(NAMES), st.integers(0, 2))
steps = st.lists(
    st.one_of(
        acts,
        st.tuples(st.just("replay"), st.booleans(), st.booleans()),
        st.tuples(st.just("forget"), st.sampled_from(ADDRESSES), st.booleans()),
        st.tuples(st.just("rule"), st.booleans(), st.booleans()),
        st.tuples(st.just("fail"), st.sampled_from(NAMES), st.booleans()),
        st.tuples(st.just("read"), st.integers(0, 3), st.booleans()),
    ),
    max_size=8,
)


class Site:
    """The operations, on one ledger."""

    def __init__(self, ledger: Store, parts: list[list[Happening]], ours: Classifier) -> None:
        self.ledger, self.parts, self.ours = ledger, parts, ours

    def step(self, what: str, first: Any, second: Any) -> object:
        """One operation; its result."""
        ledger = self.ledger
        if what in (ADDED, REMOVED):
            act = Event(at=END, kind=what, by=f"jo{second}", words="by hand \U0001f600")
            return record([first], act, ledger, POLICY)
        if what == "read":
            session = Session(Context(ledger, POLICY, default_classifier()), "world")
            for happening in self.parts[first]:
                session.add(happening.finding())
            session.flush(("spool", first))
            return session.settle() if second else None
        if what == "replay":
            rules = self.ours if second else default_classifier()
            context = Context(ledger, POLICY, rules)
            with replayed(context, at=END, apply_by="jo" if first else None) as outcome:
                return list(outcome.changes), outcome.reports, outcome.reclassified
        if what == "forget":
            planned = plan([first], ledger, POLICY, END)
            return forget(planned, ledger, POLICY, END, completely=second) and planned
        if what == "rule":
            return self._rule(over=first)
        with pytest.raises(ZeroDivisionError), ledger.change():
            ledger.pending.add([first])
            raise ZeroDivisionError
        return None

    def _rule(self, *, over: bool) -> object:
        found = self.ledger.incidents.all()
        with self.ledger.change():
            for incident in found[:1]:
                self.ledger.incidents.add_ruling(
                    Ruling(
                        destination=incident.destination,
                        opened=incident.opened,
                        closed=END if over else None,
                        at=END,
                        why="why",
                        by="jo",
                    )
                )
        return found

    def answers(self) -> object:
        """What is asked of it."""
        ledger = self.ledger
        now = list(check(NAMES, ledger, POLICY, at=END, past=False))
        then = list(check(NAMES, ledger, POLICY, at=START + timedelta(days=30), past=True))
        histories = list(ledger.histories(NAMES))
        shown = status(ledger, POLICY, END)
        return now, then, histories, shown, ledger.incidents.all(), list(ledger.states())


@contextmanager
def both(folder: Path) -> Iterator[tuple[str, str]]:
    """What names a new ledger in each database."""
    for old in folder.glob("*.sqlite*"):
        old.unlink()
    url = postgres.server().new_url()
    yield str(folder / "ledger.sqlite"), url
    postgres.server().sql(f"DROP SCHEMA {postgres.schema_of(url)} CASCADE")


def comparable(ledger: Store) -> dict[str, list[tuple[Any, ...]]]:
    """The rows, without times of reading, keyed hashes, and numbers that a database chooses: those
    of rows that were taken back may be used again or not.
    """
    found = dump(ledger)
    blocks = {row[0]: rank for rank, row in enumerate(sorted(found["block"]))}
    found["event"] = sorted(
        ((*row[:9], blocks[row[9]], *row[10:]) for row in found["event"]), key=repr
    )
    found["reply"] = sorted((*row[:2], blocks[row[2]], row[3]) for row in found["reply"])
    found["batch"] = [row[1:4] for row in sorted(found["batch"])]
    found["block"] = [row[2:] for row in sorted(found["block"])]
    for table in ("act", "ruling"):
        found[table] = [row[1:] for row in sorted(found[table])]
    found["audit"] = [row[2:] for row in sorted(found["audit"])]  # (without the time by the clock)
    found["forgotten"] = sorted((row[1:] for row in found["forgotten"]), key=repr)
    found["meta"] = [row for row in found["meta"] if row[0] != "replayed"]
    return found


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    file = tmp_path_factory.mktemp("rules") / "ours.toml"
    file.write_text(RULE)
    return Classifier(load_rules((file,)))


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(worlds(), steps)
@example(
    [],
    [
        (ADDED, ADDRESSES[0], 0),
        ("forget", ADDRESSES[0], False),
        *(("forget", name, False) for name in ADDRESSES[1:]),
    ],
)
def test_the_same_operations_leave_the_same_rows(
    tmp_path: Path, ours: Classifier, happenings: list[Happening], chosen: list[tuple[Any, ...]]
) -> None:
    parts = [sorted(happenings)[i::4] for i in range(4)]
    reads = [("read", part, part == 3) for part in range(4)]
    results: list[object] = []
    with both(tmp_path) as places:
        for place in places:
            with open_store(place, create=True) as ledger:
                site = Site(ledger, parts, ours)
                done = [site.step(*step) for step in [*reads[:2], *chosen, *reads[2:]]]
                results.append((done, site.answers(), comparable(ledger)))
    assert results[0] == results[1]
