"""The parts of a store that answer questions of people about many mails at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from bouncewise.ledger.records import DayCount, FailedMail, ReceiverCount, Run, StatePage


class FailedMails(Protocol):
    """The mails that failed for good."""

    def between(
        self, since: datetime, until: datetime, receiver: str | None = None
    ) -> Iterator[FailedMail]:
        """The mails that failed from *since* to before *until*, in the order of time, once for
        each report.
        """


class Daily(Protocol):
    """Counts and pages."""

    def refused(self, since: datetime, until: datetime) -> list[DayCount]:
        """Final refusals by day and by whom they are about."""

    def receivers(self, since: datetime, until: datetime) -> list[ReceiverCount]:
        """Addresses refused by each receiver, by cause, the most first."""

    def states(
        self, after: int, most: int, state: str | None = None, cause: str | None = None
    ) -> StatePage:
        """At most *most* Decisions of names behind the id *after*."""

    def runs(self, most: int) -> list[Run]:
        """The last runs of ingest, the latest first."""
