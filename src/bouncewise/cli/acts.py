"""Acts of people on addresses and domains, as the verbs record and print them."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bouncewise.cli.common import echo, echo_error, load_policy, open_ledger, parse_name
from bouncewise.cli.places import ledger_location
from bouncewise.contract import dumps
from bouncewise.contract.runs import ActRecord
from bouncewise.errors import InputError
from bouncewise.ledger import exists
from bouncewise.lists.names import name_error
from bouncewise.model import Event
from bouncewise.operations.suppress import added_by, effective_time, record
from bouncewise.policy.decide import ADDED, REMOVED

if TYPE_CHECKING:
    from bouncewise.ledger import Store


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
    normalised = [parse_name(name) for name in each_line(names)]
    for name in normalised:
        if act.kind == ADDED and (error := name_error(name)):
            raise InputError(f"{name}: {error}")
    unknown, forgotten = set[str](), set[str]()
    creates = act.kind == ADDED and not exists(ledger_location(db))
    if creates and dry_run:
        _require_effect(act)
    else:
        with open_ledger(db, create=act.kind == ADDED and not dry_run, write=not dry_run) as ledger:
            act = msgspec.structs.replace(act, at=effective_time(ledger, act.at))
            _require_effect(act)
            unknown = _unknown(normalised, ledger) if act.kind == REMOVED else unknown
            forgotten = set(ledger.forgotten.decisions(normalised))
            if not dry_run:
                record(normalised, act, ledger, load_policy(policy_path))
    for name in normalised:
        remark = "nothing stood against it" if name in unknown else ""
        if name in forgotten and act.kind != ADDED:
            remark = "it was forgotten: what was decided before stays"
        _print(name, act, remark, dry_run, as_json)


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


def _require_effect(act: Event) -> None:
    if act.kind == ADDED and act.until is not None and act.until <= act.at:
        raise InputError(f"--until {act.until:%Y-%m-%d %H:%M}: is over; it would have no effect")


def _unknown(names: list[str], ledger: Store) -> set[str]:
    """Those of *names* that neither evidence nor an act concerns."""
    return set(names) - ledger.with_evidence(names)


def _print(name: str, act: Event, remark: str, dry_run: bool, as_json: bool) -> None:
    if as_json:
        echo(dumps(ActRecord(name=name, act=act.kind, by=act.by, why=act.words, dry_run=dry_run)))
    else:
        end = f" ({remark})" if remark else ""
        echo(f"{'would be ' if dry_run else ''}{act.kind}: {name}{end}")
