"""How far a report may be believed: where it was read, what proves it, and the Trust that follows.

Pure. A Report carries its Provenance; the ledger adds whether the returned Message-ID or queue id
is one that own logs recorded for this recipient alone. docs/trust.md explains it to operators.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec


class Channel(StrEnum):
    """How a report reached us."""

    LOG = "log"
    """A mail server's log or accounting file that an operator named."""
    EVENTS = "events"
    """An export of events, a table or a list of replies that an operator named."""
    WEBHOOK = "webhook"
    """A request of an e-mail service provider."""
    MAIL = "mail"
    """A message, in whatever file it was read: anybody can send one."""


OWN_CHANNELS = (Channel.LOG, Channel.EVENTS)


class Proof(StrEnum):
    """What was found out about a report when it was read."""

    NONE = ""
    SIGNATURE = "signature"
    """The provider's signature or secret is valid."""
    VERP = "verp"
    """The notice was sent to an address that we signed for this recipient."""
    FEEDBACK = "feedback"
    """Feedback with an aligned DKIM signature of an enrolled loop, as our own MX states."""
    DKIM = "dkim"
    """The notice's DKIM signature is aligned with the recipient's domain or its receiver, as our
    own MX states."""
    UNSIGNED = "unsigned"
    """A VERP key was in force for the returned mail, and the notice came to another address."""
    IMPLAUSIBLE = "implausible"
    """Not written by a mail system, or it does not return a mail of ours."""


class Trust(StrEnum):
    """How far a report is believed; from the least to the most."""

    CLAIMED = "claimed"
    INHERITED = "inherited"
    """A message that was read before provenance was recorded: it keeps the effect that it had."""
    MATCHED = "matched"
    VERIFIED = "verified"
    OWN = "own"

    @property
    def rank(self) -> int:
        """Higher is more."""
        return _RANKS[self]


_RANKS = {trust: rank for rank, trust in enumerate(Trust)}
_VERIFIED = (Proof.SIGNATURE, Proof.VERP, Proof.FEEDBACK)


class Provenance(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a report comes from. The time of reading is that of the ledger's batch.

    ``handed_over``: the host that accepted a delivery is a smart host of the operator.
    ``arrived``: when our own MX received the notice, by its topmost Received field; ``sent``: when
    the returned mail was written, by its own Date; both UTC, None where they are not known.
    ``assumed_year``: the source states no year, so the report's may be another.
    """

    channel: Channel = Channel.LOG
    proof: Proof = Proof.NONE
    queue_id: str | None = None
    handed_over: bool = False
    arrived: datetime | None = None
    sent: datetime | None = None
    assumed_year: bool = False


def trust_of(channel: Channel, proof: Proof, *, matched: bool) -> Trust:
    """The trust in a report; *matched*: own logs recorded the returned mail for this recipient,
    and for no other.
    """
    if channel in OWN_CHANNELS:
        return Trust.OWN
    if proof in _VERIFIED:
        return Trust.VERIFIED
    if proof is Proof.UNSIGNED:
        return Trust.CLAIMED  # whoever knows the Message-ID may have written it
    return Trust.MATCHED if matched or proof is Proof.DKIM else Trust.CLAIMED
