"""How an alert is sent: as a signed webhook, to Slack, to Teams, by mail, or by Apprise.

Reads: a message and its target. Gives: nothing; it returns when the target has taken the message.
Refuses with BouncewiseError: any other answer than 2xx, and settings that are missing. What
receivers, DNS and reports contributed is text without mark-up everywhere. Redirects are not
followed, and addresses that are not public are not connected to unless the target allows it.
Sources: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md;
https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks;
https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
"""

from __future__ import annotations

import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from bouncewise.config.outgoing import AlertKind, AlertTarget
from bouncewise.config.secrets import secret_at
from bouncewise.errors import ConfigError, InputError, missing_extra
from bouncewise.net.exchange import Server
from bouncewise.net.https import FetchError
from bouncewise.operations.alert_mail import send_mail
from bouncewise.operations.alert_text import MAX_TEXT, lines, subject
from bouncewise.operations.outbox import Message

_TIMEOUT = 15.0
_MAX_ANSWER = 1 << 16
_URL = re.compile(r"https?://[!-~]{1,2000}")


def send(target: AlertTarget, message: Message, now: datetime) -> None:
    """Send a message to its target. Raises BouncewiseError, OSError."""
    senders: dict[AlertKind, Callable[[AlertTarget, Message, datetime], None]] = {
        AlertKind.WEBHOOK: _webhook,
        AlertKind.SLACK: lambda t, m, _: _post(t, _slack(m), {}),
        AlertKind.TEAMS: lambda t, m, _: _post(t, _teams(m), {}),
        AlertKind.MAIL: send_mail,
        AlertKind.APPRISE: lambda t, m, _: _apprise(t, m),
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
    url = _url_of(target)
    parts = urlsplit(url) if _URL.fullmatch(url) else None
    if parts is None or not parts.hostname or parts.username is not None:
        raise ConfigError("url: missing, or no https URL")
    headers = {"Content-Type": "application/json", "User-Agent": "bouncewise", **headers}
    with Server(
        f"{parts.scheme}://{parts.netloc}", timeout=_TIMEOUT, public_only=not target.allow_private
    ) as server:
        path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        reply = server.send("POST", f"{server.origin}{path}", headers, body, _MAX_ANSWER)
    if not 200 <= reply.status < 300:
        raise FetchError(f"{parts.hostname} answers with status {reply.status}")


def _text(message: Message) -> str:
    text = "\n".join(lines(message))
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]} …"


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


def _url_of(target: AlertTarget) -> str:
    place = target.url
    return secret_at(place, private=True) if place.startswith(("file:", "env:")) else place


def _apprise(target: AlertTarget, message: Message) -> None:
    try:
        import apprise
    except ImportError:
        raise missing_extra("alerts", "alerts of kind apprise", "apprise") from None
    found = apprise.Apprise()
    if not found.add(_url_of(target)):
        raise ConfigError("url: not one that Apprise knows")
    title, text = subject(message), _text(message)
    if not found.notify(body=text, title=title, body_format=apprise.NotifyFormat.TEXT):
        raise InputError("Apprise could not deliver it")
