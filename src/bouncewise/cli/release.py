"""``bouncewise release``: undo, for all whom one mishap took."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from bouncewise import contract
from bouncewise.cli.common import by_option, json_option, ledger_options, moment, open_ledger, out, policy, why_option
from bouncewise.errors import InputError
from bouncewise.model import Cause, Event, Scope
from bouncewise.operations import pipeline, release
from bouncewise.policy.decide import REMOVED


@click.command("release", short_help="free all whom one mishap took")
@click.option("--incident", metavar="UNIT", help="All that this incident (a receiver or @domain) refused.")
@click.option("--since", metavar="TIME", help="Suppressed or held at or after this time.")
@click.option("--until", metavar="TIME", help="Suppressed or held before this time.")
@click.option("--receiver", help="By this receiver: google, microsoft, yahoo, apple …")
@click.option("--cause", type=click.Choice([c.value for c in Cause]), help="For this cause.")
@click.option("--rule", help="By this rule.")
@why_option()
@by_option
@click.option("--dry-run", is_flag=True, help="Say who would be freed, and do nothing.")
@ledger_options
@json_option
def command(
    incident: str | None, since: str | None, until: str | None, receiver: str | None, cause: str | None,
    rule: str | None, why: str, by: str, dry_run: bool, db: str | None, policy_path: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Free all that fit every condition given. Earlier evidence is kept, and counts no more; wishes of people are not touched.

    \b
    bouncewise release --receiver google --since 2020-12-14T22:00Z --until 2020-12-16 --why "Gmail outage" --dry-run
    bouncewise release --incident @tenant.example --why "their directory is back"
    """
    if not any((incident, since, until, receiver, cause, rule)):
        raise InputError("release whom? give --incident, or some of --since --until --receiver --cause --rule")
    wanted = release.Wanted(
        incident, moment(since)[0] if since else None, moment(until)[0] if until else None, receiver, cause, rule
    )
    with open_ledger(db) as ledger:
        found = release.taken(wanted, ledger)
        if not dry_run:
            at = release.acting_at(ledger, datetime.now(UTC))
            act = Event(at=at, kind=REMOVED, scope=Scope.ALL, words=why, by=by)
            pipeline.record((name for name, _ in found), act, ledger, policy(policy_path))
        for name, decision in found:
            if as_json:
                out(contract.dumps(contract.suppression(name, decision) | {"released": not dry_run}))
            else:
                out(f"{'would free' if dry_run else 'freed'} {name}  {decision.cause or ''}  {decision.why}")
        if not as_json:
            out(f"{len(found)} {'would be ' if dry_run else ''}freed")
