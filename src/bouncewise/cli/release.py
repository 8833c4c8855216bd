"""``bouncewise release``: undo the suppressions and holds that evidence made."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from bouncewise.cli.common import (
    by_option,
    dry_run_option,
    echo,
    echo_error,
    json_option,
    ledger_options,
    load_policy,
    open_ledger,
    parse_optional_time,
    why_option,
)
from bouncewise.cli.spelling import (
    CAUSES,
    Names,
    near_rule,
    receivers,
    require_receiver,
    rule_ids,
    suggest_receiver,
)
from bouncewise.contract import dumps
from bouncewise.contract.addresses import suppression_row
from bouncewise.errors import InputError
from bouncewise.model import Trust
from bouncewise.operations.release import ReleaseFilter, matching, release


@click.command("release")
@click.option(
    "--incident",
    metavar="NAME",
    shell_complete=receivers,
    help="Suppressed or held since an incident of this receiver or @domain refused it.",
)
@click.option("--since", metavar="TIME", help="Suppressed or held at or after this time.")
@click.option("--until", metavar="TIME", help="Suppressed or held before this time.")
@click.option(
    "--receiver",
    metavar="ID",
    shell_complete=receivers,
    help="Refused by this receiver: google, microsoft, yahoo, apple …",
)
@click.option(
    "--cause",
    metavar="CAUSE",
    type=CAUSES,
    help="Suppressed or held for this cause.",
)
@click.option(
    "--rule", metavar="ID", shell_complete=rule_ids, help="Suppressed or held by this rule."
)
@click.option(
    "--trust",
    type=Names([t.value for t in Trust]),
    help="Suppressed or held by reports of this trust (docs/trust.md).",
)
@why_option()
@by_option
@dry_run_option("Print what would be released.")
@ledger_options
@json_option
def command(
    incident: str | None,
    since: str | None,
    until: str | None,
    receiver: str | None,
    cause: str | None,
    rule: str | None,
    trust: str | None,
    why: str,
    by: str,
    dry_run: bool,
    db: str | None,
    policy_path: Path | None,
    as_json: bool,
) -> None:
    """Release every address and domain that matches all filters.

    Past bounces stay on record but are ignored from now on. Unsubscribes, complaints and manual
    entries are unaffected.

    \b
    bouncewise release --receiver google --since 2020-12-14T22:00Z \\
        --until 2020-12-16 --why "Gmail outage" --dry-run
    bouncewise release --trust claimed --why "forged bounces" --dry-run
    bouncewise release --incident @tenant.example --why "directory restored"
    """
    if not any((incident, since, until, receiver, cause, rule, trust)):
        raise InputError(
            "Nothing selected: use at least one of --incident, --since, --until, --receiver, "
            "--cause, --rule, --trust."
        )
    if receiver:
        require_receiver(receiver)
    suggest_receiver(incident)
    begin, end = parse_optional_time(since, "--since"), parse_optional_time(until, "--until")
    with open_ledger(db, write=not dry_run) as ledger:
        found = matching(ReleaseFilter(incident, begin, end, receiver, cause, rule, trust), ledger)
        if not dry_run:
            release(
                [name for name, _ in found],
                why,
                by,
                datetime.now(UTC),
                ledger,
                load_policy(policy_path),
            )
    for name, decision in found:
        if as_json:
            echo(dumps(suppression_row(name, decision, released=not dry_run)))
        else:
            echo(
                f"{'would release' if dry_run else 'released'} {name}  {decision.cause or ''}  "
                f"{decision.why}"
            )
    if not as_json:
        echo(f"{len(found):,} {'would be ' if dry_run else ''}released")
    if not found:
        echo_error(
            "note: no suppression or hold that follows from evidence matches; `bouncewise "
            "suppressions list`, also with --held, shows times, causes and rules."
            f"{near_rule(rule)}"
        )
