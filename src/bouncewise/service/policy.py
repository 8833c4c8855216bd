"""The server that Postfix asks before it accepts a recipient.

Reads: requests of the SMTP access policy delegation protocol, ``name=value`` lines ended by an
empty line (https://www.postfix.org/SMTPD_POLICY_README.html). Gives: ``action=DUNNO``, or the
configured action for an address that must not be mailed. Only stage RCPT is answered otherwise
than with DUNNO. Whatever goes wrong here is DUNNO as well: mail passes. Refuses, by closing the
connection: requests of more than MAX_REQUEST octets.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from fnmatch import translate
from typing import cast

from bouncewise.config.service import PostfixPolicy
from bouncewise.model import Mail
from bouncewise.operations.check import Answer

MAX_REQUEST = 64 << 10
"""Octets of one request; Postfix's longest are a few KiB."""

_DUNNO = b"action=DUNNO\n\n"
_TRANSACTIONAL, _MARKETING = Mail(transactional=True), Mail()
_MAX_WHY = 200

Check = Callable[[str, Mail], Answer]
"""May this address be mailed, with mail of this kind?"""


class PolicyServer(asyncio.Protocol):
    """One connection of Postfix, on which requests follow one another."""

    def __init__(self, answers: PolicyAnswers) -> None:
        self._answers = answers
        self._waiting = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Postfix connected."""
        self._transport = cast(asyncio.Transport, transport)  # (uvloop's is no subclass)

    def pause_writing(self) -> None:
        """The client does not read its answers: read no more of its requests."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The client has read its answers."""
        if self._transport is not None:
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        assert self._transport is not None
        *requests, self._waiting = (self._waiting + data).split(b"\n\n")
        if requests:
            self._transport.write(b"".join(map(self._answers.answer, requests)))
        if len(self._waiting) > MAX_REQUEST:
            self._transport.close()


class PolicyAnswers:
    """Answers requests by *check*; ``asked`` and ``refused`` count them."""

    def __init__(self, settings: PostfixPolicy, check: Check) -> None:
        self._check = check
        self._action = settings.action
        patterns = "|".join(translate(p) for p in settings.marketing_senders)
        self._marketing = re.compile(patterns) if patterns else None
        self.asked = self.refused = self.failed = 0

    def answer(self, request: bytes) -> bytes:
        """The answer to one request, without its last line."""
        self.asked += 1
        try:
            recipient, sender = _names(request)
            if not recipient:
                return _DUNNO
            found = self._check(recipient, self._kind(sender))
        except Exception:  # a question that fails must not stop the mail of everybody
            self.failed += 1
            return _DUNNO
        if found.send:
            return _DUNNO
        self.refused += 1
        return b"action=" + self._refusal(found).encode("ascii", "replace") + b"\n\n"

    def _kind(self, sender: str) -> Mail:
        is_marketing = self._marketing is not None and self._marketing.match(sender.lower())
        return _MARKETING if is_marketing else _TRANSACTIONAL

    def _refusal(self, found: Answer) -> str:
        d = found.decision
        why = f"{found.name}: {d.cause or d.rule or d.state}: {d.why}"
        words = "".join(c if c.isprintable() else " " for c in why).split()
        return self._action.replace("{why}", " ".join(words)[:_MAX_WHY])


def _names(request: bytes) -> tuple[str, str]:
    """The recipient and the sender of a request at stage RCPT; the recipient is '' at others."""
    recipient = sender = ""
    is_rcpt = False
    for line in request.split(b"\n"):
        if line.startswith(b"recipient="):
            recipient = line[10:].decode("utf-8", "replace")
        elif line.startswith(b"sender="):
            sender = line[7:].decode("utf-8", "replace")
        elif line == b"protocol_state=RCPT":
            is_rcpt = True
    return (recipient, sender) if is_rcpt else ("", sender)
