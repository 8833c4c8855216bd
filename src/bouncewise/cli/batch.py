"""``bouncewise batch``: files of millions of replies."""

from __future__ import annotations

from pathlib import Path

import click

from bouncewise.cli.common import echo, jobs_option, json_option
from bouncewise.cli.screen import progress
from bouncewise.contract import dumps
from bouncewise.contract.runs import BatchRecord
from bouncewise.errors import InputError

BY = ("domain", "day", "cause", "party", "permanence", "advice", "rule", "receiver", "status")


@click.command(
    "batch",
    help="""Judge every reply in Parquet, CSV, NDJSON and log files, and write Parquet; or count.

    \b
    bouncewise batch bounces/*.parquet -o judged/
    bouncewise batch acct-*.csv -o judged/ --by domain,day,cause
    bouncewise batch log.csv -o judged/ --reply diagnostic --jobs 4

    OUT is a folder with a part for each piece of the input; with --by also counts.csv. A run that
    was stopped continues where it was; parts of another rule set are made again beside the old.
    Needs: pip install 'bouncewise[scale]'.
    """,
)
@click.argument("paths", nargs=-1, required=True)
@click.option(
    "-o",
    "--out",
    "target",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    metavar="OUT",
    help="folder to write to",
)
@click.option("--by", metavar="A,B", help=f"count by these instead: {', '.join(BY)}")
@click.option(
    "--reply", metavar="COLUMN", help="the column of replies, where its name is not a usual one"
)
@click.option("--recipient", metavar="COLUMN", help="the column of recipients, for --by domain")
@click.option("--time", "at", metavar="COLUMN", help="the column of times, for --by day")
@click.option(
    "--receiver", metavar="COLUMN", help="a column that names the receiver, where it is known"
)
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
    jobs: int,
    as_json: bool,
) -> None:
    from bouncewise.bulk import batch

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
    work = batch.parts(paths, target, given, wanted)
    with progress(len(work), "parts") as advance:
        rows = batch.run(work, jobs, lambda done, seen: advance(seen, done))
    if wanted:
        batch.total(work, wanted).write_csv(target / "counts.csv")
    if as_json:
        echo(dumps(BatchRecord(parts=len(work), rows=rows, out=str(target))))
    else:
        echo(
            f"{rows:,} rows judged, {len(work)} parts in {target}"
            + (f", counts in {target / 'counts.csv'}" if wanted else "")
        )
