"""From one event of a provider to Reports, by the provider's table in esps.toml.

Reads: any JSON value. Gives: a report per recipient with the provider's own word kept beside the server's reply; a Note for
an event that is in no table, and where the payload does not tell who bounced. Refuses nothing: wrong types count as absent.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from importlib import resources
from typing import Any, Literal, get_args

import msgspec

from bouncewise.model import Kind, Label, Permanence, Reply, Report, Source, Stage
from bouncewise.readers.base import Finding, Note, key_of
from bouncewise.rfc import address, status
from bouncewise.rfc.reply import parse
from bouncewise.text.mask import MAX_REPLY

MAX_RECIPIENTS = 1000
IGNORED = "ignored"


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
"""The ways in which providers sign their requests; signatures.py knows each."""
_HEADER_VARIES = ("hmac-sha256-hex", "rsa-sha256")


class Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a provider signs its requests."""

    scheme: SchemeName
    header: str = ""
    """The header that carries the signature, in lower case, for the schemes where each provider has its own."""

    def __post_init__(self) -> None:
        if self.scheme not in get_args(SchemeName):
            raise ValueError(
                f"unknown signature scheme {self.scheme!r}; known are {', '.join(get_args(SchemeName))}"
            )
        if bool(self.header) != (self.scheme in _HEADER_VARIES):
            raise ValueError(
                f"scheme {self.scheme!r} {'takes no' if self.header else 'needs a'} header"
            )
        if self.header != self.header.lower():
            raise ValueError(f"the header {self.header!r} is not in lower case")


class Esp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A provider: where its events keep what, and what its words mean. esps.toml describes the paths."""

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
    each: str = ""
    text: str = ""
    code: str = ""
    status: str = ""
    time: str = ""
    message_id: str = ""
    sender: str = ""
    host: str = ""
    id: str = ""
    everyone: bool = False
    """``each`` lists all whom the mail went to, not only those who bounced."""


class _Esps(msgspec.Struct, forbid_unknown_fields=True):
    esp: tuple[Esp, ...]


@cache
def esps() -> tuple[Esp, ...]:
    """Every provider, in the order in which they are asked."""
    return msgspec.toml.decode(
        (resources.files(__package__) / "esps.toml").read_bytes(), type=_Esps
    ).esp


def known(event: dict[str, Any]) -> tuple[Esp, list[dict[str, Any]]] | None:
    """The provider whose event this is, and the events inside its wrapper; None where it is nobody's."""
    for esp in esps():
        inside = [e for e in _find(event, esp.inside) if isinstance(e, dict)] if esp.inside else []
        for found in (inside, [event]):
            if found and all(_find(found[0], mark) for mark in esp.mark):
                return esp, found
    return None


def read(event: dict[str, Any], esp: Esp, source: Source) -> Iterator[Finding | Note]:
    """The reports of one *event* of *esp*."""
    words = [_one(event, path).casefold() for path in (esp.event, esp.qualifier, esp.detail)]
    meaning = next(
        (m for i in (3, 2, 1) if all(words[:i]) and (m := esp.words.get(":".join(words[:i])))), None
    )
    if meaning is None and words[2]:
        meaning = esp.words.get(f"{words[0]}:{words[2]}")
    if meaning is None:
        yield Note(
            source.path,
            source.index,
            f"{esp.name}: an event {':'.join(w for w in words if w)[:80]!r} that is not known; nothing was read from it",
        )
        return
    if meaning == IGNORED:
        return
    kind, _, permanence = meaning.partition(" ")
    label = Label(
        esp.name, ":".join(w for w in words if w)[:200], Permanence(permanence or "unknown")
    )
    entries = _find(event, esp.each)[:MAX_RECIPIENTS] if esp.each else [None]
    if esp.everyone and len(entries) > 1 and kind != Kind.DELIVERED:
        named = [e for e in entries if isinstance(e, str) and e in _one(event, esp.text)]
        if len(named) != 1:
            yield Note(
                source.path,
                source.index,
                f"{esp.name}: {len(entries)} recipients, and the payload does not say which of them",
            )
            return
        entries = list(named)
    for entry in entries:
        report = _report(event, entry, esp, Kind(kind), label, source)
        if report is not None:
            told = [
                report.kind,
                address.normalise(report.recipient),
                _one(event, esp.id),
                str(report.at),
                report.reply.text if report.reply else "",
            ]
            yield Finding(report, msgspec.json.encode(event), key_of(esp.name, *told))


