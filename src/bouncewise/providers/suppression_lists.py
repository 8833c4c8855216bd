"""The suppression lists of ESPs and list managers, as data (suppression_lists.toml), and accounts
that have them.

Reads: the settings of an account. Gives: an Account: its URLs, lists and how its requests are
authenticated. Refuses with ConfigError: an ESP that is not known, and settings that are missing.
"""

from __future__ import annotations

import os
import re
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Literal, NamedTuple
from urllib.parse import quote, urlsplit

import msgspec

from bouncewise.config.outgoing import Sync
from bouncewise.config.secrets import secret_at
from bouncewise.errors import ConfigError
from bouncewise.lists.exports import Kind

_SETTING = re.compile(r"\{(region|domain|stream|group)\}")

MARKETING, TRANSACTIONAL = "marketing", "transactional"
ALL_MAIL = frozenset((MARKETING, TRANSACTIONAL))


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Paging(_Row, frozen=True):
    """How the next page is named: ``at``: where the answer, or the last entry, says it; ``query``:
    the parameter that names it; ``more``: where the answer says that there is one, or of how many
    entries in all.
    """

    kind: Literal["token", "link", "after", "offset", "page"]
    at: str = ""
    query: str = ""
    more: str = ""


class Value(_Row, frozen=True):
    """A field and its value; of a list of values one of them, of a list of objects at a key."""

    field: str
    value: str
    key: str = ""


class Failed(_Row, frozen=True):
    """Where an answer says of single entries that they were refused, and why."""

    at: str
    email: str
    field: str
    value: str
    words: str


class Act(_Row, frozen=True):
    """A request that adds or removes entries."""

    method: Literal["PUT", "POST", "DELETE", "PATCH"]
    path: str
    batch: int = 1
    kinds: dict[Kind, str] = {}
    wrap: str | None = None
    item: dict[str, Any] | str | None = None
    failed: Failed | None = None


class SuppressionList(_Row, frozen=True):
    """A list of a vendor; see the head of suppression_lists.toml."""

    name: str
    layout: str
    get: str
    email: str
    fields: tuple[str, ...]
    stops: Literal["all", "marketing", "transactional"]
    source: str = ""
    exists: str = ""
    find: str = ""
    items: str = ""
    keyed: bool = False
    paging: Paging | None = None
    only: Value | None = None
    members: bool = False
    id: str = ""
    add: Act | None = None
    remove: Act | None = None


class Vendor(_Row, frozen=True):
    """An ESP or list manager."""

    name: str
    about: str
    url: str
    auth: str
    variable: str
    list: tuple[SuppressionList, ...]
    defaults: dict[str, str] = {}


class _Knowledge(_Row, frozen=True):
    esp: tuple[Vendor, ...]


@cache
def vendors() -> tuple[Vendor, ...]:
    """The rows of suppression_lists.toml."""
    path = resources.files("bouncewise.providers") / "suppression_lists.toml"
    return msgspec.toml.decode(path.read_bytes(), type=_Knowledge).esp


class Account(NamedTuple):
    """Lists of one account. ``marketing``: it sends no other mail; ``key``: '' for SES, whose keys
    botocore finds.
    """

    name: str
    vendor: Vendor
    url: str
    region: str
    lists: tuple[SuppressionList, ...]
    key: str
    auth: str
    marketing: bool = False

    def __repr__(self) -> str:
        return f"<Account {self.name}>"

    @property
    def mail(self) -> frozenset[str]:
        """The mail that it sends."""
        return frozenset((MARKETING,)) if self.marketing else ALL_MAIL

    def stops(self, listed: SuppressionList) -> frozenset[str]:
        """The mail of this account that an entry in a list stops."""
        return self.mail & (ALL_MAIL if listed.stops == "all" else frozenset((listed.stops,)))

    def headers(self) -> dict[str, str]:
        """The header field with the key."""
        name, colon, value = self.auth.rpartition(": ")
        text = value.replace("{key}", self.key)
        if text.startswith("Basic "):
            text = f"Basic {b64encode(text.removeprefix('Basic ').encode()).decode()}"
        return {name if colon else "Authorization": text} if self.auth != "aws" else {}

    def hidden(self, text: str) -> str:
        """*text* of a server, on one line, without the key and what is made of it."""
        for secret in (self.key, *self.headers().values()):
            text = text.replace(secret, "[key]") if secret else text
        return " ".join(text.split())[:200]


