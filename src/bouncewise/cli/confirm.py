"""``bouncewise confirm``: record a sign of life."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from bouncewise.cli.acts import record_act
from bouncewise.cli.common import (
    by_option,
    dry_run_option,
    json_option,
    ledger_options,
    why_option,
)
from bouncewise.model import Event
from bouncewise.policy.decide import CONFIRMED


@click.command("confirm")
@click.argument("names", metavar="ADDRESS…", nargs=-1, required=True)
@why_option()
@by_option
@dry_run_option("Print what would be confirmed.")
@ledger_options
@json_option
def command(
    names: tuple[str, ...],
    why: str,
    by: str,
    dry_run: bool,
    db: str | None,
    policy_path: Path | None,
    as_json: bool,
) -> None:
    """Record a sign of life of the person behind ADDRESS…: a login, a signed link, mail from them.

    It ends what bounces decided, as a delivery does. Complaints, unsubscribes and suppressions by
    hand remain.

    \b
    bouncewise confirm jo@example.com --why "confirmed by link"
    """
    act = Event(at=datetime.now(UTC), kind=CONFIRMED, words=why, by=by)
    record_act(names, act, db, policy_path, dry_run, as_json)
