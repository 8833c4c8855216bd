"""``bouncewise batch``: files of millions of replies."""

from __future__ import annotations

from pathlib import Path

import click

from bouncewise.cli.common import (
    echo,
    jobs_option,
    json_option,
    rule_files,
    rules_option,
)
from bouncewise.cli.screen import progress
from bouncewise.cli.spelling import file_paths
from bouncewise.contract import dumps
from bouncewise.contract.runs import BatchRecord
from bouncewise.errors import InputError, missing_extra

BY = ("domain", "day", "cause", "party", "permanence", "advice", "rule", "receiver", "status")


@click.command(
    "batch",
    help="""Classify every reply in Parquet, CSV, NDJSON and log files, and write Parquet files, or
    counts.

    \b
    bouncewise batch bounces/*.parquet -o classified/
    bouncewise batch acct-*.csv -o classified/ --by domain,day,cause
    bouncewise batch log.csv -o classified/ --reply diagnostic --jobs 4

    FOLDER gets a file for each file of the input, with the columns of the verdict added; a large
    Parquet file is divided. With --by it gets counts.csv. A run that was stopped continues where
    it stopped. After an upgrade of the rules, new files are written beside the old ones. Needs
    polars and pyarrow: the extra [scale].
    """,
)
@click.argument("paths", metavar="PATH…", nargs=-1, required=True, shell_complete=file_paths)
@click.option(
    "-o",
    "--output",
    "target",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="The folder to write to.",
)
@click.option("--by", metavar="A,B", help=f"Write counts by these instead: {', '.join(BY)}.")
@click.option("--reply", metavar="COLUMN", help="The column of replies, if it is not detected.")
@click.option("--recipient", metavar="COLUMN", help="The column of recipients, for --by domain.")
@click.option("--time", "at", metavar="COLUMN", help="The column of times, for --by day.")
@click.option(
    "--receiver", metavar="COLUMN", help="A column with the id of the receiver, e.g. google."
)
@rules_option
@jobs_option
@json_option
def command(
    paths: tuple[str, ...],
    target: Path,
    by: str | None,
    reply: str | None,
    recipient: str | None,
    at: str | None,
    receiver: str | None,
    rule_paths: tuple[Path, ...],
    jobs: int,
    as_json: bool,
) -> None:
    try:
        from bouncewise.bulk import batch
    except ModuleNotFoundError as lacking:
        if (lacking.name or "").partition(".")[0] not in ("polars", "pyarrow"):
            raise
        raise missing_extra("scale", "batch", "polars and pyarrow") from None

    wanted = tuple(name.strip() for name in by.split(",")) if by else ()
    if unknown := set(wanted) - set(BY):
        raise InputError(f"--by {','.join(sorted(unknown))}: choose from {', '.join(BY)}")
    target.mkdir(parents=True, exist_ok=True)
    given = {
        role: name
        for role, name in (
            ("reply", reply),
            ("recipient", recipient),
            ("at", at),
            ("receiver", receiver),
        )
        if name
    }
    work = batch.parts(paths, target, given, wanted, rule_files(rule_paths))
    with progress(len(work), "parts") as advance:
        rows = batch.run(work, jobs, lambda done, seen: advance(seen, done))
    if wanted:
        batch.total(work, wanted).write_csv(target / "counts.csv")
    if as_json:
        echo(dumps(BatchRecord(parts=len(work), rows=rows, out=str(target))))
    else:
        echo(
            f"{rows:,} rows classified, {len(work)} parts in {target}"
            + (f", counts in {target / 'counts.csv'}" if wanted else "")
        )
