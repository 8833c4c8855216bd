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
            echo(*(_labels_json(rows) if as_json else _labels(rows)))
            return
        days = max(2, -(-(now - first) // timedelta(days=1))) if first else _WEEK
        found = overview(ledger, load_policy(policy_path), now, (1, days))
    echo(*(_json(found) if as_json else _text(found, now)))


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


def _text(found: Overview, now: datetime) -> list[str]:
    status = found.status
    latest = f"{status.latest:%Y-%m-%d %H:%M}" if status.latest.year > 1970 else "never"
    lines = [
        style(
            f"{status.names:,} addresses and domains with bounces, complaints or acts; "
            f"{status.unmailable:,} not to be mailed",
            HEAD,
        )
        + style(f"   last evidence {latest} UTC", DIM)
    ]
    if status.rows:
        lines.append(style(f"{'count':>10}  {'state':10}  {'cause':24}  {'basis':8}  trust", DIM))
    lines += (
        f"{count:>10,}  {row.state:10}  {row.cause:24}  {row.basis:8}  {row.trust}"
        for row, count in status.rows
    )
    lines += ["", *(_changes(days, changes) for days, changes in found.changes.items())]
    lines += (_source(source, last, now) for source, last in sorted(found.sources.items()))
    lines += _needs_somebody(found)
    if status.on_claims_alone:
        lines.append(
            f"{status.on_claims_alone:,} rest on claims alone: notices that anybody could have "
            "sent. `bouncewise release --trust claimed` undoes them; docs/trust.md says how to "
            "prove notices."
        )
    return lines


def _changes(days: int, changes: list[tuple[tuple[State, str], int]]) -> str:
    when = "last 24 hours" if days == 1 else f"last {days} days"
    if not changes:
        return f"{when}: no change"
    total = sum(count for _, count in changes)
    named = ", ".join(f"{count:,} {state} {cause}" for (state, cause), count in changes[:_CAUSES])
    more = total - sum(count for _, count in changes[:_CAUSES])
    return f"{when}: {total:,} more not to be mailed: {named}{f', {more:,} others' if more else ''}"


def _source(source: str, last: datetime, now: datetime) -> str:
    line = f"source {source}: last entry {last:%Y-%m-%d %H}h UTC"
    silent = now - last > _SILENT
    return f"{line}{style(f', {(now - last).days} days ago', BAD)}" if silent else line


def _needs_somebody(found: Overview) -> list[str]:
    if not found.incidents and not found.alerts:
        return ["no open incident, and no receiver that refuses you"]
    lines = ["", style("needs you", HEAD)]
    lines += map(_incident, found.incidents)
    for alert in found.alerts:
        where = ", ".join(r or "other hosts" for r in alert.receivers)
        what = f"{alert.cause} at {where}" if alert.cause else "notices that nothing proves"
        lines.append(
            f"  {style(what, BAD)}: {alert.refused:,} addresses, {alert.since:%Y-%m-%d} to "
            f"{alert.until:%Y-%m-%d}; nobody is suppressed for it"
        )
        lines += (f"      {step}" for step in _steps(alert)[:2])
    lines.append(style("  `bouncewise incidents` shows the replies and all steps", DIM))
    return lines


def _incident(incident: Incident) -> str:
    if incident.destination == OWN_DNS:
        return (
            f"  {style('your own DNS resolver', BAD)}: {incident.newly_refused:,} domains failed "
            f"at once since {incident.opened:%Y-%m-%d %H:%M}: check it"
        )
    if incident.baseline_rate is None:
        return (
            f"  {style(incident.destination, BAD)}: refused all {incident.newly_refused:,} "
            f"addresses since {incident.opened:%Y-%m-%d %H:%M}, and no mail was ever delivered "
            f"there. `bouncewise incidents show {incident.destination}`"
        )
    return (
        f"  {style(incident.destination, BAD)}: refuses {incident.newly_refused:,} addresses that "
        f"had mail delivered lately, since {incident.opened:%Y-%m-%d %H:%M}; they are held. "
        f"`bouncewise incidents show {incident.destination}`"
    )


def _steps(alert: Alert) -> tuple[str, ...]:
    return tuple(load_classifier().ruleset.causes[alert.cause].do) if alert.cause else CLAIMS_DO


def _labels_json(rows: list[LabelRow]) -> list[str]:
    return [dumps(LabelAuditRow(**row._asdict())) for row in rows]


def _labels(rows: list[LabelRow]) -> list[str]:
    if not rows:
        return ["the ledger has no failures with a provider's label in this time"]
    lines = [_contradiction(row) for row in rows if row.contradicts] or [
        "no label contradicts the replies"
    ]
    lines.append(style(f"{'addresses':>10}  {'provider':12}  {'its label':36}  what it means", DIM))
    for row in rows:
        line = f"{row.addresses:>10,}  {row.esp:12}  {row.label[:36]:36}  {row.cause}"
        lines.append(style(line, BAD) if row.contradicts else line)
    return lines


def _contradiction(row: LabelRow) -> str:
    what = "valid" if row.permanence == "permanent" else "dead"
    return f"{row.esp} calls {row.addresses:,} {what} addresses {row.label} ({row.cause})"
