"""What the HTTP API answers: the records of the commands, put together. docs/api.md is generated
from it.
"""

from __future__ import annotations

from typing import Annotated

from bouncewise.contract.addresses import AddressAnswer, EventRow, SuppressionRow
from bouncewise.contract.base import Record, about
from bouncewise.contract.imports import ImportRecord
from bouncewise.contract.incidents import AlertRow, IncidentRow
from bouncewise.contract.missed import MissedRow
from bouncewise.contract.runs import (
    ActRecord,
    SourceRow,
    StatusChangeRow,
    StatusCountRow,
    StatusRecord,
)
from bouncewise.contract.service import PoisonRow
from bouncewise.contract.validations import ValidationRow
from bouncewise.contract.verdicts import VerdictRow

_NEXT = "`cursor` of the next page; null: this is the last"


class CheckedAddresses(Record, frozen=True, kw_only=True):
    """An answer for each address, in order."""

    answers: tuple[AddressAnswer, ...]


class Verdicts(Record, frozen=True, kw_only=True):
    """A verdict for each reply, in order."""

    verdicts: tuple[VerdictRow, ...]


class AddressHistory(Record, frozen=True, kw_only=True):
    """May an address or domain be mailed, why, and what happened to it."""

    name: Annotated[str, about("the address or `@domain`, normalised")]
    marketing: Annotated[AddressAnswer, about("for marketing mail")]
    transactional: Annotated[AddressAnswer, about("for transactional mail")]
    events: Annotated[tuple[EventRow, ...], about("its history, the latest first")]
    next: Annotated[str | None, about(_NEXT)]


class Suppressions(Record, frozen=True, kw_only=True):
    """A page of suppressions or holds, in a fixed order."""

    suppressions: tuple[SuppressionRow, ...]
    next: Annotated[str | None, about(_NEXT)]


class Incidents(Record, frozen=True, kw_only=True):
    """A page of incidents, the latest first; with the first page the alerts."""

    incidents: tuple[IncidentRow, ...]
    alerts: tuple[AlertRow, ...]
    next: Annotated[str | None, about(_NEXT)]


class StatusAnswer(Record, frozen=True, kw_only=True):
    """What the ledger holds, what changed, and what needs somebody."""

    status: Annotated[StatusRecord, about("the ledger in numbers")]
    counts: Annotated[tuple[StatusCountRow, ...], about("by kind of decision")]
    changes: Annotated[tuple[StatusChangeRow, ...], about("of the last day and the last week")]
    sources: Annotated[tuple[SourceRow, ...], about("own logs and events")]
    incidents: Annotated[tuple[IncidentRow, ...], about("those that are open")]
    alerts: Annotated[tuple[AlertRow, ...], about("those of the last week")]


class MissedMails(Record, frozen=True, kw_only=True):
    """A page of messages that were not delivered: transactional mail first, then by time."""

    missed: tuple[MissedRow, ...]
    delivered_since: Annotated[int, about("more failures, whose mail was delivered later")]
    next: Annotated[str | None, about(_NEXT)]


class Sources(Record, frozen=True, kw_only=True):
    """When each own log and source of events was heard last."""

    sources: tuple[SourceRow, ...]


class Validations(Record, frozen=True, kw_only=True):
    """A validation of each address, in order."""

    validations: tuple[ValidationRow, ...]
    late: Annotated[
        tuple[str, ...],
        about(
            "domains about which DNS did not answer in time: their addresses are judged without "
            "DNS, `looked_up` is false. A question a little later finds the answers"
        ),
    ]


class PoisonRecords(Record, frozen=True, kw_only=True):
    """A page of records that could not be read, the oldest first."""

    poison: tuple[PoisonRow, ...]
    next: Annotated[str | None, about(_NEXT)]


class Acts(Record, frozen=True, kw_only=True):
    """An act for each name, in order."""

    acts: tuple[ActRecord, ...]


class ImportAnswer(ImportRecord, frozen=True, kw_only=True):
    """What an import did."""

    notes: Annotated[
        tuple[str, ...], about("rows that cannot be used, and what is to be known; at most 100")
    ]


class Undone(Record, frozen=True, kw_only=True):
    """What became of the suppressions of an import."""

    withdrawn: Annotated[int, about("suppressions that ended")]
    kept: Annotated[int, about("names that something else stands against")]
    names: Annotated[tuple[str, ...], about("the first 1,000 that ended")]
    dry_run: Annotated[bool, about("true: nothing was stored")]


class Released(Record, frozen=True, kw_only=True):
    """The suppressions and holds that an incident made."""

    released: Annotated[int, about("how many are released, or would be")]
    suppressions: Annotated[tuple[SuppressionRow, ...], about("the first 1,000 of them")]
    dry_run: Annotated[bool, about("true: nothing was stored")]
