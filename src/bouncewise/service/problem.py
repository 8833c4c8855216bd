"""Errors of the HTTP server as problem details (RFC 9457)."""

from __future__ import annotations

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response


def problem(status: int, title: str, **headers: str) -> Response:
    """A problem document."""
    body = msgspec.json.encode({"type": "about:blank", "title": title, "status": status})
    return Response(body, status, headers, "application/problem+json")


async def http_problem(_: Request, error: Exception) -> Response:
    """What Starlette refuses by itself: a path or a method that is not there."""
    assert isinstance(error, HTTPException)
    return problem(error.status_code, error.detail, **dict(error.headers or {}))
