"""Tables: aligned, with a header, as wide as the terminal."""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bouncewise.cli import grid
from bouncewise.cli.grid import Column, cell_width, clock, table
from bouncewise.cli.screen import render
from support.cli import bouncewise

COLUMNS = (
    Column("address", colour="bright_yellow"),
    Column("rows", right=True),
    Column("until"),
    Column("reason", text=True),
)
ROWS = [
    ("jo@example.com", "7", "2026-11-20", "550 5.1.1 The email account does not exist"),
    ("al@example.com", "1,204", "", "552 5.2.2 mailbox full"),
    ("日本@example.com", "12", "", "unbekannt"),
]


def plain(lines: Iterator[str]) -> list[str]:
    """*lines* without styles."""
    shown = map(render, lines)
    return ["".join(part.partition("m")[2] for part in f"m{s}".split("\x1b[")) for s in shown]


def test_without_a_terminal_nothing_is_cut() -> None:
    assert plain(table(COLUMNS, ROWS, ROWS, None)) == [
        "address            rows  until       reason",
        "jo@example.com        7  2026-11-20  550 5.1.1 The email account does not exist",
        "al@example.com    1,204              552 5.2.2 mailbox full",
        "日本@example.com     12              unbekannt",
    ]


def test_on_a_terminal_text_is_cut_or_goes_to_the_next_line() -> None:
    assert plain(table(COLUMNS, ROWS, ROWS, 70)) == [
        "address            rows  until       reason",
        "jo@example.com        7  2026-11-20  550 5.1.1 The email account does…",
        "al@example.com    1,204              552 5.2.2 mailbox full",
        "日本@example.com     12              unbekannt",
    ]
    assert plain(table(COLUMNS, ROWS, ROWS, 40)) == [
        "address            rows  until",
        "    reason",
        "jo@example.com        7  2026-11-20",
        "    550 5.1.1 The email account does no…",
        "al@example.com    1,204",
        "    552 5.2.2 mailbox full",
        "日本@example.com     12",
        "    unbekannt",
    ]


@given(
    st.lists(st.tuples(*[st.text("ab é日", max_size=60)] * 4), min_size=1, max_size=5),
    st.integers(40, 200),
)
def test_no_line_is_wider_than_the_terminal_but_for_what_is_never_cut(
    rows: list[tuple[str, ...]], width: int
) -> None:
    for line in plain(table(COLUMNS, rows, rows, width)):
        names = max(cell_width(cell) for row in rows for cell in row[:3])
        assert cell_width(line) <= max(width, 4 + names)


def test_times_are_those_of_the_reader_and_name_their_zone() -> None:
    when = datetime(2026, 11, 5, 8, 2, tzinfo=UTC)
    try:
        with patch.dict(os.environ, {"TZ": "Europe/Berlin"}):
            time.tzset()
            assert clock(when) == "2026-11-05 09:02 CET"
        with patch.dict(os.environ, {"TZ": "UTC"}):
            time.tzset()
            assert clock(when) == "2026-11-05 08:02 UTC"
    finally:
        time.tzset()
    assert clock(None) == ""


class Terminal(io.StringIO):
    """Standard output that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("lines", "pager", "is_paged"), [(9, "less", False), (99, "less", True)])
def test_only_what_is_longer_than_the_screen_goes_through_the_pager(
    lines: int, pager: str, is_paged: bool
) -> None:
    paged: list[str] = []
    with (
        patch.object(sys, "stdout", Terminal()) as out,
        patch.dict(os.environ, {"PAGER": pager, "LINES": "24", "COLUMNS": "80"}),
        patch.object(grid.click, "echo_via_pager", lambda text, color: paged.extend(text)),
    ):
        grid.page(f"line {n}" for n in range(lines))
    assert len(paged) == (lines if is_paged else 0)
    assert len(out.getvalue().splitlines()) == (0 if is_paged else lines)


def test_pager_cat_is_none() -> None:
    with (
        patch.object(sys, "stdout", Terminal()) as out,
        patch.dict(os.environ, {"PAGER": "cat", "LINES": "24"}),
    ):
        grid.page(f"line {n}" for n in range(99))
    assert len(out.getvalue().splitlines()) == 99


@pytest.mark.sqlite
def test_lists_have_a_header_and_empty_ones_say_so(tmp_path: Path) -> None:
    add = ("suppressions", "add", "jo@example.com", "--why", "by \x1b[31mphone", "--db", "l")
    assert bouncewise(tmp_path, *add).returncode == 0
    lists = {
        ("suppressions", "list"): "address since until for cause by reason",
        ("history", "jo@example.com"): "when event cause reply or reason by",
    }
    for verb, header in lists.items():
        out = bouncewise(tmp_path, *verb, "--db", "l").stdout.decode()
        assert out.splitlines()[0].split() == header.split(), verb
        assert "\\x1b[31mphone" in out
    asked = bouncewise(tmp_path, "check", "jo@example.com", "al@example.com", "--db", "l")
    assert b"jo@example.com" in asked.stdout.splitlines()[0]  # without a header, for scripts
    for verb in (("suppressions", "list", "--held"), ("incidents",), ("domains",)):
        done = bouncewise(tmp_path, *verb, "--db", "l")
        assert done.stdout == b""
        assert done.stderr.startswith(b"note: no"), verb
