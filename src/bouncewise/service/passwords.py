"""Passwords of the dashboard's users: only a scrypt hash is kept (RFC 7914).

A hash is written ``scrypt$LOG2_N$R$P$SALT$KEY``, the last two in base64 without padding. New ones
take N = 2^15, r = 8, p = 3 as the OWASP Password Storage Cheat Sheet advises: 32 MiB and about 0.2
seconds each.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import NamedTuple

from bouncewise.config.dashboard import Role
from bouncewise.errors import InputError

SHORTEST, LONGEST = 15, 1000
"""Characters of a password: NIST SP 800-63B-4 section 3.1.1.2 asks for 15 where it is the only
factor.
"""

_LOG2_N, _R, _P = 15, 8, 3
_SALT, _KEY = 16, 32


class NewUser(NamedTuple):
    """The lines of bouncewise.toml that let a user in."""

    password: str
    lines: str


def make(name: str, role: Role, password: str) -> NewUser:
    """A new user. Raises InputError for a password that is too short or too long."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise InputError(
            f"the password has {len(password)} characters; write {SHORTEST} to {LONGEST}, for "
            "example four random words"
        )
    kept = hashed(password)
    lines = f'[[user]]\nname = "{name}"\nrole = "{role}"\npassword = "{kept}"\n'
    return NewUser(kept, lines)


def hashed(password: str) -> str:
    """The hash of *password*, with a new salt."""
    salt = secrets.token_bytes(_SALT)
    key = _derived(password, salt, _LOG2_N, _R, _P)
    return f"scrypt${_LOG2_N}${_R}${_P}${_text(salt)}${_text(key)}"


def is_right(password: str, kept: str) -> bool:
    """Whether *password* is the one that was *kept*; takes as long for '', which none is."""
    _, log2_n, r, p, salt, key = (kept or _NOBODY).split("$")
    if len(password) > LONGEST:
        return False
    found = _derived(password, _octets(salt), int(log2_n), int(r), int(p))
    return hmac.compare_digest(found, _octets(key)) and bool(kept)


def _derived(password: str, salt: bytes, log2_n: int, r: int, p: int) -> bytes:
    n = 1 << log2_n
    given = password.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(
        given, salt=salt, n=n, r=r, p=p, maxmem=256 * n * r + (1 << 20), dklen=_KEY
    )


def _text(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _octets(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


_NOBODY = f"scrypt${_LOG2_N}${_R}${_P}${_text(bytes(_SALT))}${_text(bytes(_KEY))}"
