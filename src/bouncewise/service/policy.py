"""The server that Postfix asks before it accepts a recipient.

Reads: requests of the SMTP access policy delegation protocol, ``name=value`` lines ended by an
empty line (https://www.postfix.org/SMTPD_POLICY_README.html). Gives: ``action=DUNNO``, or the
configured action for an address that must not be mailed. Only stage RCPT is answered otherwise
than with DUNNO, and only for recipients with a domain: RFC 5321 section 4.5.1 has ``postmaster``
without one. Whatever goes wrong here is DUNNO as well: mail passes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import translate

from bouncewise.config.service import PostfixPolicy
from bouncewise.model import Mail, State
from bouncewise.operations.check import Answer
from bouncewise.service.conversation import Protocol, ended_by

_DUNNO = b"action=DUNNO\n\n"
_TRANSACTIONAL, _MARKETING = Mail(transactional=True), Mail()
_MAX_WHY = 200

Check = Callable[[str, Mail], Answer]
"""May this address be mailed, with mail of this kind?"""


class PolicyAnswers:
    """Answers mail servers by *check*; ``asked``, ``refused`` and ``failed`` count questions."""

    def __init__(self, settings: PostfixPolicy, check: Check) -> None:
        self._check = check
        self._action = settings.action
        patterns = "|".join(translate(p) for p in settings.marketing_senders)
        self._marketing = re.compile(patterns) if patterns else None
        self.asked = self.refused = self.failed = 0

    def answer(self, request: bytes) -> bytes:
        """The answer to one request of Postfix, without its last line."""
        try:
            recipient, sender = _names(request)
            found = self.refusal(recipient, self._kind(sender))
        except Exception:  # a question that fails must not stop the mail of everybody
            return _DUNNO
        return b"action=" + found.encode("ascii", "replace") + b"\n\n" if found else _DUNNO

    def refusal(self, recipient: str, kind: Mail) -> str:
        """The configured action, in one line, for a *recipient* that must not be mailed; '' for
        every other. Raises what *check* raises.
        """
        self.asked += 1
        if "@" not in recipient:
            return ""
        try:
            found = self._check(recipient, kind)
        except Exception:
            self.failed += 1
            raise
        if found.send or found.decision.state is State.INVALID:
            return ""  # (whether an address is well formed, the mail server decides)
        self.refused += 1
        return self._action_for(found)

    def _kind(self, sender: str) -> Mail:
        is_marketing = self._marketing is not None and self._marketing.match(sender.lower())
        return _MARKETING if is_marketing else _TRANSACTIONAL

    def _action_for(self, found: Answer) -> str:
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


def policy(answers: PolicyAnswers) -> Protocol:
    """The protocol of one connection of Postfix."""
    return Protocol(ended_by(b"\n\n"), answers.answer)
