"""``migrate``: from which schema to which, with a copy that is the ledger before."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from pathlib import Path

import pytest

from bouncewise.errors import LedgerError
from bouncewise.ledger import migrate, open_store, upgrade
from bouncewise.ledger.database import Database
from bouncewise.ledger.upgrade import CURRENT, standing
from support.cli import bouncewise
from support.ledgers import schema_4

pytestmark = pytest.mark.sqlite


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return schema_4(tmp_path)


def rows(path: Path) -> list[str]:
    with sqlite3.connect(path) as db:
        return list(db.iterdump())


def test_a_dry_run_says_what_would_be_done_and_changes_nothing(old: Path) -> None:
    before = rows(old)
    done = bouncewise(old.parent, "migrate", "--dry-run", "--db", old, "--json")
    record = json.loads(done.stdout)
    assert (done.returncode, record["before"], record["after"]) == (0, 4, CURRENT)
    assert record["dry_run"] is True
    assert rows(old) == before
    assert [p.name for p in old.parent.glob("ledger.sqlite.schema-*")] == []


def test_the_copy_is_the_ledger_before_and_puts_it_back(old: Path) -> None:
    before = rows(old)
    done = bouncewise(old.parent, "migrate", "--db", old)
    assert done.returncode == 0, done.stderr
    assert standing(old).schema == CURRENT
    (copy,) = old.parent.glob("ledger.sqlite.schema-4-*")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert rows(copy) == before
    undo = done.stdout.decode().partition("version before: ")[2].strip()
    assert undo.startswith("mv ")
    assert os.system(undo) == 0
    assert rows(old) == before
    assert [p.name for p in old.parent.glob("ledger.sqlite*")] == ["ledger.sqlite"]


def test_a_current_ledger_is_left_alone(tmp_path: Path) -> None:
    open_store(tmp_path / "l", create=True).close()
    done = bouncewise(tmp_path, "migrate", "--db", "l")
    assert done.stdout.decode() == f"l: schema {CURRENT} is current\n"
    assert list(tmp_path.glob("l.schema*")) == []


def test_where_no_copy_can_be_written_nothing_is_changed(old: Path, tmp_path: Path) -> None:
    before = rows(old)
    with pytest.raises(LedgerError, match="no copy could be written"):
        upgrade.upgrade(old, Path("/proc/copy"))
    taken = tmp_path / "taken"
    taken.write_text("mine")
    with pytest.raises(LedgerError, match="there is a file already"):
        upgrade.upgrade(old, taken)
    assert taken.read_text() == "mine"
    assert rows(old) == before


def test_a_migration_that_fails_changes_nothing(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rows(old)

    def fail(_: Database) -> None:
        raise LedgerError("in the middle")

    monkeypatch.setitem(migrate._STEPS, "bounded_times", fail)
    with pytest.raises(LedgerError, match="in the middle"):
        upgrade.upgrade(old, tmp_path / "copy")
    assert rows(old) == before


def test_what_is_no_ledger_is_refused(tmp_path: Path) -> None:
    (tmp_path / "l").write_text("no ledger")
    assert bouncewise(tmp_path, "migrate", "--db", "l").returncode == 2
    assert bouncewise(tmp_path, "migrate", "--db", "none").returncode == 2
