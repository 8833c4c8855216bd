"""``suppressions export``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

import click

from bouncewise.cli.common import (
    at_option,
    echo_error,
    json_option,
    ledger_options,
    load_policy,
    open_ledger,
    parse_moment,
    parse_optional_time,
)
from bouncewise.cli.places import ledger_files
from bouncewise.contract import dumps
from bouncewise.contract.addresses import suppression_row
from bouncewise.lists import exports
from bouncewise.lists.exports import Loss, lost
from bouncewise.lists.postfix import POSTFIX
from bouncewise.model import Cause, Decision, Scope, State
from bouncewise.operations.suppress import suppressions
from bouncewise.output import open_output, require_distinct

Entries = Iterable[tuple[str, Decision]]


@click.command(short_help="write the list for an ESP or for Postfix")
@click.option(
    "--format",
    "form",
    metavar="FORMAT",
    type=click.Choice([*exports.FORMATS, *POSTFIX]),
    default="csv",
    show_default=True,
    help=f"One of {', '.join([*exports.FORMATS, *POSTFIX])}. postfix is an access(5) map of "
    "addresses, postfix-domains a regexp table of domains.",
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
    "all mail: postfix, ses.",
)
@click.option(
    "--scope",
    type=click.Choice([Scope.ALL.value, Scope.MARKETING.value]),
    help="Write only what is suppressed for all mail, or for marketing mail alone.",
)
@click.option(
    "--cause",
    metavar="CAUSE",
    type=click.Choice([c.value for c in Cause]),
    help="Write only what is suppressed for this cause.",
)
@click.option("--since", metavar="TIME", help="Write only what is suppressed since TIME or later.")
@click.option("--held", is_flag=True, help="Write temporary holds instead of suppressions.")
@at_option
@ledger_options
@json_option
def export(
    form: str,
    output: Path | None,
    marketing: bool,
    scope: str | None,
    cause: str | None,
    since: str | None,
    held: bool,
    at: str | None,
    db: str | None,
    policy_path: Path | None,
    as_json: bool,
) -> None:
    """Write the suppressions in the format of an ESP or of Postfix, and say what it cannot hold.

    \b
    bouncewise suppressions export --format postfix -o /etc/postfix/bounced
    postmap /etc/postfix/bounced
    bouncewise suppressions export --format postfix-domains -o /etc/postfix/bounced-domains

    docs/recipes.md shows the settings of Postfix.
    """
    when, past = parse_moment(at)
    first = parse_optional_time(since, "--since")
    require_distinct({"--output": output}, {"the policy": policy_path, **ledger_files(db)})
    losses: Counter[Loss] = Counter()
    with open_ledger(db) as ledger:
        policy, every = load_policy(policy_path), form == "csv" and not as_json
        state = State.HELD if held else State.SUPPRESSED
        every_row = suppressions(ledger, policy, state, when, past=past, every=every)
        rows = _only(every_row, scope, cause, first)
        with open_output(output) as target:
            if as_json:
                for name, d in rows:
                    loss = lost(form, name, d, marketing=marketing)
                    row = suppression_row(name, d, lost=(loss.value,) if loss else ())
                    target.write(dumps(row) + "\n")
                    losses.update([loss] if loss else [])
            else:
                target.writelines(exports.dump(form, _written(rows, form, marketing, losses)))
    for loss, count in losses.items():
        if form in POSTFIX and loss in (Loss.DOMAIN, Loss.ADDRESS):
            continue  # the other table has them
        verb = "written" if loss is Loss.UNTIL else "not written"
        what = f"{exports.ADVICE[loss]}{_elsewhere(form, loss)}"
        echo_error(f"note: {form}: {verb} ({count:,}): {what}")


def _only(
    rows: Entries, scope: str | None, cause: str | None, since: datetime | None
) -> Iterator[tuple[str, Decision]]:
    for name, d in rows:
        is_of_scope = scope is None or (d.scope is Scope.ALL) == (scope == Scope.ALL)
        is_since = since is None or (d.since is not None and d.since >= since)
        if is_of_scope and is_since and cause in (None, d.cause):
            yield name, d


def _written(
    rows: Entries, form: str, marketing: bool, losses: Counter[Loss]
) -> Iterator[tuple[str, Decision]]:
    """The rows that a format can hold; what is lost of them, and of the others, is counted."""
    for name, d in rows:
        loss = lost(form, name, d, marketing=marketing)
        if loss is not None:
            losses[loss] += 1
        if loss in (None, Loss.UNTIL) or (form in POSTFIX and loss is Loss.DOMAIN):
            yield name, d


def _elsewhere(form: str, loss: Loss) -> str:
    """The other list of the same ESP that holds what is lost in this one."""
    esp = form.partition("-")[0]
    others = [
        name
        for name, other in exports.FORMATS.items()
        if name.partition("-")[0] == esp and loss.value in {kind.value for kind in other.kinds}
    ]
    return f"; --format {others[0]} has them" if others and others[0] != form else ""
