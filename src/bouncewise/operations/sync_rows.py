"""What a difference between a suppression list elsewhere and the ledger is: who suppresses, why the
other does not, and what can be done.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from bouncewise.lists.exports import Kind


class Side(StrEnum):
    """Who suppresses an address that the other would mail."""

    THEIRS = "theirs"
    OURS = "ours"


class Step(StrEnum):
    """What can be done about a difference."""

    PULL = "pull"
    PUSH = "push"
    REMOVE = "remove"
    NONE = "none"


class Because(StrEnum):
    """Why there is a difference."""

    UNKNOWN = "unknown-here"
    REPLY = "reply-not-against-address"
    RELEASED = "released-here"
    ALIVE = "delivered-since"
    HELD = "held-here"
    MARKETING = "marketing-only-here"
    UNREADABLE = "unreadable-there"
    MISSING = "missing-there"
    DOMAIN = "domain"
    STREAM = "one-stream"
    ENDS = "ends"
    TRANSACTIONAL = "would-stop-transactional"
    NO_LIST = "no-list"


WORDS = {
    Because.UNKNOWN: "nothing in the ledger speaks against it",
    Because.REPLY: "the reply in their entry does not speak against the address",
    Because.RELEASED: "it was released here after their entry",
    Because.ALIVE: "mail was delivered, or it was confirmed, after their entry",
    Because.HELD: "it is held here for a time only",
    Because.MARKETING: "here it is suppressed for marketing mail only",
    Because.UNREADABLE: "their entry cannot be read",
    Because.MISSING: "they do not have it",
    Because.DOMAIN: "a whole domain: they have no entry for it",
    Because.STREAM: "for one stream of mail only: they have no entry for it",
    Because.ENDS: "it ends by itself here, and would not there",
    Because.TRANSACTIONAL: "for marketing mail only, and their list would stop transactional mail "
    "as well; marketing = true in [[sync]] allows it",
    Because.NO_LIST: "they have no list for such entries",
}
"""The reasons in words."""


class Difference(NamedTuple):
    """One address that one side suppresses. ``lists``: where it is, or where it would be added;
    ``row``: the values of their entry; ``kind``: what it is in the lists of ESPs.
    """

    side: Side
    address: str
    lists: tuple[str, ...]
    because: Because
    step: Step
    reason: str = ""
    at: datetime | None = None
    kind: Kind = Kind.BOUNCE
    row: tuple[str, ...] = ()
