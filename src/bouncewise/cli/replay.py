"""``bouncewise replay``: all stored evidence re-evaluated, shown or applied."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import click

from bouncewise.cli.common import (
    DIM,
    HEAD,
    by_option,
    echo,
    json_option,
    ledger_options,
    open_context,
    parse_optional_time,
    rules_option,
    style,
)
from bouncewise.cli.screen import progress
from bouncewise.contract import dumps
from bouncewise.contract.replays import ReplayedRow, ReplaySummary
from bouncewise.model import Decision
from bouncewise.operations.replay import Change, Outcome, Summary, replayed


@click.command("replay")
@click.option(
    "--dry-run", is_flag=True, help="Print the names with another decision. Nothing is stored."
)
@click.option("--apply", is_flag=True, help="Apply the changes, in one transaction.")
@click.option("--since", metavar="TIME", help="Re-evaluate only the evidence from this time on.")
@by_option
@ledger_options
@rules_option
@json_option
def command(
    dry_run: bool,
    apply: bool,
    since: str | None,
    by: str,
    db: str | None,
    policy_path: Path | None,
    rule_paths: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Re-evaluate all stored evidence with the current rules and policy, and print the names
    with another decision.

    \b
    bouncewise replay --dry-run   # after an upgrade: what would change?
    bouncewise replay --rules our-rules/ --dry-run
    bouncewise replay --rules our-rules/ --apply

    The first verdict on each report stays in the ledger. Suppressions by hand, complaints and
    unsubscribes never change.
    """
    if dry_run == apply:
        raise click.UsageError(
            "use either --dry-run (print what would change) or --apply (change it)"
        )
    begin = parse_optional_time(since, "--since")
    with (
        open_context(db, policy_path, rule_paths, write=True) as context,
        ExitStack() as until_printed,
    ):
        with progress(1000, "replay") as advance:
            outcome = until_printed.enter_context(
                replayed(
                    context,
                    at=datetime.now(UTC),
                    apply_by=by if apply else None,
                    since=begin,
                    progress=advance,
                )
            )
        summary = Summary()
        for change in outcome.changes:
            summary.add(change)
            echo(dumps(ReplayedRow.of(change)) if as_json else _line(change))
        if as_json:
            echo(
                dumps(
                    ReplaySummary.of(
                        outcome, summary, context.classifier.ruleset.version, applied=apply
                    )
                )
            )
        else:
            _print_summary(outcome, summary, applied=apply)


def _line(change: Change) -> str:
    return f"{change.name}  {_decision(change.before)} {style('->', DIM)} {_decision(change.after)}"


def _decision(d: Decision) -> str:
    return " ".join(word for word in (d.state, d.cause, d.rule) if word)


def _print_summary(outcome: Outcome, summary: Summary, *, applied: bool) -> None:
    for kind, n in summary.kinds.most_common():
        rules = f"{kind.rule_before or '-'} -> {kind.rule_after or '-'}"
        echo(f"{n:>9,}  {style(f'{kind.state_before} -> {kind.state_after}', HEAD)}  {rules}")
    what = "changed" if applied else "would change"
    sums = (
        f"{summary.released:,} released, {summary.suppressed:,} newly suppressed, "
        f"{summary.held:,} newly held"
    )
    echo(
        f"{outcome.reports:,} reports re-evaluated, {outcome.reclassified:,} with a different "
        f"verdict"
    )
    echo(f"{summary.changed:,} decisions {what}: {sums}")
