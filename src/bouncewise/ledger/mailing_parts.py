"""What a store answers about mailings, as protocols; see protocol.py."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Protocol

from bouncewise.ledger.records import GapCount, Mailed, Mailing, Outcome
from bouncewise.model import Report
from bouncewise.times import Day, Micros, Slot


class Outcomes(Protocol):
    """What became of mailings."""

    def mailings(self, campaign: str | None, stream: str | None) -> list[Mailing]:
        """The mailings of a campaign, of a stream, or of both."""

    def delivered_by_slot(
        self, since: datetime, until: datetime, mailings: Collection[int] | None
    ) -> list[tuple[Slot, int]]:
        """How many addresses had mail of *mailings* (None: any) delivered, by slot."""

    def last_delivered(
        self,
        names: Iterable[str],
        since: datetime,
        until: datetime,
        mailings: Collection[int] | None,
    ) -> dict[str, Slot]:
        """The slot of the last delivery of *mailings* to each of *names* that has one."""

    def hard_bounces(
        self, since: datetime, until: datetime, names: Collection[str] | None = None
    ) -> Iterator[Outcome]:
        """Final refusals for a fault of the address or its domain, in the order of time;
        of *names*, if they are given.
        """

    def complaints(
        self, since: datetime, until: datetime, names: Collection[str] | None = None
    ) -> Iterator[Outcome]:
        """Complaints, in the order of time; of *names*, if they are given."""

    def sender_refused(
        self, since: datetime, until: datetime, mailings: Collection[int] | None
    ) -> int:
        """How many addresses refused the sender or the message."""

    def first_day(self) -> Day | None:
        """The day of the first delivery."""

    def gaps(self, since: Day, until: Day) -> Iterator[GapCount]:
        """Deliveries to addresses by week and by the days since the delivery before."""

    def gaps_by_source(self, since: Day, until: Day) -> Iterator[GapCount]:
        """The same of the addresses whose source is known, by source."""

    def sent_by_source(self, since: datetime, until: datetime) -> dict[str, int]:
        """By source: how many of its addresses had mail delivered, each once a day."""

    def add_sources(self, sources: Iterable[tuple[str, str]], at: datetime) -> None:
        """Record where addresses were collected: (name, source)."""


class Engagement(Protocol):
    """Acts of recipients by day."""

    def add(self, counts: Iterable[tuple[str, Day, str, int]]) -> None:
        """Add (name, day, kind, number) of acts."""

    def span(self) -> tuple[Day, Day] | None:
        """The first and the last day with any act; None where no act is known."""

    def prune(self, before: Day) -> None:
        """Forget acts before that day."""

    def delivery_times(
        self, names: Iterable[str], since: Day, until: Day
    ) -> dict[str, list[Micros]]:
        """The first and last delivery of each of those days to each of *names*, in order."""

    def known(self, names: Collection[str], until: Day) -> Iterator[Mailed]:
        """What is known of the mails and acts of each of *names* up to and with that day."""

    def statements(self, names: Collection[str], until: datetime) -> dict[str, list[Report]]:
        """The reports about each of *names* that may name another address, the latest first."""

    def mails(self, names: Collection[str], since: datetime, until: datetime) -> dict[str, int]:
        """On how many days mail was delivered to each of *names*."""
