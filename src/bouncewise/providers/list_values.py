"""The values of suppression lists: read out of the answers of an API, and put into its requests.

Reads: what an answer holds at a path. Gives: entries as an Entry each; the body that adds or
removes New ones. Refuses nothing: what has another type than expected is no text, and long texts
are cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import msgspec

from bouncewise.lists.dates import format_mail_time, format_time
from bouncewise.providers.suppression_lists import Act, SuppressionList

MAX_TEXT = 1000
"""Characters of one value."""

MAX_LINK = 1 << 13
"""Characters of a link or token that leads to the next page."""


class Entry(NamedTuple):
    """An entry of a list. ``values``: of the list's ``fields``; ``stops``: whether it is a
    suppression, and not another row; ``id``: what it is called there.
    """

    address: str
    values: tuple[str, ...]
    stops: bool = True
    id: str = ""


class New(NamedTuple):
    """An entry to add or remove: the vendor's word for what it is, and what is sent with it."""

    address: str
    kind: str = ""
    at: datetime | None = None
    why: str = ""
    id: str = ""


def entry(listed: SuppressionList, row: object) -> Entry | None:
    """The entry in a row; None where it names nobody."""
    address = text(at(row, listed.email))
    if not address:
        return None
    values = tuple(text(row if not listed.email else at(row, name)) for name in listed.fields)
    stops = True
    if listed.only is not None:
        value = at(row, listed.only.field)
        many = value if isinstance(value, list) else [value]
        found = [text(at(one, listed.only.key)) for one in many]
        stops = listed.only.value in found
    return Entry(address, values, stops, text(at(row, listed.id)) if listed.id else "")


def at(value: Any, path: str) -> Any:
    """What is in *value* at a path with dots; None where there is nothing."""
    for part in path.split(".") if path else ():
        value = value.get(part) if isinstance(value, dict) else None
    return value


def text(value: object, most: int = MAX_TEXT) -> str:
    """A value as text on one line, of at most *most* characters; '' for what has no text."""
    if isinstance(value, list):
        return ", ".join(filter(None, map(text, value[:20])))[:most].strip()
    if isinstance(value, str):
        return " ".join(value[:most].replace("\0", " ").split())
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e18:
        return ""
    return repr(value)


def link(value: Any) -> str:
    """The link to the next page, in an object or a list of links; '' where there is none."""
    if isinstance(value, list):
        found = [link for link in value if isinstance(link, dict) and link.get("rel") == "next"]
        return text(found[0].get("href"), MAX_LINK) if found else ""
    return text(value.get("next") if isinstance(value, dict) else value, MAX_LINK)


def page(url: str, query: str) -> int:
    """The number of the page that a URL asks for."""
    number = dict(parse_qsl(urlsplit(url).query)).get(query, "")
    return int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 1


def body_of(act: Act, batch: Sequence[New]) -> bytes | None:
    """The body of a request that adds or removes *batch*; None for a request without one."""
    if act.item is None:
        return None
    items = [_filled(act.item, new) for new in batch]
    body = items[0] if act.wrap is None else {act.wrap: items} if act.wrap else items
    return msgspec.json.encode(body)


def _filled(template: Any, new: New) -> Any:
    """A template with what is sent about one entry."""
    if isinstance(template, dict):
        return {key: _filled(value, new) for key, value in template.items()}
    if isinstance(template, list):
        return [_filled(value, new) for value in template]
    why = " ".join(new.why.encode("utf-8", "replace").decode().split())[:200]
    known = {
        "{email}": new.address,
        "{kind}": int(new.kind) if new.kind.isdigit() else new.kind,
        "{why}": why,
        "{code}": why[:3] if why[:3].isascii() and why[:3].isdigit() else "550",
        "{time}": format_time(new.at),
        "{mail_time}": format_mail_time(new.at),
        "{id}": int(new.id) if new.id.isascii() and new.id.isdigit() else new.id,
    }
    return known.get(template, template)
