"""The audit: acts of every kind, whoever does them, in the transaction of the act."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bouncewise.errors import InputError, NotFoundError
from bouncewise.ledger import open_store
from bouncewise.ledger.records import AuditEntry
from bouncewise.model import Event
from bouncewise.operations.acts import act_on
from bouncewise.operations.undo_act import undo_act
from bouncewise.policy.decide import ADDED, CONFIRMED, REMOVED
from bouncewise.policy.load import load
from support.cli import bouncewise

NOW = datetime(2026, 11, 27, tzinfo=UTC)


def act(kind: str, why: str = "because", by: str = "anna") -> Event:
    return Event(at=NOW, kind=kind, words=why, by=by)


def entries(path: Path) -> list[AuditEntry]:
    with open_store(path, read_only=True) as ledger:
        return ledger.audit.page(None, 100)


def test_acts_are_kept_once_however_many_names_they_concern(tmp_path: Path) -> None:
    path = tmp_path / "l"
    with open_store(path, create=True) as ledger:
        act_on(["a@b.example", "b@b.example"], act(ADDED), ledger, load(), dry_run=False)
        act_on(["a@b.example"], act(REMOVED, "a slip"), ledger, load(), dry_run=False)
        act_on(["c@b.example"], act(CONFIRMED), ledger, load(), dry_run=False)
        act_on(["d@b.example"], act(ADDED), ledger, load(), dry_run=True)
        found = ledger.audit.page(None, 100)
        assert [(e.kind, e.by, e.why, e.subject, e.names) for e in found] == [
            ("removed", "anna", "a slip", "a@b.example", 1),
            ("added", "anna", "because", "", 2),
        ]
        assert ledger.audit.names(found[1]) == ["a@b.example", "b@b.example"]
        assert ledger.audit.page(found[0].id, 100) == found[1:]
        assert ledger.audit.page(None, 1) == found[:1]
        assert ledger.audit.find(found[1].id) == found[1]
        assert ledger.audit.find(9999) is None


def test_an_act_on_several_names_is_undone_where_nothing_else_stands(tmp_path: Path) -> None:
    with open_store(tmp_path / "l", create=True) as ledger:
        policy = load()
        act_on(["a@b.example", "b@b.example"], act(ADDED), ledger, policy, dry_run=False)
        act_on(["b@b.example"], act(ADDED, "also so"), ledger, policy, dry_run=False)
        number = ledger.audit.page(None, 10)[1].id
        done = undo_act(number, act(REMOVED, "undo"), ledger, policy, dry_run=True)
        assert done == (["a@b.example"], ["b@b.example"])
        assert set(ledger.decisions(["a@b.example", "b@b.example"])) == {
            "a@b.example",
            "b@b.example",
        }
        undo_act(number, act(REMOVED, "undo"), ledger, policy, dry_run=False)
        assert set(ledger.decisions(["a@b.example", "b@b.example"])) == {"b@b.example"}
        removed = ledger.audit.page(None, 1)[0].id
        with pytest.raises(InputError, match="cannot be undone"):
            undo_act(removed, act(REMOVED), ledger, policy, dry_run=True)
        with pytest.raises(NotFoundError, match="nothing that it added stands"):
            act_on(["c@b.example"], act(ADDED), ledger, policy, dry_run=False)
            act_on(["c@b.example"], act(REMOVED), ledger, policy, dry_run=False)
            undo_act(ledger.audit.page(None, 2)[1].id, act(REMOVED), ledger, policy, dry_run=True)
        with pytest.raises(NotFoundError, match="no such act"):
            undo_act(9999, act(REMOVED), ledger, policy, dry_run=True)


@pytest.mark.sqlite
def test_commands_are_in_the_audit_and_forget_removes_the_name(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("email\nx@b.example\ny@b.example\n")
    for words in (
        ["suppressions", "add", "jo@b.example", "--why", "jo@b.example called", "--by", "anna"],
        ["suppressions", "import", "list.csv", "--by", "anna"],
        ["suppressions", "undo", "1", "--why", "wrong list", "--by", "ben"],
    ):
        done = bouncewise(tmp_path, *words, "--db", "l")
        assert done.returncode == 0, done.stderr
    found = [(e.kind, e.by, e.names) for e in entries(tmp_path / "l")]
    assert found == [("withdrawn", "ben", 2), ("imported", "anna", 2), ("added", "anna", 1)]
    done = bouncewise(tmp_path, "audit", "list", "--before", "3", "--limit", "1", "--db", "l")
    assert b"imported 1  list.csv  anna" in done.stdout
    done = bouncewise(tmp_path, "audit", "undo", "2", "--why", "x", "--db", "l")
    assert (done.returncode, b"suppressions undo 1" in done.stderr) == (2, True)
    done = bouncewise(tmp_path, "audit", "undo", "1", "--why", "x", "--dry-run", "--db", "l")
    assert done.stdout == b"would be removed: jo@b.example\n1 would be removed, 0 stay\n"
    done = bouncewise(tmp_path, "forget", "jo@b.example", "--yes", "--db", "l")
    assert done.returncode == 0, done.stderr
    last = entries(tmp_path / "l")[-1]
    assert (last.kind, last.by, last.subject, last.why) == ("added", "anna", "", "")
    assert b"jo@b.example" not in (tmp_path / "l").read_bytes()
