"""Changes between looks: told once, listings only when two looks agree, silence changes nothing."""

from __future__ import annotations

from bouncewise.sender.checks import Level
from bouncewise.sender.watching import Noted, Problem, Turn, compare

RECORD = Problem("records a.example", "spf.missing", Level.ERROR, "no SPF", "publish one")
LISTED = Problem("listing 192.0.2.1 bl.example", "listed", Level.WARNING, "listed", "ask", True)
BOTH = {RECORD.part, LISTED.part}


class Watcher:
    """Looks one after another."""

    def __init__(self) -> None:
        self.notes: list[Noted] = []
        self.now = 0

    def look(
        self, *problems: Problem, answered: set[str] = BOTH, after: int = 3600
    ) -> list[tuple[Turn, str]]:
        self.now += after
        changes, self.notes = compare(self.notes, list(problems), answered, self.now)
        return [(change.turn, change.problem.id) for change in changes]


def test_a_fault_of_a_record_is_told_at_once_and_once() -> None:
    watcher = Watcher()
    assert watcher.look(RECORD) == [(Turn.BEGAN, "spf.missing")]
    assert watcher.look(RECORD) == []
    assert watcher.look() == [(Turn.ENDED, "spf.missing")]
    assert watcher.look() == []
    assert watcher.notes == []


def test_a_listing_begins_and_ends_when_two_looks_agree() -> None:
    watcher = Watcher()
    assert watcher.look(LISTED) == []
    assert watcher.look() == []
    assert watcher.look(LISTED) == []
    assert watcher.look(LISTED) == [(Turn.BEGAN, "listed")]
    assert watcher.look() == []
    assert watcher.look(LISTED) == []
    assert watcher.look() == []
    assert watcher.look() == [(Turn.ENDED, "listed")]


def test_looks_within_minutes_are_one_answer_of_a_list() -> None:
    watcher = Watcher()
    watcher.look(LISTED)
    assert watcher.look(LISTED, after=599) == []
    assert watcher.look(LISTED, after=1) == [(Turn.BEGAN, "listed")]
    assert watcher.look() == watcher.look(after=599) == []
    assert watcher.look(after=1) == [(Turn.ENDED, "listed")]


def test_what_was_not_answered_changes_nothing() -> None:
    watcher = Watcher()
    watcher.look(RECORD)
    assert watcher.look(answered=set()) == []
    assert watcher.look(RECORD, answered=set()) == []
    assert watcher.look() == [(Turn.ENDED, "spf.missing")]


def test_a_level_that_changes_is_told() -> None:
    watcher = Watcher()
    watcher.look(RECORD._replace(level=Level.WARNING))
    assert watcher.look(RECORD) == [(Turn.WORSE, "spf.missing")]
    assert watcher.look(RECORD._replace(level=Level.WARNING)) == [(Turn.BETTER, "spf.missing")]
    assert watcher.notes[0].since == 3600
