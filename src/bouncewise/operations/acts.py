"""Acts of people on addresses and domains: suppressed, released by hand, a sign of life.

Reads: names as people write them, and one act. Gives: what becomes of each. A dry run stores
nothing. Refuses, before anything is stored: what is no name, and an act without effect.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from msgspec import structs

from bouncewise.errors import InputError
from bouncewise.ledger import Store
from bouncewise.lists.names import name_error, name_in
from bouncewise.model import Event
from bouncewise.operations.suppress import effective_time, record
from bouncewise.policy.decide import ADDED, REMOVED
from bouncewise.policy.load import Policy


class Acted(NamedTuple):
    """The act, at the time at which it counts, and each name with a remark where it changes
    nothing, or not all; '' otherwise.
    """

    act: Event
    names: list[tuple[str, str]]


def act_on(
    given: Iterable[str], act: Event, ledger: Store | None, policy: Policy, *, dry_run: bool
) -> Acted:
    """Record *act* on the names *given*; without a *ledger* only a dry run of ADDED can be. Raises
    InputError.
    """
    names = [_name(text, act) for text in given]
    unknown, forgotten = set[str](), set[str]()
    if ledger is not None:
        act = structs.replace(act, at=effective_time(ledger, act.at))
        unknown = set(names) - ledger.with_evidence(names) if act.kind == REMOVED else unknown
        forgotten = set(ledger.forgotten.decisions(names))
    if act.kind == ADDED and act.until is not None and act.until <= act.at:
        raise InputError(f"until {act.until:%Y-%m-%d %H:%M}: is over; it would have no effect")
    if ledger is not None and not dry_run:
        record(names, act, ledger, policy)
    remarks = dict.fromkeys(unknown, "nothing stood against it")
    if act.kind != ADDED:
        remarks |= dict.fromkeys(forgotten, "it was forgotten: what was decided before stays")
    return Acted(act, [(name, remarks.get(name, "")) for name in names])


def _name(text: str, act: Event) -> str:
    name, error = name_in(text)
    if not error and act.kind == ADDED:
        text, error = name, name_error(name) or ""
    if error:
        raise InputError(f"{text}: {error}")
    return name
