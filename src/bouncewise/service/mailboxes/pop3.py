"""A mailbox by POP3 (RFC 1939) over TLS, with SASL (RFC 5034) and STLS (RFC 2595).

Reads: the settings of a mailbox. Gives: its messages as octets, by the names that UIDL states,
without which nobody could say which ones are new. Messages are deleted at the end of a session: the
server deletes them when it answers QUIT, and none if the connection is lost before (RFC 1939
section 6). Between two looks there is no connection, because a session locks the mailbox. Refuses
with MailboxError what the server refuses; of a message MAX_MESSAGE octets are kept.
"""

from __future__ import annotations

import base64
import contextlib
import poplib
import re
import ssl
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from bouncewise.config.inputs import Fetch, Security
from bouncewise.readers.messages.interpret import MAX_MESSAGE
from bouncewise.service.mailboxes.base import (
    MOST_TEXT,
    TIMEOUT,
    MailboxError,
    MessageError,
    Page,
    ProtocolError,
    RefusedError,
    pause,
)
from bouncewise.service.mailboxes.sasl import Credentials, Mechanism
from bouncewise.service.mailboxes.settings import host_of, port_of

MOST_MESSAGES = 200_000
"""Messages of a mailbox whose names are read."""

_MOST_OCTETS = 256 << 20  # of one answer, of which what is too much is passed
_PART = 1 << 16
_UIDL = re.compile(rb"(\d{1,10}) +([!-~]{1,70})\s*")  # RFC 1939 section 7


class _Bounded(poplib.POP3):
    """A connection whose answers are bounded, and whose lines may be long: poplib refuses those of
    more than 2,048 octets, which mail has.
    """

    def lines(self, command: str) -> Iterator[bytes]:
        """The lines of a long answer (RFC 1939 section 3), with their ends, as they come."""
        self._shortcmd(command)  # type: ignore[attr-defined]
        octets, is_begin = 0, True
        while True:
            part = self.file.readline(_PART)
            octets += len(part)
            if not part or octets > _MOST_OCTETS:
                raise poplib.error_proto("-ERR EOF" if not part else "an answer without end")
            if is_begin and part.startswith(b"."):
                if part in (b".\r\n", b".\n"):
                    return
                part = part[1:]
            is_begin = part.endswith(b"\n")
            yield part

    def log_in(self, mechanism: Mechanism, secret: str) -> None:
        """Log in by SASL."""
        self._shortcmd(f"AUTH {mechanism.name}")  # type: ignore[attr-defined]
        for answer in (mechanism.first(secret), mechanism.after_error):
            text = base64.b64encode(answer).decode()
            reply: bytes = self._shortcmd(text)  # type: ignore[attr-defined]
            if reply.startswith(b"+OK"):
                return
        raise poplib.error_proto("-ERR no answer to AUTH")


class _BoundedTls(_Bounded, poplib.POP3_SSL):
    pass


