"""What the verbs share: options, the opened ledger, the rules in force, and output that is
styled only on a terminal.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from bouncewise.cli import screen
from bouncewise.cli.from_file import config_option as config_option
from bouncewise.cli.from_file import db_option as db_option
from bouncewise.cli.from_file import ledger_options as ledger_options
from bouncewise.cli.from_file import policy_option as policy_option
from bouncewise.cli.from_file import rules_option as rules_option
from bouncewise.cli.places import ledger_location, login
from bouncewise.cli.screen import QUIET, VERBOSE
from bouncewise.encode import for_storage, for_terminal
from bouncewise.errors import InputError

if TYPE_CHECKING:
    from bouncewise.classifier.classify import Classifier
    from bouncewise.config.keys import Keyring
    from bouncewise.config.settings import Settings
    from bouncewise.ledger import Store
    from bouncewise.model import Verdict
    from bouncewise.operations.context import Context
    from bouncewise.policy.load import Policy

EARLIEST, LATEST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""The times that an option may name."""

F = TypeVar("F", bound=Callable[..., Any])

# Safe for every kind of colour vision: blue and yellow with signs and words, never red against
# green.
GOOD, BAD, DIM, HEAD = "blue", "bright_yellow", "bright_black", "bold"


def json_option(f: F) -> F:
    """``--json``, ``--quiet`` and ``--verbose``: how a command writes."""
    for key, short, name, text in (
        (VERBOSE, "-v", "--verbose", "Name the files that are used, on standard error."),
        (QUIET, "-q", "--quiet", "Write only errors to standard error."),
    ):
        f = click.option(
            short, name, is_flag=True, expose_value=False, callback=_keep(key), help=text
        )(f)
    return click.option(
        "--json", "as_json", is_flag=True, help="One JSON object per line (docs/json.md)."
    )(f)


def _keep(key: str) -> Callable[[click.Context, click.Parameter, bool], None]:
    def keep(ctx: click.Context, _option: click.Parameter, is_given: bool) -> None:
        ctx.meta[key] = is_given or ctx.meta.get(key, False)

    return keep


def jobs_option(f: F) -> F:
    """``--jobs``."""
    return click.option(
        "--jobs",
        metavar="N",
        type=click.IntRange(1, 256),
        default=_cores,
        show_default="one per core",
        help="Processes that share the work if there is much of it. The output is the same.",
    )(f)


def days_option(default: int) -> Callable[[F], F]:
    """``--days``."""
    return click.option(
        "--days",
        metavar="N",
        type=click.IntRange(1, 3650),
        default=default,
        show_default=True,
        help="How far back, in days.",
    )


column_option = click.option(
    "--column", metavar="COLUMN", help="Name of the address column, if it is not detected."
)
"""``--column``."""

resolver_option = click.option(
    "--resolver",
    metavar="ADDRESS[:PORT]",
    default="",
    help="The name server to ask. Default: those of the system.",
)
"""``--resolver``."""


def _cores() -> int:
    from bouncewise.workers import cores

    return cores()


def _storable(_context: click.Context, _option: click.Parameter, text: str) -> str:
    return for_storage(text)


def by_option(f: F) -> F:
    """``--by``: the name that is kept with the act."""
    return click.option(
        "--by",
        metavar="NAME",
        default=login,
        show_default="your login name",
        callback=_storable,
        help="Name to record as the author.",
    )(f)


def why_option(*, required: bool = True) -> Callable[[F], F]:
    """``--why``."""
    text = "The reason, recorded with the act."
    default: dict[str, Any] = {} if required else {"default": ""}  # (None is a value)
    return click.option(
        "--why", metavar="TEXT", required=required, callback=_storable, help=text, **default
    )


def at_option(f: F) -> F:
    """``--at``."""
    return click.option(
        "--at",
        metavar="TIME",
        help="Answer as of this time, e.g. 2026-11-20 or 2026-11-20T12:00:00Z.",
    )(f)


transactional_option = click.option(
    "--transactional",
    is_flag=True,
    help="For transactional mail (receipts, password resets): ignore marketing-only suppressions.",
)


stream_option = click.option(
    "--stream",
    default="",
    metavar="NAME",
    help="For mail of this stream (docs/trust.md): suppressions of other streams do not count.",
)


def dry_run_option(text: str) -> Callable[[F], F]:
    """``--dry-run``; *text*: what is shown or counted in place of what is done."""
    return click.option("--dry-run", is_flag=True, help=f"{text} Nothing is stored.")


