"""Into the ledger: findings from files, bytes or sockets, classified, appended in transactions, and
settled.

The same input twice changes nothing. Killed at any moment, the ledger holds whole transactions,
and the same call continues from there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from stat import S_ISREG
from types import MappingProxyType
from typing import NamedTuple

from bouncewise import __version__
from bouncewise.intake import files
from bouncewise.intake.reading import ClassifiedFinding, classify_finding, read_paths
from bouncewise.ledger import DeliveryEntry, Entry, entry
from bouncewise.ledger.overview_parts import Forgotten
from bouncewise.model import Engagement, Finding, SenderReport
from bouncewise.operations.context import Context
from bouncewise.operations.decisions import settle
from bouncewise.operations.engagement import prune, record
from bouncewise.readers import Note
from bouncewise.rfc.address import normalise
from bouncewise.times import Micros, datetime_of, micros

ENTRIES = 100_000
"""Entries in one transaction: what is lost, and read again, when the power fails. Many entries
touch each page only once.
"""

EVIDENCE_BYTES = 64 << 20
"""Octets of evidence in one transaction."""

REMEMBERED_BYTES = 1 << 20
"""Octets from which on a file that was read to its end is remembered, so that it is not read
again.
"""

NOTHING: Mapping[str, str] = MappingProxyType({})

_MAX_SOURCE = 1000  # characters kept of the names of the paths


class Session:
    """Findings on their way into a ledger. Call ``flush`` before the findings must be safe,
    ``settle`` for what follows.
    """

    def __init__(self, context: Context, source: str) -> None:
        """*source*: where the findings come from, for people."""
        self._context = context
        with context.ledger.change():
            rules = context.classifier.ruleset.version
            self.batch = context.ledger.open_batch(source[:_MAX_SOURCE], rules, __version__)
        self._examiner = context.examiner(datetime_of(self.batch.began))
        self.new = 0
        self._waiting: list[Entry] = []
        self._acts: list[Engagement] = []
        self.acts = 0
        self._size = 0
        self._forgotten = context.ledger.forgotten if context.ledger.forgotten else None

    def add_item(self, item: Finding | SenderReport | Engagement) -> None:
        """Add whatever a reader gave."""
        if isinstance(item, SenderReport):
            self.add_sender_report(item)
        elif isinstance(item, Engagement):
            self.add_act(item)
        else:
            self.add(item)

    def add(self, finding: Finding) -> None:
        """Find out what proves a finding, classify it and add it."""
        examined = finding if self._examiner is None else self._examiner.examine(finding)
        classified = classify_finding(examined, self._context.classifier)
        self.add_entry(to_entry(self.batch.began, classified))

    def add_entry(self, item: Entry) -> bool:
        """Add an entry made elsewhere; True where that completed a transaction. Evidence of
        before a name was forgotten does not come back.
        """
        if self._forgotten and _is_forgotten(item, self._forgotten):
            return False
        self._waiting.append(item)
        if not isinstance(item, DeliveryEntry):
            self._size += len(item.packed)
        if len(self._waiting) < ENTRIES and self._size < EVIDENCE_BYTES:
            return False
        self.flush()
        return True

    def add_sender_report(self, report: SenderReport) -> None:
        """Add a report about our own mail, at once."""
        with self._context.ledger.change():
            self.new += self._context.ledger.sender_reports.add(self.batch, report)

    def add_act(self, act: Engagement) -> None:
        """Add an act of a recipient; not one of before the address was forgotten."""
        if self._forgotten:
            since = self._forgotten.since(normalise(act.recipient))
            if since is not None and micros(act.at) <= since:
                return
        self._acts.append(act)
        if len(self._acts) >= ENTRIES:
            self.flush()

    def flush(
        self, cursor: tuple[str, int] | None = None, notes: Mapping[str, str] = NOTHING
    ) -> None:
        """Write everything that was added, in one transaction, and with it up to where a source
        was read: its name and the place; and *notes* to remember, by name.
        """
        ledger, numbers = self._context.ledger, self._context.policy.segment
        with ledger.change():
            self.new += ledger.append(self.batch, self._waiting)
            if self._acts:
                record(ledger, self._acts, numbers, datetime_of(self.batch.began))
                self.acts += len(self._acts)
            if cursor is not None:
                ledger.move_cursor(*cursor)
            for name, text in notes.items():
                ledger.remember(name, text)
        self._acts.clear()
        self._waiting.clear()
        self._size = 0

    def mark_done(self, fingerprint: bytes, path: str) -> None:
        """Write everything, and remember that the file with this fingerprint was read to its
        end.
        """
        self.flush()
        with self._context.ledger.change():
            self._context.ledger.mark_done(self.batch, fingerprint, path)

    def settle(self) -> None:
        """Write everything, find incidents, and decide about all addresses that the new evidence
        affects.
        """
        self.flush()
        settle(self._context.ledger, self._context.policy)
        if self.acts:
            prune(self._context.ledger, self._context.policy.segment)


Changes = dict[tuple[str, str], int]


def _is_forgotten(item: Entry, forgotten: Forgotten) -> bool:
    if isinstance(item, DeliveryEntry):
        names = {item.name}
    else:
        verp, original, final, header = item.names
        names = {verp, original, final, *header} - {""}
    times = (forgotten.since(name) for name in names)
    return any(since is not None and item.at <= since for since in times)


class Tally(NamedTuple):
    """What an ingest did: reports read, deliveries among them, the others new to the ledger,
    known files, notes; and acts of recipients (opens, clicks), which are no reports.

    ``changes``: by state and cause, how many more addresses and domains are not mailed, or fewer.
    """

    reports: int
    deliveries: int
    new: int
    known_files: int
    notes: int
    acts: int = 0
    changes: Changes = {}  # noqa: RUF012 - nobody changes it


def to_entry(began: Micros, classified: ClassifiedFinding) -> Entry:
    """The entry of a classified finding; *began*: when the reading began."""
    finding, verdict, receiver, own = classified
    return entry(finding, verdict, receiver, began, own)


def ingest(
    paths: tuple[str, ...],
    context: Context,
    *,
    note: Callable[[Note], None],
    progress: Callable[[int, int], None] = lambda *_: None,
    jobs: int = 1,
) -> Tally:
    """Read everything under *paths* into the ledger and derive what follows.

    *note* gets each note, *progress* the reports and octets after each transaction; *jobs*
    processes read.
    """
    session = Session(context, " ".join(paths))
    unread = _Unread(paths, context)
    before = context.ledger.state_counts()
    reports = deliveries = notes = octets = 0
    transform = partial(to_entry, session.batch.began)
    examiner = context.examiner(datetime_of(session.batch.began))
    for path, items in read_paths(iter(unread), context.classifier, transform, jobs, examiner):
        ends_early = False
        for item in items:
            if isinstance(item, Note):
                notes += 1
                ends_early |= item.ends_early
                note(item)
                continue
            if isinstance(item, Engagement):
                session.add_act(item)
                continue
            reports += 1
            if isinstance(item, SenderReport):
                session.add_sender_report(item)
                continue
            deliveries += isinstance(item, DeliveryEntry)
            if session.add_entry(item):
                progress(reports, octets + unread.known_octets)
        fingerprint, size = unread.file(path)
        octets += size
        if fingerprint and not ends_early:
            session.mark_done(fingerprint, path)
        progress(reports, octets + unread.known_octets)
    session.settle()
    changes = _difference(before, context.ledger.state_counts())
    return Tally(reports, deliveries, session.new, unread.known_files, notes, session.acts, changes)


def _difference(before: Changes, after: Changes) -> Changes:
    every = sorted({*before, *after})
    found = {key: after.get(key, 0) - before.get(key, 0) for key in every}
    return {key: count for key, count in found.items() if count}


class _Unread:
    """The files under some paths that the ledger has not read to their end, with their
    fingerprints.
    """

    def __init__(self, paths: tuple[str, ...], context: Context) -> None:
        self._paths, self._ledger = paths, context.ledger
        self._files: dict[str, tuple[bytes, int]] = {}
        self.known_files = self.known_octets = 0

    def __iter__(self) -> Iterator[str]:
        for path in files.expand(self._paths):
            fingerprint, size = _fingerprint(path)
            if fingerprint and self._ledger.is_done(fingerprint):
                self.known_files += 1
                self.known_octets += size
            else:
                self._files[path] = fingerprint, size
                yield path

    def file(self, path: str) -> tuple[bytes, int]:
        """The fingerprint and the size of a file that was read; the fingerprint of a small one
        is empty.
        """
        return self._files.pop(path, (b"", 0))


def _fingerprint(path: str) -> tuple[bytes, int]:
    """What identifies the content of a large file, as this version reads it, and its size; nothing
    for small ones, for pipes, and for what cannot be read.
    """
    try:
        found = Path(path).stat()
        if path == files.STDIN or not S_ISREG(found.st_mode) or found.st_size < REMEMBERED_BYTES:
            return b"", found.st_size
        with Path(path).open("rb") as stream:
            digest = hashlib.file_digest(stream, _new_digest)
    except OSError:
        return b"", 0  # reading it gives a note
    return digest.digest(), found.st_size


def _new_digest() -> hashlib.blake2b:
    return hashlib.blake2b(__version__.encode(), digest_size=16)
