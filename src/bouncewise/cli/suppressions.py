"""``bouncewise suppressions``: who must not be mailed, by whom and why; changed by hand, imported, exported."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import click
import msgspec

from bouncewise import contract
from bouncewise.cli.common import (
    BAD,
    DIM,
    at_option,
    by_option,
    classifier,
    json_option,
    ledger_options,
    moment,
    open_ledger,
    out,
    paint,
    policy,
    why_option,
)
from bouncewise.errors import InputError
from bouncewise.ledger import Ledger
from bouncewise.lists import formats
from bouncewise.model import Cause, Decision, Event, Scope, State
from bouncewise.operations import pipeline, release
from bouncewise.policy.decide import ADDED, REMOVED, standing
from bouncewise.policy.load import Policy
from bouncewise.rfc import address

FORMAT = click.Choice([*formats.FORMATS, "postfix"])


@click.group("suppressions", short_help="list, add, remove, import, export")
def command() -> None:
    """Who must not be mailed: list, add, remove, import, export. Every entry says who, when and why."""


@command.command("list")
@click.option("--held", is_flag=True, help="Those that are held for a time, instead of those suppressed.")
@at_option
@ledger_options
@json_option
def list_(held: bool, at: str | None, db: str | None, policy_path: Path | None, as_json: bool) -> None:
    """One row per suppression, addresses and domains."""
    with open_ledger(db) as ledger:
        for name, decision in _standing(ledger, policy(policy_path), at, State.HELD if held else State.SUPPRESSED):
            if as_json:
                out(contract.dumps(contract.suppression(name, decision)))
            else:
                until = f" until {decision.until:%Y-%m-%d}" if decision.until else ""
                since = f"{decision.since:%Y-%m-%d}" if decision.since else ""
                who = paint(f"by {decision.by}" if decision.by else decision.rule, DIM)
                out(
                    f"{since}{until}  {paint(name, BAD)}  {decision.cause or ''} ({decision.scope})  {decision.why}  {who}"
                )


@command.command()
@click.argument("names", nargs=-1, required=True)
@why_option()
@click.option("--cause", type=click.Choice([c.value for c in Cause]), help="The cause, if it is one of ours.")
@click.option("--scope", type=click.Choice([s.value for s in Scope]), default=Scope.ALL.value, show_default=True)
@click.option("--until", metavar="TIME", help="Until when; default: for good.")
@by_option
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@ledger_options
@json_option
def add(
    names: tuple[str, ...], why: str, cause: str | None, scope: str, until: str | None, by: str, dry_run: bool,
    db: str | None, policy_path: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Suppress ADDRESS… or @domain… by hand.

    \b
    bouncewise suppressions add jo@example.com @closed.example --why "asked by phone, ticket 4711"
    """
    end = moment(until)[0] if until else None
    act = _act(ADDED, by, why, Cause(cause) if cause else None, Scope(scope), end)
    _enter(names, act, db, policy_path, dry_run, as_json)


