"""``bouncewise domains``: those that stand as dead, and what DNS says of them now."""

from __future__ import annotations

from pathlib import Path

import click

from bouncewise import contract
from bouncewise.cli.common import (
    BAD,
    GOOD,
    at_option,
    json_option,
    ledger_options,
    moment,
    open_ledger,
    out,
    paint,
    policy,
    progress,
)  # fmt: skip
from bouncewise.lists import typos
from bouncewise.model import State
from bouncewise.operations import domains
from bouncewise.operations.domains import Looked
from bouncewise.policy.decide import standing


@click.command("domains", short_help="domains that stand as dead, and what DNS says of them")
@click.option("--dns", "with_dns", is_flag=True, help="Ask DNS about each, enter what it says, and decide anew.")
@click.option("--dry-run", is_flag=True, help="With --dns: ask, say what would follow, enter nothing.")
@at_option
@ledger_options
@json_option
def command(
    with_dns: bool, dry_run: bool, at: str | None, db: str | None, policy_path: Path | None, as_json: bool
) -> None:
    """List the domains that are held or suppressed because they do not exist or take no mail.

    \b
    bouncewise domains
    bouncewise domains --dns            # daily, from cron

    With --dns a domain that is gone there as well, on a second day, is suppressed without mailing anybody, and stays so when its
    time is up. Where mail goes somewhere again, one address asks first. A domain one slip away from a large provider's is
    pointed out; nothing is rewritten.
    """
    if dry_run and not with_dns:
        raise click.UsageError("--dry-run goes with --dns: without it nothing is entered")
    when, _ = moment(at)
    with open_ledger(db) as ledger:
        found = list(domains.dead(ledger))
        rules = policy(policy_path)
        if with_dns:
            from bouncewise.net import dns

            rows = domains.look(found, ledger, rules, dns.resolver(), when, trial=dry_run)
        else:
            rows = (Looked(domain, decision, decision, None) for domain, decision in found)
        with progress(len(found), "domains", "looked up") as moved:
            for n, looked in enumerate(rows, 1):
                moved(n, n)
                meant = typos.domain_slip(looked.domain)
                if as_json:
                    out(contract.dumps(contract.looked_up(looked, meant.meant if meant else None)))
                else:
                    now = looked._replace(before=standing(looked.before, when), after=standing(looked.after, when))
                    out(_line(now, meant.meant if meant else None))


def _line(looked: Looked, meant: str | None) -> str:
    before, after = looked.before, looked.after
    said = (
        f"{looked.mail.route} {' '.join(looked.mail.hosts[:3]) or looked.mail.reason}".rstrip() if looked.mail else ""
    )
    turned = f"{before.state} -> {after.state}" if before.state is not after.state else str(after.state)
    until = f"until {after.until:%Y-%m-%d}" if after.until else ""
    slip = f"  (is {meant} meant?)" if meant else ""
    words = " ".join(filter(None, (str(after.cause or ""), until, said)))
    return f"{paint(f'{turned:18}', GOOD if after.state is State.OK else BAD)}  {looked.domain:30} {words}{slip}"
