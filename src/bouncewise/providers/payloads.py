"""Providers' events in files: one JSON object, an array, a line each, or the form that a webhook posted.

Gives: findings in order. Streams lines in constant memory; an array or object as a whole is bounded by MAX_BODY.
Refuses with a Note: what is no JSON, what is no provider's event, an SNS envelope that asks to be confirmed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO
from urllib.parse import parse_qs

import msgspec

from bouncewise.model import Source
from bouncewise.providers import events
from bouncewise.readers.base import HEAD, Finding, Note, lines
from bouncewise.rfc import mime

MAX_BODY = 64 * 1024 * 1024
"""Octets of one JSON value that are read."""

_FORM = re.compile(rb"^[\w%+.-]{1,60}=[^\s]*$")


class PayloadReader:
    """The webhook events of every provider in esps.toml."""

    name = "esp-payload"
    about = (
        "webhook events as files, arrays or lines: SES/SNS, SendGrid, Mailgun, Postmark, SparkPost, Mandrill, Brevo, Mailjet, "
        "Resend, MailerSend, Postal, KumoMTA, Azure, Mailtrap, Forward Email, Lettermint"
    )

    def sniff(self, head: bytes) -> bool:
        """The first value is an event of a provider, or looks like one that was cut by the end of *head*."""
        start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
        if start[:1] not in (b"{", b"["):
            return _FORM.match(start.partition(b"\n")[0]) is not None and any(
                True for _ in _of_form(start)
            )
        first = _decode(start.partition(b"\n")[0])
        first = first if first is not None else _decode(start)
        if first is None:
            return start[:1] == b"[" or (len(head) >= HEAD and start[:1] == b"{")
        return any(True for _ in _objects(first))

    def read(self, stream: BinaryIO, path: str) -> Iterator[Finding | Note]:
        """What every event tells."""
        index = 0
        waiting: list[bytes] = []
        size = 0
        for item in lines(stream, path):
            if isinstance(item, Note):
                yield item
                continue
            line = item[1].removeprefix(b"\xef\xbb\xbf")
            if not waiting and line.strip():
                value = _decode(line)
                if value is not None:
                    yield from self._events(value, path, index)
                    index += 1
                    continue
            if waiting or line.strip():
                waiting.append(line)
                size += len(line)
            if size > MAX_BODY:
                yield Note(
                    path,
                    None,
                    f"a JSON value of more than {MAX_BODY} octets; the rest was not read",
                )
                return
        if waiting:
            value = _decode(b"\n".join(waiting))
            form = list(_of_form(b"".join(waiting))) if value is None else []
            if value is None and not form:
                yield Note(path, index, "no JSON, or cut short")
            for found in form or [value]:
                yield from self._events(found, path, index)

    def _events(self, value: Any, path: str, index: int) -> Iterator[Finding | Note]:
        for item in value if isinstance(value, list) else [value]:
            source = Source(path, self.name, index)
            if not isinstance(item, dict):
                continue
            event = _unwrapped(item)
            if event.get("Type") in ("SubscriptionConfirmation", "UnsubscribeConfirmation"):
                yield Note(
                    path,
                    index,
                    "SNS asks to confirm a subscription; open its SubscribeURL yourself if the topic is yours",
                )
                continue
            match = events.known(event)
            if match is None:
                if event not in ({}, {"msys": {}}):
                    yield Note(path, index, "no provider's event that bouncewise knows")
                continue
            for inner in match[1]:
                yield from events.read(inner, match[0], source)


class MailedPayloadReader(PayloadReader):
    """An event that Amazon SNS sent by mail: a message whose text is the JSON."""

    name = "sns-mail"
    about = "Amazon SES events that SNS delivers by mail"

    def sniff(self, head: bytes) -> bool:
        """SNS puts its own field into the header."""
        return re.search(rb"(?:^|[\r\n])x-amz-sns-message-id:", head, re.I) is not None

    def read(self, stream: BinaryIO, path: str) -> Iterator[Finding | Note]:
        """What the event in the text tells."""
        text = "".join(part.text for part in mime.leaves(mime.parse(stream.read(MAX_BODY))))
        # Sendmail cuts lines beyond 990 octets and marks the cut with "!".
        whole = text.partition("\n--\n")[0].replace("!\n ", "").strip()
        value = _decode(whole.encode("utf-8", "replace"))
        yield from (
            self._events(value, path, 0)
            if value is not None
            else [Note(path, 0, "no JSON, or cut short")]
        )


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """The events in a decoded value that some provider knows."""
    for item in (value if isinstance(value, list) else [value])[:5]:
        if isinstance(item, dict) and (
            item == {"msys": {}} or "Type" in _unwrapped(item) or events.known(_unwrapped(item))
        ):
            yield item


def _unwrapped(event: dict[str, Any]) -> dict[str, Any]:
    """The event inside an SNS envelope (docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html)."""
    message = event.get("Message")
    if event.get("Type") == "Notification" and isinstance(message, str):
        inner = _decode(message.encode())
        # Of the rest of the envelope nothing is an event, and only some of it is signed.
        return inner if isinstance(inner, dict) else {"Type": "Notification"}
    return event


def _of_form(body: bytes) -> Iterator[Any]:
    """What an application/x-www-form-urlencoded body holds: a field that is JSON (Mandrill), or the fields themselves."""
    try:
        fields = parse_qs(body.decode("utf-8", "replace").strip(), max_num_fields=1000)
    except ValueError:
        return
    for value in fields.get("mandrill_events", []):
        if (found := _decode(value.encode())) is not None:
            yield found
    plain: dict[str, Any] = {name: values[0] for name, values in fields.items()}
    if events.known(plain) is not None:
        yield plain


def _decode(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
