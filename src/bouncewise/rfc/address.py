"""Mail addresses as bounces write them.

Reads: ``rfc822; <a@b.example>``, ``"odd one"@b.example``, ``utf-8; 用户@例.example``,
``a+2Bx@b.example`` in xtext. RFC 5321 §4.1.2, RFC 6531, RFC 3461 §4 (xtext), RFC 6533 §3
(addresses in UTF-8). Gives: the address as written, or None; ``normalise`` gives the key by which
addresses are compared. Refuses: text without a local part or without a domain.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

MAX_ADDRESS = 320
"""64 + 1 + 255 octets: RFC 5321 §4.5.3.1."""

# Characters that cannot belong to a local part without quotes.
_STOPS = (
    frozenset('<>()[]{}\\,;:"|@：，、；（）「」『』【】《》')
    | {chr(c) for c in range(0x21)}
    | {"\x7f", "\xa0", "\u3000"}
)
_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_DOMAIN = re.compile(
    rf"{_LABEL}(?:\.{_LABEL}){{0,20}}(?![\w@])"
    r"|\[(?:\d{1,3}\.){3}\d{1,3}\]|\[IPv6:[\da-fA-F:.]{2,45}\]"
)
_QUOTED = re.compile(r'"(?:[^"\\\n]|\\.){1,64}"')
# Local parts of local deliveries, which legally contain nearly anything: quoted, or a pipe or path.
_UNUSUAL_START = ('"', "|", "/")
_UNUSUAL = re.compile(
    rf'(?:"(?:[^"\\\n]|\\.)*+"|(?:[^\s<>@"\\]|\\.)++)@{_LABEL}(?:\.{_LABEL}){{0,20}}'
)
_NEEDLESS_QUOTES = re.compile(r'"([^\W_](?:[\w!#$%&*+/=?^`{|}~-]|\.(?=[^."])){0,63})"(?=@)')
_QUOTED_PAIR = re.compile(r"\\(.)")
_XTEXT = re.compile(r"\+([0-9A-F]{2})")
_UNITEXT = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")

# What SendGrid and Mailgun put before the recipient: an account and a hash.
_ESP_VERP = re.compile(
    r"(?:bounces?\+\d{1,12}-[0-9a-f]{4}-|bounce\+[0-9a-f]{6}\.[0-9a-f]{1,16}-)(.*)$", re.I
)
# Local parts with "=" that are no VERP: BATV tags, senders rewritten by SRS, and Amazon's msprvs1.
_NOT_VERP = ("prvs=", "btv1=", "srs0", "srs1", "msprvs1=")


class FoundAddress(NamedTuple):
    """An address in a text, with its position."""

    start: int
    end: int
    address: str


def normalise(address: str) -> str:
    """The address as a key: trimmed, in lower case, an international local part in NFC, an
    international domain as A-labels (RFC 5890).

    RFC 5321 §2.4 allows local parts that differ only in case; no large receiver distinguishes them.
    """
    folded = address.strip().strip("<>").lower()
    if folded.startswith('"'):  # RFC 5321 section 4.1.2: the same without needless quotes
        folded = _QUOTED_PAIR.sub(_as_needed, folded) if "\\" in folded else folded
        if (quoted := _NEEDLESS_QUOTES.match(folded)) is not None:
            folded = f"{quoted[1]}{folded[quoted.end() :]}"
    if not folded.isascii():
        folded = unicodedata.normalize("NFC", folded)  # RFC 6532 section 3.1
    local, at, domain = folded.rpartition("@")
    if domain.isascii():
        return folded.rstrip(".")
    import idna  # its tables load slowly, and few addresses need them

    try:
        return f"{local}{at}{idna.encode(domain.rstrip('.'), uts46=True).decode()}"
    except (idna.IDNAError, UnicodeError):
        return folded


def _as_needed(m: re.Match[str]) -> str:
    return m[0] if m[1] in '"\\' else m[1]


def former_key(address: str) -> str:
    """The key of an address in ledgers before schema 6, which folded ß to ss and kept quotes: where
    it differs, both keys are asked about.
    """
    folded = address.strip().strip("<>").casefold()
    local, at, domain = folded.rpartition("@")
    if domain.isascii():
        return folded.rstrip(".")
    import idna

    try:
        return f"{local}{at}{idna.encode(domain.rstrip('.'), uts46=True).decode()}"
    except (idna.IDNAError, UnicodeError):
        return folded


def find(text: str) -> Iterator[FoundAddress]:
    """Every address in *text*, in order.

    Linear: at each ``@`` at most MAX_ADDRESS characters around it are read.
    """
    at = text.find("@")
    while at >= 0:
        domain = _DOMAIN.match(text, at + 1, at + MAX_ADDRESS)
        start = _local_start(text, at)
        if domain is not None and start < at:
            yield FoundAddress(start, domain.end(), f"{text[start:at]}@{domain[0]}")
        at = text.find("@", at + 1)


def _local_start(text: str, at: int) -> int:
    """Where the local part before *at* begins; *at* itself if there is none."""
    if at and text[at - 1] == '"':
        opening = text.rfind('"', max(0, at - 66), at - 1)
        return opening if opening >= 0 and _QUOTED.fullmatch(text, opening, at) else at
    start, floor = at, max(0, at - 256)
    while start > floor and text[start - 1] not in _STOPS:
        start -= 1
    while start < at and text[start] in "'.`*":
        start += 1
    return at if text[at - 1] == "." else start


def first(text: str) -> str | None:
    """The first address in *text*, or None."""
    return next((found.address for found in find(text)), None)


def parse_field(value: str) -> str | None:
    """The address of an Original-, Final- or Original-Rcpt-To field (RFC 3464 §2.3), or None.

    The form is ``type; address``. The type is often missing or misspelt; the address may be in
    angle brackets, in xtext or in UTF-8 form.
    """
    kind, semicolon, rest = value.partition(";")
    text = (rest if semicolon else value).strip().strip("<>").strip()
    if not text:
        return None
    if kind.strip().casefold() in ("utf-8", "unitext"):
        text = _UNITEXT.sub(_from_hex, text)
    if text[0] in _UNUSUAL_START and _UNUSUAL.fullmatch(text[:MAX_ADDRESS]):
        return text
    return first(text) or first(value)


def from_xtext(text: str) -> str:
    """Decode xtext (RFC 3461 §4: ``+2B`` stands for ``+``). Other text does not change."""
    return _XTEXT.sub(lambda m: chr(int(m[1], 16)), text)


def from_verp(address: str) -> str | None:
    """The recipient in a variable envelope return path, or None.

    In ``list-bounces+ann=b.example@our.example`` the local part ends with the recipient, ``=``
    written for ``@``, behind the name of the list and ``+`` or ``-``; SendGrid and Mailgun put an
    account and a hash between. Refuses BATV tags (``prvs=``)
    and rewritten senders (SRS), which contain ``=`` for other reasons.
    """
    local = address.rpartition("@")[0]
    if local.casefold().startswith(_NOT_VERP):
        return None
    front, equals, domain = local.rpartition("=")
    if not equals or "." not in domain or not _DOMAIN.fullmatch(domain):
        return None
    if (m := _ESP_VERP.match(front)) is not None:
        return f"{m[1]}@{domain}" if m[1] else None
    list_name, separator, name = front.partition("+") if "+" in front else front.rpartition("-")
    return f"{name}@{domain}" if separator and list_name and name else None


def _from_hex(m: re.Match[str]) -> str:
    code_point = int(m[1], 16)
    valid = code_point < 0x110000 and not 0xD800 <= code_point < 0xE000  # no surrogates
    return chr(code_point) if valid else m[0]
