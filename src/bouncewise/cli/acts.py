"""Acts of people on addresses and domains, as the verbs record and print them."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import msgspec

from bouncewise.cli.common import echo, echo_error, load_policy, open_ledger
from bouncewise.cli.places import ledger_location
from bouncewise.contract import dumps
from bouncewise.contract.runs import ActRecord
from bouncewise.ledger import exists
from bouncewise.model import Event
from bouncewise.operations.acts import act_on
from bouncewise.operations.suppress import added_by, effective_time, record
from bouncewise.policy.decide import ADDED


def record_act(
    names: Iterable[str],
    act: Event,
    db: str | None,
    policy_path: Path | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Record an act on *names* (``-``: those on standard input), and print it.

    Raises InputError for what is no name, before anything is stored.
    """
    given, policy = each_line(names), load_policy(policy_path)
    creates = act.kind == ADDED and not exists(ledger_location(db))
    with ExitStack() as opened:
        ledger = None
        if not (creates and dry_run):
            ledger = opened.enter_context(
                open_ledger(db, create=act.kind == ADDED and not dry_run, write=not dry_run)
            )
        done = act_on(given, act, ledger, policy, dry_run=dry_run)
    for name, remark in done.names:
        _print(name, done.act, remark, dry_run, as_json)


def remove_added_by(
    author: str,
    since: datetime | None,
    act: Event,
    db: str | None,
    policy_path: Path | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Remove what *author* added, and name what stays because something else stands as well."""
    with open_ledger(db, write=not dry_run) as ledger:
        free, kept = added_by(author, since, ledger)
        if not dry_run:
            act = msgspec.structs.replace(act, at=effective_time(ledger, act.at))
            record(free, act, ledger, load_policy(policy_path))
    for name in free:
        _print(name, act, "", dry_run, as_json)
    for name in kept:
        echo_error(f"note: {name}: stays; something else stands against it as well")
    if not as_json:
        echo(f"{len(free):,} {'would be ' if dry_run else ''}removed, {len(kept):,} stay")


def each_line(names: Iterable[str]) -> Iterable[str]:
    """*names*, with the lines of standard input in place of ``-``."""
    for name in names:
        if name == "-":
            yield from (line for line in sys.stdin if line.strip())
        else:
            yield name


def _print(name: str, act: Event, remark: str, dry_run: bool, as_json: bool) -> None:
    if as_json:
        echo(dumps(ActRecord.of(name, act, remark, dry_run=dry_run)))
    else:
        end = f" ({remark})" if remark else ""
        echo(f"{'would be ' if dry_run else ''}{act.kind}: {name}{end}")