def open_ledger(db: str | None, *, create: bool = False, write: bool = False) -> Store:
    """The ledger that --db names: to ask questions of, or to *write*. Only verbs that add evidence
    or acts *create* one.
    """
    from bouncewise.ledger import open_store

    screen.detail("ledger", ledger_location(db).name)
    return open_store(ledger_location(db), create=create, read_only=not (write or create))


def open_context(
    db: str | None,
    policy_path: Path | None,
    rule_paths: tuple[Path, ...] = (),
    *,
    create: bool = False,
    write: bool = False,
    configuration: tuple[Settings, Keyring] | None = None,
) -> Context:
    """The ledger with the policy, the rules and the *configuration* that the options name."""
    from bouncewise.operations.context import Context

    settings, keyring = configuration or (None, None)
    screen.detail("ledger", ledger_location(db).name)
    return Context.open(
        ledger_location(db),
        create=create,
        read_only=not (write or create),
        policy=load_policy(policy_path),
        classifier=load_classifier(rule_paths),
        settings=settings,
        keyring=keyring,
    )


def load_configuration(path: Path | None) -> tuple[Settings, Keyring]:
    """The settings in force, and the keys of return addresses."""
    from bouncewise.config.keys import load_keyring
    from bouncewise.config.load import load

    settings = load(path).settings
    return settings, load_keyring(settings)


def load_classifier(rule_paths: tuple[Path, ...] = ()) -> Classifier:
    """The classifier over the shipped rules, the site's own before them."""
    from bouncewise.classifier.classify import Classifier, default_classifier
    from bouncewise.rules.load import load

    screen.detail("rules", ", ".join(map(str, rule_paths)) or "shipped")
    paths = rule_files(rule_paths)
    return Classifier(load(paths)) if paths else default_classifier()


def rule_files(rule_paths: tuple[Path, ...]) -> tuple[Path, ...]:
    """The files and folders that --rules names; one value may name several, separated by ``:``."""
    return tuple(Path(part) for path in rule_paths for part in str(path).split(os.pathsep) if part)


def load_policy(path: Path | None) -> Policy:
    """The policy in force."""
    from bouncewise.policy.load import load

    screen.detail("policy", path or "shipped")
    return load(path)


def parse_name(text: str) -> str:
    """The key of the address or ``@domain`` that an argument names. Raises InputError where it
    names none.
    """
    from bouncewise.lists.names import name_in

    name, error = name_in(text)
    if error:
        raise InputError(f"{text}: {error}")
    return name


class Moment(NamedTuple):
    """A time, and whether an option named it: then only evidence up to it counts."""

    at: datetime
    past: bool


def parse_moment(text: str | None) -> Moment:
    """The time that --at names; now where it names none."""
    if text is None:
        return Moment(datetime.now(UTC), False)
    return Moment(parse_time(text, "--at"), True)


def parse_time(text: str, option: str) -> datetime:
    """The time that an option names, in UTC."""
    try:
        when = datetime.fromisoformat(text.strip())
        when = (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise click.UsageError(
            f"{option} {text or repr(text)}: not a time; write 2026-11-20 or 2026-11-20T12:00:00Z"
        ) from None
    if not EARLIEST <= when <= LATEST:
        raise click.UsageError(f"{option} {text}: not between {EARLIEST:%Y} and {LATEST:%Y}")
    return when


def parse_optional_time(text: str | None, option: str) -> datetime | None:
    """The time that an option names; None where it is not given."""
    return parse_time(text, option) if text is not None else None


def echo(*lines: str) -> None:
    """Print lines on standard output, nothing where there are none. All that others wrote goes
    through here: what would act on a terminal is shown as an escape. click strips colours where
    they cannot be seen.
    """
    for line in lines:
        click.echo(screen.render(line))


def echo_error(line: str, *, is_essential: bool = False) -> None:
    """Print a note or a summary on standard error, as ``echo`` does; with --quiet only if it
    *is_essential*.
    """
    if is_essential or not screen.is_set(QUIET):
        click.echo(for_terminal(line), err=True)


def style(text: str, colour: str) -> str:
    """*text* in a colour, for ``echo``."""
    return screen.mark(text, colour)


def advice_of(v: Verdict) -> str:
    """The advice in a column of its own, coloured by whether the address is lost."""
    return style(f"{v.advice:16}", BAD if v.advice.startswith("suppress") else GOOD)
