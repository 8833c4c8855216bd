"""Mail addresses as bounces write them: RFC 5321 §4.1.2, RFC 6531, RFC 3461 §4 (xtext), RFC 6533 §3 (utf-8 addresses).

Reads: ``rfc822; <a@b.example>``, ``"odd one"@b.example``, ``utf-8; 用户@例.example``, ``a+2Bx@b.example`` in xtext.
Gives: the address with its domain in lower case A-labels' stead as written, or None.
Refuses: what has no local part or no domain.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

MAX_ADDRESS = 320
"""64 + 1 + 255 octets: RFC 5321 §4.5.3.1."""

_STOPS = frozenset('<>()[]{}\\,;:"|@') | {chr(c) for c in range(0x21)} | {"\x7f", "\xa0", "\u3000"}
_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_DOMAIN = re.compile(
    rf"{_LABEL}(?:\.{_LABEL}){{0,20}}(?![\w@])|\[(?:\d{{1,3}}\.){{3}}\d{{1,3}}\]|\[IPv6:[\da-fA-F:.]{{2,45}}\]"
)
_QUOTED = re.compile(r'"(?:[^"\\\n]|\\.){1,64}"')
_XTEXT = re.compile(r"\+([0-9A-F]{2})")
_UNITEXT = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")


def normalise(address: str) -> str:
    """The address as a key: trimmed, lower case, an international domain as A-labels (RFC 5890).

    RFC 5321 §2.4 lets local parts differ by case; no receiver of weight makes use of it.
    """
    folded = address.strip().strip("<>").casefold()
    local, at, domain = folded.rpartition("@")
    if domain.isascii():
        return folded.rstrip(".")
    import idna  # (its tables load slowly, and few addresses need them)

    try:
        return f"{local}{at}{idna.encode(domain.rstrip('.'), uts46=True).decode()}"
    except (idna.IDNAError, UnicodeError):
        return folded


def find(text: str) -> Iterator[tuple[int, int, str]]:
    """Every address in *text*: start, end, address. Linear: each @ looks at most MAX_ADDRESS characters around."""
    at = text.find("@")
    while at >= 0:
        domain = _DOMAIN.match(text, at + 1, at + MAX_ADDRESS)
        start = _local_start(text, at)
        if domain is not None and start < at:
            yield start, domain.end(), f"{text[start:at]}@{domain[0]}"
        at = text.find("@", at + 1)


def _local_start(text: str, at: int) -> int:
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
    for _, _, found in find(text):
        return found
    return None


def parse_field(value: str) -> str | None:
    """The address of an Original-, Final- or Original-Rcpt-To field (RFC 3464 §2.3), or None.

    ``type; address``, the type often missing or misspelt, the address in angle brackets, xtext or utf-8 form.
    """
    kind, semicolon, rest = value.partition(";")
    text = (rest if semicolon else value).strip().strip("<>").strip()
    if not text:
        return None
    if kind.strip().casefold() in ("utf-8", "unitext"):
        text = _UNITEXT.sub(_from_hex, text)
    return first(text) or first(value)


def from_xtext(text: str) -> str:
    """RFC 3461 §4: ``+2B`` stands for ``+``. Text that is no xtext stays."""
    return _XTEXT.sub(lambda m: chr(int(m[1], 16)), text)


def from_verp(address: str) -> str | None:
    """The recipient that a variable envelope return path carries, or None: ``list-bounces+ann=b.example@our.example``.

    The local part ends in the recipient with ``=`` for ``@``, behind ``+`` or ``-`` and the list's own name. Refuses BATV
    tags (``prvs=``) and rewritten senders (SRS), which have an ``=`` for other reasons.
    """
    local = address.rpartition("@")[0]
    if local.casefold().startswith(("prvs=", "btv1=", "srs0", "srs1", "msprvs1=")):
        return None
    front, equals, domain = local.rpartition("=")
    if not equals or "." not in domain or not _DOMAIN.fullmatch(domain):
        return None
    list_name, plus, name = front.partition("+") if "+" in front else front.rpartition("-")
    return f"{name}@{domain}" if plus and list_name and name else None


def _from_hex(m: re.Match[str]) -> str:
    point = int(m[1], 16)
    return chr(point) if point < 0x110000 and not 0xD800 <= point < 0xE000 else m[0]
