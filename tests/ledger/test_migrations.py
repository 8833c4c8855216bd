"""Ledgers of earlier schemas: a real file of each is brought up to date, and answers as its own
version answered.
"""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from bouncewise.cli import bouncewise
from bouncewise.errors import LedgerError
from bouncewise.ledger import open_store
from bouncewise.ledger.migrate import SCHEMA
from support.ledgers import LEDGERS, schema_4

pytestmark = pytest.mark.sqlite

CHECKED = [
    "u0@tenant.example",
    "u3@gmail.com",
    "by-hand@x.example",
    "x0@gone.example",
    "a@closed.example",
]
ASKED = [
    ["suppressions", "list"],
    ["suppressions", "list", "--held"],
    ["incidents"],
    ["history", "u3@gmail.com"],
    ["history", "@gone.example"],
    ["check", *CHECKED, "--at", "2026-03-06T12:00Z"],
    *(
        ["check", name, "--at", "2026-03-04T12:00Z"]
        for name in ("u3@gmail.com", "x1@gone.example", "u0@tenant.example")
    ),
]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return schema_4(tmp_path)


def answers(path: Path) -> list[dict]:
    found = []
    for args in ASKED:
        done = CliRunner().invoke(bouncewise, [*args, "--json", "--db", str(path)])
        assert done.exit_code in (0, 1), done.output
        found += [json.loads(line) for line in done.stdout.splitlines()]
    return found


def tables(path: Path) -> dict[str, list[tuple]]:
    """Every table and index with its columns, however its statement was written."""
    db = sqlite3.connect(path)
    names = db.execute(
        "SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name"
    ).fetchall()
    return {
        f"{kind} {name}": db.execute(f"PRAGMA {kind}_xinfo({name})").fetchall()
        for kind, name in names
    }


def _without(rows: list[dict], others: list[dict]) -> list[dict]:
    return [row for row in rows if row not in others]


def _keys_of(row: dict, earlier: dict) -> dict:
    """What *row* says under the keys that an earlier version had."""
    return {key: row[key] for key in earlier}


def test_a_migrated_ledger_answers_as_before(old: Path) -> None:
    expected = [
        json.loads(line) for line in (LEDGERS / "schema-4.jsonl").read_text("utf-8").splitlines()
    ]
    for opening in ("first", "second"):
        found = answers(old)
        carried = [row for row in found if row.get("kind") == "carried"]
        same = [
            _keys_of(row, old) for row, old in zip(_without(found, carried), expected, strict=True)
        ]
        assert same == expected, opening
        assert len(carried) == 1, "history shows what rests on the earlier version's decision"


def test_a_migrated_ledger_has_the_present_schema(old: Path, tmp_path: Path) -> None:
    open_store(old).close()
    open_store(tmp_path / "new.sqlite", create=True).close()
    assert tables(old) == tables(tmp_path / "new.sqlite")


def test_what_is_derived_again_is_what_was_there(old: Path) -> None:
    """The migrated columns carry incidents: a replay finds nothing to change."""
    done = CliRunner().invoke(bouncewise, ["replay", "--dry-run", "--json", "--db", str(old)])
    summary = json.loads(done.output.splitlines()[-1])
    assert (summary["reports"], summary["changed"]) == (57, 0)


def test_times_that_cannot_be_do_not_rule_a_migrated_ledger(old: Path) -> None:
    """A mail of an old ledger is dated 2035, and so is an act behind it."""
    far = 2_051_222_400_000_000
    with sqlite3.connect(old) as db:
        (started,) = db.execute("SELECT max(started) FROM batch").fetchone()
        (digest,) = db.execute("SELECT min(digest) FROM event WHERE kind = 'failed'").fetchone()
        suppressed = dict(
            db.execute("SELECT a.name, s.state FROM state s JOIN address a ON a.id = s.address")
        )
        db.execute("UPDATE event SET at = ? WHERE digest = ?", (far, digest))
        db.execute("UPDATE act SET at = ? + id", (far,))
        db.execute("UPDATE meta SET value = ? WHERE name = 'latest'", (str(far),))
    db.close()
    with open_store(old) as store:
        assert store.latest() <= datetime.fromtimestamp(started / 1e6, UTC) + timedelta(days=2)
        events = [event for name in store.names() for event in store.history(name)]
        assert max(event.at for event in events) <= store.latest() + timedelta(seconds=1)
        assert suppressed.keys() <= dict(store.states()).keys()


@pytest.mark.parametrize("found", ["3", str(SCHEMA + 1), "x"])
def test_other_schemas_are_refused_and_left_alone(old: Path, found: str) -> None:
    with sqlite3.connect(old) as db:
        db.execute("UPDATE meta SET value = ? WHERE name = 'schema'", (found,))
    db.close()
    before = old.read_bytes()
    with pytest.raises(LedgerError, match="written by another version"):
        open_store(old)
    assert old.read_bytes() == before


def test_a_migration_that_fails_changes_nothing(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bouncewise.ledger import migrate, open_store

    def fail(_: object) -> None:
        raise RuntimeError("in the middle")

    before = tables(old)
    monkeypatch.setitem(migrate._STEPS, "event_columns", fail)
    with pytest.raises(RuntimeError):
        open_store(old)
    assert tables(old) == before
    monkeypatch.undo()
    open_store(old).close()
    assert tables(old) != before
