"""What acts do, in words and rows, for the preview and for the message afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from bouncewise.contract import answers
from bouncewise.contract.incidents import RulingRecord
from bouncewise.contract.runs import ActRecord
from bouncewise.model import State
from bouncewise.operations.undo_act import UndoneAct

SHOWN = 200
"""Rows that a preview shows."""


class Effect(NamedTuple):
    """``text``: what is done, as a sentence; ``rows``: the names or groups, with ``columns``;
    ``notes``; ``is_empty``: nothing would change.
    """

    text: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = ()
    is_empty: bool = False

    @property
    def shown(self) -> tuple[tuple[str, ...], ...]:
        """The first rows."""
        return self.rows[:SHOWN]


def of_acts(done: answers.Acts) -> Effect:
    """Of suppressing names."""
    return Effect(f"{_subject(done.acts[0].name)} is suppressed.")


def of_removal(done: ActRecord) -> Effect:
    """Of releasing a name."""
    if done.remark:
        return Effect(f"{_subject(done.name)}: {done.remark}.", is_empty=True)
    return Effect(
        f"{_subject(done.name)} is released: what suppresses or holds it now ends. Earlier bounces "
        "stay on record, and no longer count."
    )


def of_ruling(done: RulingRecord) -> Effect:
    """Of a decision about an incident."""
    what = "is over" if done.closed else "was a false alarm"
    rows = tuple((c.address, _state(c.before), _state(c.after)) for c in done.changed)
    count = len(rows)
    change = "address changes" if count == 1 else "addresses change"
    text = f"The incident at {done.incident} {what}; {count:,} {change}."
    return Effect(text, ("Address", "Now", "Afterwards"), rows)


def of_release(done: answers.Released) -> Effect:
    """Of releasing what an incident made."""
    rows = tuple(
        (s.address or f"@{s.domain}", s.cause or "", _day(s.since), s.why or "")
        for s in done.suppressions
    )
    text = f"{_addresses(done.released)} released. Complaints, unsubscribes and acts by hand stay."
    return Effect(
        text, ("Name", "Cause", "Since", "Why"), rows, _more(done.released, rows), not done.released
    )


def of_import(done: answers.ImportAnswer) -> Effect:
    """Of importing a list: its rows by what they say."""
    text = (
        f"Suppressions added: {done.added:,}; there already: {done.known:,}. Not imported, because "
        f"the reply or status does not speak against the address: {_rows(done.skipped)}. Not "
        f"usable: {_rows(done.bad)}."
    )
    rows = tuple((_group(name), f"{count:,}") for name, count in done.rows.items())
    return Effect(text, ("What the rows say", "Rows"), rows, done.notes, not done.added)


def _group(words: str) -> str:
    *rest, scope = words.split(" ")
    return f"{' '.join(rest)}: {'not imported' if scope == 'skipped' else f'for {scope} mail'}"


def of_undone(done: answers.Undone | UndoneAct) -> Effect:
    """Of undoing an import or an act."""
    if isinstance(done, UndoneAct):
        ended, kept, names = len(done.ended), len(done.kept), tuple(done.ended)
    else:
        ended, kept, names = done.withdrawn, done.kept, done.names
    text = f"{_addresses(ended)} released"
    text += f"; {kept:,} stay, because something else stands against them." if kept else "."
    rows = tuple((name,) for name in names)
    return Effect(text, ("Address or domain",), rows, _more(ended, rows), not ended)


def _more(count: int, rows: Iterable[Any]) -> tuple[str, ...]:
    rest = count - len(tuple(rows))
    return (f"and {rest:,} more",) if rest else ()


def _state(state: str) -> str:
    return "may be mailed" if state == State.OK else state


def _rows(count: int) -> str:
    return f"{count:,} {'row' if count == 1 else 'rows'}"


def _day(time: str | None) -> str:
    return (time or "")[:10]


def _addresses(count: int) -> str:
    return f"{count:,} {'address is' if count == 1 else 'addresses are'}"


def _subject(name: str) -> str:
    return f"All mail to {name[1:]}" if name.startswith("@") else name
