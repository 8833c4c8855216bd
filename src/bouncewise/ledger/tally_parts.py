"""The parts of a store that answer pages with counts that the ledger keeps."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from bouncewise.ledger.tally_records import (
    DomainTally,
    ReadBy,
    ReplyExample,
    ReplyTally,
    Shown,
    StatePlace,
    StateTally,
    Tally,
)
from bouncewise.times import Day


class StateTallies(Protocol):
    """How many Decisions there are of each kind, and pages of them."""

    def counts(self, now: datetime) -> list[StateTally]:
        """The Decisions in force at *now*, by kind."""

    def begun(self, state: str, cause: str, since: datetime, now: datetime) -> int:
        """How many Decisions of one kind began from then to *now*."""

    def newest(
        self, kinds: Iterable[tuple[str, str]], after: StatePlace | None, most: int, now: datetime
    ) -> Shown:
        """At most *most* Decisions of these *kinds* (state and cause), the latest first."""

    def at_domain(self, domain: str, after: int, now: datetime) -> Shown:
        """Decisions on the addresses at an ``@domain``, some addresses at a time."""


class Tallies(Protocol):
    """Counts of refusals and deferrals by day, receiver, domain and reply."""

    @property
    def states(self) -> StateTallies:
        """The counts of Decisions."""

    def refresh(self) -> bool:
        """Count some of the hours that are due, inside a transaction; whether more are due."""

    def due(self) -> int:
        """How many hours have events that are not counted yet."""

    def days(self, since: Day, until: Day, receiver: str | None = None) -> list[Tally]:
        """The counts of the days from *since* to before *until*, of one *receiver* if given."""

    def sent(self, since: Day, until: Day, receiver: str | None = None) -> dict[Day, int]:
        """How many addresses had mail delivered on each of those days."""

    def sent_by_receiver(self, since: Day, until: Day) -> dict[str, int]:
        """How many addresses had mail delivered on those days, by receiver."""

    def domains(self, receiver: str, since: Day, most: int) -> list[DomainTally]:
        """The domains at *receiver* with the most counts in the weeks from that of *since* on."""

    def delivered_to(self, domains: Iterable[str], since: Day, until: Day) -> dict[str, int]:
        """How many addresses at each ``@domain`` had mail delivered on those days."""

    def replies(
        self, since: Day, until: Day, receiver: str | None = None, read_by: ReadBy | None = None
    ) -> list[ReplyTally]:
        """The counts of the commonest replies in the weeks of these days."""

    def words(self, replies: Iterable[int]) -> dict[int, str]:
        """The words of some replies."""

    def reply(self, number: int) -> ReplyExample | None:
        """One reply, with a report that has it; None: there is none."""

    def reply_weeks(self, number: int) -> list[tuple[int, ReplyTally]]:
        """The counts of one reply by week, the latest first."""
