"""How far a mailbox was read, and what was read and is not stored yet.

A position is text in the ledger; one that cannot be read is the beginning.
"""

from __future__ import annotations

import base64
import hashlib
from typing import NamedTuple

import msgspec

from bouncewise.readers.base import Item
from bouncewise.service.mailboxes.base import Page

TOGETHER = 50
"""Messages after which reports are stored."""

OCTETS = 16 << 20
"""Octets of messages after which reports are stored."""

_MOST_SKIPPED = 100  # names of messages that are not asked for any more
_SHARE = 20  # the part of known names that is read before they are stored again


class Position(msgspec.Struct, frozen=True, array_like=True):
    """How far a mailbox was read: the server's place; ``known``: digests of the names of what was
    read behind it; ``pending``: messages to move or delete; ``refused``: messages that could not be
    fetched, and how often; ``skipped``: those that are not asked for any more.
    """

    place: str = ""
    known: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    refused: tuple[tuple[str, int], ...] = ()
    skipped: tuple[str, ...] = ()


class Read(NamedTuple):
    """A message, and what was read from it; *may_go*: it is itself a report."""

    name: str
    items: list[Item]
    may_go: bool


class Look:
    """What was read and is not stored yet. ``at``: the position that is stored; ``in_a_row``: new
    messages that the server refused since the last one that it gave.
    """

    def __init__(self, at: Position) -> None:
        self.at = at
        self.messages: list[Read] = []
        self.size = self.in_a_row = 0
        self.place, self.known = at.place, dict.fromkeys(at.known)
        self.refused, self.skipped = dict(at.refused), list(at.skipped)
        self.together = max(TOGETHER, len(at.known) // _SHARE)

    def is_full(self) -> bool:
        """Whether it is time to store."""
        return len(self.messages) >= self.together or self.size >= OCTETS

    def forget(self, name: str, tries: int) -> None:
        """The message was not asked for; *tries*: how often it was before."""
        if tries:
            self.refused[name] = tries
        else:
            self.known.pop(digest_of(name), None)

    def knows(self, name: str) -> bool:
        """Whether a message was read, or is asked for again later."""
        return digest_of(name) in self.known or name in self.refused

    def begin(self, name: str) -> int:
        """A message is asked for; in how many looks it was, this one included."""
        self.known[digest_of(name)] = None
        return self.refused.pop(name, 0) + 1

    def end_of(self, page: Page, names: list[str]) -> None:
        """Every message of a page was asked for."""
        there = set(map(digest_of, names)) if page.is_whole and not page.place else set()
        self.known = {digest: None for digest in self.known if digest in there}
        self.place = page.place

    def after(self, done: tuple[str, ...]) -> Position:
        """The position when everything is stored; *done*: messages to move or delete."""
        return Position(
            self.place,
            tuple(self.known),
            (*self.at.pending, *done),
            tuple(self.refused.items()),
            tuple(self.skipped[-_MOST_SKIPPED:]),
        )


def digest_of(name: str) -> str:
    """12 characters by which a name is known."""
    digest = hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=9).digest()
    return base64.b64encode(digest).decode()


def position_of(text: str) -> Position:
    """The position that was stored; the beginning where it cannot be read."""
    try:
        return msgspec.json.decode(text, type=Position) if text else Position()
    except msgspec.DecodeError:
        return Position()


def written(position: Position) -> str:
    """The text that is stored."""
    return msgspec.json.encode(position).decode()
