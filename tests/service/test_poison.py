"""Records that could not be read: listed, shown, tried again and removed by commands."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from bouncewise.ledger import open_store
from bouncewise.service.drain import WEBHOOK
from bouncewise.service.spool import Record, Writer
from service.test_drain import AT, bounce
from support.cli import bouncewise


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A ledger, a spool with a record that waits, and one that could not be read."""
    open_store(tmp_path / "l", create=True).close()
    writer = Writer(tmp_path / "spool", 1 << 20)
    writer.append([Record(AT, WEBHOOK, "pm", bounce(1))])
    writer.close()
    (tmp_path / "spool" / "poison").mkdir()
    bad = msgspec.msgpack.encode(("ValueError: a defect", Record(AT, WEBHOOK, "pm", bounce(2))))
    (tmp_path / "spool" / "poison" / f"{4096:020d}.msgpack").write_bytes(bad)
    return tmp_path


def test_what_waits_and_what_is_bad_is_listed(folder: Path) -> None:
    done = bouncewise(folder, "spool", "list", "--db", "l", "--json")
    assert done.returncode == 1
    first, row = map(json.loads, done.stdout.splitlines())
    assert first["waiting"] == 1
    assert (row["number"], row["source"], row["why"]) == (4096, "pm", "ValueError: a defect")
    text = bouncewise(folder, "spool", "list", "--db", "l").stdout.decode()
    assert "1 records wait" in text
    assert "a defect" in text


def test_a_record_is_shown(folder: Path) -> None:
    done = bouncewise(folder, "spool", "show", "4096", "--db", "l")
    assert json.loads(done.stdout)["Email"] == "dead2@gone.example"


def test_a_record_is_read_again(folder: Path) -> None:
    done = bouncewise(folder, "spool", "retry", "4096", "--db", "l")
    assert done.returncode == 0, done.stderr
    with open_store(folder / "l") as ledger:
        assert "dead2@gone.example" in set(ledger.names())
    assert not list((folder / "spool" / "poison").iterdir())
    assert bouncewise(folder, "spool", "list", "--db", "l").returncode == 0


def test_one_that_still_cannot_be_read_stays(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Record) -> None:
        raise ValueError("still")

    monkeypatch.setattr("bouncewise.service.poison.items_of", fail)
    done = bouncewise(folder, "spool", "retry", "4096", "--db", "l")
    assert done.returncode == 2
    assert b"it stays" in done.stderr
    assert list((folder / "spool" / "poison").iterdir())


def test_a_record_is_removed(folder: Path) -> None:
    done = bouncewise(folder, "spool", "drop", "4096", "--dry-run", "--db", "l")
    assert b"would remove 4096" in done.stdout
    assert list((folder / "spool" / "poison").iterdir())
    assert bouncewise(folder, "spool", "drop", "4096", "--db", "l").returncode == 0
    assert bouncewise(folder, "spool", "drop", "4096", "--db", "l").returncode == 2


def test_without_a_spool_the_command_says_so(tmp_path: Path) -> None:
    open_store(tmp_path / "l", create=True).close()
    done = bouncewise(tmp_path, "spool", "list", "--db", "l")
    assert done.returncode == 2
    assert b"no spool there" in done.stderr
