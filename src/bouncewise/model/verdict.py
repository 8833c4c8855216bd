"""What a reply means: a Verdict, with its cause, the party at fault and the advice."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from bouncewise.model.report import Permanence, Stage
from bouncewise.text.quote import quote_longest


class Party(StrEnum):
    """Whose move it is. Only RECIPIENT and DOMAIN may ever suppress."""

    RECIPIENT = "recipient"
    DOMAIN = "domain"
    SENDER = "sender"
    MESSAGE = "message"
    SYSTEM = "system"
    NONE = "none"


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
    """Why the mail was not delivered. A closed list; ``rules/knowledge/causes.toml`` says what
    each means.
    """

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


class Verdict(msgspec.Struct, frozen=True):
    """What one reply means. ``phrases`` are those of the rule; ``evidence`` the words that fit
    the plainest of them.
    """

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

    def __repr__(self) -> str:
        return (
            f"<Verdict {self.cause}: {self.advice} ({self.confidence:.0%}) of {self.reply[:60]!r}>"
        )

    def to_dict(self) -> dict[str, Any]:
        """The verdict as docs/json.md describes it: strings, numbers, None, and a list of
        alternates.
        """
        return {
            "reply": self.reply,
            "reply_code": self.reply_code,
            "status": self.status,
            "stage": self.stage and self.stage.value,
            "receiver": self.receiver,
            "cause": self.cause.value,
            "party": self.party.value,
            "permanence": self.permanence.value,
            "advice": self.advice.value,
            "confidence": self.confidence,
            "rule": self.rule,
            "evidence": self.evidence,
            "alternates": [cause.value for cause in self.alternates],
        }

    def to_json(self) -> str:
        """``to_dict`` as one line of JSON."""
        return msgspec.json.encode(self.to_dict()).decode()

    @property
    def evidence(self) -> str:
        """The words of the reply, as they stand there, that decided; else the code that did;
        else ''.
        """
        words = quote_longest(self.reply, self.phrases)
        return words or self.status or (str(self.reply_code) if self.reply_code else "")
