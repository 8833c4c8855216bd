"""Files with the events of ESPs' webhooks.

Reads: JSON objects one by one, on one line or several, an array, also one that is cut short, or the
form that a webhook posted; and the mails in which Amazon SNS sends events. Gives: findings in
order. A value is limited to MAX_BODY. Refuses with a Note: what is no JSON, what no ESP sends, and
an SNS envelope that asks for a confirmation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any, BinaryIO
from urllib.parse import parse_qs

import msgspec

from bouncewise.model import Channel, Engagement, Finding, Provenance, Source
from bouncewise.providers import events
from bouncewise.providers.json_values import complete_values, decode_first
from bouncewise.readers.base import HEAD, Note, guarded, lines
from bouncewise.rfc import mime

MAX_BODY = 64 * 1024 * 1024
"""Octets of one JSON value that are read."""

MAX_NODES = 100_000
"""Values within one JSON value in which events are looked for."""

MAX_DEPTH = 12
"""Levels of a JSON value in which events are looked for."""

_OPENING = ("{", "[")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_FORM = re.compile(rb"^[\w%+.-]{1,60}=[^\s]*$")
_ARRAY = re.compile(rb"\[\s*(?:[{\[\"]|$)")  # not "[2024-01-01", which begins a line of a log
_SNS_FIELD = re.compile(rb"^x-amz-sns-message-id:", re.I | re.M)
_ENVELOPE_KEYS = frozenset(
    "records sns message messages body detail payload events event data items entries batch"
    " requestpayload responsepayload mandrill_events events_by_user".split()
)
# Keys whose text may be an event, each with the keys of which one must stand beside it: Amazon SNS,
# SQS and API Gateway, and Mandrill.
_TEXT_KEYS = {
    "message": ("topicarn", "messageid", "signatureversion"),
    "body": ("receipthandle", "messageid", "eventsource", "requestcontext", "httpmethod"),
    "mandrill_events": ("mandrill_events",),
}
_NO_JSON = "no JSON, or cut short"
# What SparkPost posts to test a webhook, and an empty object.
_TESTS: tuple[dict[str, Any], ...] = ({}, {"msys": {}})
_CONFIRMATIONS = ("SubscriptionConfirmation", "UnsubscribeConfirmation")


class PayloadReader:
    """The webhook events of every ESP in esps.toml."""

    name = "esp-payload"

    @property
    def about(self) -> str:
        """One line for people, with the name of each ESP."""
        names = ", ".join(esp.name for esp in events.esps())
        return f"webhook events as files, arrays or lines: {names}"

    def sniff(self, head: bytes) -> bool:
        """Whether the first value is an event of an ESP, or may be one that *head* cuts off."""
        start = head.lstrip(_BYTE_ORDER_MARK + b" \t\r\n")
        first_line = start.partition(b"\n")[0]
        if start[:1] not in (b"{", b"["):
            return _FORM.match(first_line) is not None and any(True for _ in _form_values(start))
        value = _decode(first_line)
        value = value if value is not None else _first_value(start)
        if value is None:
            return _ARRAY.match(start) is not None or (len(head) >= HEAD and start[:1] == b"{")
        return any(True for _ in _recognised(value))

    def read(self, stream: BinaryIO, path: str) -> Iterator[Finding | Engagement | Note]:
        """The findings and acts of every event, in order."""
        index = 0
        incomplete: list[bytes] = []  # lines of a value that is not complete
        size = 0
        for item in lines(stream, path, MAX_BODY):
            if isinstance(item, Note):
                yield item
                continue
            line = item[1].removeprefix(_BYTE_ORDER_MARK)
            if not incomplete and line.strip():
                value = _decode(line)
                if value is not None:
                    yield from self._findings(value, path, index)
                    index += 1
                    continue
            if incomplete or line.strip():
                incomplete.append(line)
                size += len(line)
            if size > MAX_BODY:
                yield Note(
                    path,
                    None,
                    f"a JSON value of more than {MAX_BODY} octets; it and the rest were not read",
                )
                return
        if incomplete:
            yield from self._read_rest(incomplete, path, index)

    def _read_rest(
        self, incomplete: list[bytes], path: str, index: int
    ) -> Iterator[Finding | Engagement | Note]:
        """The findings of the lines that are no values one by one: a value, or a form."""
        body = b"\n".join(incomplete)
        value = _decode(body)
        values = [value] if value is not None else list(_form_values(b"".join(incomplete)))
        for value in values:
            yield from self._findings(value, path, index)
        if values:
            return
        try:
            for value in complete_values(body.decode("utf-8", "replace")):
                yield from self._findings(value, path, index)
                index += 1
        except ValueError as damage:
            yield Note(path, index, str(damage))

    def _findings(self, value: Any, path: str, index: int) -> Iterator[Finding | Engagement | Note]:
        for item in value if isinstance(value, list) else [value]:
            if not isinstance(item, dict):
                continue
            event = _unwrapped(item)
            recognised = events.recognise(event)
            if recognised is None and (within := list(_events_within(item))):
                for found in within:
                    yield from self._findings(found, path, index)
                continue
            if event.get("Type") in _CONFIRMATIONS:
                yield Note(
                    path,
                    index,
                    "SNS asks to confirm a subscription; open its SubscribeURL yourself if the"
                    " topic is yours",
                )
                continue
            if recognised is None:
                if event not in _TESTS:
                    yield Note(path, index, "no event of an ESP that bouncewise knows")
                continue
            source = Source(path, self.name, index)
            for inner in recognised.events:
                read = partial(events.read, inner, recognised.esp, source)
                yield from guarded(read, path, index)


class MailedPayloadReader(PayloadReader):
    """An event that Amazon SNS sent by mail: a message whose text is the JSON."""

    name = "sns-mail"
    about = "Amazon SES events that SNS delivers by mail"

    def sniff(self, head: bytes) -> bool:
        """Whether the message has the header field that SNS adds."""
        return _SNS_FIELD.search(mime.header_block(head)) is not None

    def read(self, stream: BinaryIO, path: str) -> Iterator[Finding | Note]:
        """The findings of the event in the text."""
        text = "".join(part.text for part in mime.leaves(mime.parse(stream.read(MAX_BODY))))
        # Sendmail splits lines longer than 990 octets and marks the place with "!".
        json_text = text.partition("\n--\n")[0].replace("!\n ", "").strip()
        value = _decode(json_text.encode("utf-8", "replace"))
        if value is None:
            yield Note(path, 0, _NO_JSON)
            return
        # What SNS signs is the envelope. Other values may hold many events.
        envelope = json_text.encode("utf-8", "replace") if isinstance(value, dict) else None
        for item in self._findings(value, path, 0):
            if not isinstance(item, Engagement):  # (anybody can write of opens and clicks)
                yield item if isinstance(item, Note) else _mailed(item, envelope)


def _mailed(item: Finding, envelope: bytes | None) -> Finding:
    """A finding of a message: anybody can write one that looks like a message of SNS. Its octets
    are the *envelope*.
    """
    provenance = Provenance(channel=Channel.MAIL)
    report = msgspec.structs.replace(item.report, provenance=provenance)
    return msgspec.structs.replace(item, report=report, raw=envelope or item.raw)


def _recognised(value: Any) -> Iterator[dict[str, Any]]:
    """The first events of a decoded value, if an ESP sends such events."""
    for item in (value if isinstance(value, list) else [value])[:5]:
        if isinstance(item, dict) and (
            item == {"msys": {}}
            or "Type" in _unwrapped(item)
            or events.recognise(_unwrapped(item)) is not None
            or any(True for _ in _events_within(item))
        ):
            yield item


def _unwrapped(event: dict[str, Any]) -> dict[str, Any]:
    """The event inside an SNS envelope; an event without an envelope as it is.

    https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
    """
    message = event.get("Message")
    if event.get("Type") == "Notification" and isinstance(message, str):
        inner = _decode(message.encode())
        # The rest of the envelope is no event, and only some of it is signed.
        return inner if isinstance(inner, dict) else {"Type": "Notification"}
    return event


def _events_within(value: Any) -> Iterator[dict[str, Any]]:
    """The events of ESPs inside the envelopes of queues, functions and collectors, in order.

    They are looked for under _ENVELOPE_KEYS only, and in texts only under _TEXT_KEYS. Other values
    may be the words of strangers, e.g. the subject of a mail that an ESP received for us, or what a
    web service logs. MAX_NODES values are looked at.
    """
    pending, seen = [(value, 0)], 0
    while pending and seen < MAX_NODES:
        item, depth = pending.pop()
        seen += 1
        if isinstance(item, dict) and depth and events.recognise(item) is not None:
            yield item
        elif depth < MAX_DEPTH:
            inner = _inner(item) if isinstance(item, dict) else item
            if isinstance(inner, list):
                pending += [(value, depth + 1) for value in reversed(inner[:MAX_NODES])]


def _inner(envelope: dict[str, Any]) -> list[Any]:
    """The values in which the events of *envelope* may stand."""
    found: list[Any] = []
    names = {name.casefold() for name in envelope}
    for name, value in envelope.items():
        key = name.casefold()
        if isinstance(value, dict | list) and key in _ENVELOPE_KEYS:
            found.append(value)
        elif isinstance(value, str) and not names.isdisjoint(_TEXT_KEYS.get(key, ())):
            found.append(_decode(value.encode()) if value[:1] in _OPENING else None)
    return found


def _form_values(body: bytes) -> Iterator[Any]:
    """The values in an application/x-www-form-urlencoded body.

    They are the JSON in one field (Mandrill), or the fields themselves.
    """
    try:
        fields = parse_qs(body.decode("utf-8", "replace").strip(), max_num_fields=1000)
    except ValueError:
        return
    for text in fields.get("mandrill_events", []):
        if (value := _decode(text.encode())) is not None:
            yield value
    plain: dict[str, Any] = {name: values[0] for name, values in fields.items()}
    if events.recognise(plain) is not None:
        yield plain


def _first_value(raw: bytes) -> Any:
    """The JSON value that is *raw*, or the object that it begins with; None if there is none."""
    if (value := _decode(raw)) is not None or raw[:1] != b"{":
        return value
    return decode_first(raw.decode("utf-8", "replace"), 0)[0]


def _decode(raw: bytes) -> Any:
    """The JSON value in *raw*; None if there is none."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