def account(name: str, settings: tuple[Sync, ...]) -> Account:
    """The account with this *name* in the settings, else that of the ESP with this name."""
    found = [table for table in settings if table.name == name]
    if len(found) > 1:
        raise ConfigError(f"[[sync]] {name}: this name is taken")
    table = found[0] if found else Sync(name=name, esp=name)
    vendor = next((v for v in vendors() if v.name == table.esp), None)
    if vendor is None:
        known = ", ".join(v.name for v in vendors())
        names = ", ".join(filter(None, (t.name for t in settings))) or "none"
        raise ConfigError(
            f"{name}: neither a name in [[sync]] of bouncewise.toml ({names}), nor known: {known}"
        )
    values = _values(vendor, table)
    for key, is_lacking in (
        ("url", not (table.url or vendor.url)),
        ("user", "{user}" in vendor.auth and not table.user),
    ):
        if is_lacking:
            raise _missing(name, key)
    url = table.url or _filled(vendor.url, values, name)
    available = [row for row in vendor.list if not _lacking(row.get, values)]
    if not available:
        _filled(vendor.list[0].get, values, name)  # raises: every list needs it
    lists = tuple(_with_paths(row, values, name) for row in available)
    place = table.key or f"env:{vendor.variable}"
    key = "" if vendor.auth == "aws" else secret_at(place, private=True)
    if not key.isascii() or not key.isprintable():
        raise ConfigError(f"{place}: not a key: it has other characters than ASCII, or lines")
    auth = vendor.auth.replace("{user}", table.user)
    return Account(name, vendor, url, values["region"], lists, key, auth, table.marketing)


def _values(vendor: Vendor, table: Sync) -> dict[str, str]:
    given = {
        "region": table.region or os.environ.get("AWS_REGION", ""),
        "domain": table.domain or os.environ.get("MAILGUN_DOMAIN", ""),
        "stream": table.stream,
        "group": str(table.group or ""),
    }
    return {name: value or vendor.defaults.get(name, "") for name, value in given.items()}


def _lacking(text: str, values: Mapping[str, str]) -> list[str]:
    return [name for name in _SETTING.findall(text) if not values[name]]


def _filled(text: str, values: Mapping[str, str], name: str) -> str:
    if lacking := _lacking(text, values):
        raise _missing(name, lacking[0])
    return _SETTING.sub(lambda m: quote(values[m[1]], safe=""), text)


def _missing(name: str, key: str) -> ConfigError:
    return ConfigError(f"[[sync]] {name}: {key}: missing; set it in bouncewise.toml (docs/sync.md)")


def _with_paths(row: SuppressionList, values: Mapping[str, str], name: str) -> SuppressionList:
    acts = {
        key: act and msgspec.structs.replace(act, path=_filled(act.path, values, name))
        for key, act in (("add", row.add), ("remove", row.remove))
    }
    texts = {key: _filled(getattr(row, key), values, name) for key in ("get", "exists")}
    return msgspec.structs.replace(row, **texts, **acts)


def table() -> str:
    """The vendors as the table of docs/sync.md."""
    lines = [
        "| `ESP` | list | stops | pushed to it | removed | source |",
        "|---|---|---|---|---|---|",
    ]
    for vendor in vendors():
        for row in vendor.list:
            kinds = ", ".join(row.add.kinds) if row.add else ""
            source = f"[{urlsplit(row.source).hostname}]({row.source})" if row.source else ""
            lines.append(
                f"| `{vendor.name}` | {row.name} | {row.stops} | {kinds} | "
                f"{'yes' if row.remove else 'no'} | {source or 'unconfirmed'} |"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
