"""What a store gives that is no noun of ``model``: small records of its answers."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from bouncewise.model import Cause, Label, Report
from bouncewise.times import Day, Micros, Slot


class Batch(NamedTuple):
    """One run of ingest: its number, and when it began."""

    number: int
    began: Micros


class Refusals(NamedTuple):
    """By slot, the ids of addresses refused for the first time since a delivery, and of those
    refused repeatedly.
    """

    new: dict[Slot, set[int]]
    repeated: dict[Slot, set[int]]


class SenderRefusals(NamedTuple):
    """One receiver's refusals of the sender for one cause on one day: addresses, deliveries
    there, the first and last time, and sample words.
    """

    cause: Cause
    day: Day
    receiver: str
    refused: int
    delivered: int
    first: datetime
    last: datetime
    words: str


class Sent(NamedTuple):
    """How many addresses had mail of a stream and campaign delivered by a receiver on a day."""

    day: Day
    stream: str
    campaign: str
    receiver: str
    addresses: int


class Fates(NamedTuple):
    """Others refused with the same cause: how many; of them delivered to in the time before;
    delivered to since.
    """

    refused: int = 0
    delivered_before: int = 0
    delivered_since: int = 0


class DomainRecord(NamedTuple):
    """How many addresses of a domain were refused when they were mailed, and how many after their
    mail was accepted.
    """

    refused: int
    returned: int


class Period(NamedTuple):
    """A period, and the last moment of which anything is to be known."""

    since: datetime
    until: datetime
    known: datetime


class Block(NamedTuple):
    """Reports that were added together. ``began``: the time by which those without one of their
    own are filed.
    """

    number: int
    began: Micros
    reports: list[Report]


class FailedMail(NamedTuple):
    """A mail that failed for good, by one report: the address that was mailed, and what is known
    of the mail.

    ``words``: those that decided; ``reply``: the whole reply, as far as the report has it;
    ``bearing``: what the refusal is about (model/bearing.py); ``mail``: the key of the Message-ID,
    0: unknown; ``label``: what the ESP calls the event; ``is_delivered_since``: the same mail, or
    one of the same campaign, was delivered to the address later.
    """

    name: str
    at: datetime
    cause: Cause
    words: str
    reply: str
    receiver: str
    bearing: str
    mail: int
    message_id: str
    label: Label | None
    stream: str
    campaign: str
    is_delivered_since: bool


class RefusalCount(NamedTuple):
    """The addresses that one cause concerns at a destination, with its first and last refusal."""

    cause: Cause
    refused: int
    first: datetime
    last: datetime


class RefusalReport(NamedTuple):
    """One refusal with the report as it was read."""

    cause: Cause
    at: datetime
    report: Report


class ComplaintCount(NamedTuple):
    """The addresses that complained about mail of a stream at a receiver; ``claimed``: those of
    which nothing proves it.
    """

    stream: str
    receiver: str
    complaints: int
    claimed: int


class Mailing(NamedTuple):
    """A stream and campaign with its number."""

    number: int
    stream: str
    campaign: str


class Outcome(NamedTuple):
    """A hard bounce or a complaint. ``directory``: the receiver whose directory answered;
    ``accepted``: the mail was accepted first; ``before``: the day of the last delivery of an
    earlier mail, None where there was none.
    """

    name: str
    at: datetime
    bearing: str
    directory: str
    receiver: str
    mailing: int
    accepted: bool
    source: str
    before: Day | None


class GapCount(NamedTuple):
    """Deliveries of one week whose addresses had their last one ``gap`` days before (None: never);
    ``source``: where the addresses were collected, '' for all sources together.
    """

    source: str
    week: int
    gap: int | None
    mails: int


class Mailed(NamedTuple):
    """The mails and acts of an address, by days: its last ``act`` of a person; the ``first`` mail;
    days with ``mails``, those ``since`` the act, and those ``covered`` by activity data, of which
    ``covered_first`` is the first; the ``last`` mail. None: there is none.
    """

    name: str
    act: Day | None
    first: Day | None
    mails: int
    since: int
    covered: int
    covered_first: Day | None
    last: Day | None


class Run(NamedTuple):
    """A run of ingest: what it read, the rules that judged, and when it began."""

    source: str
    rules: str
    began: datetime


class Mention(NamedTuple):
    """Where a name stands in what somebody wrote as the reason of an act, or of a ruling on an
    incident: ``about`` whom or what it is; ``table`` and ``number`` are its row.
    """

    table: str
    number: int
    about: str
    at: datetime
    by: str
    why: str


class Import(NamedTuple):
    """An import of a list: its number, the file, and when it was made."""

    number: int
    file: str
    at: datetime


class Subject(NamedTuple):
    """What an act is about: the name where it is one, the incident, or the file of an import; how
    many ``names`` it concerns; the ``number`` of the import or of the record, 0: none.
    """

    subject: str
    names: int
    number: int = 0


class AuditEntry(NamedTuple):
    """An act of a person: its number; when it was done, by whom, what and why; what it is about,
    as in Subject; and the time at which it counts.
    """

    id: int
    at: datetime
    by: str
    kind: str
    subject: str
    names: int
    why: str
    effective: datetime
    number: int
