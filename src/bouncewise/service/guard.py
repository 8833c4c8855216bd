"""What all requests pass: the token, its scope, its origins and its rate, and the limit of a body.

A token that pages contain is valid only with the Origin of one of its sites (RFC 6454; the Fetch
standard, "CORS protocol"). Whoever copies it out of the page can send any Origin: it gives nothing
but /v1/validate without the ledger, at its rate.
"""

from __future__ import annotations

from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from bouncewise.config.service import Token, TokenScope
from bouncewise.errors import BouncewiseError
from bouncewise.service.problem import problem
from bouncewise.service.rates import Rates
from bouncewise.service.room import Place
from bouncewise.service.tokens import Tokens

RETRY_AFTER = "30"
"""Seconds after which a request that met a fault here is worth trying again."""

_ALSO = {TokenScope.VALIDATE: TokenScope.READ}
"""Scopes that another one contains."""


class Admitted(NamedTuple):
    """A request that may be answered: its token, and header fields of the answer."""

    token: Token
    headers: dict[str, str]


def admit(tokens: Tokens, rates: Rates, request: Request, scope: TokenScope) -> Admitted | Response:
    """The token of *request*, if it has *scope* and is within its rate; else the refusal."""
    token = tokens.bearer(request.headers.get("authorization", ""))
    origin = request.headers.get("origin", "").lower()
    shared = cors(tokens, request) if scope is TokenScope.VALIDATE else {}
    if token is None:
        return problem(
            401,
            "a token is necessary; `bouncewise tokens make` makes one",
            **{"WWW-Authenticate": "Bearer", **shared},
        )
    if scope not in token.scopes and _ALSO.get(scope) not in token.scopes:
        return problem(403, f"the token has not the scope {scope}", **shared)
    if token.origins and origin not in token.origins:
        return problem(403, "the token is for pages of other origins", **shared)
    taken = rates.take(token)
    if not taken.is_allowed:
        detail = "too many requests with this token: see Retry-After"
        return problem(429, detail, **taken.headers, **shared)
    return Admitted(token, taken.headers | shared)


def cors(tokens: Tokens, request: Request) -> dict[str, str]:
    """The fields that let a page of an allowed origin read the answer."""
    origin = request.headers.get("origin", "")
    if origin.lower() not in tokens.origins:
        return {"Vary": "Origin"} if tokens.origins else {}
    exposed = "RateLimit, RateLimit-Policy, Retry-After"
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": exposed,
        "Vary": "Origin",
    }


def preflight(tokens: Tokens, request: Request) -> Response:
    """The answer to the question of a browser whether a page may send its request."""
    fields = cors(tokens, request)
    if "Access-Control-Allow-Origin" not in fields:
        return problem(403, "no token is for pages of this origin", **fields)
    allowed = {
        "Access-Control-Allow-Methods": "POST",
        "Access-Control-Allow-Headers": "Authorization, Content-Type",
        "Access-Control-Max-Age": "600",
    }
    return Response(status_code=204, headers=fields | allowed)


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
