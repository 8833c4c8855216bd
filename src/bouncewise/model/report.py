"""What one source says of one recipient: a Report, and the closed lists that it is made of.

Field names follow the RFC that names the thing: ``reply_code`` RFC 5321 §4.2, ``status`` RFC
3463, ``original_recipient`` and ``remote_mta`` RFC 3464.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from bouncewise.model.absence import Absence
from bouncewise.model.trust import Provenance


class Kind(StrEnum):
    """The outcome that one report tells."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    """Passed on to a system that sends no notice of delivery, or expanded to others (RFC 3464
    §2.3.3): it states nothing about the mailbox."""
    COMPLAINT = "complaint"
    AUTO_REPLY = "auto-reply"
    UNSUBSCRIBE = "unsubscribe"
    SUPPRESSED = "suppressed"


class Stage(StrEnum):
    """Where in the SMTP dialogue the receiver refused (RFC 5321 §3)."""

    CONNECT = "connect"
    HELO = "helo"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    END_OF_DATA = "end-of-data"


class Permanence(StrEnum):
    """Will the address or domain heal by itself? A block of our IP is TRANSIENT: the address is
    fine.
    """

    PERMANENT = "permanent"
    TRANSIENT = "transient"
    UNKNOWN = "unknown"


class Reply(msgspec.Struct, frozen=True):
    """An SMTP reply as a report quotes it: code (RFC 5321), status (RFC 3463) and the whole
    text.
    """

    reply_code: int | None
    status: str | None
    text: str


class Label(msgspec.Struct, frozen=True):
    """What an e-mail service provider calls the event, kept beside our own verdict, never
    instead of it.
    """

    name: str
    label: str
    permanence: Permanence


class Source(msgspec.Struct, frozen=True):
    """Where a report was read: the path, the reader that understood it, the message or line
    number from 0.
    """

    path: str
    reader: str
    index: int


class Report(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One recipient, one outcome, as one source reported it. ``at`` is timezone-aware UTC or None.

    ``recipient`` is the name by which the last system knew the recipient; ``original_recipient``
    and ``verp_recipient`` the names that we used, by ORCPT or by the return address, where they
    differ; ``header_recipients`` those in the returned mail's header. ``remote_ip`` and
    ``remote_port`` belong to ``remote_mta``. ``absence`` is what an automatic reply states.
    """

    source: Source
    kind: Kind
    recipient: str
    original_recipient: str | None = None
    at: datetime | None = None
    message_id: str | None = None
    sender: str | None = None
    remote_mta: str | None = None
    reply: Reply | None = None
    stage: Stage | None = None
    esp: Label | None = None
    verp_recipient: str | None = None
    header_recipients: tuple[str, ...] = ()
    remote_ip: str | None = None
    remote_port: int | None = None
    stream: str | None = None
    campaign: str | None = None
    absence: Absence | None = None
    provenance: Provenance = Provenance()


class Finding(msgspec.Struct, frozen=True):
    """A Report, the octets it was read from, and a key.

    The key is the same wherever the same event is read. A delivery in a log has no octets and no
    key: nothing but the fact of the delivery is stored.
    """

    report: Report
    raw: bytes
    key: bytes
