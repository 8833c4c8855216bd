"""Checks of the links of a mailing: where they lead, and what they show."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from bouncewise.rfc.suffixes import registered
from bouncewise.sender.checks import Hit
from bouncewise.sender.review.mail import Mailing

MAX_LINKS = 2000
"""Links that are examined."""

_SHORTENERS = frozenset(
    "bit.ly t.co goo.gl tinyurl.com ow.ly is.gd buff.ly rebrand.ly cutt.ly shorturl.at tiny.cc"
    " rb.gy t.ly bl.ink lnkd.in v.gd s.id t2m.io soo.gd clck.ru u.to".split()
)
_SHOWN = re.compile(r"(?:https?://)?((?:[\w-]{1,63}\.){1,8}[a-z]{2,24})(?:[/:?#]\S*)?", re.I)
_INTERNAL = re.compile(
    r"(?:^|\.)(?:localhost|local|test|invalid|internal|lan|intranet|localdomain)$"
    r"|^(?:staging|stage|dev|test|preprod)[.-]|(?:^|[.-])(?:staging|preprod)\.",
    re.I,
)
_USUAL_PORTS = (None, 80, 443)
_UNSUBSCRIBE = re.compile(
    r"unsub|opt-?out|abmeld|austrag|desabonn|desinscri|baja\b|cancelar|disiscri|afmeld|uitschrijv"
    r"|avprenum|frameld|wypis|odhl[aá]s|отпис|配信停止|退订|退訂|구독\s*취소|수신\s*거부|preferences",
    re.I,
)


def check(mail: Mailing, *, transactional: bool) -> Iterator[Hit]:
    """What the links of the page show, and those of a text without a page."""
    plain, empty = [], 0
    for link in mail.page.links[:MAX_LINKS]:
        if link.target in ("", "#") or link.target.lower().startswith("javascript:"):
            empty += 1
            continue
        found = _split(link.target)
        if found is None or found.scheme.lower() not in ("http", "https"):
            continue
        if found.scheme.lower() == "http":
            plain.append(found.hostname or "")
        yield from _target(found)
        yield from _shown(link.text, found)
    if plain:
        names = ", ".join(dict.fromkeys(plain))
        yield "link-http", {"count": len(plain), "value": names[:200]}
    if empty:
        yield "link-empty", {"count": empty}
    if not transactional and unsubscribe_place(mail) is None:
        yield "unsubscribe-link-missing", {}


def unsubscribe_place(mail: Mailing) -> int | None:
    """The character of the HTML or text at which a link to unsubscribe begins; None if there is
    none.
    """
    for link in mail.page.links:
        if _UNSUBSCRIBE.search(_folded(f"{link.text} {link.target}"[:2000])):
            return link.at
    if mail.html:
        return None
    found = _UNSUBSCRIBE.search(_folded((mail.plain or "")[:200_000]))
    return found.start() if found else None


def _folded(text: str) -> str:
    """*text* without accents, in which "désabonner" is found."""
    decomposed = unicodedata.normalize("NFD", text)
    return "".join(c for c in decomposed if not unicodedata.combining(c) or c == "\u3099")


def _split(target: str) -> SplitResult | None:
    try:
        found = urlsplit(target)
        _ = found.port, found.hostname
    except ValueError:
        return None
    return found


def _target(link: SplitResult) -> Iterator[Hit]:
    host = (link.hostname or "").rstrip(".")
    if not host:
        return
    if _is_ip(host):
        yield "link-ip", {"value": host}
    elif _INTERNAL.search(host) or "." not in host:
        yield "link-internal", {"value": host}
    elif registered(host) in _SHORTENERS:
        yield "link-shortener", {"value": registered(host)}
    if _mixes_scripts(host):
        yield "link-mixed-scripts", {"value": host}
    if link.port not in _USUAL_PORTS:
        yield "link-port", {"value": f"{host}:{link.port}"}
    if "@" in link.netloc:
        yield "link-user", {"value": link.netloc[:100]}


def _shown(text: str, link: SplitResult) -> Iterator[Hit]:
    """Whether the words of a link are an address of another owner than the one it leads to."""
    if text.lower().startswith(("http", "www.")):
        text = text.replace(" ", "")  # tags within the words
    shown = _SHOWN.fullmatch(text.strip())
    host = link.hostname or ""
    if shown is None or not host or "@" in text:
        return
    name = shown[1].lower()
    explicit = "://" in text or name.startswith("www.") or "/" in text
    if not explicit and registered(name) == name.rpartition(".")[2]:
        return
    if registered(name) != registered(host):
        yield "link-mismatch", {"value": name, "target": host}


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _mixes_scripts(host: str) -> bool:
    """Whether a label has letters of Latin and of a script that imitates it."""
    for label in host.split("."):
        text = label
        if label.startswith("xn--"):
            try:
                text = label[4:].encode().decode("punycode")
            except (UnicodeError, ValueError):
                continue
        scripts = {unicodedata.name(c, "").partition(" ")[0] for c in text if c.isalpha()}
        if "LATIN" in scripts and scripts & {"CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"}:
            return True
    return False
