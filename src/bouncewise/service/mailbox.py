"""A mailbox as an input: each message once, in the ledger before it is moved or deleted.

Reads: the messages of a folder, from the position on: the folder's UIDVALIDITY, the last UID, and
the UIDs that are in the ledger and not moved or deleted yet. Gives: their reports. Only messages
that are themselves reports are moved or deleted; letters, automatic replies, and what cannot be
read, stay where they are. Where UIDVALIDITY changes, all is read
again; what the ledger knows changes nothing. Refuses with ConfigError settings that are not
complete.
"""

from __future__ import annotations

import contextlib
import io
from itertools import chain
from typing import NamedTuple, Protocol

import msgspec

from bouncewise.config.inputs import Fetch, Security
from bouncewise.errors import ConfigError
from bouncewise.intake.formats import reader_for
from bouncewise.model import Finding, Kind
from bouncewise.readers import Note
from bouncewise.readers.base import HEAD, Item
from bouncewise.readers.messages.interpret import is_itself_report
from bouncewise.service.imap import Folder, MessageError
from bouncewise.service.imap_wire import MailboxError

TOGETHER = 50
"""Messages, or octets, after which reports are stored."""

OCTETS = 16 << 20

MOST_TRIES = 3
"""Runs in which a message that the server refuses is asked for."""

_MOST_REFUSED = 10  # messages in a row, after which the server is given time
_MOST_KEPT = 500  # refused messages that are asked for again
_HERE = ("localhost", "127.0.0.1", "::1")


class Position(msgspec.Struct, frozen=True, array_like=True):
    """How far a folder was read; ``pending``: UIDs to move or delete; ``refused``: UIDs that the
    server refused, and how often.
    """

    validity: int = 0
    uid: int = 0
    pending: tuple[int, ...] = ()
    refused: tuple[tuple[int, int], ...] = ()


class _Read(NamedTuple):
    """A message, and what was read from it; *may_go*: it is itself a report."""

    uid: int
    items: list[Item]
    may_go: bool


class _Batch:
    """What was read and is not stored yet; ``last``: the last UID, ``in_a_row``: new messages
    that the server refused since the last one that it gave.
    """

    def __init__(self, last: int, refused: dict[int, int]) -> None:
        self.messages: list[_Read] = []
        self.size = self.in_a_row = 0
        self.last, self.refused = last, refused


class MailOutlet(Protocol):
    """What a mailbox needs of its outlet; see Feeder."""

    @property
    def is_once(self) -> bool:
        """Whether only what is there is read."""

    @property
    def is_stopping(self) -> bool:
        """Whether the input is to end."""

    def store(self, items: list[Item], position: str) -> list[Item]:
        """Store; those that could not be."""

    def tell(self, line: str) -> None:
        """One line for the operator."""


