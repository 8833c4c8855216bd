"""``bouncewise ingest``: read into the ledger, and decide."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from bouncewise.cli.common import (
    config_option,
    echo,
    echo_error,
    jobs_option,
    json_option,
    ledger_options,
    load_configuration,
    open_context,
    rules_option,
)
from bouncewise.cli.notes import Notes
from bouncewise.cli.screen import progress
from bouncewise.cli.spelling import file_paths
from bouncewise.contract import dumps
from bouncewise.contract.runs import IngestRecord
from bouncewise.intake import files
from bouncewise.operations.context import Context
from bouncewise.operations.ingest import Changes, ingest


@click.command("ingest")
@click.argument("paths", metavar="PATH…", nargs=-1, required=True, shell_complete=file_paths)
@ledger_options
@rules_option
@config_option
@jobs_option
@json_option
def command(
    paths: tuple[str, ...],
    db: str | None,
    policy_path: Path | None,
    rule_paths: tuple[Path, ...],
    config_path: Path | None,
    jobs: int,
    as_json: bool,
) -> None:
    """Read files, folders, Maildirs, mboxes, .gz .zst .zip or - into the ledger, and update the
    suppressions and holds.

    The same input twice changes nothing. If it is interrupted, call it again: it continues where
    it stopped. Exits 1 if a file cannot be read, or has an unknown format, and there is no report.

    \b
    bouncewise ingest /var/log/mail.log ~/Maildir/.bounces
    zcat mail.log.*.gz | bouncewise ingest -
    """
    total = sum(map(files.size, files.expand(paths))) or None
    configuration = load_configuration(config_path)
    with (
        open_context(
            db, policy_path, rule_paths, create=True, configuration=configuration
        ) as context,
        progress(total, "ingest") as advance,
    ):
        _note_other_rules(context)
        notes = Notes()
        tally = ingest(paths, context, note=notes.print, progress=advance, jobs=jobs)
        if as_json:
            changes = {" ".join(key): count for key, count in tally.changes.items()}
            record = tally._asdict() | {"changes": changes, "ledger": context.ledger.name}
            echo(dumps(IngestRecord(**record)))
        else:
            known = f", files read before: {tally.known_files}" if tally.known_files else ""
            read = f"{tally.reports:,} reports, {tally.deliveries:,} of them deliveries"
            if tally.acts:
                read += f"; {tally.acts:,} acts of recipients"
            echo(f"{read}; {tally.new:,} new to the ledger{known} ({context.ledger.name})")
            echo(*_changes(tally.changes))
    sys.exit(notes.exit_code(tally.reports))


def _changes(changes: Changes) -> list[str]:
    """What the run changed, the most first, and where to look."""
    ordered = sorted(changes.items(), key=lambda item: -item[1])
    lines = [f"{count:>+10,}  {state:10}  {cause}" for (state, cause), count in ordered]
    if not lines:
        return ["no address or domain changed its state"]
    return [*lines, "`bouncewise status` and `bouncewise incidents` show more"]


def _note_other_rules(context: Context) -> None:
    version = context.classifier.ruleset.version
    if others := context.ledger.other_rules(version):
        echo_error(
            f"note: the rules have changed since the evidence was evaluated ({others} -> "
            f"{version}); `bouncewise replay --dry-run` shows which decisions would change"
        )
