"""``bouncewise replay``: all stored evidence judged again, shown or made so."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import click

from bouncewise import contract
from bouncewise.cli.common import (
    DIM,
    HEAD,
    by_option,
    classifier,
    json_option,
    ledger_options,
    moment,
    open_ledger,
    out,
    paint,
    policy,
    progress,
    rules_option,
)
from bouncewise.model import Decision
from bouncewise.operations import replay


@click.command("replay", short_help="judge all stored evidence again")
@click.option("--dry-run", is_flag=True, help="Say whose decision would change, and do nothing.")
@click.option("--apply", is_flag=True, help="Make it so, in one transaction.")
@click.option("--since", metavar="TIME", help="Judge only what happened at or after this time again.")
@by_option
@ledger_options
@rules_option
@json_option
def command(
    dry_run: bool, apply: bool, since: str | None, by: str, db: str | None, policy_path: Path | None,
    rule_paths: tuple[Path, ...], as_json: bool,
) -> None:  # fmt: skip
    """Judge all stored evidence with the rules and policy given now, and show whose decision differs.

    \b
    bouncewise replay --dry-run                        # after an upgrade: what would change?
    bouncewise replay --rules our-rules/ --dry-run     # what would our own rules do?
    bouncewise replay --rules our-rules/ --apply

    The verdicts of the first judgement stay in the ledger; what people did or wished is never touched.
    """
    if dry_run == apply:
        raise click.UsageError("say either --dry-run (show what would change) or --apply (make it so)")
    rules, decided_by = classifier(rule_paths), policy(policy_path)
    keep_by = by if apply else None
    begin = moment(since, "--since")[0] if since else None
    with open_ledger(db) as ledger, ExitStack() as until_told:
        with progress(1000, "replay") as moved:
            outcome = until_told.enter_context(
                replay.judged_again(
                    ledger, rules, decided_by, at=datetime.now(UTC), keep_by=keep_by, since=begin, progress=moved
                )
            )
        summary = replay.Summary()
        for change in outcome.changes:
            summary.add(change)
            out(contract.dumps(contract.change(change)) if as_json else _line(change))
        if as_json:
            out(contract.dumps(contract.replayed(outcome, summary, rules.ruleset.version, applied=apply)))
        else:
            _tell(outcome, summary, applied=apply)


def _line(change: replay.Change) -> str:
    return f"{change.name}  {_said(change.before)} {paint('->', DIM)} {_said(change.after)}"


def _said(d: Decision) -> str:
    return " ".join(word for word in (d.state, d.cause, d.rule) if word)


def _tell(outcome: replay.Outcome, summary: replay.Summary, *, applied: bool) -> None:
    for sort, n in summary.sorts.most_common():
        rules = f"{sort.rule_before or '-'} -> {sort.rule_after or '-'}"
        out(f"{n:>9,}  {paint(f'{sort.state_before} -> {sort.state_after}', HEAD)}  {rules}")
    what = "changed" if applied else "would change"
    sums = f"{summary.freed:,} freed, {summary.suppressed:,} newly suppressed, {summary.held:,} newly held"
    out(f"{outcome.reports:,} reports judged again, {outcome.otherwise:,} of them otherwise")
    out(f"{summary.changed:,} decisions {what}: {sums}")
