"""The syntax of SPF records: terms, networks and macros (RFC 7208 sections 5 to 7 and 12).

Reads: the text of a record. Gives: its terms, and domain names in which macros are expanded.
Refuses, with SpfError: what the grammar does not allow; the words name the term.
"""

from __future__ import annotations

import ipaddress
import re
import time
from typing import NamedTuple
from urllib.parse import quote

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

_STRING = re.compile(r"\"((?:[^\"\\]|\\.)*)\"")
_ESCAPE = re.compile(r"\\(\d{3}|.)", re.S)
_TERM = re.compile(r"([+?~-]?)([A-Za-z][A-Za-z0-9._-]*)(?::([^/]\S*?|))?((?://?\d{1,3}){0,2})")
_MODIFIER = re.compile(r"([A-Za-z][A-Za-z0-9._-]*)=(\S*)")
_MACRO = re.compile(r"%(?:\{([slodiphcrtv])(\d{0,3})(r?)([.+,/_=-]*)\}|([%_-])|(.?))", re.I)
_LABEL = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")
_MAX_NAME = 253
_CIDR = re.compile(r"(?:/(\d{1,3}))?(?://(\d{1,3}))?")
_EXPLANATION_ONLY = ("c", "r", "t")  # macros of the text that exp= names (section 7.2)
_NEEDS_DOMAIN = ("include", "exists")
_MAY_HAVE_DOMAIN = ("a", "mx", "ptr")


class SpfError(Exception):
    """A permanent error (section 2.6.7); the text says which."""


class Term(NamedTuple):
    """A mechanism. ``text`` is as written; ``bits4`` and ``bits6`` are the lengths of prefixes."""

    text: str
    qualifier: str
    mechanism: str
    value: str = ""
    network: IPNetwork | None = None
    bits4: int = 32
    bits6: int = 128


class Record(NamedTuple):
    """The terms in order, and the target of redirect=; None if there is none."""

    text: str
    terms: tuple[Term, ...]
    redirect: str | None


def texts(record: str) -> str:
    """The text of a TXT record in presentation format: its strings joined (section 3.3)."""
    pieces = _STRING.findall(record)
    joined = "".join(pieces) if pieces else record
    return _ESCAPE.sub(lambda m: chr(int(m[1])) if m[1].isdigit() else m[1], joined)


def parse(text: str, domain: str) -> Record:
    """The record *text* of *domain*. Raises SpfError."""
    if not text.isascii():
        raise SpfError(f"the record of {domain} has characters beyond ASCII")
    terms: list[Term] = []
    modifiers: dict[str, str] = {}
    for word in text[6:].split(" "):
        if not word:
            continue
        if (m := _MODIFIER.fullmatch(word)) is not None:
            name = m[1].lower()
            if name in modifiers and name in ("redirect", "exp"):
                raise SpfError(f"{name}= stands twice in the record of {domain}")
            _require_domain(m[2], word, domain) if name in ("redirect", "exp") else _macros(m[2])
            modifiers[name] = m[2]
        else:
            terms.append(_term(word, domain))
    return Record(text, tuple(terms), modifiers.get("redirect"))


def _term(word: str, domain: str) -> Term:
    m = _TERM.fullmatch(word)
    if m is None:
        raise SpfError(f"{word!r} in the record of {domain} is no term{_hint(word)}")
    qualifier, mechanism, value, cidr = m[1] or "+", m[2].lower(), m[3], m[4]
    if mechanism in ("ip4", "ip6"):
        return Term(word, qualifier, mechanism, network=_network(word, mechanism, domain))
    if mechanism == "all":
        if value is not None or cidr:
            raise SpfError(f"{word!r} in the record of {domain}: all takes no value")
        return Term(word, qualifier, mechanism)
    if mechanism not in (*_NEEDS_DOMAIN, *_MAY_HAVE_DOMAIN):
        raise SpfError(f"{word!r} in the record of {domain}: there is no such mechanism")
    if mechanism in _NEEDS_DOMAIN or value is not None:
        _require_domain(value or "", word, domain)
    if cidr and mechanism not in ("a", "mx"):
        raise SpfError(f"{word!r} in the record of {domain}: {mechanism} takes no length")
    bits4, bits6 = _bits(cidr, word, domain)
    return Term(word, qualifier, mechanism, value or "", None, bits4, bits6)


