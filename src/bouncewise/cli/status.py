"""``bouncewise status``: what the ledger holds, what changed, and what needs somebody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import click

from bouncewise.cli.common import (
    BAD,
    DIM,
    HEAD,
    at_option,
    echo,
    json_option,
    ledger_options,
    load_classifier,
    load_policy,
    open_ledger,
    parse_moment,
    parse_optional_time,
    style,
)
from bouncewise.cli.grid import Column, clock, print_table, wrapped
from bouncewise.contract import dumps, time
from bouncewise.contract.incidents import AlertRow, IncidentRow
from bouncewise.contract.runs import (
    LabelAuditRow,
    SourceRow,
    StatusChangeRow,
    StatusCountRow,
    StatusRecord,
)
from bouncewise.ledger.deliveries import OWN_DNS
from bouncewise.model import Alert, Incident, State
from bouncewise.operations.alerts import CLAIMS_DO
from bouncewise.operations.status import LabelRow, Overview, label_audit, overview

_WEEK = 7
_LABEL_DAYS = 90
_CAUSES = 4  # causes that are named in one line
_SILENT = timedelta(days=2)


@click.command("status")
@click.option(
    "--since", metavar="TIME", help="Count changes since this time too. Default: 7 days ago."
)
@click.option(
    "--labels",
    is_flag=True,
    help="Compare what providers call failures (of 90 days, or since --since) with what the "
    "replies mean.",
)
@at_option
@ledger_options
@json_option
def command(
    since: str | None,
    labels: bool,
    at: str | None,
    db: str | None,
    policy_path: Path | None,
    as_json: bool,
) -> None:
    """Show what the ledger holds: addresses and domains that are not mailed, by state, cause, basis
    (evidence, a person's act, the recipient's wish) and trust (docs/trust.md); what changed; open
    incidents and alerts, with what to do; and when each source was heard last.

    \b
    bouncewise status
    bouncewise status --labels   # does a provider call dead addresses temporary?
    """
    now = parse_moment(at).at
    first = parse_optional_time(since, "--since")
    with open_ledger(db) as ledger:
        if labels:
            rows = label_audit(ledger, first or now - timedelta(days=_LABEL_DAYS), now)
            if as_json:
                echo(*_labels_json(rows))
            else:
                _print_labels(rows)
            return
        days = max(2, -(-(now - first) // timedelta(days=1))) if first else _WEEK
        found = overview(ledger, load_policy(policy_path), now, (1, days))
    if as_json:
        echo(*_json(found))
    else:
        _print(found, now)


def _json(found: Overview) -> Iterator[str]:
    yield dumps(StatusRecord.of(found.status))
    for row, count in found.status.rows:
        yield dumps(StatusCountRow.of(row, count))
    for days, changes in found.changes.items():
        for (state, cause), count in changes:
            yield dumps(StatusChangeRow(days=days, state=state, cause=cause, count=count))
    for source, last in sorted(found.sources.items()):
        yield dumps(SourceRow(source=source, last=time(last)))
    for incident in found.incidents:
        yield dumps(IncidentRow.of(incident))
    for alert in found.alerts:
        yield dumps(AlertRow.of(alert, _steps(alert)))


_COLUMNS = (
    Column("count", right=True),
    Column("state"),
    Column("cause"),
    Column("basis"),
    Column("trust"),
)


def _print(found: Overview, now: datetime) -> None:
    status = found.status
    head = (
        f"{status.names:,} addresses and domains with bounces, complaints or acts; "
        f"{status.unmailable:,} not to be mailed"
    )
    latest = clock(status.latest) if status.latest.year > 1970 else "never"
    echo(*_styled(wrapped(head), HEAD), style(f"last evidence {latest}", DIM), "")
    counts = (
        (f"{count:,}", row.state, row.cause, row.basis, row.trust) for row, count in status.rows
    )
    if print_table(_COLUMNS, counts):
        echo()
    for days, changes in found.changes.items():
        echo(*wrapped(_changes(days, changes), "", "  "))
    for source, last in sorted(found.sources.items()):
        echo(_source(source, last, now))
    echo(*_needs_somebody(found))
    if status.on_claims_alone:
        text = (
            f"{status.on_claims_alone:,} rest on claims alone: notices that anybody could have "
            "sent. `bouncewise release --trust claimed` undoes them; docs/trust.md says how to "
            "prove notices."
        )
        echo(*wrapped(text))


def _styled(lines: list[str], colour: str) -> list[str]:
    return [style(line, colour) for line in lines]


def _changes(days: int, changes: list[tuple[tuple[State, str], int]]) -> str:
    when = "last 24 hours" if days == 1 else f"last {days} days"
    if not changes:
        return f"{when}: no change"
    total = sum(count for _, count in changes)
    named = ", ".join(f"{count:,} {state} {cause}" for (state, cause), count in changes[:_CAUSES])
    more = total - sum(count for _, count in changes[:_CAUSES])
    return f"{when}: {total:,} more not to be mailed: {named}{f', {more:,} others' if more else ''}"


def _source(source: str, last: datetime, now: datetime) -> str:
    line = f"source {source}: last entry {clock(last)}"
    silent = now - last > _SILENT
    return f"{line}{style(f', {(now - last).days} days ago', BAD)}" if silent else line


def _needs_somebody(found: Overview) -> list[str]:
    if not found.incidents and not found.alerts:
        return ["no open incident, and no receiver that refuses you"]
    lines = ["", style("needs you", HEAD)]
    for incident in found.incidents:
        where = incident.destination
        name = "your own DNS resolver" if where == OWN_DNS else where
        lines += [f"  {style(name, BAD)}", *wrapped(_incident(incident), "    ")]
    for alert in found.alerts:
        where = ", ".join(r or "other hosts" for r in alert.receivers)
        what = f"{alert.cause} at {where}" if alert.cause else "notices that nothing proves"
        text = (
            f"{alert.refused:,} addresses, {clock(alert.since)} to {clock(alert.until)}; nobody is "
            "suppressed for it"
        )
        lines += [f"  {style(what, BAD)}", *wrapped(text, "    ")]
        for step in _steps(alert)[:2]:
            lines += wrapped(f"do: {step}", "    ", " " * 8)
    lines.append(style("  `bouncewise incidents` shows the replies and all steps", DIM))
    return lines


def _incident(incident: Incident) -> str:
    since = clock(incident.opened)
    if incident.destination == OWN_DNS:
        return f"{incident.newly_refused:,} domains failed at once since {since}: check it"
    show = f"`bouncewise incidents show {incident.destination}`"
    if incident.baseline_rate is None:
        return (
            f"refused all {incident.newly_refused:,} addresses since {since}, and no mail was ever "
            f"delivered there. {show}"
        )
    return (
        f"refuses {incident.newly_refused:,} addresses that had mail delivered lately, since "
        f"{since}; they are held. {show}"
    )


def _steps(alert: Alert) -> tuple[str, ...]:
    return tuple(load_classifier().ruleset.causes[alert.cause].do) if alert.cause else CLAIMS_DO


def _labels_json(rows: list[LabelRow]) -> list[str]:
    return [dumps(LabelAuditRow(**row._asdict())) for row in rows]


_LABELS = (
    Column("addresses", right=True),
    Column("provider"),
    Column("its label", text=True),
    Column("what it means"),
    Column("", colour=BAD),
)


def _print_labels(rows: list[LabelRow]) -> None:
    if not rows:
        echo("the ledger has no failures with a provider's label in this time")
        return
    lines = [_contradiction(row) for row in rows if row.contradicts]
    for line in lines or ["no label contradicts the replies"]:
        echo(*wrapped(line, "", "  "))
    print_table(
        _LABELS,
        (
            (f"{r.addresses:,}", r.esp, r.label, r.cause, "contradicts" if r.contradicts else "")
            for r in rows
        ),
    )


def _contradiction(row: LabelRow) -> str:
    what = "valid" if row.permanence == "permanent" else "dead"
    return f"{row.esp} calls {row.addresses:,} {what} addresses {row.label} ({row.cause})"
