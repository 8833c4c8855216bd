"""``bouncewise ingest``: the same as read, into the ledger, and decisions derived from it."""

from __future__ import annotations

from pathlib import Path

import click

from bouncewise import contract
from bouncewise.cli.common import (
    classifier,
    jobs_option,
    json_option,
    ledger_options,
    open_ledger,
    out,
    policy,
    progress,
    rules_option,
    tell,
)
from bouncewise.intake import files
from bouncewise.operations import pipeline


@click.command("ingest", short_help="read into the ledger and decide")
@click.argument("paths", nargs=-1, required=True)
@ledger_options
@rules_option
@jobs_option
@json_option
def command(
    paths: tuple[str, ...],
    db: str | None,
    policy_path: Path | None,
    rule_paths: tuple[Path, ...],
    jobs: int,
    as_json: bool,
) -> None:
    """Read files, folders, Maildirs, mboxes, .gz .zst .zip or - into the ledger, and decide what follows.

    The same input twice changes nothing. Killed at any time, call it again: it goes on where it was.

    \b
    bouncewise ingest /var/log/mail.log ~/Maildir/.bounces
    zcat mail.log.*.gz | bouncewise ingest -
    """
    rules, decided_by = classifier(rule_paths), policy(policy_path)
    total = sum(Path(p).stat().st_size for p in files.expand(paths) if p != files.STDIN) or None
    with open_ledger(db, create=True) as ledger, progress(total, "ingest") as moved:
        version = rules.ruleset.version
        if others := ledger.judged_by_others(version):
            look = "see what would change: bouncewise replay --dry-run"
            click.echo(
                f"note: rules changed since this ledger was last judged ({others} -> {version}); {look}", err=True
            )
        tally = pipeline.ingest(paths, ledger, rules, decided_by, tell=tell, progress=moved, jobs=jobs)
        if as_json:
            out(contract.dumps(tally._asdict() | {"ledger": str(ledger.path)}))
        else:
            known = f", {tally.known_files} files read before" if tally.known_files else ""
            read = f"{tally.reports:,} reports, {tally.deliveries:,} of them deliveries"
            out(f"{read}; {tally.new:,} new to the ledger{known} ({ledger.path})")
