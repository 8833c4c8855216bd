"""How an alert is sent: as a signed webhook, to Slack, to Teams, or by mail.

Reads: a message and its target. Gives: nothing; it returns when the target has taken the message.
Refuses with BouncewiseError: any other answer than 2xx, and settings that are missing. What
receivers, DNS and reports contributed is text without mark-up everywhere.
Sources: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md;
https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks;
https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
"""

from __future__ import annotations

import hmac
import re
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from bouncewise.config.outgoing import AlertKind, AlertTarget
from bouncewise.config.secrets import secret_at
from bouncewise.encode import for_terminal
from bouncewise.errors import ConfigError, InputError
from bouncewise.net.exchange import Server
from bouncewise.net.https import FetchError
from bouncewise.operations.outbox import Message

_TIMEOUT = 15.0
_MAX_ANSWER = 1 << 16
_MAX_TEXT = 3000
_URL = re.compile(r"https?://[!-~]{1,2000}")


def send(target: AlertTarget, message: Message, now: datetime) -> None:
    """Send a message to its target. Raises BouncewiseError, OSError."""
    senders: dict[AlertKind, Callable[[AlertTarget, Message, datetime], None]] = {
        AlertKind.WEBHOOK: _webhook,
        AlertKind.SLACK: lambda t, m, _: _post(t, _slack(m), {}),
        AlertKind.TEAMS: lambda t, m, _: _post(t, _teams(m), {}),
        AlertKind.MAIL: _mail,
    }
    senders[target.kind](target, message, now)


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of ``webhook-signature``. Raises ConfigError for a secret that is none."""
    try:
        key = b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if not 24 <= len(key) <= 64:
        raise ConfigError("secret: write whsec_ and the base64 of 24 to 64 random octets")
    digest = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, "sha256")
    return f"v1,{b64encode(digest).decode()}"


def _webhook(target: AlertTarget, message: Message, now: datetime) -> None:
    if not target.secret:
        raise ConfigError("secret: missing; the receiver could not know who sent it")
    payload = {
        "type": "watch.changed",
        "timestamp": f"{datetime.fromtimestamp(message.at, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "data": {"changes": message.changes},
    }
    body = msgspec.json.encode(payload)
    seconds = int(now.timestamp())
    headers = {
        "webhook-id": message.id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": signature(
            secret_at(target.secret, private=True), message.id, seconds, body
        ),
    }
    _post(target, body, headers)


def _post(target: AlertTarget, body: bytes, headers: dict[str, str]) -> None:
    place = target.url
    url = secret_at(place, private=True) if place.startswith(("file:", "env:")) else place
    parts = urlsplit(url) if _URL.fullmatch(url) else None
    if parts is None or not parts.hostname or parts.username is not None:
        raise ConfigError("url: missing, or no https URL")
    headers = {"Content-Type": "application/json", "User-Agent": "bouncewise", **headers}
    with Server(f"{parts.scheme}://{parts.netloc}", timeout=_TIMEOUT) as server:
        path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        reply = server.send("POST", f"{server.origin}{path}", headers, body, _MAX_ANSWER)
    if not 200 <= reply.status < 300:
        raise FetchError(f"{parts.hostname} answers with status {reply.status}")


def _lines(message: Message) -> list[str]:
    """A line for each change, and one for what to do."""
    lines: list[str] = []
    for found in message.changes:
        lines.append(for_terminal(f"{found.turn}: {found.level}: {found.words}"))
        if found.fix and found.turn != "ended":
            lines.append(for_terminal(f"  {found.fix}"))
    return lines


def _text(message: Message) -> str:
    text = "\n".join(_lines(message))
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]} …"


def _slack(message: Message) -> bytes:
    text = _text(message).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return msgspec.json.encode({"text": text, "mrkdwn": False})


def _teams(message: Message) -> bytes:
    blocks: list[dict[str, Any]] = [
        {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": line}]}
        for line in _text(message).split("\n")
    ]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": blocks,
    }
    kind = "application/vnd.microsoft.card.adaptive"
    return msgspec.json.encode(
        {"type": "message", "attachments": [{"contentType": kind, "content": card}]}
    )


def _mail(target: AlertTarget, message: Message, now: datetime) -> None:
    if not target.to or not target.sender:
        raise ConfigError("to and sender: missing")
    mail = EmailMessage()
    mail["From"], mail["To"] = target.sender, ", ".join(target.to)
    mail["Date"] = format_datetime(now.astimezone(UTC))
    mail["Message-ID"] = f"<{message.id}@{target.sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834
    first = message.changes[0]
    more = f" and {len(message.changes) - 1} more" if len(message.changes) > 1 else ""
    mail["Subject"] = for_terminal(f"bouncewise: {first.turn}: {first.words}")[:150] + more
    mail.set_content("\n".join(_lines(message)) + "\n")
    command = [target.sendmail, "-i", "-f", target.sender, "--", *target.to]
    try:
        done = subprocess.run(  # noqa: S603 - the operator's program, without a shell
            command, input=mail.as_bytes(), capture_output=True, timeout=60, check=False
        )
    except subprocess.TimeoutExpired:
        raise InputError(f"{target.sendmail} did not end in a minute") from None
    if done.returncode:
        words = for_terminal(done.stderr.decode("utf-8", "replace").strip()[:200])
        raise InputError(f"{target.sendmail} ended with {done.returncode}: {words}")
