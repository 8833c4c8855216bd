"""What both clients share: how a request is written, how an answer is read, and when a request is
sent again.

A request is sent again after 429 and 503, as their Retry-After says, and where no answer came. An
act has an Idempotency-Key, so that it is done once however often it is sent.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import quote

import httpx2
import msgspec

from bouncewise.errors import BouncewiseError

TIMEOUT = 30.0
"""Seconds for an answer, unless the caller says otherwise."""

RETRIES = 3
"""How often a request is sent again."""

_MAX_WAIT = 30.0
_AGAIN = (429, 503)

T = TypeVar("T")


class ClientError(BouncewiseError):
    """There is no answer, or one that is none of bouncewise."""


class ApiError(ClientError):
    """The service answered with an error (RFC 9457): ``status``; ``detail``: what is wrong."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"{status}: {detail}")
        self.status, self.detail = status, detail


class ApiRequest(NamedTuple, Generic[T]):
    """A request: ``path`` with its parameters filled in; ``body``: what is sent as JSON;
    ``content``: a list as it is; ``acts``: it changes something.
    """

    method: str
    path: str
    answer: type[T]
    query: Mapping[str, Any] = {}
    body: Mapping[str, Any] | None = None
    content: bytes | None = None
    acts: bool = False


def in_path(value: object) -> str:
    """A value as a part of a path."""
    return quote(str(value), safe="@")


def stated(**given: Any) -> dict[str, Any]:
    """What of *given* there is."""
    return {name: value for name, value in given.items() if value is not None}


def headers(token: str) -> dict[str, str]:
    """The fields of every request."""
    return {"Authorization": f"Bearer {token}", "Accept": "application/json"}


def arguments(request: ApiRequest[Any], fields: Mapping[str, str]) -> dict[str, Any]:
    """The arguments for httpx2; *fields*: those of every request."""
    found: dict[str, Any] = {"method": request.method, "url": request.path, "headers": {**fields}}
    if request.query:
        found["params"] = {name: _text(value) for name, value in request.query.items()}
    if request.body is not None:
        found["content"] = msgspec.json.encode(request.body)
        found["headers"]["Content-Type"] = "application/json"
    elif request.content is not None:
        found["content"] = request.content
        found["headers"]["Content-Type"] = "application/octet-stream"
    if request.acts:
        found["headers"]["Idempotency-Key"] = secrets.token_hex(16)
    return found


def _text(value: object) -> str:
    plain = msgspec.to_builtins(value)
    return plain if isinstance(plain, str) else msgspec.json.encode(plain).decode()


def wait_before(answer: httpx2.Response | None, number: int) -> float | None:
    """Seconds before the same request is sent again after its *number*-th answer (None: there was
    none); None where it is not.
    """
    if number > RETRIES or (answer is not None and answer.status_code not in _AGAIN):
        return None
    after = answer.headers.get("retry-after", "") if answer is not None else ""
    wait = float(after) if after.isascii() and after.isdigit() else 0.5 * 2**number
    return wait if wait <= _MAX_WAIT else None


def read(answer: httpx2.Response, kind: type[T]) -> T:
    """The record in an answer. Raises ApiError, ClientError."""
    try:
        if answer.is_success:
            return msgspec.json.decode(answer.content, type=kind)
        detail = msgspec.json.decode(answer.content, type=dict[str, Any]).get("detail", "")
    except (msgspec.MsgspecError, UnicodeError) as bad:
        if answer.is_success:
            raise ClientError(f"the answer of {answer.url.host} is not understood: {bad}") from None
        detail = answer.reason_phrase
    raise ApiError(answer.status_code, str(detail)[:500])
