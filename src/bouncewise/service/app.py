"""The HTTP server: webhooks in, questions answered, health and metrics.

Reads: requests. Gives: an ASGI application. Webhooks are verified, stored in the spool, and only
then answered with 204; nothing of them is parsed here. Questions need a token. Errors are problem
details (RFC 9457).
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from bouncewise.config.service import TokenScope
from bouncewise.contract import dumps
from bouncewise.contract.addresses import AddressAnswer
from bouncewise.contract.base import dumps_array
from bouncewise.errors import BouncewiseError
from bouncewise.model import Mail
from bouncewise.operations.check import Answer
from bouncewise.service.hooks import MAX_BODY, because_of_clock
from bouncewise.service.problem import http_problem, problem
from bouncewise.service.spool import SpoolFullError
from bouncewise.service.state import State

MOST_ADDRESSES = 10_000
"""Addresses of one question in JSON; NDJSON has no limit."""

_AT_ONCE = 200  # addresses between which other connections are served
_MAX_LINE = 4096
_RETRY_AFTER = "30"


_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class _Anything(Convertor[str]):
    """The rest of a path; Starlette's own has no line ends, and would answer 404."""

    regex = r"[\s\S]*"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("anything", _Anything())


def application(state: State) -> Starlette:
    """The application over *state*."""
    routes = [
        Route("/in/{name}", _Webhook(state), methods=["GET", "HEAD", "POST"]),
        Route("/in/{name}/{secret:path}", _Webhook(state), methods=["GET", "HEAD", "POST"]),
        Route("/v1/check/{address:anything}", _guarded(state, _check_one, TokenScope.CHECK)),
        Route("/v1/check", _guarded(state, _check_many, TokenScope.CHECK), methods=["POST"]),
        Route("/healthz", lambda _: Response("ok\n", media_type="text/plain")),
        Route("/readyz", lambda _: _ready(state)),
        Route("/statusz", _guarded(state, _status, TokenScope.METRICS)),
        Route("/metrics", _guarded(state, _metrics, TokenScope.METRICS)),
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: http_problem})
    app.router.redirect_slashes = False  # an ESP that follows no redirect would lose its events
    return app


class _Webhook:
    """Requests to ``/in/NAME``."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """The ASGI interface."""
        try:
            response = await self._answer(Request(scope, receive))
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        hook = self._state.hooks.get(request.path_params["name"])
        secret = request.path_params.get("secret", "").rstrip("/")
        if hook is None or "/" in secret:
            return problem(404, "no such webhook")
        if request.method != "POST":  # Mandrill asks before it sends
            return Response("ok\n", media_type="text/plain")
        body = await _body(request, MAX_BODY)
        if body is None:
            return problem(413, f"more than {MAX_BODY} octets")
        headers = dict(request.headers)
        found = hook.judge(secret, headers, body, time.time())
        if found.certificate and await self._state.fetch_certificate(hook, found.certificate):
            found = hook.judge(secret, headers, body, time.time())
        found = because_of_clock(found, self._state.clock.jump())
        self._state.count_webhook(hook.name, found.status)
        if found.status != 204:
            self._state.tell(f"webhook {hook.name}: refused with {found.status}: {found.reason}")
            retry = {"Retry-After": _RETRY_AFTER} if found.status == 503 else {}
            return problem(found.status, _TITLES[found.status], **retry)
        tokens = self._state.mailgun_tokens
        if found.token and not tokens.reserve(found.token, time.time()):
            return problem(403, "this token was used before")
        try:
            await self._state.store_webhook(hook.name, body, found.note)
        except BaseException as bad:
            tokens.release(found.token)
            if not isinstance(bad, SpoolFullError):
                raise
            return problem(503, "the spool is full", **{"Retry-After": _RETRY_AFTER})
        if found.token:
            tokens.keep(found.token, time.time())
        self._state.confirm_subscription(hook, body)
        return Response(status_code=204)


_TITLES = {
    401: "not signed by a configured key",
    403: "signed too long ago",
    503: "try again later",
}

Handler = Callable[[State, Request], Any]


def _guarded(state: State, handler: Handler, scope: TokenScope) -> Callable[[Request], Any]:
    """*handler* for bearers of a token with *scope*."""

    async def guarded(request: Request) -> Response:
        allowed = state.tokens.bearer(request.headers.get("authorization", ""), scope)
        if allowed is None:
            return problem(
                401,
                "a token is necessary; `bouncewise tokens make` makes one",
                **{"WWW-Authenticate": "Bearer"},
            )
        if not allowed:
            return problem(403, f"the token has not the scope {scope}")
        try:
            response: Response = await handler(state, request)
        except BouncewiseError as bad:
            state.question_failed(str(bad))
            return problem(503, "the ledger cannot be read", **{"Retry-After": _RETRY_AFTER})
        return response

    return guarded


async def _check_one(state: State, request: Request) -> Response:
    address = request.path_params["address"]
    if _CONTROL.search(address):
        return problem(400, "the address has control characters")
    answer = state.check(address, _mail(request.query_params))
    return Response(dumps(AddressAnswer.of(answer)), media_type="application/json")


class _Question(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a question about several addresses."""

    addresses: list[str]
    transactional: bool = False
    stream: str = ""


