"""``bouncewise suppressions``: the addresses that must not be mailed; changed by hand, imported,
exported.
"""

from __future__ import annotations

import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import click

from bouncewise.cli.acts import record_act, undo
from bouncewise.cli.common import (
    BAD,
    DIM,
    at_option,
    by_option,
    dry_run_option,
    echo,
    echo_error,
    json_option,
    ledger_options,
    load_policy,
    open_context,
    open_ledger,
    parse_moment,
    parse_optional_time,
    style,
    why_option,
)
from bouncewise.cli.places import ledger_files
from bouncewise.contract import dumps
from bouncewise.contract.addresses import suppression_row
from bouncewise.contract.runs import ImportRecord
from bouncewise.lists import formats
from bouncewise.lists.postfix import POSTFIX
from bouncewise.model import Cause, Decision, Event, Scope, State
from bouncewise.operations.suppress import ImportOptions, for_all_mail, import_list, suppressions
from bouncewise.output import open_output, require_distinct
from bouncewise.policy.decide import ADDED, REMOVED

FORMAT = click.Choice([*formats.FORMATS, *POSTFIX])


@click.group("suppressions")
def command() -> None:
    """The addresses that must not be mailed: list, add, remove, import, export. Every entry has
    an author, a time, a reason.
    """


@command.command("list", short_help="print the suppressions, or the holds")
@click.option("--held", is_flag=True, help="List temporary holds instead of suppressions.")
@at_option
@ledger_options
@json_option
def list_(
    held: bool, at: str | None, db: str | None, policy_path: Path | None, as_json: bool
) -> None:
    """Print one row per suppression: since when, until when, name, cause, scope, reason, and rule
    or author.
    """
    when, past = parse_moment(at)
    state = State.HELD if held else State.SUPPRESSED
    with open_ledger(db) as ledger:
        for name, decision in suppressions(
            ledger, load_policy(policy_path), state, when, past=past
        ):
            echo(dumps(suppression_row(name, decision)) if as_json else _line(name, decision))


def _line(name: str, d: Decision) -> str:
    until = f" until {d.until:%Y-%m-%d}" if d.until else ""
    since = f"{d.since:%Y-%m-%d}" if d.since else ""
    source = style(f"by {d.by}" if d.by else d.rule, DIM)
    return f"{since}{until}  {style(name, BAD)}  {d.cause or ''} ({d.scope})  {d.why}  {source}"


@command.command(short_help="suppress addresses or domains by hand")
@click.argument("names", metavar="NAME…", nargs=-1, required=True)
@why_option()
@click.option(
    "--cause",
    metavar="CAUSE",
    type=click.Choice([c.value for c in Cause]),
    help="The cause, if it is one of the list.",
)
@click.option(
    "--scope",
    type=click.Choice([s.value for s in Scope]),
    default=Scope.ALL.value,
    show_default=True,
    help="For which mail.",
)
@click.option("--until", metavar="TIME", help="When it ends. Default: never.")
@by_option
@dry_run_option("Print what would be added.")
@ledger_options
@json_option
def add(
    names: tuple[str, ...],
    why: str,
    cause: str | None,
    scope: str,
    until: str | None,
    by: str,
    dry_run: bool,
    db: str | None,
    policy_path: Path | None,
    as_json: bool,
) -> None:
    """Suppress ADDRESS… or @domain… by hand (-: those on standard input).

    \b
    bouncewise suppressions add jo@example.com @closed.example --why "by phone, ticket 4711"
    """
    act = Event(
        at=datetime.now(UTC),
        kind=ADDED,
        cause=Cause(cause) if cause else None,
        scope=Scope(scope),
        words=why,
        by=by,
        until=parse_optional_time(until, "--until"),
    )
    record_act(names, act, db, policy_path, dry_run, as_json)


@command.command(short_help="release addresses or domains by hand, or undo an import")
@click.argument("names", metavar="NAME…", nargs=-1)
@click.option("--added-by", metavar="NAME", help="All that this author added, e.g. import:ses.")
@click.option("--added-since", metavar="TIME", help="With --added-by: added at or after TIME.")
@why_option()
@by_option
@dry_run_option("Print what would be removed.")
@ledger_options
@json_option
def remove(
    names: tuple[str, ...],
    added_by: str | None,
    added_since: str | None,
    why: str,
    by: str,
    dry_run: bool,
    db: str | None,
    policy_path: Path | None,
    as_json: bool,
) -> None:
    """Release ADDRESS… or @domain… by hand (-: those on standard input): earlier evidence is kept,
    and no longer counts.

    \b
    bouncewise suppressions remove jo@example.com --why "error in their forwarder, fixed"
    bouncewise suppressions remove --added-by import:ses --why "wrong file" --dry-run
    """
    act = Event(at=datetime.now(UTC), kind=REMOVED, words=why, by=by)
    if bool(names) is bool(added_by) or (added_since and not added_by):
        raise click.UsageError("Give addresses, or --added-by NAME with or without --added-since.")
    if added_by:
        since = parse_optional_time(added_since, "--added-since")
        undo(added_by, since, act, db, policy_path, dry_run, as_json)
    else:
        record_act(names, act, db, policy_path, dry_run, as_json)


