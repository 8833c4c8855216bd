"""The ledger: the same input twice changes nothing, any order gives the same state, a kill loses
and doubles nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bouncewise.classifier.classify import default_classifier
from bouncewise.errors import LedgerError
from bouncewise.ledger import Store, open_store
from bouncewise.model import Decisions, Event, State
from bouncewise.operations import ingest as ingesting
from bouncewise.operations.check import check
from bouncewise.operations.context import Context
from bouncewise.operations.ingest import Tally
from bouncewise.operations.suppress import record
from bouncewise.policy.decide import ADDED, REMOVED
from bouncewise.policy.load import load
from support.postfix import ACCEPTED, UNKNOWN, log_lines
from support.sql import rows

POLICY = load()
FIXTURES = Path(__file__).parents[1] / "fixtures" / "messages"
MESSAGES = sorted(FIXTURES.glob("*.eml"))


def log_line(day: int, who: str, reply: str = UNKNOWN, number: int = 0) -> str:
    return log_lines(f"2026-03-{day:02}T09:00:{number % 60:02}+00:00", who, reply, queue=number)


def ingest(ledger: Store, *paths: Path) -> Tally:
    return ingesting.ingest(
        tuple(map(str, paths)),
        Context(ledger, POLICY, default_classifier()),
        note=lambda note: None,
    )


def states(ledger: Store) -> dict[str, Decisions]:
    return dict(ledger.states())


def test_twice_the_same_input_changes_nothing(tmp_path: Path) -> None:
    with open_store(tmp_path / "l.sqlite", create=True) as ledger:
        first = ingest(ledger, *MESSAGES)
        before = states(ledger), ledger.counts()
        second = ingest(ledger, *MESSAGES)
        assert first.reports > 25
        assert ledger.counts()["event"] > first.new > 10  # forwarded mail: two names know of it
        assert second.new == 0
        assert (states(ledger), ledger.counts()) == before


def test_a_bounce_seen_in_two_files_counts_once(tmp_path: Path) -> None:
    raw = (FIXTURES / "postfix.eml").read_bytes()
    (tmp_path / "one.eml").write_bytes(raw)
    (tmp_path / "two.eml").write_bytes(b"X-Moved: by a rule\n" + raw.replace(b"\n", b"\r\n"))
    with open_store(tmp_path / "l.sqlite", create=True) as ledger:
        assert ingest(ledger, tmp_path / "one.eml", tmp_path / "two.eml").new == 1


def test_mail_without_a_date_counts_once_too(tmp_path: Path) -> None:
    (tmp_path / "m.eml").write_bytes(
        (FIXTURES / "qmail.eml").read_bytes().replace(b"Date: Mon, 02", b"X-Date: Mon, 02")
    )
    with open_store(tmp_path / "l.sqlite", create=True) as ledger:
        assert ingest(ledger, tmp_path / "m.eml").new > 0
        assert ingest(ledger, tmp_path / "m.eml").new == 0


DAYS = st.lists(
    st.tuples(
        st.integers(1, 28),
        st.sampled_from(["a@x.example", "b@x.example", "c@y.example"]),
        st.sampled_from("sbt"),
    ),
    min_size=1,
    max_size=25,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(DAYS, st.randoms(use_true_random=False))
def test_any_order_of_files_gives_the_same_state(
    tmp_path: Path, events: list[tuple[int, str, str]], random
) -> None:
    kinds = {
        "s": ACCEPTED,
        "b": UNKNOWN,
        "t": "552 5.2.2 mailbox full",
    }
    files = []
    for number, (day, who, kind) in enumerate(events):
        file = tmp_path / f"{number}.log"
        file.write_text(log_line(day, who, kinds[kind], number=number))
        files.append(file)
    found = []
    for _ in range(2):
        db = tmp_path / f"{random.random()}.sqlite"
        with open_store(db, create=True) as ledger:
            for file in files:
                ingest(ledger, file)
            found.append(states(ledger))
        db.unlink()
        random.shuffle(files)
    assert found[0] == found[1]


def test_neighbours_that_are_read_after_a_refusal_decide_it_as_those_read_before(
    tmp_path: Path,
) -> None:
    """Four others of the domain had mail delivered about then, so the refusal means one address:
    whoever is read first.
    """
    lines = [
        log_line(1, "jo@x.example", ACCEPTED),
        log_line(4, "jo@x.example"),
    ]
    others = [log_line(4, f"n{i}@x.example", ACCEPTED, number=i) for i in range(1, 5)]
    (tmp_path / "refusal.log").write_text("".join(lines))
    (tmp_path / "others.log").write_text("".join(others))
    found = []
    for order in (["refusal.log", "others.log"], ["others.log", "refusal.log"]):
        with open_store(tmp_path / f"{order[0]}.sqlite", create=True) as ledger:
            for name in order:
                ingest(ledger, tmp_path / name)
            found.append(states(ledger))
    assert found[0] == found[1]
    assert [d.state for d in found[0]["jo@x.example"]] == [State.SUPPRESSED]


def test_the_past_is_answered_from_the_evidence_up_to_then(tmp_path: Path) -> None:
    log = tmp_path / "mail.log"
    log.write_text(log_line(10, "jo@x.example"))
    with open_store(tmp_path / "l.sqlite", create=True) as ledger:
        ingest(ledger, log)
        for day, send in ((9, True), (11, False)):
            when = datetime(2026, 3, day, tzinfo=UTC)
            (answer,) = check(["Jo@X.example"], ledger, POLICY, at=when, past=True)
            assert answer.send is send


def test_acts_are_kept_and_count_once(tmp_path: Path) -> None:
    with open_store(tmp_path / "l.sqlite", create=True) as ledger:
        act = Event(at=datetime(2026, 3, 1, tzinfo=UTC), kind=ADDED, by="jo", words="phone")
        assert record(("@x.example",), act, ledger, POLICY)
        assert not record(("@x.example",), act, ledger, POLICY)
        now = datetime(2026, 3, 2, tzinfo=UTC)
        (answer,) = check(["anybody@x.example"], ledger, POLICY, at=now, past=False)
        assert (answer.send, answer.decision.by) == (False, "jo")
        undo = Event(at=datetime(2026, 3, 3, tzinfo=UTC), kind=REMOVED, by="ann", words="mistake")
        record(("@x.example",), undo, ledger, POLICY)
        assert states(ledger) == {}
        assert [e.kind for e in ledger.history("@x.example")] == [ADDED, REMOVED]


def test_evidence_stays_with_its_raw_bytes(tmp_path: Path) -> None:
    import msgspec
    import zstandard

    with open_store(tmp_path / "l.sqlite", create=True) as ledger:
        ingest(ledger, FIXTURES / "postfix.eml")
        ((data,),) = rows(ledger, "SELECT data FROM block")
        ((_, raw, verdict),) = msgspec.msgpack.decode(zstandard.decompress(data))
        assert raw == (FIXTURES / "postfix.eml").read_bytes()
        assert verdict["rule"] == "microsoft.directory-edge-block"
        rules = rows(ledger, "SELECT rules FROM batch")
        assert rules == [(default_classifier().ruleset.version,)]


@pytest.mark.sqlite
def test_a_foreign_file_is_refused_with_a_word(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"no database" * 100)
    with pytest.raises(LedgerError, match="--db"):
        open_store(tmp_path / "x", create=True)


def test_a_later_schema_is_refused_with_a_word(tmp_path: Path) -> None:
    with open_store(tmp_path / "y.sqlite", create=True) as ledger:
        rows(ledger, "UPDATE meta SET value = '99' WHERE name = 'schema'")
    with pytest.raises(LedgerError, match="another version"):
        open_store(tmp_path / "y.sqlite", create=True)


def test_what_an_ingest_has_not_decided_yet_is_answered_from_the_evidence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "log").write_text(log_line(2, "gone@b.example", number=1))
    with open_store(tmp_path / "l.sqlite", create=True) as ledger:
        with monkeypatch.context() as stopped:
            stopped.setattr(ingesting.Session, "settle", ingesting.Session.flush)
            ingest(ledger, tmp_path / "log")
        assert not states(ledger)
        now = datetime(2026, 3, 3, tzinfo=UTC)
        asked = ["gone@b.example", "jo@b.example"]
        assert [a.send for a in check(asked, ledger, POLICY, at=now, past=False)] == [False, True]
        (tmp_path / "nothing").write_text("")
        ingest(ledger, tmp_path / "nothing")
        assert [d.state for d in states(ledger)["gone@b.example"]] == [State.SUPPRESSED]
        assert not ledger.pending
