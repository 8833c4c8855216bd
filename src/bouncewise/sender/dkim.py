"""DKIM signatures (RFC 6376, RFC 8301, RFC 8463): whether they hold, and why not.

Reads: the octets of a message, with any ends of lines; keys in DNS through a Resolver. Gives: a
DkimResult for each signature, at most MAX_SIGNATURES. A name server that fails is a TEMPERROR.
Needs cryptography.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from bouncewise.errors import missing_extra
from bouncewise.net.dns import NoRecordsError, NoSuchNameError, Resolver, UnansweredError
from bouncewise.sender.dkim_key import SMALL_KEY, flags, forbids, tag_list
from bouncewise.sender.spf_record import texts

MAX_SIGNATURES = 10
"""Signatures that are checked."""

_FIELD_NAME = re.compile(rb"[!-9;-~]{1,998}")
_BLANKS = re.compile(rb"[ \t]+")
_REQUIRED = ("v", "a", "b", "bh", "d", "h", "s")


class DkimOutcome(StrEnum):
    """The results of RFC 6376 section 3.9."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


class DkimResult(NamedTuple):
    """The outcome of one signature and why; its domain and selector; the fields that it covers;
    the bits of an RSA key, 0 if not known; octets of the body behind ``l=``; whether the key is for
    testing (t=y).
    """

    outcome: DkimOutcome
    why: str
    domain: str
    selector: str
    fields: frozenset[str] = frozenset()
    bits: int = 0
    uncovered: int = 0
    is_testing: bool = False


class _FaultError(Exception):
    """The signature cannot be checked, or does not hold."""

    def __init__(self, outcome: DkimOutcome, why: str) -> None:
        super().__init__(why)
        self.outcome = outcome


class _Message(NamedTuple):
    """The fields in order, with their names in lower case, and the body; ends of lines are CRLF."""

    fields: tuple[tuple[str, bytes], ...]
    body: bytes


def verify(raw: bytes, resolve: Resolver, now: datetime) -> list[DkimResult]:
    """The result of each signature of the message *raw*. Raises InputError without cryptography."""
    message = _parsed(raw)
    found = [field for name, field in message.fields if name == "dkim-signature"]
    return [_verified(field, message, resolve, now) for field in found[:MAX_SIGNATURES]]


def _parsed(raw: bytes) -> _Message:
    octets = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    head, found, body = octets.partition(b"\r\n\r\n")
    return _Message(tuple(_fields(head)), body if found else b"")


def _fields(head: bytes) -> Iterator[tuple[str, bytes]]:
    """The fields of a header with their names in lower case; each ends with CRLF."""
    field: list[bytes] = []
    for line in [*head.split(b"\r\n"), b""]:
        if line[:1] in (b" ", b"\t") and field:
            field.append(line)
            continue
        name = field[0].partition(b":")[0].rstrip(b" \t") if field else b""
        if field and b":" in field[0] and _FIELD_NAME.fullmatch(name):
            yield name.decode("ascii").lower(), b"\r\n".join(field) + b"\r\n"
        field = [line]


def _verified(field: bytes, message: _Message, resolve: Resolver, now: datetime) -> DkimResult:
    value = field.partition(b":")[2].decode("utf-8", "replace").replace("\r\n", "")
    tags = tag_list(value)
    domain, selector = tags.get("d", "").lower().rstrip("."), tags.get("s", "").lower()
    names = [name.strip().lower() for name in tags.get("h", "").split(":")]
    result = DkimResult(DkimOutcome.PASS, "", domain, selector, frozenset(names))
    try:
        _require_tags(tags, names, now)
        uncovered = _check_body(tags, message.body)
        key = _key(tags, domain, selector, resolve)
        bits = _check_signature(tags, field, names, message, key)
        return result._replace(bits=bits, uncovered=uncovered, is_testing="y" in flags(key))
    except _FaultError as fault:
        return result._replace(outcome=fault.outcome, why=str(fault))


def _refuse(why: str) -> _FaultError:
    return _FaultError(DkimOutcome.PERMERROR, why)


def _require_tags(tags: dict[str, str], names: list[str], now: datetime) -> None:
    """Raise _FaultError for a signature that section 6.1.1 does not allow."""
    if missing := [tag for tag in _REQUIRED if not tags.get(tag)]:
        raise _refuse(f"the signature lacks {missing[0]}=")
    if tags["v"] != "1":
        raise _refuse(f"v={tags['v']} is no version of DKIM")
    if "from" not in names:
        raise _refuse("the signature does not cover From")
    identity = tags.get("i", "@" + tags["d"]).rpartition("@")[2].lower()
    domain = tags["d"].lower()
    if identity != domain and not identity.endswith(f".{domain}"):
        raise _refuse(f"i={identity} is not within d={domain}")
    if tags["a"].lower().endswith("-sha1"):
        raise _refuse("sha1 is not accepted any more (RFC 8301)")
    if tags.get("x", "").isdigit() and int(tags["x"][:12]) < now.timestamp():
        raise _refuse("the signature has expired (x=)")


