"""The part of a store that has the reports of receivers about the mail of our domains, as what it
answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from bouncewise.ledger.records import Batch
from bouncewise.ledger.report_records import (
    DmarcCount,
    DmarcDomain,
    DmarcPassed,
    NewSource,
    PolicySeen,
    SignalCount,
    TlsCount,
)
from bouncewise.model import SenderReport


class SenderReports(Protocol):
    """Reports of receivers about the mail of our domains."""

    def add(self, batch: Batch, report: SenderReport) -> bool:
        """Add *report*; False where it is there already."""

    def domains(self, since: datetime) -> list[DmarcDomain]:
        """The domains with DMARC reports since that moment."""

    def policies(self, domain: str, since: datetime) -> list[PolicySeen]:
        """The policies of *domain* that reporters saw, the latest first."""

    def rows(self, domain: str, since: datetime) -> Iterator[DmarcCount]:
        """The mails that name *domain*, by source and results, the most frequent first."""

    def new_sources(
        self, since: datetime, known: int = 0, domain: str | None = None
    ) -> list[NewSource]:
        """Sources that no report named before that moment, of each domain those of the most mails
        first. *known*: the number of a report; up to it, reports were known before.
        """

    def mails(self, since: datetime, known: int) -> dict[str, tuple[int, int]]:
        """By domain the mails in reports since that moment, and those of reports up to *known*."""

    def passed(self, since: datetime) -> list[DmarcPassed]:
        """The mails of each domain in reports since then, and how many of them pass."""

    def newest(self) -> int:
        """The number of the DMARC report that was added last; 0 where there is none."""

    def tls(self, since: datetime) -> list[TlsCount]:
        """The sessions with the servers of each domain, by the policy that applied."""

    def signals(self, since: datetime) -> list[SignalCount]:
        """The figures of receivers since then, by origin, subject, name and day."""
