"""The HTTP server: webhooks in, questions answered, health and metrics.

Reads: requests. Gives: an ASGI application. Webhooks are verified, stored in the spool, and only
then answered with 204; nothing of them is parsed here. Questions need a token. Errors are problem
details (RFC 9457).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from bouncewise.config.service import TokenScope
from bouncewise.service.api.backend import Backend
from bouncewise.service.api.routes import api_routes
from bouncewise.service.guard import RETRY_AFTER, NoRoomError, admit, body_of
from bouncewise.service.hooks import MAX_BODY, because_of_clock
from bouncewise.service.problem import http_problem, problem
from bouncewise.service.room import Place
from bouncewise.service.spool import SpoolFullError
from bouncewise.service.state import State

Pages = Callable[[State, Backend], Any]
"""Makes the ASGI application of the dashboard."""


def application(state: State, backend: Backend, pages: Pages | None = None) -> Starlette:
    """The application over *state*, with the API over *backend*; *pages*: everything else."""
    routes = [
        Route("/in/{name}", _Webhook(state), methods=["GET", "HEAD", "POST"]),
        Route("/in/{name}/{secret:path}", _Webhook(state), methods=["GET", "HEAD", "POST"]),
        Route("/healthz", lambda _: Response("ok\n", media_type="text/plain")),
        Route("/readyz", lambda _: _ready(state)),
        Route("/statusz", _guarded(state, _status)),
        Route("/metrics", _guarded(state, _metrics)),
        *api_routes(state, backend),
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: http_problem})
    app.router.redirect_slashes = False  # an ESP that follows no redirect would lose its events
    if pages is not None and state.users.is_enabled:
        app.router.default = pages(state, backend)
    return app


class _Webhook:
    """Requests to ``/in/NAME``."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """The ASGI interface."""
        try:
            with self._state.room.take() as place:
                response = await self._answer(Request(scope, receive), place)
        except NoRoomError as full:
            response = problem(503, str(full), **{"Retry-After": RETRY_AFTER})
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _answer(self, request: Request, place: Place) -> Response:
        hook = self._state.hooks.get(request.path_params["name"])
        secret = request.path_params.get("secret", "").rstrip("/")
        if hook is None or "/" in secret:
            return problem(404, "no such webhook")
        if request.method != "POST":  # Mandrill asks before it sends
            return Response("ok\n", media_type="text/plain")
        body = await body_of(request, MAX_BODY, place)
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
            retry = {"Retry-After": RETRY_AFTER} if found.status == 503 else {}
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
            return problem(503, "the spool is full", **{"Retry-After": RETRY_AFTER})
        if found.token:
            tokens.keep(found.token, time.time())
        self._state.confirm_subscription(hook, body)
        return Response(status_code=204)


_TITLES = {
    401: "not signed by a configured key",
    403: "signed too long ago",
    503: "try again later",
}

Handler = Callable[[State], Response]


def _guarded(state: State, handler: Handler) -> Callable[[Request], Any]:
    """*handler* for bearers of a token for metrics."""

    async def guarded(request: Request) -> Response:
        admitted = admit(state.tokens, state.rates, request, TokenScope.METRICS)
        if isinstance(admitted, Response):
            return admitted
        answer = handler(state)
        answer.headers.update(admitted.headers)
        return answer

    return guarded


def _ready(state: State) -> Response:
    """Whether requests can be accepted: the spool has room. The ledger does not matter here."""
    ready, text = state.ready()
    return Response(f"{text}\n", 200 if ready else 503, media_type="text/plain")


def _status(state: State) -> Response:
    return Response(msgspec.json.encode(state.status()), media_type="application/json")


def _metrics(state: State) -> Response:
    return Response(state.metrics(), media_type="text/plain; version=0.0.4")
