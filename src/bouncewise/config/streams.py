"""The stream that a mail belongs to.

Reads: what a report or an event says of the mail. Gives: the name of its stream, and whether that
carries marketing or transactional mail.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from bouncewise.config.settings import MailKind, Settings, Stream

DEFAULT = "default"
"""The stream of mail that nothing assigns to another."""

MAX_NAME = 100
"""Characters of a stream's name."""

_LIST_ID = re.compile(r"<([^<>\s]{1,255})>\s*\Z")


class StreamName(NamedTuple):
    """A stream of mail."""

    name: str
    kind: MailKind


def stream_of(
    settings: Settings,
    esp_stream: str | None = None,
    list_id: str | None = None,
    from_domain: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> StreamName:
    """The stream of a mail: the ESP's own name for it, else the List-Id (RFC 2919) or the stream
    that lists it, else the stream that lists the From domain or a header field, else DEFAULT.

    *headers*: values by names in lower case. A stream that the settings do not name is marketing.
    """
    if esp_stream and esp_stream.strip():
        return _named(settings, _clean(esp_stream))
    if identifier := list_identifier(list_id or ""):
        by_list = (name for name, s in settings.streams.items() if identifier in s.list_ids)
        return _named(settings, next(by_list, _clean(identifier)))
    domain = (from_domain or "").lower().rstrip(".")
    for name, stream in settings.streams.items():
        if (domain and domain in stream.from_domains) or _has_header(stream, headers or {}):
            return StreamName(name, stream.kind)
    return _named(settings, DEFAULT)


def _named(settings: Settings, name: str) -> StreamName:
    stream = settings.streams.get(name)
    return StreamName(name, stream.kind if stream else MailKind.MARKETING)


def list_identifier(list_id: str) -> str:
    """The identifier in a List-Id field (RFC 2919), which is in angle brackets behind a phrase, in
    lower case; '' if there is none.
    """
    m = _LIST_ID.search(list_id[:1024].strip())
    text = m[1] if m else list_id[:255].strip()
    return "" if re.search(r"[\s<>]", text) else text.lower()


def _has_header(stream: Stream, headers: Mapping[str, str]) -> bool:
    for wanted in stream.headers:
        name, _, value = wanted.partition(":")
        if name in headers and headers[name].strip().lower().startswith(value):
            return True
    return False


def _clean(name: str) -> str:
    return "".join(c for c in name.strip() if c.isprintable())[:MAX_NAME]
