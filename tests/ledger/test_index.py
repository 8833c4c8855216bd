"""The index of who is not free: the same answers with a file, without one, with an old one, with
half of one.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bouncewise.ledger import Store, index, open_store
from bouncewise.model import Cause, Decision, Decisions, State

NAMES = [f"u{i}@d{i % 7}.example" for i in range(400)]
HELD = (
    Decision(
        state=State.HELD,
        cause=Cause.MAILBOX_FULL,
        since=datetime(2026, 11, 1, tzinfo=UTC),
        why="full",
    ),
)
FREE: Decisions = ()


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(index, "LARGE", 50)
    with open_store(tmp_path / "ledger.sqlite", create=True) as opened:
        yield opened


def put(ledger: Store, names: list[str], decisions: Decisions) -> None:
    with ledger.change():
        ledger.put((name, decisions) for name in names)


def keep(ledger: Store) -> None:
    with ledger.change():
        ledger.write_index()


def indexes(ledger: Store) -> list[Path]:
    return sorted(ledger.path.parent.glob("*.index-*"))


def test_few_need_no_file(ledger: Store) -> None:
    put(ledger, NAMES[:50], HELD)
    keep(ledger)
    assert not indexes(ledger)
    assert [name in ledger.index() for name in NAMES[49:51]] == [True, False]


def test_nobody_is_missed_whatever_came_and_went(ledger: Store) -> None:
    draw = random.Random(4)
    standing: set[str] = set()
    files = set()
    for _ in range(60):
        some = draw.sample(NAMES, 30)
        put(ledger, some, HELD)
        standing.update(some)
        gone = draw.sample(sorted(standing), 12)
        put(ledger, gone, FREE)
        standing.difference_update(gone)
        keep(ledger)
        found = ledger.index()
        assert all(name in found for name in standing)
        files.update(indexes(ledger))
        assert len(indexes(ledger)) <= 2
    assert len(files) > 3
    stale = sum(name in ledger.index() for name in NAMES) - len(standing)
    assert (
        0 <= stale <= 12 * 10
    )  # freed since the file was written; the ledger is asked and says so


def test_a_file_written_anew_forgets_who_was_freed(ledger: Store) -> None:
    put(ledger, NAMES[:200], HELD)
    keep(ledger)
    put(ledger, NAMES[:60], FREE)
    keep(ledger)
    assert [name in ledger.index() for name in (NAMES[0], NAMES[59], NAMES[60])] == [
        False,
        False,
        True,
    ]
    assert len(ledger.index()) == 140


@pytest.mark.parametrize("damage", ["lost", "cut", "empty"])
def test_a_damaged_file_is_not_believed(ledger: Store, damage: str) -> None:
    put(ledger, NAMES[:200], HELD)
    keep(ledger)
    (file,) = indexes(ledger)
    if damage == "lost":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:104] if damage == "cut" else b"")
    assert all(name in ledger.index() for name in NAMES[:200])
    put(ledger, NAMES[200:300], HELD)
    keep(ledger)
    assert all(name in ledger.index() for name in NAMES[:300])


def test_an_older_copy_of_the_ledger_does_not_take_a_newer_file_for_its_own(
    ledger: Store, tmp_path: Path
) -> None:
    put(ledger, NAMES[:200], HELD)
    copy = tmp_path / "copy" / "ledger.sqlite"
    copy.parent.mkdir()
    with open_store(copy, create=True) as other:
        put(other, NAMES[300:], HELD)
    keep(ledger)
    for file in indexes(ledger):
        shutil.copy(file, copy.parent)
    with open_store(copy, create=True) as other:
        assert [name in other.index() for name in (NAMES[300], NAMES[0])] == [True, False]