class Maildrop:
    """The mailbox of *fetch*; see MailServer."""

    acts_at_end = True

    def __init__(self, fetch: Fetch, credentials: Credentials) -> None:
        self._fetch, self._credentials = fetch, credentials
        self._connection: _Bounded | None = None
        self._numbers: dict[str, bytes] = {}

    def check_changes(self) -> None:
        """See MailServer: whatever the server, exactly what is named is deleted."""

    def probe(self) -> None:
        """See MailServer."""
        self._session()

    def changes(self, place: str) -> Iterator[Page]:
        """See MailServer; everything is one page."""
        self._session()
        yield Page(tuple(self._numbers), "", is_whole=True)

    def message(self, name: str) -> bytes | None:
        """See MailServer."""
        connection = self._session()
        number = self._numbers.get(name)
        if number is None:
            return None
        kept = bytearray()
        try:
            with self._errors("fetching"):
                for line in connection.lines(f"RETR {number.decode()}"):
                    if len(kept) < MAX_MESSAGE:
                        kept += line
        except RefusedError as bad:
            raise MessageError(str(bad)) from None
        except ProtocolError as bad:
            self._drop()
            raise MessageError(str(bad)) from None
        return bytes(kept[:MAX_MESSAGE])

    def put_away(self, names: tuple[str, ...]) -> None:
        """See MailServer. Ends the session: only then messages are deleted."""
        connection = self._session()
        with self._errors("deleting"):
            for name in names if self._fetch.delete else ():
                if name in self._numbers:
                    connection.dele(self._numbers[name].decode())
            connection.quit()
        self._connection = None

    def wait(self, seconds: float, is_over: Callable[[], bool]) -> None:
        """See MailServer."""
        self.close()
        pause(seconds, is_over)

    def close(self) -> None:
        """End the session; nothing is deleted that was not before."""
        if self._connection is not None:
            with contextlib.suppress(poplib.error_proto, OSError):
                self._connection.quit()
        self._drop()

    def _session(self) -> _Bounded:
        """The connection; a new one, and the names anew, where there is none."""
        if self._connection is None:
            secret = self._credentials.secret()
            with self._errors("connecting"):
                connection = self._connection = _connected(self._fetch)
            self._log_in(connection, secret)
            with self._errors("listing the messages"):
                self._numbers = _names(connection.lines("UIDL"))
        return self._connection

    def _log_in(self, connection: _Bounded, secret: str) -> None:
        user = self._fetch.user
        try:
            offered = _mechanisms(connection)
            mechanism = self._credentials.mechanism(offered)
            if mechanism is None:
                connection.user(user)
                connection.pass_(secret)
            else:
                connection.log_in(mechanism, secret)
        except poplib.error_proto as bad:
            self._drop()
            answer = _text(bad).replace(secret, "…")
            if _is_lost(bad):
                raise MailboxError(f"logging in: {answer}") from None
            self._credentials.refused()
            raise MailboxError(f"the server refuses the login of {user}: {answer}") from None
        except OSError as bad:
            self._drop()
            raise MailboxError(f"logging in: {bad}") from None

    def _drop(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.close()
        self._connection = None

    @contextlib.contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        """Faults as MailboxError; after other than a refusal there is no connection any more."""
        try:
            yield
        except poplib.error_proto as bad:
            self._fail(doing, bad)
        except OSError as bad:
            self._drop()
            raise MailboxError(f"{doing}: {bad}") from None

    def _fail(self, doing: str, bad: poplib.error_proto) -> NoReturn:
        text = f"{doing}: {_text(bad)}"
        if _is_lost(bad):
            self._drop()
            raise MailboxError(f"{doing}: the server has closed the connection") from None
        if text.startswith(f"{doing}: -ERR"):
            raise RefusedError(text) from None
        self._drop()
        raise ProtocolError(text) from None


def _connected(fetch: Fetch) -> _Bounded:
    host, port = host_of(fetch), port_of(fetch)
    context = ssl.create_default_context()
    if fetch.security is Security.TLS:
        return _BoundedTls(host, port, timeout=TIMEOUT, context=context)
    connection = _Bounded(host, port, timeout=TIMEOUT)
    if fetch.security is Security.STARTTLS:
        connection.stls(context)
    return connection


def _mechanisms(connection: _Bounded) -> set[str]:
    """The SASL mechanisms that the server offers; none where it does not know CAPA (RFC 2449)."""
    try:
        lines = [line.split() for line in connection.lines("CAPA")]
    except poplib.error_proto as bad:
        if _is_lost(bad):
            raise
        return set()
    named = (line[1:] for line in lines if line and line[0].upper() == b"SASL")
    return {word.decode("ascii", "replace").upper() for words in named for word in words}


def _names(lines: Iterator[bytes]) -> dict[str, bytes]:
    """The number of each message by its name. Raises MailboxError."""
    found: dict[str, bytes] = {}
    for line in lines:
        if (entry := _UIDL.fullmatch(line)) and len(found) < MOST_MESSAGES:
            found[entry[2].decode()] = entry[1]
    return found


def _is_lost(bad: poplib.error_proto) -> bool:
    return "EOF" in str(bad)


def _text(bad: Any) -> str:
    first = bad.args[0] if bad.args else b""
    text = first.decode("utf-8", "replace") if isinstance(first, bytes) else str(first)
    return " ".join(text.split())[:MOST_TEXT]
