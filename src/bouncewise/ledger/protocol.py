"""What a store of the ledger answers: the seam between operations and databases.

It uses the nouns of ``model`` and the types of ``times`` only. ``store.SqlStore`` is the store
over ``database.Database``, which knows the dialect; another kind of store need only answer the
same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol, Self

from bouncewise.ledger.entries import Entry
from bouncewise.ledger.mailing_parts import Engagement, Outcomes
from bouncewise.ledger.overview_parts import (
    Audit,
    Daily,
    Erasure,
    FailedMails,
    Forgotten,
    Imports,
)
from bouncewise.ledger.parts import (
    Coverage,
    Familiarity,
    Incidents,
    Index,
    Neighbours,
    Pending,
    Rejudge,
    Traffic,
)
from bouncewise.ledger.records import Batch, Sent
from bouncewise.ledger.report_parts import SenderReports
from bouncewise.ledger.tally_parts import Tallies
from bouncewise.model import Decisions, Event


class Store(Protocol):
    """The ledger: evidence in, evidence and derived state out. Every change is inside ``with
    store.change():``. ``name``: as messages call it; ``path``: the file, or what local files that
    belong to the ledger are named after.
    """

    name: str
    path: Path

    @property
    def traffic(self) -> Traffic:
        """Deliveries and refusals by destination and slot."""

    @property
    def incidents(self) -> Incidents:
        """The incidents."""

    @property
    def pending(self) -> Pending:
        """The names whose state does not follow from the evidence yet."""

    @property
    def neighbours(self) -> Neighbours:
        """Questions about others."""

    @property
    def familiarity(self) -> Familiarity:
        """Questions about many names at once."""

    @property
    def coverage(self) -> Coverage:
        """The times that own logs and events cover."""

    @property
    def sender_reports(self) -> SenderReports:
        """Reports of receivers about the mail of our domains."""

    @property
    def outcomes(self) -> Outcomes:
        """What became of mailings."""

    @property
    def engagement(self) -> Engagement:
        """Acts of recipients by day."""

    @property
    def failed_mails(self) -> FailedMails:
        """The mails that failed for good."""

    @property
    def daily(self) -> Daily:
        """Counts and pages for people who look at the ledger."""

    @property
    def tallies(self) -> Tallies:
        """Counts that the ledger keeps for pages."""

    @property
    def forgotten(self) -> Forgotten:
        """The names that were forgotten."""

    @property
    def imports(self) -> Imports:
        """The imports of lists."""

    @property
    def audit(self) -> Audit:
        """The acts of people, in order."""

    @property
    def erasure(self) -> Erasure:
        """What removes everything about a name."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def close(self) -> None:
        """Close the store."""

    def change(self, *, commit: bool = True) -> AbstractContextManager[None]:
        """A transaction: all of it, or nothing; nothing if not *commit*. Raises LedgerError
        where it fails.
        """

    def version(self) -> tuple[int, int]:
        """A value that differs after any change of the ledger, by this process or another."""

    def is_done(self, fingerprint: bytes) -> bool:
        """Whether the source with this fingerprint was read to its end before."""

    def open_batch(self, source: str, rules: str, version: str) -> Batch:
        """A new batch, of reports from *source* classified by *rules* of bouncewise *version*."""

    def mark_done(self, batch: Batch, fingerprint: bytes, path: str) -> None:
        """Record that a source was read to its end in *batch*."""

    def cursor(self, name: str) -> int:
        """Up to where the source with this name was read; 0: nothing of it."""

    def move_cursor(self, name: str, at: int) -> None:
        """Record that the source was read up to *at*."""

    def remembered(self, name: str) -> str:
        """A note that an operation keeps between its runs; '' where there is none."""

    def remember(self, name: str, text: str) -> None:
        """Keep such a note."""

    def append(self, batch: Batch, entries: list[Entry]) -> int:
        """Add the new ones among *entries*; how many events are new. Names whose state may
        change become pending.
        """

    def prune_mails(self, before: datetime) -> None:
        """Forget the recipients of mails before that time."""

    def act(self, name: str, event: Event) -> bool:
        """Add an act of a person on an address or ``@domain``; False where it is there already. An
        imported one that is there is listed by one more import.
        """

    def latest(self) -> datetime:
        """The latest time of any evidence; 1970 in an empty ledger."""

    def other_rules(self, rules: str) -> str | None:
        """The version of rules other than *rules* applied since the last replay, or None."""

    def rejudging(self, *, trial: bool) -> AbstractContextManager[Rejudge]:
        """Re-evaluate all evidence, as a trial or permanently."""

    def history(self, name: str, until: datetime | None = None) -> list[Event]:
        """All that is known of an address or ``@domain`` up to *until*, in the order of time."""

    def histories(
        self, names: Iterable[str], until: datetime | None = None, *, brief: bool = True
    ) -> Iterator[tuple[str, list[Event]]]:
        """The ``history`` of each of *names*, in their order; *brief*: of deliveries in a row
        only the last.
        """

    def names(self) -> Iterator[str]:
        """Every address and ``@domain`` with evidence other than deliveries, by name."""

    def names_at(self, domain: str, most: int) -> list[str]:
        """The first *most* addresses at an ``@domain`` with evidence other than deliveries, in a
        fixed order.
        """

    def with_evidence(self, names: Iterable[str]) -> set[str]:
        """Those of *names* of which the ledger holds anything but deliveries."""

    def put(self, decisions: Iterable[tuple[str, Decisions]]) -> None:
        """Replace the derived state of names."""

    def states(self, after: str | None = None) -> Iterator[tuple[str, Decisions]]:
        """Everything that is suppressed or held, by name, with holds that have expired; with
        *after* in another fixed order, in which pages are quick: what is behind that name, or from
        the beginning for ''.
        """

    def decisions(self, names: Iterable[str]) -> dict[str, Decisions]:
        """The derived state of those of *names* that have one."""

    def state_counts(self) -> dict[tuple[str, str], int]:
        """How many Decisions there are by state and cause (the rule where there is none)."""

    def index(self) -> Index:
        """The index of everything that is suppressed or held now."""

    def write_index(self) -> None:
        """Write the index into a file if there are enough states that it pays."""

    def sent(self, since: datetime, until: datetime) -> Iterator[Sent]:
        """How many addresses had mail delivered, by day, stream, campaign and receiver."""

    def counts(self) -> dict[str, int]:
        """How many rows the ledger has, by table."""
