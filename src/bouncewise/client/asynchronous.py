"""The client for asyncio.

Reads and gives what the package says; the operations are those of operations.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx2

from bouncewise.client import operations, wire
from bouncewise.client.wire import ApiRequest

P = ParamSpec("P")
T = TypeVar("T")


def _method(
    operation: Callable[P, ApiRequest[T]],
) -> Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, T]]:
    """The method that sends the request of *operation*."""

    @wraps(operation)
    async def method(self: AsyncClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._answer(operation(*args, **kwargs))

    return method


class AsyncClient:
    """The operations of a service. Use as a context manager: it closes the connections.

    *url*: the address of the service; *token*: what ``bouncewise tokens make`` printed, with the
    scopes of the operations; *timeout*: seconds for an answer; *http*: a client of httpx2 of your
    own with ``base_url``, for proxies, certificates or a unix socket.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        timeout: float = wire.TIMEOUT,
        http: httpx2.AsyncClient | None = None,
    ) -> None:
        self._url, self._headers = url, wire.headers(token)
        self._http = http or httpx2.AsyncClient(base_url=url, timeout=timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    check = _method(operations.check)
    check_many = _method(operations.check_many)
    classify = _method(operations.classify)
    explain = _method(operations.explain)
    history = _method(operations.history)
    validate = _method(operations.validate)
    suppressions = _method(operations.suppressions)
    incidents = _method(operations.incidents)
    incident = _method(operations.incident)
    status = _method(operations.status)
    missed = _method(operations.missed)
    sources = _method(operations.sources)
    poison = _method(operations.poison)
    suppress = _method(operations.suppress)
    release = _method(operations.release)
    confirm = _method(operations.confirm)
    import_list = _method(operations.import_list)
    undo_import = _method(operations.undo_import)
    release_incident = _method(operations.release_incident)
    close_incident = _method(operations.close_incident)
    ignore_incident = _method(operations.ignore_incident)

    async def pages(self, operation: Callable[..., Any], **query: Any) -> AsyncIterator[Any]:
        """Every page of a list, with the same parameters: of ``suppressions``, ``incidents``,
        ``missed``, ``poison`` or ``history`` of this client.
        """
        cursor: str | None = ""
        while cursor is not None:
            page = await operation(**query, cursor=cursor)
            yield page
            cursor = page.next

    async def _answer(self, request: ApiRequest[T]) -> T:
        arguments = wire.arguments(request, self._headers)
        for number in range(1, wire.RETRIES + 2):
            answer: httpx2.Response | None = None
            fault = ""
            try:
                answer = await self._http.request(**arguments)
            except httpx2.HTTPError as bad:
                fault = str(bad) or type(bad).__name__
            wait = wire.wait_before(answer, number)
            if wait is None and answer is not None:
                return wire.read(answer, request.answer)
            if wait is not None:
                await asyncio.sleep(wait)
        raise wire.ClientError(f"{self._url}: {fault}")
