"""A ledger is copied from one kind of database to another: all of it, or nothing."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bouncewise.errors import LedgerError
from bouncewise.ledger import copying, open_store
from bouncewise.ledger.copying import copy, key_of
from bouncewise.ledger.location import locate
from support import postgres
from support.cli import bouncewise
from support.sql import dump

FIXTURES = Path(__file__).parents[1] / "fixtures"
SAID = ("--why", "said so", "--by", "jo")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a ledger that has something in many tables."""
    logs = sorted((FIXTURES / "logs").glob("postfix*"))
    mails = sorted((FIXTURES / "messages").glob("*.eml"))
    for verb in (
        ("ingest", *logs, *mails),
        ("suppressions", "add", "jo@x.example", "ann@x.example", *SAID),
        ("forget", "jo@x.example"),
    ):
        done = bouncewise(tmp_path, *verb, "--db", "ledger.sqlite")
        assert done.returncode in (0, 1), done.stderr
    # SQLite keeps NUL in a text; PostgreSQL does not.
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as connection, connection:
        connection.execute("UPDATE batch SET source = 'a' || char(0) || 'b' WHERE id = 1")
    return tmp_path


def run(folder: Path, *args: object) -> dict[str, Any]:
    done = bouncewise(folder, *args, "--json")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def tables(where: str) -> dict[str, list[tuple[Any, ...]]]:
    """Everything but what belongs to the index file, and text as PostgreSQL has it."""
    with open_store(where, read_only=True) as ledger:
        found = dump(ledger)
    del found["state_change"]
    return {
        name: sorted((tuple(map(_text, row)) for row in rows if row[0] != "index"), key=repr)
        for name, rows in found.items()
    }


def _text(value: object) -> object:
    if isinstance(value, memoryview):
        return bytes(value)
    return value.replace("\0", "\\x00") if isinstance(value, str) else value


def test_from_a_file_to_a_server_and_back(folder: Path) -> None:
    there, back = postgres.server().new_url(), str(folder / "back.sqlite")
    planned = run(folder, "copy", there, "--db", "ledger.sqlite", "--dry-run")
    assert planned["digest"] is None
    first = run(folder, "copy", there, "--db", "ledger.sqlite")
    second = run(folder, "copy", back, "--db", there)
    assert first["rows"] == second["rows"] == planned["rows"]
    assert first["rows"]["event"] > 10
    assert first["digest"] == second["digest"] != None  # noqa: E711
    before = tables(str(folder / "ledger.sqlite"))
    assert tables(there) == before
    assert tables(back) == before
    with open_store(there) as ledger:  # it is numbered on behind what was copied
        assert ledger.open_batch("more", "1", "1").number > first["rows"]["batch"] - 1
    for name in ("jo@x.example", "ann@x.example", "new@x.example"):  # with the key of jo
        answers = {
            bouncewise(folder, "check", name, "--json", "--db", db).stdout
            for db in ("ledger.sqlite", back)
        }
        assert len(answers) == 1
    assert (
        key_of(locate(back)).read_bytes() == key_of(locate(folder / "ledger.sqlite")).read_bytes()
    )


def test_a_copy_that_is_stopped_or_differs_leaves_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = locate(folder / "ledger.sqlite")
    places = (locate(folder / "new.sqlite"), locate(postgres.server().new_url()))
    monkeypatch.setattr(copying, "_EVERY", 1)

    def stop(rows: int, _: int) -> None:
        if rows > 20:
            raise KeyboardInterrupt

    for place in places:
        with pytest.raises(KeyboardInterrupt):
            copy(source, place, stop)
    with monkeypatch.context() as patch:
        patch.setattr(copying._Sum, "each", lambda self, rows: self._lost(rows), raising=False)
        patch.setattr(copying._Sum, "_lost", _lost, raising=False)
        for place in places:
            with pytest.raises(LedgerError, match="differs from that of"):
                copy(source, place, lambda *_: None)
    assert [path.name for path in folder.glob("new*")] == []
    for place in places:
        assert copy(source, place, lambda *_: None).rows["event"] > 10


def _lost(self: Any, rows: Any) -> Any:
    """Rows whose digests are forgotten now and then."""
    for number, row in enumerate(rows):
        self.rows += 1
        self.total += number * id(self)
        yield row


def test_what_is_there_is_not_written_over(folder: Path) -> None:
    there = postgres.server().new_url()
    run(folder, "copy", there, "--db", "ledger.sqlite")
    shutil.copy(folder / "ledger.sqlite.key", folder / "other.sqlite.key")
    for place, fault in (
        ("ledger.sqlite", "there is a file already"),
        (there, "there are tables already"),
        ("other.sqlite", "the key of another"),
    ):
        done = bouncewise(folder, "copy", place, "--db", "ledger.sqlite")
        assert done.returncode == 2
        assert fault in done.stderr.decode()
        assert done.stderr.count(b"\n") == 1
    done = bouncewise(folder, "copy", "new.sqlite", "--db", "none.sqlite")
    assert done.returncode == 2
    assert not (folder / "new.sqlite").exists()
