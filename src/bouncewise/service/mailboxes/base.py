"""What all servers of mailboxes have in common: what is asked of them, and their faults.

A server gives the names of messages page by page, each page with the place to go on from, and
messages as octets. Nothing is changed unless messages are to be moved or deleted. No message of
ours contains a password or token.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol

from bouncewise.config.inputs import Fetch
from bouncewise.errors import BouncewiseError

TIMEOUT = 60.0
"""Seconds for which an answer is waited for."""

MOST_TEXT = 200
"""Characters of a server's answer that are repeated."""

LOOK = 0.5
"""Seconds after which a wait looks whether it is to end."""


class MailboxError(BouncewiseError):
    """The server cannot be reached, or refuses something."""


class RefusedError(MailboxError):
    """The server refuses one command; the next may be given."""


class ProtocolError(MailboxError):
    """An answer of the server breaks the protocol; what comes behind it means nothing."""


class MessageError(MailboxError):
    """One message cannot be fetched; the next may be."""


class AccountError(MailboxError):
    """The server gives this account nothing now, whichever message is asked for. ``wait``: seconds
    for which it asks to wait.
    """

    def __init__(self, text: str, wait: float = 0.0) -> None:
        super().__init__(text)
        self.wait = wait


class ResetError(MailboxError):
    """The place to go on from is not valid any more: all messages are read again."""


class Page(NamedTuple):
    """Names of messages, and the place to go on from when they are read. ``is_whole``: they are
    all that the mailbox has.
    """

    names: Iterable[str]
    place: str
    is_whole: bool = False


class MailServer(Protocol):
    """A connection to one mailbox. Its methods raise MailboxError."""

    acts_at_end: bool
    """Whether messages are moved or deleted only at the end of a look."""

    def check_changes(self) -> None:
        """Raise MailboxError where the server cannot do what the settings ask for."""

    def probe(self) -> None:
        """Raise MailboxError where the mailbox cannot be read."""

    def changes(self, place: str) -> Iterator[Page]:
        """What came since *place*; '' is the beginning. Raises ResetError."""

    def message(self, name: str) -> bytes | None:
        """A message, of which at most MAX_MESSAGE octets; None if it is not there any more. Raises
        MessageError where it cannot be fetched, but the next one can.
        """

    def put_away(self, names: tuple[str, ...]) -> None:
        """Move or delete messages, as the settings say; those that are gone are passed."""

    def wait(self, seconds: float, is_over: Callable[[], bool]) -> None:
        """Wait for a change, *seconds*, or until *is_over*."""

    def close(self) -> None:
        """End the connection."""


Open = Callable[[Fetch], MailServer]


def pause(seconds: float, is_over: Callable[[], bool]) -> None:
    """Wait *seconds*, or until *is_over*."""
    end = time.monotonic() + seconds
    while not is_over() and (left := end - time.monotonic()) > 0:
        time.sleep(min(left, LOOK))
