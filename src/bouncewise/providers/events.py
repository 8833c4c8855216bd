"""From one event of an ESP's webhook to Reports, by the ESP's row in esps.toml.

Reads: any JSON value. Gives: one report per recipient, with the ESP's label beside the server's
reply; a Note for an event that is in no table, and where the payload does not say which recipient
it is about. Refuses nothing: a value of the wrong type counts as absent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any, Literal, NamedTuple, get_args

import msgspec

from bouncewise.model import (
    ActKind,
    Channel,
    Engagement,
    Finding,
    Kind,
    Label,
    Permanence,
    Provenance,
    Reply,
    Report,
    Source,
    Stage,
)
from bouncewise.providers import engagement
from bouncewise.providers.paths import parse_time, text_at, values_at
from bouncewise.readers.base import Note, key_of
from bouncewise.rfc import address, status
from bouncewise.rfc.reply import parse_with_status
from bouncewise.text.mask import MAX_REPLY

MAX_MAILING = 100
"""Characters of the name of a stream or campaign that are kept."""

MAX_RECIPIENTS = 10_000
"""Recipients of one event that are read."""

ENGAGED = "engaged"
"""The meaning of an open, a click or another act, with its kind."""

IGNORED = "ignored"
"""The meaning of an event that says nothing about the delivery of a mail."""

_NO_RECIPIENT = "{}: event {!r} without the address of a recipient; nothing was read from it"
_REPLY_CODE = re.compile(r"[45][0-9]{2}")
_EXPORTED = Provenance(channel=Channel.EVENTS)

SchemeName = Literal[
    "hmac-sha256-hex",
    "lettermint",
    "mailgun",
    "mandrill",
    "rsa-sha256",
    "secret",
    "sendgrid-ecdsa",
    "sns",
    "svix",
]
"""The ways in which ESPs sign their requests; signatures.py implements each."""

_SCHEMES_WITH_HEADER = ("hmac-sha256-hex", "rsa-sha256")


class Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How an ESP signs its requests."""

    scheme: SchemeName
    header: str = ""
    """The header with the signature, in lower case, if each ESP with this scheme has its own."""

    def __post_init__(self) -> None:
        schemes = get_args(SchemeName)
        if self.scheme not in schemes:
            raise ValueError(
                f"unknown signature scheme {self.scheme!r}; known are {', '.join(schemes)}"
            )
        if bool(self.header) != (self.scheme in _SCHEMES_WITH_HEADER):
            raise ValueError(
                f"scheme {self.scheme!r} {'takes no' if self.header else 'needs a'} header"
            )
        if self.header != self.header.lower():
            raise ValueError(f"the header {self.header!r} is not in lower case")


class Esp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The paths of the values in an ESP's events, and what its words mean; see esps.toml."""

    name: str
    about: str
    source: str
    mark: tuple[str, ...]
    event: str
    recipient: str
    words: dict[str, str]
    signature: Signature
    inside: str = ""
    qualifier: str = ""
    detail: str = ""
    more: str = ""
    """A word that may decide what an event means, and is not part of its label."""
    each: str = ""
    text: str = ""
    code: str = ""
    status: str = ""
    time: str = ""
    message_id: str = ""
    sender: str = ""
    host: str = ""
    id: str = ""
    stream: str = ""
    campaign: str = ""
    unless: dict[str, str] = {}
    """Paths, and values in lower case with which an event concerns no recipient of ours."""
    act: engagement.Paths = engagement.Paths()
    """Where the events of opens and clicks have what other events lack."""
    all_recipients: bool = False
    """Whether ``each`` lists all recipients of the mail, not only those that the event is about."""


class _Esps(msgspec.Struct, forbid_unknown_fields=True):
    esp: tuple[Esp, ...]


class EspEvents(NamedTuple):
    """The events in one payload, and the ESP that sent them."""

    esp: Esp
    events: list[dict[str, Any]]


@cache
def esps() -> tuple[Esp, ...]:
    """Every ESP, in the order in which their marks are tried."""
    return msgspec.toml.decode(
        (resources.files(__package__) / "esps.toml").read_bytes(), type=_Esps
    ).esp


def recognise(event: dict[str, Any]) -> EspEvents | None:
    """The ESP that sends such an event, with the events inside its wrapper; None if no ESP does."""
    for esp in esps():
        if esp.inside:
            inside = [e for e in values_at(event, esp.inside) if isinstance(e, dict)]
            if inside and _has_marks(inside[0], esp):
                return EspEvents(esp, inside)
        if _has_marks(event, esp):
            return EspEvents(esp, [event])
    return None


def _has_marks(event: dict[str, Any], esp: Esp) -> bool:
    for mark in esp.mark:  # noqa: SIM110 - ``all`` takes twice as long
        if not values_at(event, mark):
            return False
    return True


