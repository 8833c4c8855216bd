"""``bouncewise domains``: dead domains, and what DNS says of them."""

from __future__ import annotations

from pathlib import Path

import click

from bouncewise.cli.common import (
    BAD,
    GOOD,
    at_option,
    dry_run_option,
    echo,
    json_option,
    ledger_options,
    load_policy,
    open_ledger,
    parse_moment,
    style,
)
from bouncewise.cli.screen import progress
from bouncewise.contract import dumps
from bouncewise.contract.addresses import DnsCheckRow
from bouncewise.lists import typos
from bouncewise.model import State
from bouncewise.operations.domains import DnsCheck, dead_domains, verify
from bouncewise.policy.decide import in_force


@click.command("domains")
@click.option(
    "--dns",
    "with_dns",
    is_flag=True,
    help="Ask DNS about each, store what it says, and decide anew.",
)
@dry_run_option("With --dns: ask, and print what would follow.")
@at_option
@ledger_options
@json_option
def command(
    with_dns: bool,
    dry_run: bool,
    at: str | None,
    db: str | None,
    policy_path: Path | None,
    as_json: bool,
) -> None:
    """List the domains that are held or suppressed because they do not exist or accept no mail.

    \b
    bouncewise domains
    bouncewise domains --dns            # daily, from cron

    With --dns, a domain that DNS does not know on a second day either is suppressed without
    mailing anybody, and stays suppressed when its time is up. If mail is routed there again, one
    address is mailed as a probe. A domain that is one typing error away from a large provider's
    domain is pointed out; nothing is rewritten.
    """
    if dry_run and not with_dns:
        raise click.UsageError("--dry-run goes with --dns: without it nothing is stored")
    when, _ = parse_moment(at)
    with open_ledger(db, write=with_dns) as ledger:
        found = list(dead_domains(ledger))
        if with_dns:
            from bouncewise.net import dns

            rules = load_policy(policy_path)
            rows = verify(found, ledger, rules, dns.system_resolver(), at=when, dry_run=dry_run)
        else:
            rows = (DnsCheck(domain, decision, decision, None) for domain, decision in found)
        with progress(len(found), "domains", "checked") as advance:
            for n, row in enumerate(rows, 1):
                advance(n, n)
                typo = typos.domain_typo(row.domain)
                meant = typo.intended if typo else None
                if as_json:
                    echo(dumps(DnsCheckRow.of(row, meant)))
                else:
                    now = row._replace(
                        before=in_force(row.before, when), after=in_force(row.after, when)
                    )
                    echo(_line(now, meant))


def _line(row: DnsCheck, meant: str | None) -> str:
    before, after = row.before, row.after
    route = (
        f"{row.mail.route} {' '.join(row.mail.hosts[:3]) or row.mail.reason}".rstrip()
        if row.mail
        else ""
    )
    change = (
        f"{before.state} -> {after.state}" if before.state is not after.state else str(after.state)
    )
    until = f"until {after.until:%Y-%m-%d}" if after.until else ""
    slip = f"  (is {meant} meant?)" if meant else ""
    words = " ".join(filter(None, (str(after.cause or ""), until, route)))
    color = GOOD if after.state is State.OK else BAD
    return f"{style(f'{change:18}', color)}  {row.domain:30} {words}{slip}"
