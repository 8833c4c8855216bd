"""``bouncewise gate``: what will this list cost; should this mailing be stopped; which rates have
sources, streams and campaigns?
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bouncewise.cli.common import (
    BAD,
    DIM,
    GOOD,
    HEAD,
    Moment,
    at_option,
    column_option,
    dry_run_option,
    echo,
    json_option,
    ledger_options,
    load_policy,
    open_ledger,
    parse_moment,
    parse_time,
    style,
    transactional_option,
)
from bouncewise.cli.spelling import Names
from bouncewise.cli.tables import readable_twice
from bouncewise.contract import dumps
from bouncewise.contract.gate import GateGroupRow, GateListRecord, GateProgressRecord, GateRateRow
from bouncewise.errors import InputError
from bouncewise.lists.column import folded
from bouncewise.lists.names import name_in
from bouncewise.lists.table import Table
from bouncewise.model import Mail
from bouncewise.policy.gate import Advised, Level, is_enough

if TYPE_CHECKING:
    from bouncewise.contract.gate import Expected
    from bouncewise.ledger import Store
    from bouncewise.operations.gate import ListForecast, Row, Span
    from bouncewise.policy.load import Policy

MAILING_DAYS, RATE_DAYS = 7, 90
"""How long before now a mailing may have begun, and rates are counted, without --since."""

_MAX_SOURCE = 200  # characters of the name of a source

_MUCH = 1e9
"""Evidence above this is shown as this."""


@click.command("gate")
@click.argument("source", metavar="[LIST]", required=False, type=click.Path(path_type=Path))
@column_option
@click.option(
    "--source",
    "source_column",
    metavar="COLUMN",
    help="The column that names where each address was collected; the ledger records it.",
)
@click.option("--campaign", metavar="NAME", help="Test the mailing of this campaign.")
@click.option(
    "--stream",
    metavar="NAME",
    help="With LIST: for mail of this stream. Without: test the mails of this stream.",
)
@click.option(
    "--since",
    metavar="TIME",
    help="Test all mails since this time; with --campaign, --stream or --by: count from this time "
    "on. Default: 7 days, with --by 90.",
)
@click.option(
    "--by",
    type=Names(["source", "stream", "campaign", "receiver"]),
    help="Print bounce and complaint rates by this.",
)
@transactional_option
@dry_run_option("Do not record sources.")
@at_option
@ledger_options
@json_option
def command(
    source: Path | None,
    column: str | None,
    source_column: str | None,
    campaign: str | None,
    stream: str | None,
    since: str | None,
    by: str | None,
    transactional: bool,
    dry_run: bool,
    at: str | None,
    db: str | None,
    policy_path: Path | None,
    as_json: bool,
) -> None:
    """Before a mailing: how many hard bounces and complaints to expect of LIST, by what the
    ledger knows of like addresses. During it: whether to stop. After it: rates.

    Exits 0 if a list is surely below the thresholds of Amazon SES (5 %) and Gmail (0.1 %), 1 if
    not, or if the history is too small to know. With --campaign, --stream or --since exits 1 if
    the mailing should be stopped. Refusals of the sender, and outages of receivers, do not count.

    \b
    bouncewise gate list.csv --source signup_form && send list.csv
    bouncewise gate --campaign spring-2026 || pause
    bouncewise gate --by source
    """
    moment, policy = parse_moment(at), load_policy(policy_path)
    if source is None and not (by or campaign or stream or since):
        raise click.UsageError("name a LIST, --campaign, --stream, --since or --by")
    if source is not None:
        if by or campaign or since:
            raise click.UsageError("--campaign, --since and --by go without a LIST")
        mail = Mail(transactional, stream or "")
        is_kept = source_column is not None and not dry_run
        with open_ledger(db, write=is_kept) as ledger, ExitStack() as files:
            path = files.enter_context(readable_twice(source))
            rows = _Rows(path, column, source_column)
            sys.exit(_list(rows, ledger, policy, moment, mail, as_json, is_kept))
    if column or source_column or transactional:
        raise click.UsageError("--column, --source and --transactional go with a LIST")
    days = RATE_DAYS if by else MAILING_DAYS
    start = parse_time(since, "--since") if since else moment.at - timedelta(days=days)
    if start >= moment.at:
        raise click.UsageError(f"--since {since}: not before the time of the answer")
    with open_ledger(db) as ledger:
        if by:
            if campaign or stream:
                raise click.UsageError("--by goes without --campaign and --stream")
            sys.exit(_rates(by, ledger, policy, moment._replace(past=True), start, as_json))
        from bouncewise.operations.gate import Span

        sys.exit(_progress(Span(campaign, stream, start, moment.at), ledger, policy, as_json))


# ── a list ──────────────────────────────────────────────────────────────────────────────────────


class _Rows:
    """The rows of a list, which can be read more than once."""

    def __init__(self, path: Path, column: str | None, source: str | None) -> None:
        self._path, self._column, self.source = path, column, source

    def __iter__(self) -> Iterator[Row]:
        from bouncewise.operations.gate import Row

        with Table.open(self._path, self._column) as table:
            place = self._place(table)
            for row in table.readable():
                cell = row.cells[place].strip() if 0 <= place < len(row.cells) else ""
                yield Row(table.address_in(row.cells), cell[:_MAX_SOURCE])

    def _place(self, table: Table) -> int:
        if self.source is None:
            return -1
        try:
            return folded(table.header).index(self.source.strip().casefold())
        except ValueError:
            names = ", ".join(table.header)[:200]
            raise InputError(f"{self._path}: no column {self.source} among: {names}") from None


def _list(
    rows: _Rows,
    ledger: Store,
    policy: Policy,
    moment: Moment,
    mail: Mail,
    as_json: bool,
    is_kept: bool,
) -> int:
    from bouncewise.operations.gate import Question, expect

    if is_kept:
        named = ((name_in(row.address), row.source) for row in rows if row.source)
        with ledger.change():
            sources = ((name.key, source) for name, source in named if not name.error)
            ledger.outcomes.add_sources(sources, moment.at)
    question = Question(mail, moment.at, moment.past)
    found = expect(rows, ledger, policy, question, by_source=rows.source is not None)
    groups = [GateGroupRow.of(g, known=is_enough(g.bounces, policy.gate)) for g in found.groups]
    record = GateListRecord.of(found, policy.gate, fine=found.is_fine(policy))
    if as_json:
        echo(*map(dumps, groups), dumps(record))
    else:
        echo(*_list_text(found, groups, record, policy))
    return 0 if record.fine else 1


def _list_text(
    found: ListForecast, groups: list[GateGroupRow], record: GateListRecord, policy: Policy
) -> Iterator[str]:
    numbers = policy.gate
    wide = max((len(group.source or "") for group in groups), default=0)
    wide = min(30, max(wide, len("source"))) if wide else 0
    heading = f"{'source':{wide}}  " if wide else ""
    yield style(f"{heading}{'last delivery':>14} {'rows':>9}  history", HEAD)
    for group in groups:
        rate = f" ({group.bounces / group.mails:.2%})" if group.mails else ""
        age = group.age if group.age == "never" else f"{group.age} days"
        whose = ", all sources" if group.source and group.history_of == "age" else ""
        too_few = "" if group.known else style("  too small to know", BAD)
        source = f"{(group.source or '')[:30]:{wide}}  " if wide else ""
        history = f"{group.bounces:,} of {group.mails:,} bounced{rate}{whose}"
        yield f"{source}{age:>14} {group.rows:>9,}  {history}{too_few}"
    if found.unmailable:
        yield (
            f"{found.unmailable:,} rows must not be mailed ({found.opted_out:,} by a wish of the "
            "recipient): `bouncewise clean` drops them; here they count as bounces and complaints"
        )
    pairs = (
        ("hard bounces", record.bounces, (numbers.bounce_review, numbers.bounce_pause)),
        ("complaints", record.complaints, (numbers.complaint_goal, numbers.complaint_limit)),
    )
    for what, expected, thresholds in pairs:
        yield _expected_line(what, expected, thresholds, record.rows)


def _expected_line(
    what: str, expected: Expected, thresholds: tuple[float, float], rows: int
) -> str:
    sign = {Level.BELOW: style("✓", GOOD), Level.UNKNOWN: style("?", DIM)}.get(
        Level(expected.review), style("✗", BAD)
    )
    if expected.unknown == rows:
        return f"{sign} {what}: the history is too small to know"
    low, high = (f"{100 * share:g} %" for share in thresholds)
    unknown = f"; {expected.unknown:,} rows not known" if expected.unknown else ""
    return (
        f"{sign} {what}: {expected.expected:,.0f} expected, {expected.low:,.0f} to "
        f"{expected.high:,.0f} of {rows:,} ({expected.low / rows:.2%} to "
        f"{expected.high / rows:.2%}){unknown}: {low} {expected.review}, {high} {expected.limit}"
    )


# ── a mailing, and rates ────────────────────────────────────────────────────────────────────────


def _progress(span: Span, ledger: Store, policy: Policy, as_json: bool) -> int:
    from bouncewise.operations.gate import progress

    found = progress(ledger, policy, span)
    record = GateProgressRecord.of(found, span, policy.gate)
    if as_json:
        echo(dumps(record))
        return int(found.advice is Advised.STOP)
    colour = {Advised.STOP: BAD, Advised.CONTINUE: GOOD, Advised.NOT_YET: DIM}[found.advice]
    rate = f" ({record.rate:.2%})" if record.rate is not None else ""
    echo(
        f"{style(found.advice, colour)}: {found.bounces:,} hard bounces of {found.mails:,} mails"
        f"{rate}, tolerable {record.tolerable:.0%}"
        + (f"; stop advised after {found.stopped_after:,}" if found.stopped_after else ""),
        f"evidence {min(record.evidence, _MUCH):,.3g}, and {record.needed:,.0f} is enough to advise"
        f" a stop. Not counted: {found.exempt:,} in "
        f"outages of receivers, {found.blocked:,} that refused the sender. {found.complaints:,} "
        "complaints.",
    )
    return int(found.advice is Advised.STOP)


def _rates(
    by: str, ledger: Store, policy: Policy, moment: Moment, start: datetime, as_json: bool
) -> int:
    from bouncewise.operations.outcomes import By, rates

    rows = [
        GateRateRow.of(rate, by, policy.gate) for rate in rates(ledger, By(by), start, moment.at)
    ]
    if as_json:
        echo(*map(dumps, rows)) if rows else None
    else:
        echo(style(f"{'mails':>10} {'bounces':>16} {'complaints':>16}  {by}", HEAD))
        for row in rows:
            bounces = _rate(row.bounces, row.mails, row.bounce_level)
            complaints = _rate(row.complaints, row.mails, row.complaint_level)
            echo(f"{row.mails:>10,} {bounces} {complaints}  {row.name or '(not known)'}")
    levels = {level for row in rows for level in (row.bounce_level, row.complaint_level)}
    return int(Level.ABOVE in levels)


def _rate(hits: int, mails: int, level: str) -> str:
    share = f"{hits / mails:.3%}" if mails else "–"
    text = f"{f'{hits:,}  {share}':>16}"
    return style(text, BAD) if level == Level.ABOVE else text