def _report(
    event: dict[str, Any], entry: Any, esp: Esp, kind: Kind, label: Label, source: Source
) -> Report | None:
    def value(path: str) -> str:
        return next(
            (
                v
                for p in path.split("|")
                if (v := _one(entry if p.startswith(".") else event, p.lstrip(".") or "."))
            ),
            "",
        )

    recipient = address.first(value(esp.recipient))
    if recipient is None:
        return None
    reply, stage = (
        (None, None)
        if kind not in (Kind.FAILED, Kind.DELAYED)
        else _reply(value(esp.text), value(esp.code), value(esp.status))
    )
    return Report(
        source=source,
        kind=kind,
        recipient=recipient,
        at=_time(value(esp.time)),
        message_id=value(esp.message_id).strip("<>") or None,
        sender=address.first(value(esp.sender)),
        remote_mta=value(esp.host).removeprefix("dns;").strip().rstrip(".") or None,
        reply=reply,
        stage=stage,
        esp=label,
    )


def _reply(text: str, code: str, dsn: str) -> tuple[Reply | None, Stage | None]:
    """The server's words with code and status, which some providers keep in fields of their own."""
    text = text.strip()
    parts = parse(text)
    reply_code = parts.reply_code or (
        int(code) if code.isdigit() and 400 <= int(code) < 600 else None
    )
    best = (
        parts.status
        if parts.status and not status.is_generic(parts.status)
        else status.parse(dsn) or parts.status
    )
    if not text and reply_code is None and best is None:
        return None, None
    if parts.reply_code is None and reply_code is not None:
        text = f"{reply_code} {text}".strip()
    if parts.status is None and not text:
        text = best or ""
    return Reply(reply_code, best, text[:MAX_REPLY]), Stage(parts.stage) if parts.stage else None


# ── paths ──────────────────────────────────────────────────────────────────────────────────────────────────


def _one(value: Any, path: str) -> str:
    """The first text or number that *path* leads to; a status object as ``5.1.1``; '' where there is none."""
    for found in _find(value, path):
        if isinstance(found, bool):
            return str(found).lower()
        if isinstance(found, str | int | float) and str(found).strip():
            return str(found)
        if isinstance(found, dict) and {"class", "subject", "detail"} <= found.keys():
            return ".".join(str(found[k]) for k in ("class", "subject", "detail"))
    return ""


def _find(value: Any, path: str) -> list[Any]:
    """Everything that *path* leads to, of the first of its alternatives that leads anywhere."""
    for way in path.split("|") if path else ():
        found = [value]
        for step in way.split(".") if way != "." else ():
            name, many = step.removesuffix("[]"), step.endswith("[]")
            found = [
                v
                for f in found
                if isinstance(f, dict)
                for v in (f.values() if name == "*" else (_item(f, name),))
            ]
            if many:
                found = [v for f in found if isinstance(f, list) for v in f]
        found = [f for f in found if f is not None and f != ""]
        if len(found) == 1 and isinstance(found[0], list):
            found = [f for f in found[0] if f is not None]
        if found:
            return found
    return []


def _item(of: dict[str, Any], name: str) -> Any:
    if name in of:
        return of[name]
    folded = name.casefold()
    return next((v for k, v in of.items() if isinstance(k, str) and k.casefold() == folded), None)


def _time(value: str) -> datetime | None:
    """Unix time in seconds or finer, RFC 3339, or RFC 5322; a time without zone is UTC."""
    text = value.strip()
    try:
        if text.replace(".", "", 1).isdigit():
            seconds = float(text)
            while seconds > 1e11:
                seconds /= 1000
            return datetime.fromtimestamp(seconds, UTC)
        when = datetime.fromisoformat(text) if text[:4].isdigit() else parsedate_to_datetime(text)
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, OSError, IndexError):
        return None
