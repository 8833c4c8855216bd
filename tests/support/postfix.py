"""Lines of a Postfix log: one delivery attempt, with the Message-ID of the mail where it is given.

The outcome follows from the reply: 2xx sent, 4xx deferred, 5xx bounced; words without a code are
Postfix's own, such as a failed DNS lookup, and bounce without a relay.
"""

from __future__ import annotations

import re
from datetime import datetime

ACCEPTED = "250 2.0.0 Ok"
UNKNOWN = "550 5.1.1 User unknown"
NO_DOMAIN = "Host or domain name not found. Name service error for name={} type=A: Host not found"

_STATUS = {"2": "sent", "4": "deferred", "5": "bounced"}


def log_lines(
    at: datetime | str,
    recipient: str,
    reply: str = ACCEPTED,
    *,
    queue: str | int = 1,
    host: str = "",
    message_id: str = "",
) -> str:
    """The line of one attempt, after the cleanup(8) line of its *message_id*; with line ends.

    *at*: a datetime, or the time as the log has it. *queue*: a queue id, or a number for one.
    *host*: the receiver's; default: mx. of the recipient's domain.
    """
    stamp = at if isinstance(at, str) else at.isoformat()
    if isinstance(queue, int):
        queue = f"4Q{queue:09}"
    host = host or f"mx.{recipient.rpartition('@')[2]}"
    relay, status = f"{host}[192.0.2.1]:25", _STATUS.get(reply[:1], "bounced")
    default = "5.4.4"
    if reply[:1] in _STATUS:
        default = f"{reply[0]}.0.0"
    else:
        relay = "none"
    found = re.match(r"\d{3}[ -](\d\.\d+\.\d+)", reply)
    said = reply
    if reply[:1] in "45":
        said = f"host {host}[192.0.2.1] said: {reply} (in reply to RCPT TO command)"
    cleanup = f"{stamp} mx postfix/cleanup[1]: {queue}: message-id=<{message_id}>\n"
    return (
        f"{cleanup if message_id else ''}{stamp} mx postfix/smtp[2]: {queue}: to=<{recipient}>, "
        f"relay={relay}, delay=1, delays=0/0/0/1, dsn={found[1] if found else default}, "
        f"status={status} ({said})\n"
    )
