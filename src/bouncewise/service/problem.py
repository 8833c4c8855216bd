"""Errors of the HTTP server as problem details (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from bouncewise.encode import for_storage

MEDIA = "application/problem+json"
_MAX_DETAIL = 500


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """An error (RFC 9457)."""

    type: Annotated[str, Meta(description="always `about:blank`: the status says what it is")]
    title: Annotated[str, Meta(description="the phrase of the status")]
    status: Annotated[int, Meta(description="the status")]
    detail: Annotated[str, Meta(description="what is wrong, and what to do")]


def problem(status: int, detail: str, **headers: str) -> Response:
    """A problem document."""
    found = Problem(
        type="about:blank",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=for_storage(detail)[:_MAX_DETAIL],
    )
    return Response(msgspec.json.encode(found), status, headers, MEDIA)


async def http_problem(_: Request, error: Exception) -> Response:
    """What Starlette refuses by itself: a path or a method that is not there."""
    assert isinstance(error, HTTPException)
    return problem(error.status_code, error.detail, **dict(error.headers or {}))