@command.command()
@click.argument("names", nargs=-1, required=True)
@why_option()
@by_option
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@ledger_options
@json_option
def remove(
    names: tuple[str, ...],
    why: str,
    by: str,
    dry_run: bool,
    db: str | None,
    policy_path: Path | None,
    as_json: bool,
) -> None:
    """Free ADDRESS… or @domain…: earlier evidence is kept, and counts no more.

    \b
    bouncewise suppressions remove jo@example.com --why "typo in their forwarder, mended"
    """
    _enter(names, _act(REMOVED, by, why, None, Scope.ALL, None), db, policy_path, dry_run, as_json)


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, allow_dash=True))
@click.option("--format", "form", type=click.Choice(list(formats.FORMATS)), help="Default: by the columns.")
@click.option("--by", default=None, help="Where it comes from; default: import:FORMAT.")
@click.option("--dry-run", is_flag=True, help="Count, and change nothing.")
@ledger_options
@json_option
def import_(
    file: Path, form: str | None, by: str | None, dry_run: bool, db: str | None, policy_path: Path | None, as_json: bool
) -> None:
    """Take over the list of an ESP: SES, SendGrid, Postmark, Mailgun, SparkPost, or a plain CSV.

    An SMTP reply in the list is judged anew: what it shows to be no dead address is not taken over.
    """
    judge, rules = classifier(()).judge, policy(policy_path)
    added = known = living = 0
    now = datetime.now(UTC)
    with open_ledger(db, create=not dry_run) as ledger, ledger.change():
        names = []
        for row in formats.load(file, form):
            verdict = judge(row.said) if row.said[:3].isdigit() or "." in row.said[:6] else None
            if verdict is not None and verdict.party in ("sender", "message", "system"):
                living += 1
                continue
            cause = row.cause or (verdict.cause if verdict else None)
            act = Event(
                at=row.at or now,
                kind=ADDED,
                cause=cause,
                scope=row.scope,
                words=row.said[:200],
                by=by or f"import:{row.form}",
            )
            name = address.normalise(row.address)
            if dry_run or ledger.act(name, act):
                added += 1
                names.append(name)
            else:
                known += 1
        if not dry_run:
            pipeline.derive(ledger, rules, names)
    if as_json:
        out(contract.dumps({"added": added, "known": known, "not_taken_over": living, "dry_run": dry_run}))
    else:
        out(
            f"{'would add' if dry_run else 'added'} {added:,}; {known:,} were there; "
            f"{living:,} not taken over: their replies say the address is fine"
        )


@command.command()
@click.option("--format", "form", type=FORMAT, default="csv", show_default=True, help="postfix is an access(5) map.")
@click.option(
    "-o", "--output", type=click.File("w", encoding="utf-8", lazy=True), default="-", help="Default: standard output."
)
@at_option
@ledger_options
@json_option
def export(form: str, output: IO[str], at: str | None, db: str | None, policy_path: Path | None, as_json: bool) -> None:
    """Write the suppressions as an ESP or Postfix takes them.

    \b
    bouncewise suppressions export --format postfix -o /etc/postfix/bounced && postmap /etc/postfix/bounced
    """
    with open_ledger(db) as ledger:
        rows = _standing(ledger, policy(policy_path), at, State.SUPPRESSED)
        lines = (
            (contract.dumps(contract.suppression(n, d)) + "\n" for n, d in rows)
            if as_json
            else formats.dump(form, rows)
        )
        for line in lines:
            output.write(line)


def _standing(ledger: Ledger, rules: Policy, at: str | None, state: State) -> Iterator[tuple[str, Decision]]:
    """What stands in *state* at a time: now from what was derived, for the past from the evidence up to then."""
    when, past = moment(at)
    if past:
        found = pipeline.decisions_on(ledger.known(), ledger, rules, when)
    else:
        found = ((name, standing(decision, when)) for name, decision in ledger.states())
    return ((name, decision) for name, decision in found if decision.state is state)


def _act(kind: str, by: str, why: str, cause: Cause | None, scope: Scope, until: datetime | None) -> Event:
    now = datetime.now(UTC)
    return Event(at=now, kind=kind, cause=cause, scope=scope, words=why, by=by, until=until)


def _enter(
    names: tuple[str, ...], act: Event, db: str | None, policy_path: Path | None, dry_run: bool, as_json: bool
) -> None:
    for name in names:
        if "@" not in name:
            raise InputError(f"{name}: neither an address nor an @domain")
    meant = [address.normalise(name) for name in names]
    if not dry_run:
        with open_ledger(db, create=act.kind == ADDED) as ledger:
            act = msgspec.structs.replace(act, at=release.acting_at(ledger, act.at))
            pipeline.record(meant, act, ledger, policy(policy_path))
    for name in meant:
        if as_json:
            out(contract.dumps({"name": name, "act": act.kind, "by": act.by, "why": act.words, "dry_run": dry_run}))
        else:
            out(f"{'would be ' if dry_run else ''}{act.kind}: {name}")