class Mailbox:
    """The mailbox of *fetch*. Raises ConfigError where its settings are not complete."""

    def __init__(self, fetch: Fetch) -> None:
        place = f"[[fetch]] {fetch.name or fetch.host}"
        for key in ("host", "user"):
            if not getattr(fetch, key):
                raise ConfigError(f"{place}: {key} is missing")
        if bool(fetch.password) == bool(fetch.token_command):
            raise ConfigError(f"{place}: either password or token_command is necessary")
        if fetch.move_to and fetch.delete:
            raise ConfigError(f"{place}: either move_to or delete")
        if fetch.move_to and fetch.move_to == fetch.folder:
            raise ConfigError(f"{place}: move_to is the folder that is read")
        if fetch.security is Security.NONE and fetch.host not in _HERE:
            raise ConfigError(f"{place}: security none is only for a server on this machine")
        self._fetch = fetch
        self.messages = 0
        """Messages with reports that were read, or those that were moved or deleted."""
        self._acts = bool(fetch.move_to or fetch.delete)
        self._called = f"mailbox {fetch.name or f'{fetch.user} at {fetch.host}'}"
        # (the position belongs to the folder, whatever it is called)
        self.name = f"imap {fetch.user} {fetch.host}:{fetch.port} {fetch.folder}"

    def run(self, position: str, outlet: MailOutlet) -> None:
        """See Source."""
        at = _position(position)
        with contextlib.closing(Folder(self._fetch)) as folder:
            if not outlet.is_stopping:
                folder.check_changes()
            while not outlet.is_stopping:
                at = self._look(folder, at, outlet)
                if outlet.is_once:
                    return
                folder.wait(self._fetch.every, lambda: outlet.is_stopping)

    @property
    def act(self) -> str:
        """What happens to a message that was read, in words."""
        if self._fetch.move_to:
            return f"would be moved to {self._fetch.move_to}"
        return "would be deleted" if self._fetch.delete else "would be read"

    def try_out(self, position: str, outlet: MailOutlet) -> int:
        """Read what is new, and change nothing; how many messages would be acted on."""
        kept = Mailbox(msgspec.structs.replace(self._fetch, move_to="", delete=False))
        kept._acts = self._acts
        at = msgspec.structs.replace(_position(position), pending=())
        with contextlib.closing(Folder(kept._fetch)) as folder:
            kept._look(folder, at, outlet)
        return kept.messages

    def _look(self, folder: Folder, at: Position, outlet: MailOutlet) -> Position:
        """Read what is new."""
        validity, following = folder.open()
        if validity != at.validity:
            if at.validity:
                outlet.tell(f"{self._called}: UIDVALIDITY has changed; all messages are read again")
            at = Position(validity)
        at = self._put_away(folder, at, outlet)
        batch = _Batch(at.uid, dict(at.refused))
        again = list(batch.refused)
        try:
            for uid in chain(folder.uids(at.uid + 1, following), again):
                self._take(folder, uid, batch, outlet)
                if len(batch.messages) >= TOGETHER or batch.size >= OCTETS:
                    at = self._store(at, batch, outlet)
                    at = self._put_away(folder, at, outlet)
                if outlet.is_stopping:
                    break
        except MailboxError:
            self._store(at, batch, outlet)  # what was fetched is not fetched again
            raise
        return self._put_away(folder, self._store(at, batch, outlet), outlet)

    def _take(self, folder: Folder, uid: int, batch: _Batch, outlet: MailOutlet) -> None:
        """Fetch one message and read it, or note that the server refuses it."""
        tries = batch.refused.pop(uid, 0) + 1
        try:
            raw = folder.message(uid)
        except MessageError as bad:
            batch.in_a_row += tries == 1
            is_last = tries >= MOST_TRIES or len(batch.refused) >= _MOST_KEPT
            if not is_last:
                batch.refused[uid] = tries
            end = "it stays unread" if is_last else "it is tried again at the next look"
            outlet.tell(f"{self._called}, UID {uid}: {bad}; {end}")
        except MailboxError:
            if tries > 1:
                batch.refused[uid] = tries - 1
            raise
        else:
            batch.in_a_row = 0
            if raw is not None:
                batch.messages.append(self._read(uid, raw, outlet))
                batch.size += len(raw)
        batch.last = max(batch.last, uid)
        if batch.in_a_row >= _MOST_REFUSED:
            raise MailboxError(f"the server refuses {_MOST_REFUSED} messages in a row")

    def _store(self, at: Position, batch: _Batch, outlet: MailOutlet) -> Position:
        """Store what was read, and how far; the messages of *batch* are then none."""
        messages, refused = batch.messages, tuple(batch.refused.items())
        if (batch.last, refused) == (at.uid, at.refused) and not messages:
            return at
        bad = outlet.store([item for read in messages for item in read.items], "")
        done = [
            read.uid
            for read in messages
            if (read.may_go if self._acts else any(not isinstance(i, Note) for i in read.items))
            and not any(item is other for item in read.items for other in bad)
        ]
        self.messages += len(done)
        pending = (*at.pending, *done) if self._acts else ()
        at = Position(at.validity, batch.last, pending, refused)
        outlet.store([], _written(at))
        batch.messages, batch.size = [], 0
        return at

    def _put_away(self, folder: Folder, at: Position, outlet: MailOutlet) -> Position:
        if not at.pending:
            return at
        folder.put_away(at.pending)
        at = msgspec.structs.replace(at, pending=())
        outlet.store([], _written(at))
        return at

    def _read(self, uid: int, raw: bytes, outlet: MailOutlet) -> _Read:
        place = f"{self._called}, UID {uid}"
        try:
            reader = reader_for(raw[:HEAD], is_mail=True)
            items = list(reader.read(io.BytesIO(raw), place)) if reader else []
            return _Read(uid, items, self._acts and _may_go(raw, items))
        except Exception as defect:  # the next messages must not wait for this one
            outlet.tell(f"{place}: not read: {defect!r:.300}. Please report it with the message")
            return _Read(uid, [], may_go=False)


def _may_go(raw: bytes, items: list[Item]) -> bool:
    """Whether a message may be moved or deleted when *items*, which were read from it, are in the
    ledger.
    """
    found = [item for item in items if not isinstance(item, Note)]
    is_reply = any(isinstance(i, Finding) and i.report.kind is Kind.AUTO_REPLY for i in found)
    return bool(found) and not is_reply and is_itself_report(raw)


def _position(text: str) -> Position:
    try:
        return msgspec.json.decode(text, type=Position) if text else Position()
    except msgspec.DecodeError:
        return Position()


def _written(position: Position) -> str:
    return msgspec.json.encode(position).decode()
