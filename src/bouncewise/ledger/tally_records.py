"""What the counts of a ledger give: small records."""

from __future__ import annotations

from typing import NamedTuple

from bouncewise.model import Decision, Report
from bouncewise.times import Day


class Tally(NamedTuple):
    """Counts of one day at one receiver. ``kind``: failed or delayed; ``bearing``: what a final
    failure is about (model/bearing.py).
    """

    day: Day
    receiver: str
    kind: str
    bearing: str
    cause: str
    reports: int


class DomainTally(NamedTuple):
    """Counts of one ``@domain``: final failures about addresses, about the domain and about the
    sender, other final failures, and deferrals.
    """

    domain: str
    address: int
    about_domain: int
    sender: int
    other: int
    delayed: int


class ReplyTally(NamedTuple):
    """How often a reply was given at a receiver, and how it is read."""

    reply: int
    receiver: str
    kind: str
    cause: str
    rule: str
    reports: int


class ReadBy(NamedTuple):
    """Which replies are wanted: ``group`` is ``unclassified`` (a cause of ``no_cause`` or a rule of
    ``no_rule``), ``model`` (a rule of ``by_model``) or ``rule`` (all others).
    """

    group: str
    no_cause: tuple[str, ...]
    no_rule: tuple[str, ...]
    by_model: tuple[str, ...]


class RefusingDay(NamedTuple):
    """Final failures of a day at a receiver for one cause; None: the day is not counted yet."""

    day: Day
    receiver: str | None
    cause: str | None
    reports: int


class ReplyExample(NamedTuple):
    """The words of a reply, and a report that has it; None: it was removed."""

    words: str
    report: Report | None


class StateTally(NamedTuple):
    """How many Decisions there are of one kind; ``cause``: the rule where there is none."""

    state: str
    basis: str
    cause: str
    trust: str
    names: int


class StatePlace(NamedTuple):
    """A place in the order of Decisions, the latest first."""

    since: int
    address: int
    basis: str
    scope: str
    stream: str


class Shown(NamedTuple):
    """A page of Decisions; ``after``: the place behind it, None: this is the last page."""

    rows: list[tuple[str, Decision]]
    after: StatePlace | None
