"""``bouncewise domains``: dead domains, and what DNS answers about them."""

from __future__ import annotations

from pathlib import Path

import click

from bouncewise.cli.common import (
    BAD,
    at_option,
    dry_run_option,
    echo,
    echo_error,
    json_option,
    ledger_options,
    load_policy,
    open_ledger,
    parse_moment,
)
from bouncewise.cli.grid import Column, day, print_table
from bouncewise.cli.screen import no_progress, progress
from bouncewise.contract import dumps
from bouncewise.contract.addresses import DnsCheckRow
from bouncewise.lists import typos
from bouncewise.operations.domains import DnsCheck, dead_domains, dead_domains_as_of, verify
from bouncewise.policy.decide import domain_state


@click.command("domains")
@click.option(
    "--dns",
    "with_dns",
    is_flag=True,
    help="Look up each domain in DNS, store the answers, and decide again.",
)
@dry_run_option("With --dns: look up, and print what would change.")
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

    With --dns, a domain that does not exist in DNS on a second day either is suppressed without
    another mail, and stays suppressed while DNS gives the same answer. If DNS names a mail server
    again, one address is mailed as a probe. A domain that is one typing error away from a large
    provider's domain is pointed out; nothing is rewritten.
    """
    if dry_run and not with_dns:
        raise click.UsageError("--dry-run goes with --dns: without it nothing is stored")
    when, past = parse_moment(at)
    policy = load_policy(policy_path)
    shown: list[tuple[str, ...]] = []
    with open_ledger(db, write=with_dns) as ledger:
        as_of = past and not with_dns
        found = list(dead_domains_as_of(ledger, policy, when) if as_of else dead_domains(ledger))
        if with_dns:
            from bouncewise.net.bulk import bulk_lookup
            from bouncewise.net.servers import system_servers

            lookup = bulk_lookup(system_servers())
            rows = verify(found, ledger, policy, lookup, at=when, dry_run=dry_run)
        else:
            rows = (DnsCheck(domain, decision, decision, None) for domain, decision in found)
        with progress(len(found), "DNS", "domains") if with_dns else no_progress() as advance:
            for n, row in enumerate(rows, 1):
                advance(n, n)
                typo = typos.domain_typo(row.domain)
                meant = typo.intended if typo else None
                now = row._replace(
                    before=domain_state(row.before, policy, when),
                    after=domain_state(row.after, policy, when),
                )
                if as_json:
                    echo(dumps(DnsCheckRow.of(now, meant)))
                else:
                    shown.append(_cells(now, meant))
    print_table(_COLUMNS, shown)
    if not found:
        echo_error("note: no domain is held or suppressed because of DNS")


_COLUMNS = (
    Column("domain", colour=BAD),
    Column("state"),
    Column("cause"),
    Column("until"),
    Column("DNS", text=True),
    Column("remark", text=True),
)


def _cells(row: DnsCheck, meant: str | None) -> tuple[str, ...]:
    before, after = row.before, row.after
    route = (
        f"{row.mail.route} {' '.join(row.mail.hosts[:3]) or row.mail.reason}".rstrip()
        if row.mail
        else ""
    )
    change = (
        f"{before.state} -> {after.state}" if before.state is not after.state else str(after.state)
    )
    slip = f"is {meant} meant?" if meant else ""
    return row.domain, change, str(after.cause or ""), day(after.until), route, slip
