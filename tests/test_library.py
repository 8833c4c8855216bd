"""The public names: complete, found by dir(), cheap to import, typed for users of the library, and
they do what they say.
"""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

import bouncewise
from bouncewise import Cause, InputError, Ledger, LedgerError, Note, State, classify

EXAMPLES = Path(__file__).parent.parent / "examples"
SCRIPT = """
from collections.abc import Iterator
from pathlib import Path

from bouncewise import (
    Answer, Cause, Decision, Event, Incident, ClassifiedFinding, Ledger, Note, Page, State,
    Verdict, check, classify, diagnose, explain,
    ingest, read,
)

verdict: Verdict = classify("550 5.1.1 User unknown", receiver="google")
cause: Cause = verdict.cause
evidence: str = verdict.evidence
known: dict[str, object] = verdict.to_dict()
page: Page = explain("5.4.1")
for item in read(Path("mail.log"), "bounces"):
    if isinstance(item, Note):
        print(item.text)
    else:
        classified: ClassifiedFinding = item
        print(classified.finding.report.recipient, classified.verdict and classified.verdict.advice)
tally, notes = ingest("mail.log", ledger="l.sqlite")
new: int = tally.new
with Ledger.open(Path("l.sqlite"), create=True) as ledger:
    answer: Answer = ledger.check("jo@example.com", transactional=True)
    decision: Decision = answer.decision
    held: bool = decision.state is State.HELD
    history: list[Event] = ledger.history("jo@example.com")
    incidents: list[Incident] = ledger.incidents()
    listed: Iterator[tuple[str, Decision]] = ledger.suppressions()
    number: int = ledger.suppress("jo@example.com", why="phone", by="me")
    ledger.release("jo@example.com", why="mistake", by="me")
probability: float = diagnose("550 5.1.1 User unknown", "jo@gmial.com").ranking[0].probability
may: bool = check("jo@example.com", ledger="l.sqlite").send
"""


def test_a_path_in_place_of_open_is_an_error_that_names_open(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"Ledger\.open\(path\)"):
        Ledger(str(tmp_path / "l.sqlite"))  # type: ignore[arg-type]


def test_every_public_name_is_there_and_listed() -> None:
    for name in bouncewise.__all__:
        assert getattr(bouncewise, name) is not None
    assert set(bouncewise.__all__) <= set(dir(bouncewise))
    assert sorted(bouncewise.__all__) == sorted({*bouncewise._MODULE_OF, "__version__"})
    assert not hasattr(bouncewise, "no_such_name")


@pytest.mark.parametrize(
    "checker",
    [["mypy", "--strict", "--no-incremental"], ["pyright", "--pythonpath", sys.executable]],
    ids=["mypy", "pyright"],
)
def test_a_users_script_is_typed_strictly(tmp_path: Path, checker: list[str]) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, "-m", *checker, str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_import_loads_nothing_else() -> None:
    code = "import sys, bouncewise; print(*(m for m in sys.modules if m.startswith('bouncewise')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["bouncewise"]


def test_nothing_and_octets_are_replies_too() -> None:
    assert classify(None).cause is Cause.UNKNOWN
    assert classify(b"550 5.1.1 User unknown").cause is Cause.MAILBOX_UNKNOWN
    assert classify("550 Empfänger unbekannt".encode("cp1252")).cause is Cause.MAILBOX_UNKNOWN


def test_a_verdict_is_short_to_look_at_and_whole_as_json() -> None:
    verdict = classify("550 5.1.1 <a@b.example>: User unknown")
    assert len(repr(verdict)) < 150
    assert json.loads(verdict.to_json()) == verdict.to_dict()
    assert "phrases" not in verdict.to_dict()


def test_a_ledger_reads_and_answers(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="no ledger"):
        Ledger.open(tmp_path / "l.sqlite")
    with Ledger.open(str(tmp_path / "l.sqlite"), create=True) as ledger:
        tally, notes = ledger.ingest(EXAMPLES / "mail.log", str(EXAMPLES / "bounces"))
        assert tally.reports > tally.deliveries > 0
        assert all(isinstance(note, Note) for note in notes)
        answer = ledger.check("Ann@Corp.example")
        assert (answer.send, answer.decision.cause) == (False, Cause.ACCESS_DENIED)
        assert ledger.check("ann@corp.example", at=datetime(2026, 11, 1, tzinfo=UTC)).send
        assert [a.send for a in ledger.check_all(["ann@corp.example", "lea@mail.example"])] == [
            False,
            True,
        ]
        assert "ann@corp.example" in dict(ledger.suppressions())
        assert [e.kind for e in ledger.history("ann@corp.example")] == ["failed"]
        ledger.release("ann@corp.example", why="they are back", by="me")
        assert ledger.check("ann@corp.example").send, "the checker sees what changed"
        assert ledger.suppress("@corp.example", why="phone", by="me") == 1
        assert ledger.check("ann@corp.example").decision.state is State.SUPPRESSED
        diagnosis = ledger.diagnose("ann@corp.example")
        assert diagnosis is not None and diagnosis.ranking[0].probability > 0
        with pytest.raises(InputError):
            ledger.suppress("nonsense", why="x", by="me")
    assert not bouncewise.check("ann@corp.example", ledger=tmp_path / "l.sqlite").send