async def _check_many(state: State, request: Request) -> Response:
    if request.headers.get("content-type", "").startswith("application/x-ndjson"):
        mail = _mail(request.query_params)
        _ = state.checker  # without a ledger there is no answer, rather than half of one
        return _Lines(_each_line(state, request, mail))
    body = await _body(request, MAX_BODY)
    if body is None:
        return problem(413, f"more than {MAX_BODY} octets; NDJSON has no limit")
    try:
        question = msgspec.json.decode(body, type=_Question)
    except (msgspec.DecodeError, UnicodeDecodeError) as bad:
        return problem(400, f"the body: {bad}"[:300])
    if len(question.addresses) > MOST_ADDRESSES:
        return problem(400, f"more than {MOST_ADDRESSES} addresses; NDJSON has no limit")
    mail = Mail(question.transactional, question.stream)
    found: list[str] = []
    for page in _pages(question.addresses):
        found.append(dumps_array([AddressAnswer.of(a) for a in state.check_all(page, mail)])[1:-1])
        await asyncio.sleep(0)
    return Response(f'{{"answers":[{",".join(found)}]}}', media_type="application/json")


class _Lines(Response):
    """Lines that are sent while the request is still read. Starlette's own response reads the
    request as well, to notice that the client has gone.
    """

    media_type = "application/x-ndjson"

    def __init__(self, lines: AsyncIterator[str]) -> None:
        super().__init__()
        self._lines = lines
        del self.headers["content-length"]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """The ASGI interface."""
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        async for text in self._lines:
            await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _each_line(state: State, request: Request, mail: Mail) -> AsyncIterator[str]:
    """An answer for each line, an address or a JSON string; they come while lines are sent."""
    waiting, page = b"", list[str]()
    async for chunk in request.stream():
        *lines, waiting = (waiting + chunk).split(b"\n")
        page += (_address(line) for line in lines if line.strip())
        if len(waiting) > _MAX_LINE:
            waiting = waiting[:_MAX_LINE]  # no address is that long
        if len(page) >= _AT_ONCE:
            yield _written(state.check_all(page, mail))
            page = []
    page += [_address(waiting)] if waiting.strip() else []
    for rest in _pages(page):
        yield _written(state.check_all(rest, mail))


def _address(line: bytes) -> str:
    text = line.strip()
    if text[:1] == b'"':
        try:
            return msgspec.json.decode(text, type=str)
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass
    return text.decode("utf-8", "replace")


def _written(answers: Iterator[Answer]) -> str:
    return "".join(f"{dumps(AddressAnswer.of(answer))}\n" for answer in answers)


def _pages(addresses: list[str]) -> Iterator[list[str]]:
    for at in range(0, len(addresses), _AT_ONCE):
        yield addresses[at : at + _AT_ONCE]


def _mail(query: Any) -> Mail:
    is_transactional = query.get("transactional", "").lower() in ("1", "true", "yes")
    return Mail(is_transactional, query.get("stream", ""))


def _ready(state: State) -> Response:
    """Whether requests can be accepted: the spool has room. The ledger does not matter here."""
    ready, text = state.ready()
    return Response(f"{text}\n", 200 if ready else 503, media_type="text/plain")


async def _status(state: State, _: Request) -> Response:
    return Response(msgspec.json.encode(state.status()), media_type="application/json")


async def _metrics(state: State, _: Request) -> Response:
    return Response(state.metrics(), media_type="text/plain; version=0.0.4")


async def _body(request: Request, limit: int) -> bytes | None:
    """The body; None where it is larger than *limit* octets."""
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and (len(length) > 19 or int(length) > limit):
        return None
    chunks, size = list[bytes](), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            return None
        chunks.append(chunk)
    return b"".join(chunks)
