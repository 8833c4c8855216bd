"""What the verbs share: options, the opened ledger, the rules in force, and output that is rich only on a terminal."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bouncewise.errors import InputError

if TYPE_CHECKING:
    from bouncewise.classifier.classify import Classifier
    from bouncewise.ledger import Ledger
    from bouncewise.model import Verdict
    from bouncewise.policy.load import Policy
    from bouncewise.readers import Note

F = TypeVar("F", bound=Callable[..., Any])

# Safe for every kind of colour vision: blue and orange with signs and words, never red against green.
GOOD, BAD, DIM, HEAD = "blue", "bright_yellow", "bright_black", "bold"


def json_option(f: F) -> F:
    """``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON object per line (docs/json.md).")(f)


def rules_option(f: F) -> F:
    """``--rules``."""
    return click.option(
        "--rules", "rule_paths", multiple=True, envvar="BOUNCEWISE_RULES", type=click.Path(path_type=Path),
        help="Your own rule file or folder; comes before the shipped rules. Repeatable.",
    )(f)  # fmt: skip


def jobs_option(f: F) -> F:
    """``--jobs``."""
    return click.option(
        "--jobs", type=click.IntRange(1, 256), default=_cores, show_default="one for each core",
        help="Processes that share the work, if there is much of it. The output is the same.",
    )(f)  # fmt: skip


def _cores() -> int:
    from bouncewise.workers import cores

    return cores()


def db_option(f: F) -> F:
    """``--db``."""
    return click.option(
        "--db", envvar="BOUNCEWISE_DB", metavar="URL", help=f"The ledger: an SQLite file. Default: {default_db()}"
    )(f)


def by_option(f: F) -> F:
    """``--by``: whose name stands beside it for ever."""
    return click.option("--by", default=getpass.getuser, show_default="your login name", help="Who says so.")(f)


def why_option(*, required: bool = True) -> Callable[[F], F]:
    """``--why``."""
    text = "The reason, for whoever asks later."
    return click.option("--why", required=required, default=None if required else "", help=text)


def ledger_options(f: F) -> F:
    """``--db`` and ``--policy``."""
    f = db_option(f)
    return click.option(
        "--policy",
        "policy_path",
        envvar="BOUNCEWISE_POLICY",
        type=click.Path(path_type=Path),
        help="Your own policy file.",
    )(f)


def at_option(f: F) -> F:
    """``--at``."""
    return click.option(
        "--at", metavar="TIME", help="The answer as it stood then, e.g. 2026-11-20 or 2026-11-20T12:00:00Z."
    )(f)


def default_db() -> Path:
    """Where the ledger is kept if nobody says otherwise."""
    import platformdirs

    return Path(platformdirs.user_data_dir("bouncewise")) / "ledger.sqlite"


def open_ledger(db: str | None, *, create: bool = False) -> Ledger:
    """The ledger at *db*: a path, or ``sqlite:///path``. Only verbs that add evidence or acts *create* one."""
    from bouncewise.ledger import Ledger

    where = (db or str(default_db())).removeprefix("sqlite:///")
    if "://" in where:
        raise InputError(f"--db {db}: only SQLite files so far: a path, or sqlite:///path")
    return Ledger(Path(where).expanduser(), create=create)


def classifier(rule_paths: tuple[Path, ...]) -> Classifier:
    """The classifier over the shipped rules, the site's own before them."""
    from bouncewise.classifier.classify import Classifier, default
    from bouncewise.rules.load import load

    paths = tuple(Path(part) for path in rule_paths for part in str(path).split(os.pathsep) if part)
    return Classifier(load(paths)) if paths else default()


def policy(path: Path | None) -> Policy:
    """The policy in force."""
    from bouncewise.policy.load import load

    return load(path)


def moment(text: str | None, option: str = "--at") -> tuple[datetime, bool]:
    """The time asked for and whether it was asked for at all; now where it was not."""
    if not text:
        return datetime.now(UTC), False
    try:
        when = datetime.fromisoformat(text.strip())
    except ValueError:
        raise click.UsageError(f"{option} {text}: not a time; write 2026-11-20 or 2026-11-20T12:00:00Z") from None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC), True


def tell(note: Note) -> None:
    """A note on standard error."""
    click.echo(f"note: {note}", err=True)


def out(text: str = "") -> None:
    """A line on standard output, colours only where they can be seen."""
    click.echo(text)


def paint(text: str, colour: str) -> str:
    """*text* in a colour; click strips it where standard output is no terminal."""
    return click.style(text, bold=True) if colour == HEAD else click.style(text, fg=colour)


def advice_of(v: Verdict) -> str:
    """The advice in a column of its own, coloured by whether the address is lost."""
    return paint(f"{v.advice:16}", BAD if v.advice.startswith("suppress") else GOOD)


@contextmanager
def progress(total: int | None, what: str, unit: str = "reports") -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error while something long runs, nothing where that is no terminal. Call with (done, octets)."""
    if not sys.stderr.isatty():
        yield lambda _done, _octets: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn(what), BarColumn(), TextColumn("{task.fields[done]:,} " + unit), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total, done=0)
        yield lambda done, octets: bar.update(task, completed=octets, done=done)
