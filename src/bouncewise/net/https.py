"""One small document over HTTPS: bounded in size and time, without redirects or proxies.

Reads: a URL of a host that the caller chose. Gives: the octets. Refuses with FetchError: another
scheme, a status other than 200, more octets than allowed, and a certificate that is not valid.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from urllib.parse import urlsplit

from bouncewise.errors import BouncewiseError


class FetchError(BouncewiseError):
    """The document was not received; the message says why, in a line."""


class UnreachableError(FetchError):
    """Nobody answered: this says nothing about the document."""


def fetch(
    url: str, *, limit: int, timeout: float = 10.0, context: ssl.SSLContext | None = None
) -> bytes:
    """The document at *url*, of at most *limit* octets; *timeout*: seconds for each step."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.username is not None:
        raise FetchError(f"{url:.200}: no https URL")
    path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    connection = http.client.HTTPSConnection(
        parts.hostname,
        parts.port or 443,
        timeout=timeout,
        context=context or ssl.create_default_context(),
    )
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        answer = connection.getresponse()
        if answer.status != http.HTTPStatus.OK:
            raise FetchError(f"https://{parts.hostname}: status {answer.status}")
        data = answer.read(limit + 1)
    except (TimeoutError, socket.gaierror, ConnectionError) as bad:
        raise UnreachableError(f"https://{parts.hostname}: {bad or type(bad).__name__}") from None
    except (OSError, http.client.HTTPException, ValueError) as bad:
        raise FetchError(f"https://{parts.hostname}: {bad or type(bad).__name__}") from None
    finally:
        connection.close()
    if len(data) > limit:
        raise FetchError(f"https://{parts.hostname}: more than {limit} octets")
    return data
