"""``bouncewise forget``: remove everything about an address."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from bouncewise.cli.acts import each_line
from bouncewise.cli.common import (
    dry_run_option,
    echo,
    echo_error,
    json_option,
    ledger_options,
    load_policy,
    open_ledger,
    parse_name,
)
from bouncewise.cli.screen import progress
from bouncewise.contract import dumps
from bouncewise.contract.addresses import ForgottenRow
from bouncewise.errors import InputError
from bouncewise.ledger.records import Mention
from bouncewise.operations.forget import Forgetting, forget, plan


@click.command("forget")
@click.argument("names", metavar="ADDRESS…", nargs=-1, required=True)
@click.option(
    "--completely",
    is_flag=True,
    help="Keep no hash either: who was suppressed, or complained, may be mailed again.",
)
@click.option("--yes", is_flag=True, help="Do not ask before --completely.")
@dry_run_option("Print what would be removed and kept.")
@ledger_options
@json_option
def command(
    names: tuple[str, ...],
    completely: bool,
    yes: bool,
    dry_run: bool,
    db: str | None,
    policy_path: Path | None,
    as_json: bool,
) -> None:
    """Remove everything that the ledger holds about ADDRESS… (-: those on standard input). This
    cannot be undone.

    A keyed hash stays with what was decided, so that somebody who was suppressed, or complained,
    is not mailed because of a later import. Evidence of before does not come back when a log is
    read again. docs/privacy.md says what this covers.

    \b
    bouncewise forget jo@example.com --dry-run
    bouncewise forget - < requests.txt
    """
    wanted = [parse_name(name) for name in each_line(names)]
    for name in wanted:
        if name.startswith("@"):
            raise InputError(f"{name}: a domain; forget takes addresses of people")
    now = datetime.now(UTC)
    policy, is_compact = load_policy(policy_path), True
    with open_ledger(db, write=not dry_run) as ledger:
        planned = plan(wanted, ledger, policy, now)
        if not dry_run:
            if completely and not yes and any(item.kept for item in planned):
                _confirm(planned)
            with progress(None, "forget", "blocks") as advance:
                is_compact = forget(
                    planned, ledger, policy, now, completely=completely, progress=advance
                )
            if not is_compact:
                echo_error(
                    "note: another process reads the ledger just now, so unused parts of its files"
                    " may still contain the name. Run the command again."
                )
    for item in planned:
        echo(_json(item, completely, dry_run) if as_json else _line(item, completely, dry_run))
        for mention in item.mentions:
            echo_error(_mention(item.name, mention, dry_run))
    raise SystemExit(0 if is_compact else 1)


def _confirm(planned: list[Forgetting]) -> None:
    count = sum(bool(item.kept) for item in planned)
    text = f"{count:,} of these must not be mailed now, and nothing will say so any more. Go on?"
    try:
        if click.confirm(text, err=True):
            return
    except click.Abort:
        pass
    raise InputError("Nothing was removed. --yes answers the question beforehand.")


def _json(item: Forgetting, completely: bool, dry_run: bool) -> str:
    return dumps(
        ForgottenRow(
            name=item.name,
            reports=item.reports,
            deliveries=item.deliveries,
            acts=item.acts,
            mentions=tuple(mention.about for mention in item.mentions),
            kept=() if completely else tuple(d.state for d in item.kept),
            dry_run=dry_run,
        )
    )


def _mention(name: str, mention: Mention, dry_run: bool) -> str:
    what = "an act on" if mention.table == "act" else "a ruling on the incident of"
    return (
        f"note: {name} stands in the reason of {what} {mention.about} ({mention.at:%Y-%m-%d}, by "
        f"{mention.by}); the address {'would be' if dry_run else 'was'} replaced. Look whether the "
        f"rest tells of the person: {mention.why}"
    )


def _line(item: Forgetting, completely: bool, dry_run: bool) -> str:
    states = ", ".join(f"{d.state} ({d.scope} mail)" for d in item.kept)
    if completely:
        kept = f"; was {states}, and may be mailed" if states else ""
    else:
        kept = f"; stays {states}" if states else "; may be mailed"
    return (
        f"{'would forget' if dry_run else 'forgot'} {item.name}: {item.reports:,} reports, "
        f"{item.deliveries:,} days with deliveries, {item.acts:,} acts{kept}"
    )
