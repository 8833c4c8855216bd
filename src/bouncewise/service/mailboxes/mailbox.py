"""A mailbox as an input: each message once, in the ledger before it is moved or deleted.

Reads: the messages that its server names, from the position on. Gives: their reports. Only messages
that are themselves reports are moved or deleted; letters, automatic replies, and what cannot be
read, stay where they are. Where the server does not know the position any more, all is read again;
what the ledger knows changes nothing. A message that the server refuses, or at which it drops the
connection, is passed, and asked for again at the end of later looks. Refuses with ConfigError
settings that are not complete.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterable
from typing import Protocol

import msgspec

from bouncewise.config.inputs import Fetch, MailboxKind
from bouncewise.intake.formats import reader_for
from bouncewise.model import Finding, Kind
from bouncewise.readers import Note
from bouncewise.readers.base import HEAD, Item
from bouncewise.readers.messages.interpret import is_itself_report
from bouncewise.service.mailboxes import settings
from bouncewise.service.mailboxes.base import (
    AccountError,
    MailboxError,
    MailServer,
    MessageError,
    ResetError,
)
from bouncewise.service.mailboxes.gmail import GmailLabel
from bouncewise.service.mailboxes.graph import GraphFolder
from bouncewise.service.mailboxes.imap import Folder
from bouncewise.service.mailboxes.pop3 import Maildrop
from bouncewise.service.mailboxes.position import (
    Look,
    Position,
    Read,
    position_of,
    written,
)
from bouncewise.service.mailboxes.sasl import Credentials

MOST_TRIES = 3
"""Looks in which a message that the server refuses is asked for."""

MOST_DROPS = 5
"""The same for a message at which the connection is lost."""

_MOST_REFUSED = 10  # messages in a row, after which the server is given time
_MOST_KEPT = 500  # refused messages that are asked for again

_SERVERS: dict[MailboxKind, Callable[[Fetch, Credentials], MailServer]] = {
    MailboxKind.IMAP: Folder,
    MailboxKind.POP3: Maildrop,
    MailboxKind.GRAPH: GraphFolder,
    MailboxKind.GMAIL: GmailLabel,
}


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

    def look(self) -> None:
        """The mailbox could be read, whether there was something new or not."""


class Mailbox:
    """The mailbox of *fetch*. Raises ConfigError where its settings are not complete."""

    def __init__(self, fetch: Fetch) -> None:
        settings.check(fetch)
        self._fetch = fetch
        self._credentials = Credentials(fetch)
        self.messages = 0
        """Messages with reports that were read, or those that were moved or deleted."""
        self._acts = bool(fetch.move_to or fetch.delete)
        self._called = settings.called(fetch)
        self._unit = "UID" if fetch.kind is MailboxKind.IMAP else "message"
        self.name = settings.source_name(fetch)

    def run(self, position: str, outlet: MailOutlet) -> None:
        """See Source."""
        at = position_of(position)
        with contextlib.closing(self.connect()) as server:
            if not outlet.is_stopping:
                server.check_changes()
            while not outlet.is_stopping:
                at = self._look(server, at, outlet)
                outlet.look()
                if outlet.is_once:
                    return
                server.wait(self._fetch.every, lambda: outlet.is_stopping)

    def connect(self) -> MailServer:
        """The server. Raises MailboxError, ConfigError."""
        return _SERVERS[self._fetch.kind](self._fetch, self._credentials)

    def probe(self) -> None:
        """Log in, and see that the mailbox can be read. Raises MailboxError, ConfigError."""
        with contextlib.closing(self.connect()) as server:
            server.check_changes()
            server.probe()

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
        at = msgspec.structs.replace(position_of(position), pending=())
        with contextlib.closing(kept.connect()) as server:
            kept._look(server, at, outlet)
        return kept.messages

    def _look(self, server: MailServer, at: Position, outlet: MailOutlet) -> Position:
        """Read what is new."""
        look = Look(at)
        try:
            self._read_new(server, look, outlet)
        except ResetError as bad:
            outlet.tell(f"{self._called}: {bad}; all messages are read again")
            look = Look(Position())
            self._read_new(server, look, outlet)
        return look.at

    def _read_new(self, server: MailServer, look: Look, outlet: MailOutlet) -> None:
        again = list(look.refused)
        try:
            for page in server.changes(look.place):
                names = list(page.names)
                self._take_all(server, names, look, outlet)
                if outlet.is_stopping:
                    break
                look.end_of(page, names)
            else:
                self._take_all(server, again, look, outlet, is_new=False)
        except ResetError:
            raise
        except MailboxError:
            self._store(look, outlet)  # what was fetched is not fetched again
            raise
        self._store(look, outlet)
        self._put_away(server, look, outlet)

    def _take_all(
        self,
        server: MailServer,
        names: Iterable[str],
        look: Look,
        outlet: MailOutlet,
        *,
        is_new: bool = True,
    ) -> None:
        for name in names:
            if is_new and look.knows(name):
                continue
            if outlet.is_stopping:
                break
            self._take(server, name, look, outlet)
            if look.is_full():
                self._store(look, outlet)
                if not server.acts_at_end:
                    self._put_away(server, look, outlet)

    def _take(self, server: MailServer, name: str, look: Look, outlet: MailOutlet) -> None:
        """Fetch one message and read it, or note that it cannot be fetched."""
        tries = look.begin(name)
        try:
            raw = server.message(name)
        except AccountError:
            look.forget(name, tries - 1)
            raise
        except MessageError as bad:
            look.in_a_row += tries == 1
            self._note(name, tries, MOST_TRIES, str(bad), look, outlet)
        except MailboxError as bad:
            self._note(name, tries, MOST_DROPS, str(bad), look, outlet)
            raise
        else:
            look.in_a_row = 0
            if raw is not None:
                look.messages.append(self._read(name, raw, outlet))
                look.size += len(raw)
        if look.in_a_row >= _MOST_REFUSED:
            raise MailboxError(f"the server refuses {_MOST_REFUSED} messages in a row")

    def _note(
        self, name: str, tries: int, most: int, why: str, look: Look, outlet: MailOutlet
    ) -> None:
        if tries >= most or len(look.refused) >= _MOST_KEPT:
            look.skipped.append(name)
            end = (
                f"it stays unread after {tries} tries; save it, and read it by `bouncewise ingest`"
            )
        else:
            look.refused[name] = tries
            end = "it is tried again at the next look"
        outlet.tell(f"{self._called}, {self._unit} {name}: {why}; {end}")

    def _store(self, look: Look, outlet: MailOutlet) -> None:
        """Store what was read, and how far."""
        messages = look.messages
        if not messages and look.after(()) == look.at:
            return
        bad = outlet.store([item for read in messages for item in read.items], "")
        done = tuple(
            read.name
            for read in messages
            if (read.may_go if self._acts else any(not isinstance(i, Note) for i in read.items))
            and not any(item is other for item in read.items for other in bad)
        )
        self.messages += len(done)
        self._keep(look, look.after(done if self._acts else ()), outlet)
        look.messages, look.size = [], 0

    def _put_away(self, server: MailServer, look: Look, outlet: MailOutlet) -> None:
        if look.at.pending and (self._fetch.move_to or self._fetch.delete):
            server.put_away(look.at.pending)
            self._keep(look, msgspec.structs.replace(look.at, pending=()), outlet)

    def _keep(self, look: Look, at: Position, outlet: MailOutlet) -> None:
        outlet.store([], written(at))
        look.at = at

    def _read(self, name: str, raw: bytes, outlet: MailOutlet) -> Read:
        place = f"{self._called}, {self._unit} {name}"
        try:
            reader = reader_for(raw[:HEAD], is_mail=True)
            items = list(reader.read(io.BytesIO(raw), place)) if reader else []
            return Read(name, items, self._acts and _may_go(raw, items))
        except Exception as defect:  # the next messages must not wait for this one
            outlet.tell(f"{place}: not read: {defect!r:.300}. Please report it with the message")
            return Read(name, [], may_go=False)


def _may_go(raw: bytes, items: list[Item]) -> bool:
    """Whether a message may be moved or deleted when *items*, which were read from it, are in the
    ledger.
    """
    found = [item for item in items if not isinstance(item, Note)]
    is_reply = any(isinstance(i, Finding) and i.report.kind is Kind.AUTO_REPLY for i in found)
    return bool(found) and not is_reply and is_itself_report(raw)
