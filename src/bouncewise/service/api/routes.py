"""From the table of endpoints to routes: token, parameters, body, idempotency, the operation in a
thread, and the answer. Every error is a problem document (RFC 9457).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from bouncewise.config.service import Token, TokenScope
from bouncewise.contract import dumps
from bouncewise.errors import BouncewiseError, InputError, NotFoundError
from bouncewise.service.api import decode
from bouncewise.service.api.backend import Backend, BusyError, Call
from bouncewise.service.api.decode import Refused
from bouncewise.service.api.idempotency import Done, digest_of, key_of
from bouncewise.service.api.openapi import document
from bouncewise.service.api.table import ENDPOINTS, Endpoint
from bouncewise.service.guard import RETRY_AFTER, admit, preflight
from bouncewise.service.problem import problem
from bouncewise.service.state import State

_KEY = re.compile(r"[!-~]{1,255}")
_SOON = "1"
_JSON = "application/json"


class _Anything(Convertor[str]):
    """The rest of a path; Starlette's own has no line ends, and would answer 404."""

    regex = r"[\s\S]*"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("anything", _Anything())


def api_routes(state: State, backend: Backend) -> list[Route]:
    """A route for each path of the table, and one for its description."""
    by_path: dict[str, dict[str, Endpoint]] = {}
    for endpoint in ENDPOINTS:
        by_path.setdefault(endpoint.path, {})[endpoint.method] = endpoint
    described = msgspec.json.encode(document())
    return [
        Route("/v1/openapi.json", lambda _: Response(described, media_type=_JSON)),
        *(
            Route(
                # (an address may have slashes and line ends)
                re.sub(r"{(address|name)}$", r"{\1:anything}", path),
                _answering(state, backend, endpoints),
                methods=[*endpoints, *(["OPTIONS"] if _is_for_pages(endpoints) else [])],
            )
            for path, endpoints in by_path.items()
        ),
    ]


def _is_for_pages(endpoints: dict[str, Endpoint]) -> bool:
    return any(endpoint.scope is TokenScope.VALIDATE for endpoint in endpoints.values())


def _answering(
    state: State, backend: Backend, endpoints: dict[str, Endpoint]
) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        if method == "OPTIONS":
            return preflight(state.tokens, request)
        endpoint = endpoints[method]
        admitted = admit(state.tokens, state.rates, request, endpoint.scope)
        if isinstance(admitted, Response):
            return admitted
        try:
            found = await _answer(state, backend, endpoint, admitted.token, request)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        except Exception as bad:
            found = _failed(state, endpoint, bad)
        found.headers.update(admitted.headers)
        return found

    return answer


def _failed(state: State, endpoint: Endpoint, bad: Exception) -> Response:
    if isinstance(bad, Refused):
        return problem(bad.status, bad.detail, **bad.headers)
    if isinstance(bad, InputError):
        return problem(404 if isinstance(bad, NotFoundError) else 422, str(bad))
    if isinstance(bad, BusyError):
        return problem(503, str(bad), **{"Retry-After": _SOON})
    if isinstance(bad, BouncewiseError | OSError):
        state.question_failed(str(bad))
        done = "; nothing was changed" if endpoint.acts else ""
        detail = f"the ledger or the spool cannot be used{done}"
        return problem(503, detail, **{"Retry-After": RETRY_AFTER})
    state.tell(f"{endpoint.method} {endpoint.path}: a defect: {type(bad).__name__}: {bad}")
    return problem(500, "a defect of bouncewise; its log has a line about it")


async def _answer(
    state: State, backend: Backend, endpoint: Endpoint, token: Token, request: Request
) -> Response:
    query = decode.parameters(request, endpoint.parameters)
    if endpoint.direct is not None:
        return await endpoint.direct(state, request, query)
    octets, body = b"", None
    if endpoint.body is not None:
        is_json = issubclass(endpoint.body, msgspec.Struct)
        limit = decode.MAX_JSON if is_json else decode.MAX_LIST
        octets = await decode.body(request, endpoint.media, limit)
        body = decode.from_json(octets, endpoint.body) if is_json else octets
    may_read = TokenScope.READ in token.scopes
    call, run = Call(backend, token.name, datetime.now(UTC), may_read), endpoint.run
    assert run is not None

    def work() -> bytes:
        return dumps(run(call, query, body)).encode()

    key = request.headers.get("idempotency-key")
    if key is None or not endpoint.acts:
        found = await backend.run(work, write=endpoint.acts)
        return Response(found, media_type=_JSON)
    if not _KEY.fullmatch(key):
        raise Refused(400, "Idempotency-Key: 1 to 255 printable ASCII characters, without spaces")
    target = f"{request.url.path}?{request.url.query}"
    wanted = _Wanted(key_of(token.name, key), digest_of(request.method, target, octets))
    with _alone(backend, wanted.key):
        return await backend.run(lambda: _once(backend, wanted, work), write=True)


class _Wanted(NamedTuple):
    """A request with a key: where its answer is kept, and what distinguishes it from others."""

    key: str
    digest: bytes


@contextmanager
def _alone(backend: Backend, key: str) -> Iterator[None]:
    """Refuse another request with the same key meanwhile."""
    running = backend.idempotency.running
    if key in running:
        detail = "a request with this Idempotency-Key is being answered"
        raise Refused(409, detail, **{"Retry-After": _SOON})
    running.add(key)
    try:
        yield
    finally:
        running.discard(key)


def _once(backend: Backend, wanted: _Wanted, work: Callable[[], bytes]) -> Response:
    """What *work* gives, or what it gave when the same request came before."""
    kept = backend.idempotency
    before = kept.find(wanted.key)
    if before is not None and before.digest != wanted.digest:
        raise Refused(422, "this Idempotency-Key was used for another request")
    if before is not None and before.body is not None:
        headers = {"Idempotency-Replayed": "true"}
        return Response(before.body, before.status, headers, media_type=_JSON)
    kept.begin(wanted.key, wanted.digest)
    try:
        found = work()
    except BaseException:
        kept.give_up(wanted.key)
        raise
    kept.end(wanted.key, Done(wanted.digest, 200, found))
    return Response(found, media_type=_JSON)
