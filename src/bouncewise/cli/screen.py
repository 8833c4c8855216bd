"""Styles of what is printed, apart from what others wrote; a bar while something long runs.

Reads: a line with marked texts. Gives: the line for a terminal, its styles as escape sequences and
everything else escaped. A style is marked by noncharacters (Unicode 16 §23.7), which no terminal
acts on; a hostile text that contains them can name these few styles only.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from bouncewise.encode import for_terminal

QUIET, VERBOSE = f"{__name__}.quiet", f"{__name__}.verbose"
"""Keys of click's Context.meta."""

_STYLES = ("blue", "bright_yellow", "bright_black", "bold")
_FIRST = 0xFDD0
_SIGNS = str.maketrans({"✓": "+", "✗": "x", "≠": "!"})
_PLAIN = "\ufdd4"
_MARKS = re.compile("([\ufdd0-\ufdd4])")


def is_set(key: str) -> bool:
    """Whether --quiet or --verbose was given to the command that runs."""
    ctx = click.get_current_context(silent=True)
    return ctx is not None and bool(ctx.meta.get(key))


def detail(what: str, value: object) -> None:
    """With --verbose: one line on standard error about what is used."""
    if is_set(VERBOSE):
        click.echo(for_terminal(f"{what}: {value}"), err=True)


def mark(text: str, colour: str) -> str:
    """*text*, marked to be shown in a colour, or ``bold``; signs that standard output cannot show
    are ASCII.
    """
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8", "surrogatepass")
    except (UnicodeEncodeError, LookupError):
        text = text.translate(_SIGNS)
    return f"{chr(_FIRST + _STYLES.index(colour))}{text}{_PLAIN}"


def render(line: str) -> str:
    """A line as a terminal is given it."""
    shown, is_styled = [], False
    for part in _MARKS.split(line):
        if not _MARKS.fullmatch(part):
            shown.append(for_terminal(part))
        elif part != _PLAIN:
            shown.append(_begin(part))
            is_styled = bool(shown[-1])
        elif is_styled:
            shown.append(click.style("", reset=True))
    return "".join(shown)


def _begin(mark: str) -> str:
    """What begins a style; '' where no colour is wanted (https://no-color.org)."""
    name = _STYLES[ord(mark) - _FIRST]
    if os.environ.get("NO_COLOR") and name != "bold":
        return ""
    if name == "bold":
        return click.style("", bold=True, reset=False)
    return click.style("", fg=name, reset=False)


@contextmanager
def no_progress() -> Iterator[Callable[[int, int], None]]:
    """What ``progress`` gives, for work that takes no time."""
    yield lambda _done, _octets: None


@contextmanager
def progress(
    total: int | None, what: str, unit: str = "reports"
) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error while something long runs, nothing where that is no terminal. Call
    with (done, octets).
    """
    if sys.stderr is None or not sys.stderr.isatty() or is_set(QUIET):
        yield lambda _done, _octets: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn(what),
        BarColumn(),
        TextColumn("{task.fields[done]:,} " + unit),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total, done=0)
        yield lambda done, octets: bar.update(task, completed=octets, done=done)