def _check_body(tags: dict[str, str], body: bytes) -> int:
    """The octets of the body that ``l=`` leaves out. Raises _FaultError where the hash differs."""
    canonical = _relaxed_body(body) if _methods(tags)[1] == "relaxed" else _simple_body(body)
    uncovered = 0
    if length := tags.get("l", ""):
        if not length.isascii() or not length.isdigit() or int(length[:12]) > len(canonical):
            raise _refuse(f"l={length[:20]} is more than the body has")
        uncovered = len(canonical) - int(length)
        canonical = canonical[: int(length)]
    digest = hashlib.sha256(canonical).digest()
    if _decoded(tags["bh"]) != digest:
        raise _FaultError(DkimOutcome.FAIL, "the body was changed after it was signed (bh=)")
    return uncovered


def _methods(tags: dict[str, str]) -> tuple[str, str]:
    """How the header and the body are made canonical (section 3.4)."""
    header, _, body = tags.get("c", "simple/simple").lower().partition("/")
    return header or "simple", body or "simple"


def _simple_body(body: bytes) -> bytes:
    end = len(body)
    while body[end - 4 : end] == b"\r\n\r\n":
        end -= 2
    body = body[:end]
    if body in (b"", b"\r\n"):
        return b"\r\n"
    return body if body.endswith(b"\r\n") else body + b"\r\n"


def _relaxed_body(body: bytes) -> bytes:
    lines = [_BLANKS.sub(b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    return b"\r\n".join(lines) + b"\r\n" if lines else b""


def _key(tags: dict[str, str], domain: str, selector: str, resolve: Resolver) -> dict[str, str]:
    """The tags of the key in DNS (section 3.6.1). Raises _FaultError."""
    name = f"{selector}._domainkey.{domain}"
    try:
        records = [texts(record) for record in resolve(name, "TXT")]
    except (NoSuchNameError, NoRecordsError):
        raise _refuse(f"there is no key at {name}") from None
    except UnansweredError as error:
        raise _FaultError(DkimOutcome.TEMPERROR, str(error)) from None
    key = next((tag_list(text) for text in records if "p" in tag_list(text)), None)
    if key is None:
        raise _refuse(f"the record at {name} is no key")
    if not key["p"]:
        raise _refuse(f"the key at {name} was revoked (p= is empty)")
    algorithm = tags["a"].lower()
    if key.get("k", "rsa").lower() != algorithm.partition("-")[0]:
        raise _refuse(f"the key at {name} is of another kind than the signature")
    if why := forbids(key):
        raise _refuse(f"the key at {name} {why}")
    identity = tags.get("i", "@" + domain).rpartition("@")[2].lower()
    if "s" in flags(key) and identity != domain:
        raise _refuse(f"the key at {name} allows no subdomain in i= (t=s)")
    return key


def _check_signature(
    tags: dict[str, str], field: bytes, names: list[str], message: _Message, key: dict[str, str]
) -> int:
    """The bits of an RSA key, 0 for another. Raises _FaultError if the signature does not hold."""
    try:
        from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
        from cryptography.hazmat.primitives.serialization import load_der_public_key
    except ImportError:
        raise missing_extra("sender", "DKIM", "cryptography") from None
    data = b"".join(_signed(field, names, message, _methods(tags)[0]))
    signature, octets = _decoded(tags["b"]), _decoded(key["p"])
    try:
        if tags["a"].lower() == "ed25519-sha256":
            public = ed25519.Ed25519PublicKey.from_public_bytes(octets)
            public.verify(signature, hashlib.sha256(data).digest())
            return 0
        loaded = load_der_public_key(octets)
        if tags["a"].lower() != "rsa-sha256" or not isinstance(loaded, rsa.RSAPublicKey):
            raise _refuse(f"a={tags['a']} is not known")
        if loaded.key_size < SMALL_KEY:
            raise _refuse(f"the key has {loaded.key_size} bits; receivers ask for {SMALL_KEY}")
        loaded.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        why = "the signature does not fit the header: a signed field was changed, or the key is new"
        raise _FaultError(DkimOutcome.FAIL, why) from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _refuse("the key in DNS cannot be read") from None
    return loaded.key_size


def _signed(field: bytes, names: list[str], message: _Message, method: str) -> Iterator[bytes]:
    """The octets that are signed (section 3.7): fields from the last to the first of a name, and
    the signature itself without its value.
    """
    canonical = _relaxed_field if method == "relaxed" else bytes
    left: dict[str, list[bytes]] = {}
    for name, found in message.fields:
        left.setdefault(name, []).append(found)
    for name in names:
        if left.get(name):
            yield canonical(left[name].pop())
    yield canonical(_without_value(field)).removesuffix(b"\r\n")


def _without_value(field: bytes) -> bytes:
    """The signature with an empty ``b=`` (section 3.5)."""
    name, colon, value = field.partition(b":")
    parts = value.split(b";")
    for number, part in enumerate(parts):
        tag, equals, _ = part.partition(b"=")
        if equals and tag.strip().lower() == b"b":
            parts[number] = tag + equals
            break
    return name + colon + b";".join(parts)


def _relaxed_field(field: bytes) -> bytes:
    name, _, value = field.partition(b":")
    unfolded = value.replace(b"\r\n", b"")
    return name.strip().lower() + b":" + _BLANKS.sub(b" ", unfolded).strip(b" ") + b"\r\n"


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()))
    except (binascii.Error, ValueError):
        raise _refuse("a value is no base64") from None