def _bits(cidr: str, word: str, domain: str) -> tuple[int, int]:
    m = _CIDR.fullmatch(cidr)
    for text, most in ((m[1], 32), (m[2], 128)) if m else ():
        if text and (int(text) > most or (len(text) > 1 and text[0] == "0")):
            raise SpfError(f"{word!r} in the record of {domain}: /{text} is no length of a prefix")
    if m is None:
        raise SpfError(f"{word!r} in the record of {domain} is no term")
    return int(m[1] or 32), int(m[2] or 128)


def _network(word: str, mechanism: str, domain: str) -> IPNetwork:
    _, found, text = word.partition(":")
    length = text.partition("/")[2]
    try:
        if not found or (len(length) > 1 and length[0] == "0") or "%" in text:
            raise ValueError
        network = ipaddress.ip_network(text, strict=False)
        if network.version != int(mechanism[2]):
            raise ValueError
    except ValueError:
        raise SpfError(
            f"{word!r} in the record of {domain} is no {mechanism} network{_hint(word)}"
        ) from None
    return network


def _hint(word: str) -> str:
    """Where two terms were written as one *word*: at the end, or where two strings are joined."""
    if re.search(r"\d[-~?+]all$", word):
        return "; a blank is missing before the last term"
    m = re.search(r"[^:+?~-]((?:ip4|ip6|include|exists|redirect|exp)[:=])", word, re.I)
    return f"; a blank is missing before {m[1]}" if m else ""


def _require_domain(value: str, word: str, domain: str) -> None:
    """Raise SpfError where *value* is no domain-spec (section 7.1)."""
    _macros(value)
    if not value or not (_ends_with_label(value) or value.endswith("}")):
        raise SpfError(f"{word!r} in the record of {domain} names no domain{_hint(word)}")


def _ends_with_label(value: str) -> bool:
    """Whether *value* ends with a dot and a toplabel (section 7.1), and perhaps one more dot."""
    _, dot, label = value.removesuffix(".").rpartition(".")
    if not dot or not label or not _LABEL.issuperset(label) or "-" in (label[0], label[-1]):
        return False
    return "-" in label or any(c.isalpha() for c in label)


def _macros(value: str) -> None:
    for m in _MACRO.finditer(value):
        if m[6] is not None or (m[1] or "").lower() in _EXPLANATION_ONLY:
            raise SpfError(f"{value!r}: % and what follows it is no macro of a domain name")
        if m[2] and int(m[2]) == 0:
            raise SpfError(f"{value!r}: a macro keeps 0 labels")


class Macros(NamedTuple):
    """What macros stand for (section 7.2): *name* is the validated name of the IP address."""

    domain: str
    ip: str
    sender: str
    helo: str
    name: str


def expand(value: str, macros: Macros) -> str:
    """*value* with its macros expanded (section 7.3), cut to 253 characters from the left."""
    if "%" not in value:
        return value
    domain, ip, sender, helo, name = macros
    address = ipaddress.ip_address(ip)
    local, _, of = sender.rpartition("@")
    values = {
        "s": sender if local else f"postmaster@{of or domain}",
        "l": local or "postmaster",
        "o": of or domain,
        "d": domain,
        "i": ip if address.version == 4 else ".".join(address.exploded.replace(":", "")),
        "p": name,
        "v": "in-addr" if address.version == 4 else "ip6",
        "h": helo or "unknown",
        "c": ip,
        "r": "unknown",
        "t": str(int(time.time())),
    }

    def one(m: re.Match[str]) -> str:
        if m[5]:
            return {"%": "%", "_": " ", "-": "%20"}[m[5]]
        labels = re.split(f"[{re.escape(m[4] or '.')}]", values[m[1].lower()])
        labels = labels[::-1] if m[3] else labels
        joined = ".".join(labels[-int(m[2]) :] if m[2] else labels)
        return quote(joined, safe="") if m[1].isupper() else joined

    found = _MACRO.sub(one, value)
    if len(found) <= _MAX_NAME or "." not in found:
        return found
    cut = found.find(".", len(found) - _MAX_NAME - 1)
    return found[cut + 1 :] if cut >= 0 else found.rpartition(".")[2]
