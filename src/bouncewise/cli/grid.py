"""Tables on a terminal: a header, aligned columns, and the width of the terminal; times of day in
the zone of the reader; a pager for what is longer than the screen.

Reads: titles of columns and rows of texts. Gives: lines for ``echo``. Where standard output is no
terminal nothing is cut and nothing is put on a second line.
"""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain, islice
from shutil import get_terminal_size
from typing import NamedTuple

import click

from bouncewise.cli import screen
from bouncewise.cli.common import DIM, echo, style
from bouncewise.encode import for_terminal

_GAP = 2
_INDENT = 4
_SAMPLE = 500
"""Rows that are measured before the first is printed."""
_LEAST = 32
"""Characters of a column of text below which it goes to the next line."""


class Column(NamedTuple):
    """A column: its title; ``right``: of numbers; ``text``: its cells may be cut to fit;
    ``colour``: of its cells, or of each by what it says.
    """

    title: str
    right: bool = False
    text: bool = False
    colour: str | Callable[[str], str] = ""


class _Slot(NamedTuple):
    """Where a column stands: on which line of a row, and how wide it is."""

    line: int
    width: int


def print_table(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> bool:
    """Print *rows* under the titles of *columns*, through a pager where they are longer than the
    terminal; whether there were any.
    """
    waiting, width = iter(rows), terminal_width()
    top = [[for_terminal(cell) for cell in row] for row in islice(waiting, _SAMPLE)]
    if not top:
        return False
    rest = ([for_terminal(cell) for cell in row] for row in waiting)
    if width is not None and len(top) < _SAMPLE:  # (all rows are known)
        filled = [i for i in range(len(columns)) if any(row[i] for row in top)]
        columns, top = [columns[i] for i in filled], [[row[i] for i in filled] for row in top]
    page(table(columns, chain(top, rest), top, width))
    return True


def print_rows(
    columns: Sequence[Column], widest: Sequence[str], rows: Iterable[Sequence[str]]
) -> None:
    """Print *rows* as they come, in columns for cells like those of *widest*, under their titles
    once there is one.
    """
    escaped = ([for_terminal(cell) for cell in row] for row in rows)
    if first := next(escaped, None):
        for line in table(columns, chain((first,), escaped), [widest], terminal_width()):
            echo(line)


def table(
    columns: Sequence[Column],
    rows: Iterable[Sequence[str]],
    sample: Sequence[Sequence[str]],
    width: int | None,
) -> Iterator[str]:
    """The lines of a table of this *width*, None for any; its columns are as wide as the cells of
    *sample* need.
    """
    natural = [
        max(cell_width(column.title), *(cell_width(row[i]) for row in sample))
        for i, column in enumerate(columns)
    ]
    slots = _slots(columns, natural, width)
    yield from _lines(columns, slots, [c.title for c in columns], width, is_title=True)
    for row in rows:
        yield from _lines(columns, slots, row, width, is_title=False)


def terminal_width() -> int | None:
    """The columns of the terminal on standard output; None where it is none."""
    return get_terminal_size((80, 24)).columns if _is_terminal() else None


def clock(when: datetime | None) -> str:
    """A time to the minute in the zone of the reader, which is named: ``2026-11-05 09:02 CET``; ''
    for None.
    """
    return f"{when.astimezone():%Y-%m-%d %H:%M %Z}" if when else ""


def day(when: datetime | None) -> str:
    """A day in the zone of the reader; '' for None."""
    return f"{when.astimezone():%Y-%m-%d}" if when else ""


def page(lines: Iterable[str]) -> None:
    """Print *lines*, through a pager (PAGER, else ``less``) where standard output is a terminal and
    they are longer than it.
    """
    waiting = iter(lines)
    if _is_terminal() and os.environ.get("PAGER", "less") not in ("", "cat"):
        room = get_terminal_size((80, 24)).lines - 1
        top = list(islice(waiting, room + 1))
        if len(top) > room:
            os.environ.setdefault("LESS", "-FRX")
            shown = (f"{screen.render(line)}\n" for line in chain(top, waiting))
            click.echo_via_pager(shown, color=True)
            return
        waiting = iter(top)
    for line in waiting:
        echo(line)


def wrapped(text: str, indent: str = "", hanging: str | None = None) -> list[str]:
    """*text* behind *indent* on as many lines as the terminal needs, those after the first behind
    *hanging*; on one where standard output is no terminal.
    """
    width, text = terminal_width(), for_terminal(text)
    if width is None:
        return [indent + text]
    return textwrap.wrap(
        text,
        max(width, len(indent) + 20),
        initial_indent=indent,
        subsequent_indent=indent if hanging is None else hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )


def cell_width(text: str) -> int:
    """The columns of a terminal that *text* takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _is_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()


def _slots(columns: Sequence[Column], natural: list[int], width: int | None) -> list[_Slot]:
    """The places of columns that need *natural* widths: those that do not fit go to the next line,
    and texts are cut to what is left of theirs.
    """
    if width is None:
        return [_Slot(0, need) for need in natural]
    slots: list[_Slot] = []
    line, x = 0, 0
    for i, (column, need) in enumerate(zip(columns, natural, strict=True)):
        least = min(need, max(_LEAST, cell_width(column.title))) if column.text else need
        if x and x + least > width:
            line, x = line + 1, _INDENT
        room = max(1, width - x)
        if column.text:  # (those behind it on the line keep their place, if they fit)
            behind = sum(_GAP + n for n in natural[i + 1 :])
            room = max(least, room - behind) if room - behind >= _LEAST else room
        slots.append(_Slot(line, min(need, room)))
        x += slots[-1].width + _GAP
    return slots


def _lines(
    columns: Sequence[Column],
    slots: list[_Slot],
    cells: Sequence[str],
    width: int | None,
    *,
    is_title: bool,
) -> Iterator[str]:
    """The lines of one row; those of the second line on have an indent."""
    for number in range(slots[-1].line + 1):
        shown = [i for i, slot in enumerate(slots) if slot.line == number]
        if number and not any(cells[i] for i in shown):
            continue
        parts = [
            _cell(columns[i], slots[i], cells[i], is_title=is_title, is_last=i == shown[-1])
            if width is not None or i != shown[-1]
            else _styled(columns[i], cells[i], is_title=is_title)
            for i in shown
        ]
        yield (" " * _INDENT if number else "") + (" " * _GAP).join(parts).rstrip()


def _cell(column: Column, slot: _Slot, text: str, *, is_title: bool, is_last: bool) -> str:
    text = _cut(text, slot.width) if column.text else text
    blanks = " " * max(0, slot.width - cell_width(text))
    shown = _styled(column, text, is_title=is_title)
    if column.right:
        return blanks + shown
    return shown if is_last else shown + blanks


def _styled(column: Column, text: str, *, is_title: bool) -> str:
    chosen = DIM if is_title else column.colour
    colour = chosen if isinstance(chosen, str) else chosen(text)
    return style(text, colour) if colour and text else text


def _cut(text: str, width: int) -> str:
    """*text* in at most *width* columns, its end replaced by … where it is longer."""
    if cell_width(text) <= width:
        return text
    from rich.cells import set_cell_size

    return f"{set_cell_size(text, width - 1).rstrip()}…"
