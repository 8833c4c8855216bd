"""Public keys of DKIM in DNS: whether mail signed with them can be verified, and what weakens them.

Reads: TXT records through a Resolver. Gives: hits for the table domain.toml. RFC 6376 section
3.6.1 (the record), RFC 8301 (RSA keys of at least 1024 bits, no SHA-1), RFC 8463 (Ed25519).
Refuses: to call a key missing of which a name server keeps silent. Needs cryptography.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from bouncewise.errors import missing_extra
from bouncewise.net.dns import Resolver
from bouncewise.sender.checks import Hit
from bouncewise.sender.spf import text_records

SMALL_KEY = 1024
"""Bits of an RSA key below which receivers ignore the signature (RFC 8301 section 3.2)."""

GOOD_KEY = 2048
"""Bits of an RSA key that are asked for today (RFC 8301 section 3.2)."""

LARGE_KEY = 4096
"""Bits of an RSA key beyond which a verifier need not check it (RFC 8301 section 3.2)."""

_ED25519_OCTETS = 32
_SHOWN = 100
_TAG_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_SELECTOR = re.compile(rf"{_LABEL}(?:\.{_LABEL}){{0,9}}")


class Selector(NamedTuple):
    """A selector of *domain*. ``last``: when a report named it last; None: an operator names it."""

    name: str
    domain: str
    last: datetime | None = None

    @property
    def host(self) -> str:
        """The name in DNS at which the key stands."""
        return f"{self.name}._domainkey.{self.domain}"


def is_selector(name: str) -> bool:
    """Whether *name* is a selector: labels of a domain name (RFC 6376 section 3.1)."""
    return len(name) <= 150 and _SELECTOR.fullmatch(name) is not None and "_domainkey" not in name


def tag_list(text: str) -> dict[str, str]:
    """The tags of a list (section 3.2): the first of each name, without blanks around the value."""
    tags: dict[str, str] = {}
    for part in text.split(";"):
        name, equals, value = part.partition("=")
        if equals and _TAG_NAME.fullmatch(name.strip()):
            tags.setdefault(name.strip(), value.strip())
    return tags


def flags(tags: dict[str, str]) -> set[str]:
    """The flags of a key (t=): ``y`` is a test, ``s`` allows no subdomain in i=."""
    return {flag.strip().lower() for flag in tags.get("t", "").split(":")}


def forbids(tags: dict[str, str]) -> str:
    """Why a key allows no signature of mail as it is made today; '' if it does."""
    if "h" in tags and "sha256" not in [h.strip().lower() for h in tags["h"].split(":")]:
        return "allows no sha256 (h=)"
    if "s" in tags and not {"*", "email"}.intersection(s.strip() for s in tags["s"].split(":")):
        return "is not for mail (s=)"
    return ""


def audit_key(selector: Selector, resolve: Resolver) -> Iterator[Hit]:
    """What is wrong with the key of *selector*. Raises UnansweredError; InputError without
    cryptography.
    """
    names = {"name": selector.host, "domain": selector.domain, "selector": selector.name}
    found = text_records(selector.host, resolve)
    records = [text for text in found if "p" in tag_list(text)]
    tags = tag_list(records[0]) if len(records) == 1 else {}
    if len(records) > 1:
        yield "dkim-key-several", {**names, "count": len(records)}
    elif found and not records:
        yield "dkim-key-unusable", {**names, "value": f"no p= in {found[0][:_SHOWN]!r}"}
    elif not tags.get("p"):
        state = "was revoked (p= is empty)" if tags else "does not exist"
        if selector.last is None:
            yield "dkim-key-none", {**names, "value": state}
        else:
            yield "dkim-key-gone", {**names, "value": state, "day": f"{selector.last:%Y-%m-%d}"}
    elif fault := _fault(records[0], tags):
        yield "dkim-key-unusable", {**names, "value": fault}
    else:
        yield from _strength(tags, names)


def _fault(text: str, tags: dict[str, str]) -> str:
    """Why a verifier refuses the record, whatever the key is; '' if it does not."""
    written = [part.partition("=")[0].strip() for part in text.split(";") if "=" in part]
    twice = next((name for name in tags if written.count(name) > 1), "")
    if twice:
        return f"{twice}= stands twice (RFC 6376 section 3.2)"
    if tags.get("v", "DKIM1") != "DKIM1":
        return f"v={tags['v'][:_SHOWN]} is not v=DKIM1"
    if tags.get("k", "rsa").lower() not in ("rsa", "ed25519"):
        return f"k={tags['k'][:_SHOWN]} is neither rsa nor ed25519"
    return forbids(tags)


def _strength(tags: dict[str, str], names: dict[str, str]) -> Iterator[Hit]:
    kind, bits = tags.get("k", "rsa").lower(), _bits(tags)
    if isinstance(bits, str):
        yield "dkim-key-unusable", {**names, "value": bits}
        return
    if kind == "rsa" and bits < SMALL_KEY:
        yield "dkim-key-short", {**names, "count": bits}
        return
    if kind == "rsa" and bits < GOOD_KEY:
        yield "dkim-small-key", {**names, "count": bits}
    if bits > LARGE_KEY:
        yield "dkim-key-large", {**names, "count": bits}
    if "y" in flags(tags):
        yield "dkim-testing", names
    value = "Ed25519, which not every receiver verifies: sign with RSA as well"
    yield "dkim-key-fine", {**names, "value": f"RSA, {bits} bits" if kind == "rsa" else value}


def _bits(tags: dict[str, str]) -> int | str:
    """The bits of the key, or why it cannot be read."""
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric import rsa
        from cryptography.hazmat.primitives.serialization import load_der_public_key
    except ImportError:
        raise missing_extra("sender", "DKIM", "cryptography") from None
    try:
        octets = base64.b64decode("".join(tags["p"].split()), validate=True)
    except (binascii.Error, ValueError):
        return "p= is no base64: it was cut or changed when it was published"
    if tags.get("k", "rsa").lower() == "ed25519":
        is_key = len(octets) == _ED25519_OCTETS
        return 256 if is_key else f"p= has {len(octets)} octets; an Ed25519 key has 32 (RFC 8463)"
    try:
        loaded = load_der_public_key(octets)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return "p= is no RSA key: it was cut or changed when it was published"
    return loaded.key_size if isinstance(loaded, rsa.RSAPublicKey) else "p= is no RSA key"
