"""From the spool into the ledger, and what follows from it.

Reads: the records from the ledger's own cursor on. Gives: their reports, in the ledger in one
transaction with the cursor, so that a crash at any moment repeats records and loses none; a
repeated record changes nothing. Decisions are derived again by a tick: when something waits, and
longer has passed than five times the last derivation took.

A record that makes a reader raise, or on which this process died twice, is put into the folder
``poison`` beside the spool and passed.
"""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import msgspec

from bouncewise.errors import BouncewiseError
from bouncewise.intake.formats import reader_for
from bouncewise.model import Channel, Finding, Proof, Provenance
from bouncewise.operations.context import Context
from bouncewise.operations.ingest import Session
from bouncewise.providers import PayloadReader
from bouncewise.readers import Note
from bouncewise.readers.base import HEAD, Item
from bouncewise.service import spool
from bouncewise.service.spool import Record

TOGETHER = 500
"""Records of one transaction."""

SESSION = 60.0
"""Seconds after which a new batch begins in the ledger: the time of reading of its events."""

WEBHOOK, LMTP, SMTP = "webhook", "lmtp", "smtp"
"""Kinds of records."""

_TRYING = "trying"
_MOST_TRIES = 2


class _Tried(NamedTuple):
    """The offset of the first record that was tried together, and how often; -1: nothing."""

    offset: int
    times: int


_NOTHING = _Tried(-1, 0)

Tell = Callable[[str], None]
"""Gets one line for the operator."""


class Drain:
    """Moves records of one spool into one ledger."""

    def __init__(self, folder: Path, context: Context, tell: Tell) -> None:
        self._folder, self._context, self._tell = folder, context, tell
        self._name = cursor_name(folder)
        self.cursor = context.ledger.cursor(self._name)
        self._session: Session | None = None
        self._began = 0.0
        self._unsettled = False
        self._settled_at = self._settle_took = 0.0
        self._tried = self._last_tried()
        self._left_to_search = TOGETHER
        self.records = self.poisoned = 0

    def step(self) -> int:
        """Move the next records, at most TOGETHER; how many there were."""
        found = list(islice(spool.read(self._folder, self.cursor), TOGETHER))
        if not found:
            return 0
        if self._tried.offset >= 0:  # the process ended: one at a time, to find the record
            del found[1:]
        self._try(found[0][0])
        try:
            self._move_all(found)
        except BouncewiseError:  # the ledger's fault, not that of a record
            self._forget_try()
            raise
        self._succeeded()
        return len(found)

    def settle_if_due(self, now: float) -> bool:
        """Derive the decisions that the new evidence changes, if it is time; *now*: seconds of a
        clock that does not jump.
        """
        wait = max(1.0, 5 * self._settle_took)
        if not self._unsettled or now - self._settled_at < wait:
            return False
        self.settle()
        return True

    def settle(self) -> None:
        """Derive the decisions that the new evidence changes."""
        begun = time.monotonic()
        self._session_now().settle()
        self._unsettled = False
        self._settled_at = time.monotonic()
        self._settle_took = self._settled_at - begun

    def clean_up(self, keep: spool.Keep, now: float) -> None:
        """Remove the files of the spool that were read and are not kept."""
        if early := spool.clean_up(self._folder, self.cursor, keep, now):
            self._tell(
                f"the spool needs room: {early} read files were removed before [spool] keep_days"
            )

    def _session_now(self) -> Session:
        """The session to use until what it is given was flushed: it holds that in memory."""
        if self._session is None or time.monotonic() - self._began > SESSION:
            self._session = Session(self._context, "service")
            self._began = time.monotonic()
        return self._session

    def _move_all(self, found: list[tuple[int, int, Record]]) -> None:
        session = self._session_now()
        for begin, end, record in found:
            if begin != self.cursor:
                self._tell(
                    f"the spool is damaged at offset {self.cursor}: what stands before offset"
                    f" {begin} cannot be read"
                )
            self._move(session, begin, record)
            self.cursor = end
        session.flush((self._name, self.cursor))
        self._unsettled = True

    def _move(self, session: Session, begin: int, record: Record) -> None:
        if self._tried.offset == begin and self._tried.times > _MOST_TRIES:
            self._poison(begin, record, "the process ended while it was read")
            return
        try:
            for item in items_of(record):
                if isinstance(item, Note):
                    self._tell(f"{item.path}: {item.text}")
                else:
                    session.add_item(item)
        except BouncewiseError:
            raise
        except Exception as defect:  # the next records must not wait for this one
            self._poison(begin, record, f"{type(defect).__name__}: {defect}"[:300])
        self.records += 1

    def _poison(self, begin: int, record: Record, why: str) -> None:
        folder = self._folder / "poison"
        folder.mkdir(mode=0o700, exist_ok=True)
        file = folder / f"{begin:020d}.msgpack"
        file.write_bytes(msgspec.msgpack.encode((why, record)))
        file.chmod(0o600)
        self.poisoned += 1
        self._tell(f"a record of {record.source} cannot be read and is kept as {file}: {why}")

    # ── what was tried when the process ended ───────────────────────────────────────────────────

    def _last_tried(self) -> _Tried:
        try:
            offset, times = (self._folder / _TRYING).read_text("ascii").split()
            return _Tried(int(offset), int(times))
        except (OSError, ValueError):
            return _NOTHING

    def _try(self, begin: int) -> None:
        """Note what is tried, and how often it was; a process that is killed leaves the note."""
        times = self._tried.times + 1 if self._tried.offset == begin else 1
        with contextlib.suppress(OSError):  # a full disk is emptied by reading on
            (self._folder / _TRYING).write_text(f"{begin} {times}", "ascii")
        if self._tried.offset >= 0:
            self._tried = _Tried(begin, times)

    def _forget_try(self) -> None:
        (self._folder / _TRYING).unlink(missing_ok=True)

    def _succeeded(self) -> None:
        self._forget_try()
        self._left_to_search -= 1
        if self._left_to_search <= 0:
            self._tried = _NOTHING


def cursor_name(folder: Path) -> str:
    """What the ledger calls its cursor in the spool in *folder*."""
    return f"spool:{spool.spool_id(folder)}"


def items_of(record: Record) -> Iterator[Item]:
    """What a record contains."""
    if record.kind == WEBHOOK:
        yield from map(_received, PayloadReader().read(io.BytesIO(record.body), _place(record)))
        return
    reader = reader_for(record.body[:HEAD], is_mail=True)
    if reader is not None:
        yield from reader.read(io.BytesIO(_with_envelope(record)), _place(record))


def _place(record: Record) -> str:
    return f"{record.kind} {record.source}".strip()


def _received(item: Item) -> Item:
    """An event of a webhook whose request was verified."""
    if not isinstance(item, Finding):
        return item
    provenance = Provenance(channel=Channel.WEBHOOK, proof=Proof.SIGNATURE)
    report = msgspec.structs.replace(item.report, provenance=provenance)
    return msgspec.structs.replace(item, report=report)


def _with_envelope(record: Record) -> bytes:
    """The mail with the header fields that final delivery adds (RFC 5321 section 4.4)."""
    added = f"Return-Path: <{record.sender}>\r\n"
    added += "".join(f"Delivered-To: {to}\r\n" for to in record.recipients)
    return added.encode("utf-8", "replace") + record.body
