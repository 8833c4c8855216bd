"""What all requests pass: the token and its scope, and the limit of a body."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from bouncewise.config.service import Token, TokenScope
from bouncewise.errors import BouncewiseError
from bouncewise.service.problem import problem
from bouncewise.service.room import Place
from bouncewise.service.tokens import Tokens

RETRY_AFTER = "30"
"""Seconds after which a request that met a fault here is worth trying again."""


def admit(tokens: Tokens, request: Request, scope: TokenScope) -> Token | Response:
    """The token of *request*, if it has *scope*; else the refusal."""
    token = tokens.bearer(request.headers.get("authorization", ""))
    if token is None:
        return problem(
            401,
            "a token is necessary; `bouncewise tokens make` makes one",
            **{"WWW-Authenticate": "Bearer"},
        )
    if scope not in token.scopes:
        return problem(403, f"the token has not the scope {scope}")
    return token


class NoRoomError(BouncewiseError):
    """Too much is being received at once."""


async def body_of(request: Request, limit: int, place: Place | None = None) -> bytes | None:
    """The body; None where it is larger than *limit* octets. Raises ClientDisconnect, and
    NoRoomError where *place* cannot grow.
    """
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and (len(length) > 19 or int(length) > limit):
        return None
    chunks, size = list[bytes](), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            return None
        if place is not None and not place.grow(len(chunk)):
            raise NoRoomError("too much is being received at once")
        chunks.append(chunk)
    return b"".join(chunks)
