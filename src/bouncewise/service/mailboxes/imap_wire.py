"""The wire of IMAP (RFC 3501): a connection whose literals and numbers are bounded, and its faults.

Reads: the settings of a mailbox. Gives: a connection, and each fault of it as one of three errors:
the server refuses one command, its answer breaks the protocol, or the connection is lost. Refuses
literals of more than MAX_MESSAGE octets, of which nothing is read.
"""

from __future__ import annotations

import contextlib
import imaplib
import re
import ssl
from collections.abc import Iterator

from bouncewise.config.inputs import Fetch, Security
from bouncewise.readers.messages.interpret import MAX_MESSAGE
from bouncewise.service.mailboxes.base import (
    MOST_TEXT,
    TIMEOUT,
    MailboxError,
    ProtocolError,
    RefusedError,
)
from bouncewise.service.mailboxes.settings import port_of

_LITERAL = re.compile(rb"\{(\d{1,10000})\}\r\n$")
_NUMBER_END = 1 << 32  # nz-number (RFC 9051 section 9)
_BROKEN = ("unexpected response", "unexpected tagged response")


class _BrokenError(OSError):
    """See ProtocolError. (imaplib makes other errors of its own ones.)"""


class _Bounded(imaplib.IMAP4):
    def readline(self) -> bytes:
        try:
            line = super().readline()
        except imaplib.IMAP4.error as bad:
            raise _BrokenError(*bad.args) from None
        found = _LITERAL.search(line)
        if found and (len(found[1]) > 10 or int(found[1]) > MAX_MESSAGE):
            raise _BrokenError(f"a literal of {found[1][:20].decode()} octets is too long")
        return line


class _BoundedTls(_Bounded, imaplib.IMAP4_SSL):
    pass


def connected(fetch: Fetch) -> imaplib.IMAP4:
    """A connection to the server of *fetch*, nobody logged in."""
    if fetch.security is Security.TLS:
        context = ssl.create_default_context()
        return _BoundedTls(fetch.host, port_of(fetch), ssl_context=context, timeout=TIMEOUT)
    connection = _Bounded(fetch.host, port_of(fetch), timeout=TIMEOUT)
    if fetch.security is Security.STARTTLS:
        connection.starttls(ssl.create_default_context())
    return connection


@contextlib.contextmanager
def errors(doing: str) -> Iterator[None]:
    """Faults of imaplib and of the network as MailboxError; *doing* is named in its text."""
    try:
        yield
    except _BrokenError as bad:
        raise ProtocolError(f"{doing}: {text_of(bad)}") from None
    except imaplib.IMAP4.abort as bad:
        text = text_of(bad)
        is_broken = any(words in text for words in _BROKEN)
        raise (ProtocolError if is_broken else MailboxError)(f"{doing}: {text}") from None
    except imaplib.IMAP4.error as bad:
        raise RefusedError(f"{doing}: {text_of(bad)}") from None
    except OSError as bad:
        raise MailboxError(f"{doing}: {text_of(bad)}") from None


def text_of(bad: Exception) -> str:
    """What the server says, in one line."""
    first = bad.args[0] if bad.args and isinstance(bad.args[0], bytes) else str(bad)
    text = first.decode("utf-8", "replace") if isinstance(first, bytes) else first
    return " ".join(text.split())[:MOST_TEXT]


def number(digits: bytes, doing: str) -> int:
    """A number below 2^32. Raises ProtocolError."""
    if len(digits) > 10 or int(digits) >= _NUMBER_END:
        raise ProtocolError(f"{doing}: {digits[:30].decode()} is no number below 2^32")
    return int(digits)
