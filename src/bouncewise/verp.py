"""Signed return addresses: variable envelope return paths (VERP) that nobody else can make.

Reads: a recipient, or an address that a notice came to. Gives: the envelope sender for mail to that
recipient, or what such an address proves. Refuses nothing: whatever is no valid address is
an outcome, and hostile input never raises.

    bounces+jo=b.example=TOKEN@bounces.shop.example

The local part is PREFIX, the recipient with ``=`` for ``@``, ``=`` and TOKEN: 3 characters for the
day of issue (days since 2020), 1 for the length of PREFIX, 16 for the code, and the id of the
key. The code is the first 80 bits of HMAC-SHA256 (RFC 2104) over the whole address without
the code, in lower case; all is base32 (RFC 4648) in lower case, because mail servers may change the
case. A recipient that leaves no room within 64 octets (RFC 5321 section 4.5.3.1.1), or that needs
quotes or is not ASCII, is replaced by its ``recipient_id``, 16 characters. It is no secret:
who knows the key finds the recipient among those that may be meant.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from bouncewise.config.keys import Keyring
from bouncewise.errors import InputError
from bouncewise.rfc.address import MAX_ADDRESS, normalise

MAX_LOCAL_PART = 64
"""Octets."""

DAYS = 30
"""Days for which an address is valid unless the configuration states others."""

PREFIX = "bounces+"
"""The beginning of addresses unless the configuration states another."""

_EPOCH = date(2020, 1, 1)
_LAST_DAY = (1 << 15) - 1
_CLOCK_DAYS = 1  # by which the clocks of two servers may differ, zones included
_DIGITS = "abcdefghijklmnopqrstuvwxyz234567"
_CODE_OCTETS = 10
_BASE32 = "[a-z2-7]"
_TOKEN = re.compile(
    rf"(?P<head>.{{1,63}})=(?P<day>{_BASE32}{{3}})(?P<length>{_BASE32})(?P<code>{_BASE32}{{16}})"
    r"(?P<key>[a-z0-9]{1,4})"
)
_ID = re.compile(rf"{_BASE32}{{16}}")
# RFC 5321 section 4.1.2: a Dot-string at a domain; what needs quotes is replaced by its id.
_PLAIN = re.compile(
    r"[a-z0-9!#$%&'*+/?^_`{|}~=-]+(?:\.[a-z0-9!#$%&'*+/?^_`{|}~=-]+)*"
    r"@[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+"
)


class Outcome(StrEnum):
    """What a return address proves."""

    VALID = "valid"
    """We mailed this recipient."""
    EXPIRED = "expired"
    """We did, longer ago than return addresses are valid."""
    FORGED = "forged"
    """It has the form of a signed address, and its code is wrong."""
    UNKNOWN_KEY = "unknown_key"
    """Its key is not, or no longer, in the keyring."""
    NOT_VERP = "not_verp"
    """It has another form."""


class VerpCheck(NamedTuple):
    """What is known of a return address.

    ``recipient`` is the normalised recipient; where the address has only a ``recipient_id``, it is
    None, and ``resolve`` finds it. All but the outcome and the key are None if the outcome is
    neither VALID nor EXPIRED.
    """

    outcome: Outcome
    recipient: str | None = None
    recipient_id: str | None = None
    issued: date | None = None
    key_id: str | None = None


def address(
    recipient: str,
    domain: str,
    keyring: Keyring,
    now: datetime,
    *,
    prefix: str = PREFIX,
) -> str:
    """The envelope sender for mail to *recipient*: an address at *domain*, signed with the newest
    key for the day of *now*.

    Raises InputError if *recipient* is no address or *prefix* is too long, and ConfigError if the
    keyring is empty.
    """
    name = normalise(recipient)
    local, at, host = name.rpartition("@")
    if not (local and at and host) or len(name) > MAX_ADDRESS or "@" in _unquoted(local):
        raise InputError(f"{recipient[:MAX_ADDRESS]!r}: not an address")
    key_id = keyring.newest
    prefix, domain = prefix.lower(), domain.lower()
    day = min(max((now.astimezone(UTC).date() - _EPOCH).days, 0), _LAST_DAY)
    if not 2 <= len(prefix) < len(_DIGITS) or not (prefix + domain).isascii():
        raise InputError(f"{prefix!r}: a prefix has 2 to 31 ASCII characters")
    tail = f"={_number(day, 3)}{_number(len(prefix), 1)}"
    room = MAX_LOCAL_PART - len(prefix) - len(tail) - 16 - len(key_id)
    body = f"{local}={host}" if _PLAIN.fullmatch(name) else ""
    if not body or len(body) > room:
        body = recipient_id(name, keyring, key_id)
    head = f"{prefix}{body}"
    if len(body) > room:
        raise InputError(f"{prefix!r}: too long; nothing else fits into 64 octets")
    code = _code(keyring, key_id, head, tail, domain)
    return f"{head}{tail}{code}{key_id}@{domain}"


def check(return_address: str, keyring: Keyring, now: datetime, *, days: int = DAYS) -> VerpCheck:
    """What *return_address* proves at *now*, if addresses are valid for *days*."""
    name = return_address.lower() if len(return_address) <= MAX_ADDRESS else ""
    local, _, domain = name.rpartition("@")
    m = _TOKEN.fullmatch(local) if name.isascii() and return_address.isascii() else None
    if m is None or not domain or len(local) > MAX_LOCAL_PART:
        return VerpCheck(Outcome.NOT_VERP)
    length = _value(m["length"])
    body = m["head"][length:]
    if not length or not (_ID.fullmatch(body) or "=" in body):
        return VerpCheck(Outcome.NOT_VERP)
    key_id = m["key"]
    if keyring.key(key_id) is None:
        return VerpCheck(Outcome.UNKNOWN_KEY, key_id=key_id)
    tail = f"={m['day']}{m['length']}"
    expected = _code(keyring, key_id, m["head"], tail, domain)
    if not hmac.compare_digest(expected, m["code"]):
        return VerpCheck(Outcome.FORGED, key_id=key_id)
    issued = _EPOCH + timedelta(days=_value(m["day"]))
    age = (now.astimezone(UTC).date() - issued).days
    recipient = "@".join(body.rpartition("=")[::2]) if "=" in body else None
    return VerpCheck(
        Outcome.VALID if -_CLOCK_DAYS <= age <= days else Outcome.EXPIRED,
        recipient,
        None if recipient else body,
        issued,
        key_id,
    )


def recipient_id(recipient: str, keyring: Keyring, key_id: str | None = None) -> str:
    """What stands for a *recipient* that does not fit into an address: 80 bits of HMAC-SHA256 over
    the normalised recipient, by the newest key or that of *key_id*, in base32.

    Raises ConfigError if there is no key.
    """
    key = keyring.key(key_id or keyring.newest) or keyring.key(keyring.newest) or b""
    return _encode(hmac.digest(key, b"recipient\0" + _octets(normalise(recipient)), "sha256"))


def resolve(checked: VerpCheck, candidates: Iterable[str], keyring: Keyring) -> str | None:
    """The recipient of a valid address: the one that it names, or the one of *candidates* whose id
    it has; normalised. None if it is not among them.
    """
    if checked.recipient_id is None or not checked.key_id or not keyring.key(checked.key_id):
        return checked.recipient
    for candidate in candidates:
        if recipient_id(candidate, keyring, checked.key_id) == checked.recipient_id:
            return normalise(candidate)
    return None


def _code(keyring: Keyring, key_id: str, head: str, tail: str, domain: str) -> str:
    text = f"verp\0{head}{tail}{key_id}@{domain}"
    return _encode(hmac.digest(keyring.key(key_id) or b"", _octets(text), "sha256"))


def _encode(digest: bytes) -> str:
    return _number(int.from_bytes(digest[:_CODE_OCTETS], "big"), 16)


def _number(number: int, digits: int) -> str:
    """*number* in base32, five bits a digit."""
    return "".join(_DIGITS[number >> 5 * n & 31] for n in reversed(range(digits)))


def _value(digits: str) -> int:
    number = 0
    for digit in digits:
        number = number << 5 | _DIGITS.index(digit)
    return number


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _unquoted(local: str) -> str:
    return "" if len(local) > 1 and local[0] == local[-1] == '"' else local
