"""Tokens of the HTTP server: only their SHA-256 is kept."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import NamedTuple

from bouncewise.config.service import Token, TokenScope
from bouncewise.errors import ConfigError

_BEGINNING = "bw_"


class NewToken(NamedTuple):
    """A token, shown once, and the lines of bouncewise.toml that allow it."""

    token: str
    lines: str


def make(
    name: str, scopes: tuple[TokenScope, ...], origins: tuple[str, ...] = (), rate: int = 0
) -> NewToken:
    """A new token; *origins*: the sites whose pages may contain it."""
    token = f"{_BEGINNING}{secrets.token_urlsafe(32)}"
    listed = ", ".join(f'"{scope}"' for scope in scopes)
    lines = f'[[token]]\nname = "{name}"\nsha256 = "{digest(token)}"\nscopes = [{listed}]\n'
    if origins:
        quoted = ", ".join(f'"{origin}"' for origin in origins)
        lines += f"origins = [{quoted}]\n"
    lines += f"rate = {rate}\n" if rate else ""
    return NewToken(token, lines)


def digest(token: str) -> str:
    """The SHA-256 of *token*: it is random, so that no slow hash is necessary."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


class Tokens:
    """The tokens of the configuration."""

    def __init__(self, tokens: tuple[Token, ...]) -> None:
        """Raises ConfigError where one has no name or no digest."""
        for token in tokens:
            if not (token.name and token.sha256):
                raise ConfigError(
                    "[[token]]: name and sha256 are necessary; `bouncewise tokens make`"
                )
            if token.origins and token.scopes != (TokenScope.VALIDATE,):
                raise ConfigError(
                    f"[[token]] {token.name}: whoever sees the page can read it: with origins, "
                    'scopes must be ["validate"]'
                )
        self._tokens = tokens
        self.origins = frozenset(origin for token in tokens for origin in token.origins)

    def bearer(self, authorization: str) -> Token | None:
        """The token in the value of an Authorization field (RFC 6750); None: no valid one."""
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer":
            return None
        wanted = digest(token.strip())
        found = [t for t in self._tokens if hmac.compare_digest(t.sha256, wanted)]
        return found[0] if found else None
