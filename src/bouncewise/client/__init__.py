"""A client of the service's HTTP API, docs/api.md: ``Client``, and ``AsyncClient`` for asyncio.

Reads: the address of the service and a token. Gives: the records of docs/json.md as frozen structs.
Raises ApiError for every answer that is an error, and ClientError where there is none: a question
without an answer is never a yes. Needs the extra [client].
"""

from __future__ import annotations

try:
    import httpx2 as _httpx2  # noqa: F401
except ImportError:
    raise ImportError("bouncewise.client needs httpx2: pip install 'bouncewise[client]'") from None

from bouncewise.client.asynchronous import AsyncClient
from bouncewise.client.synchronous import Client
from bouncewise.client.wire import ApiError, ClientError

__all__ = ["ApiError", "AsyncClient", "Client", "ClientError"]