@command.command("import", short_help="import the list or export of an ESP, or a plain CSV")
@click.argument("file", type=click.Path(path_type=Path, exists=True, allow_dash=True))
@click.option(
    "--format",
    "form",
    type=click.Choice(list(formats.FORMATS)),
    help="The format of the list. Default: detected from the columns.",
)
@click.option("--column", help="Name of the address column, if it is not detected.")
@click.option(
    "--scope",
    type=click.Choice([Scope.ALL.value, Scope.MARKETING.value]),
    help="Suppress every row for this mail, whatever its columns say.",
)
@click.option(
    "--cause",
    metavar="CAUSE",
    type=click.Choice([c.value for c in Cause]),
    help="Suppress every row for this cause.",
)
@click.option("--by", default=None, help="Name to record as the author. Default: import:FORMAT.")
@dry_run_option("Count the entries.")
@ledger_options
@json_option
def import_(
    file: Path,
    form: str | None,
    column: str | None,
    scope: str | None,
    cause: str | None,
    by: str | None,
    dry_run: bool,
    db: str | None,
    policy_path: Path | None,
    as_json: bool,
) -> None:
    """Import the suppression list of an ESP, an export of its events or contacts, or a plain CSV.

    An SMTP reply in the list is classified; entries whose reply or status shows that the address is
    valid are skipped. Complaints and unsubscribes concern marketing mail only. To undo an import:
    `suppressions remove --added-by import:FORMAT`. Exits 1 where rows cannot be used.
    """
    options = ImportOptions(
        form, column, by, Scope(scope) if scope else None, Cause(cause) if cause else None
    )
    with open_context(db, policy_path, create=not dry_run, write=True) as context:
        done = import_list(
            context,
            file,
            options,
            dry_run=dry_run,
            note=lambda bad: echo_error(f"note: {file}, line {bad.line}: {bad.error}"),
        )
    if as_json:
        echo(dumps(ImportRecord(**done._asdict(), dry_run=dry_run)))
    else:
        verb = "would be imported" if dry_run else "imported"
        echo(
            f"{done.added:,} {verb}, {done.known:,} already present, {done.skipped:,} skipped "
            f"(reply or status shows that the address is valid), {done.bad:,} rows unusable"
        )
    sys.exit(1 if done.bad else 0)


@command.command(short_help="write the list for an ESP or for Postfix")
@click.option(
    "--format",
    "form",
    type=FORMAT,
    default="csv",
    show_default=True,
    help="postfix is an access(5) map of addresses, postfix-domains a regexp table of domains.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The file to write. Default: standard output.",
)
@click.option(
    "--marketing",
    is_flag=True,
    help="Also write addresses that are suppressed for marketing mail only, where the format stops "
    "all mail: postfix, ses, sendgrid, mailgun.",
)
@at_option
@ledger_options
@json_option
def export(
    form: str,
    output: Path | None,
    marketing: bool,
    at: str | None,
    db: str | None,
    policy_path: Path | None,
    as_json: bool,
) -> None:
    """Write the suppressions in the format of an ESP or of Postfix.

    \b
    bouncewise suppressions export --format postfix -o /etc/postfix/bounced
    postmap /etc/postfix/bounced
    bouncewise suppressions export --format postfix-domains -o /etc/postfix/bounced-domains

    docs/recipes.md shows the settings of Postfix.
    """
    when, past = parse_moment(at)
    require_distinct({"--output": output}, {"the policy": policy_path, **ledger_files(db)})
    with open_ledger(db) as ledger:
        policy, every = load_policy(policy_path), form == "csv" and not as_json
        rows = suppressions(ledger, policy, State.SUPPRESSED, when, past=past, every=every)
        left_out: Counter[str] = Counter()
        stops_all = form in POSTFIX or formats.FORMATS[form].stops_all
        if stops_all and not (marketing or as_json):
            rows = for_all_mail(rows, left_out)
        lines = (
            (dumps(suppression_row(n, d)) + "\n" for n, d in rows)
            if as_json
            else formats.dump(form, rows)
        )
        with open_output(output) as target:
            target.writelines(lines)
    if count := left_out.total():
        echo_error(
            f"note: {count:,} entries for marketing mail only were left out: {form} stops all "
            "mail; --marketing writes them, too"
        )