def read(event: dict[str, Any], esp: Esp, source: Source) -> Iterator[Finding | Engagement | Note]:
    """The reports of one *event* of *esp*."""
    words = [text_at(event, path).casefold() for path in (esp.event, esp.qualifier, esp.detail)]
    meaning = _meaning([*words, text_at(event, esp.more).casefold()], esp)
    label = ":".join(word for word in words if word)
    if meaning == IGNORED or any(text_at(event, p).casefold() == v for p, v in esp.unless.items()):
        return
    if meaning is None:
        text = f"{esp.name}: unknown event {label[:80]!r}; nothing was read from it"
        yield Note(source.path, source.index, text)
        return
    kind, _, permanence = meaning.partition(" ")
    if kind == ENGAGED:
        recipients = _recipients(event, esp)
        yield from engagement.read(event, recipients, esp.act, ActKind(permanence), source)
        return
    esp_label = Label(esp.name, label[:200], Permanence(permanence or "unknown"))
    entries = values_at(event, esp.each) if esp.each else [None]
    if len(entries) > MAX_RECIPIENTS:
        more = f"{len(entries)} recipients; {MAX_RECIPIENTS} were read"
        yield Note(source.path, source.index, f"{esp.name}: {more}")
        del entries[MAX_RECIPIENTS:]
    if esp.all_recipients and len(entries) > 1 and kind != Kind.DELIVERED:
        named = [e for e in entries if isinstance(e, str) and e in text_at(event, esp.text)]
        if len(named) != 1:
            count = f"{len(entries)} recipients, and the payload does not say which of them"
            yield Note(source.path, source.index, f"{esp.name}: {count}")
            return
        entries = list(named)
    if not entries:
        yield Note(source.path, source.index, _NO_RECIPIENT.format(esp.name, label[:80]))
    raw = msgspec.json.encode(event)
    for entry in entries:
        report = _report(_Values(event, entry), esp, Kind(kind), esp_label, source)
        if report is None:
            yield Note(source.path, source.index, _NO_RECIPIENT.format(esp.name, label[:80]))
        else:
            key = _key(esp.name, report, text_at(event, esp.id))
            yield Finding(report, raw, key)


def _recipients(event: dict[str, Any], esp: Esp) -> list[str]:
    """The addresses that an event of an open or a click may be about."""
    entries = values_at(event, esp.each)[:MAX_RECIPIENTS] if esp.each else [None]
    named = (address.first(_Values(event, entry).text(esp.recipient)) for entry in entries)
    return [name for name in named if name]


def _meaning(words: list[str], esp: Esp) -> str | None:
    """What the table says of event, qualifier, detail and more; the most words that are in it
    count. "*" stands for any other word of more.
    """
    event, qualifier, detail, more = words
    candidates = [
        (event, qualifier, detail, more),
        (event, qualifier, detail, more and "*"),
        (event, qualifier, detail),
        (event, qualifier),
        (event, detail),
        (event,),
    ]
    named = (esp.words.get(":".join(names)) for names in candidates if all(names))
    return next((meaning for meaning in named if meaning), None)


def _key(esp: str, report: Report, event_id: str) -> bytes:
    return key_of(
        esp,
        report.kind,
        address.normalise(report.recipient),
        event_id,
        str(report.at),
        report.reply.text if report.reply else "",
    )


class _Values(NamedTuple):
    """An event, and one entry of its list of recipients (None if there is no list)."""

    event: dict[str, Any]
    entry: Any

    def text(self, path: str) -> str:
        """The text at *path*; an alternative with a leading "." starts at the entry."""
        for is_of_entry, alternative in _places(path):
            if text := text_at(self.entry if is_of_entry else self.event, alternative):
                return text
        return ""


@cache
def _places(path: str) -> tuple[tuple[bool, str], ...]:
    """The alternatives of a path of esps.toml, and whether each starts at the entry."""
    return tuple(
        (alternative.startswith("."), alternative.lstrip(".") or ".")
        for alternative in path.split("|")
    )


def _report(values: _Values, esp: Esp, kind: Kind, label: Label, source: Source) -> Report | None:
    recipient = address.first(values.text(esp.recipient))
    if recipient is None:
        return None
    reply, stage = None, None
    if kind in (Kind.FAILED, Kind.DELAYED):
        reply, stage = _reply(values.text(esp.text), values.text(esp.code), values.text(esp.status))
    return Report(
        source=source,
        kind=kind,
        recipient=recipient,
        at=parse_time(values.text(esp.time)),
        message_id=values.text(esp.message_id).strip("<>") or None,
        sender=address.first(values.text(esp.sender)),
        remote_mta=values.text(esp.host).removeprefix("dns;").strip().rstrip(".") or None,
        reply=reply,
        stage=stage,
        esp=label,
        stream=values.text(esp.stream).strip()[:MAX_MAILING] or None,
        campaign=values.text(esp.campaign).strip()[:MAX_MAILING] or None,
        provenance=_EXPORTED,
    )


def _reply(text: str, code: str, dsn: str) -> tuple[Reply | None, Stage | None]:
    """The server's reply and its stage; some ESPs have code and status in fields of their own."""
    text = text.strip()
    parts = parse_with_status(text, status.parse(dsn))
    field_code = int(code) if _REPLY_CODE.fullmatch(code) else None
    reply_code = parts.reply_code or field_code
    if not text and reply_code is None and parts.status is None:
        return None, None
    if parts.reply_code is None and reply_code is not None:
        text = f"{reply_code} {text}".strip()
    text = text or parts.status or ""
    reply = Reply(reply_code, parts.status, text[:MAX_REPLY])
    return reply, Stage(parts.stage) if parts.stage else None
