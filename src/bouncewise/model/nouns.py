"""The nouns: what a source told us (Report), what it means (Verdict), what is done (Decision).

Every noun is frozen and holds no behaviour beyond properties. Field names follow the RFC that names the
thing: ``reply_code`` RFC 5321 §4.2, ``status`` RFC 3463, ``original_recipient`` and ``remote_mta`` RFC 3464.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from bouncewise.rfc.phrase import quote_longest


class Kind(StrEnum):
    """The outcome that one report tells."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
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


class Party(StrEnum):
    """Whose move it is. Only RECIPIENT and DOMAIN may ever suppress."""

    RECIPIENT = "recipient"
    DOMAIN = "domain"
    SENDER = "sender"
    MESSAGE = "message"
    SYSTEM = "system"
    NONE = "none"


class Permanence(StrEnum):
    """Will the address or domain heal by itself? A block of our IP is TRANSIENT: the address is fine."""

    PERMANENT = "permanent"
    TRANSIENT = "transient"
    UNKNOWN = "unknown"


class Advice(StrEnum):
    """What to do now."""

    SUPPRESS_ADDRESS = "suppress-address"
    SUPPRESS_DOMAIN = "suppress-domain"
    RETRY_LATER = "retry-later"
    FIX_SENDER = "fix-sender"
    FIX_MESSAGE = "fix-message"
    REVIEW = "review"
    NONE = "none"


class Cause(StrEnum):
    """Why the mail was not delivered. A closed list; ``rules/knowledge/causes.toml`` says what each means."""

    MAILBOX_UNKNOWN = "mailbox-unknown"
    MAILBOX_DISABLED = "mailbox-disabled"
    ACCESS_DENIED = "access-denied"
    MAILBOX_MOVED = "mailbox-moved"
    ADDRESS_SYNTAX = "address-syntax"
    RECIPIENT_RESTRICTED = "recipient-restricted"
    MAILBOX_FULL = "mailbox-full"
    DOMAIN_UNKNOWN = "domain-unknown"
    DOMAIN_NO_MAIL = "domain-no-mail"
    RELAY_DENIED = "relay-denied"
    DOMAIN_ROUTING = "domain-routing"
    BLOCKLISTED = "blocklisted"
    REPUTATION = "reputation"
    AUTH_FAILURE = "auth-failure"
    PTR_MISSING = "ptr-missing"
    SENDER_REJECTED = "sender-rejected"
    SMTP_AUTH = "smtp-auth"
    TLS_REQUIRED = "tls-required"
    RATE_LIMITED = "rate-limited"
    TOO_MANY_CONNECTIONS = "too-many-connections"
    GREYLISTED = "greylisted"
    SPAM_CONTENT = "spam-content"
    VIRUS = "virus"
    ATTACHMENT_BLOCKED = "attachment-blocked"
    MESSAGE_TOO_LARGE = "message-too-large"
    FORMAT_INVALID = "format-invalid"
    POLICY = "policy"
    SERVER_ERROR = "server-error"
    NETWORK_TIMEOUT = "network-timeout"
    TLS_FAILED = "tls-failed"
    DELIVERY_EXPIRED = "delivery-expired"
    PROTOCOL_ERROR = "protocol-error"
    COMPLAINT = "complaint"
    AUTO_REPLY = "auto-reply"
    CHALLENGE = "challenge"
    SUPPRESSED = "suppressed"
    UNKNOWN = "unknown"


class Reply(msgspec.Struct, frozen=True):
    """An SMTP reply as a report quotes it: code (RFC 5321), status (RFC 3463) and the whole text."""

    reply_code: int | None
    status: str | None
    text: str


class Label(msgspec.Struct, frozen=True):
    """What an e-mail service provider calls the event, kept beside our own verdict, never instead of it."""

    name: str
    label: str
    permanence: Permanence


class Source(msgspec.Struct, frozen=True):
    """Where a report was read: the path, the reader that understood it, the message or line number from 0."""

    path: str
    reader: str
    index: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One recipient, one outcome, as one source told it. ``at`` is timezone-aware UTC or None."""

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


class Verdict(msgspec.Struct, frozen=True):
    """What one reply means. ``phrases`` are those of the rule; ``evidence`` the words that fit the plainest of them."""

    reply: str
    reply_code: int | None
    status: str | None
    stage: Stage | None
    receiver: str | None
    cause: Cause
    party: Party
    permanence: Permanence
    advice: Advice
    confidence: float
    rule: str
    phrases: tuple[str, ...]
    alternates: tuple[Cause, ...]

    @property
    def evidence(self) -> str:
        """The words of the reply, as they stand there, that decided; else the code that did; else ''."""
        words = quote_longest(self.reply, self.phrases)
        return words or self.status or (str(self.reply_code) if self.reply_code else "")


class State(StrEnum):
    """May the address be mailed? OK yes; HELD not until a day; SUPPRESSED no."""

    OK = "ok"
    HELD = "held"
    SUPPRESSED = "suppressed"


class Scope(StrEnum):
    """How far a suppression reaches: all mail, or what people did not ask for one by one."""

    ALL = "all"
    MARKETING = "marketing"


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """What the ledger knows of one address at one time: a Report judged, or an act of a person (``by``)."""

    at: datetime
    kind: str
    cause: Cause | None = None
    advice: Advice | None = None
    rule: str = ""
    words: str = ""
    receiver: str = ""
    scope: Scope = Scope.ALL
    by: str = ""
    until: datetime | None = None

    @property
    def order(self) -> tuple[datetime, str, str, str, str]:
        """Sorts a history: by time, and totally, so that no order of reading changes what follows from it."""
        return (self.at, self.kind, self.cause or "", self.rule, self.words)


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """Many good addresses at one receiver or ``@domain`` turning bad at once. ``recovered``: it passed, they were alive.
    ``usual``: the unit's own share of refusals; None: a domain where all are refused and nobody was ever delivered to."""

    unit: str
    opened: datetime
    closed: datetime | None
    recovered: bool
    flipped: int
    mailed: int
    usual: float | None


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """Days in a row on which receivers refused us, not our recipients, for one cause: our IP, domain or content.

    ``receivers`` are ids, "" for hosts of no known receiver; ``share`` is of all mail to them on those days.
    """

    cause: Cause
    since: datetime
    until: datetime
    receivers: tuple[str, ...]
    refused: int
    share: float
    samples: tuple[str, ...]


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What is done with an address or a domain, since when, until when (None: for good), and why."""

    state: State
    cause: Cause | None = None
    scope: Scope = Scope.ALL
    since: datetime | None = None
    until: datetime | None = None
    why: str = ""
    rule: str = ""
    by: str = ""
