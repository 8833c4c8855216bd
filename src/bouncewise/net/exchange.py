"""Requests to one HTTP server of the operator's choice: bounded in size and time, without redirects
or proxies, over a connection that is kept.

Reads: the base URL, and a method, path, header fields and body for each request. Gives: a Reply of
any status. Refuses with FetchError: http to a host with a dot in its name that is not this machine
(keys would be readable on the way), a reply of more octets than allowed, and a certificate that is
not valid; where only public hosts are wanted, one with an address that is not (else a URL that
somebody chose could reach what a firewall protects: OWASP, Server-Side Request Forgery); with
UnreachableError where nobody answers in time.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from bouncewise.net.hosts import is_global
from bouncewise.net.https import FetchError, UnreachableError

_CHUNK = 1 << 16
_UNANSWERED = (
    TimeoutError,
    socket.gaierror,
    ConnectionError,
    http.client.BadStatusLine,
    http.client.IncompleteRead,
)
_LOOPBACK = ("127.", "[::1]", "::1", "localhost")


class Reply(NamedTuple):
    """What a server answered; the names of header fields are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Server:
    """One server. Use as a context manager: it closes the connection."""

    def __init__(
        self,
        base: str,
        *,
        timeout: float = 30.0,
        context: ssl.SSLContext | None = None,
        public_only: bool = False,
    ) -> None:
        """*timeout*: seconds for each step, and half of the seconds for a whole reply;
        *public_only*: connect to no address that is not public.
        """
        parts = urlsplit(base)
        host = parts.hostname or ""
        if parts.scheme not in ("https", "http") or not host or parts.username is not None:
            raise FetchError(f"{base:.200}: no https URL")
        if parts.scheme == "http" and "." in host and not host.startswith(_LOOPBACK):
            raise FetchError(
                f"{base:.200}: write https: over http the key could be read on the way"
            )
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self.base = f"{self.origin}{parts.path.rstrip('/')}"
        self._timeout = timeout
        if parts.scheme == "https":
            self._connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                host,
                parts.port or 443,
                timeout=timeout,
                context=context or ssl.create_default_context(),
            )
        else:
            self._connection = http.client.HTTPConnection(host, parts.port or 80, timeout=timeout)
        if public_only:
            # (what is checked is what is connected to: a second answer of DNS changes nothing)
            self._connection._create_connection = _connect_to_public  # type: ignore[attr-defined]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, limit: int
    ) -> Reply:
        """The reply to one request; *url* begins with ``base`` or ``origin``; *limit*: octets of
        the reply's body.
        """
        try:
            self._connection.request(method, url.removeprefix(self.origin), body, dict(headers))
            with self._connection.getresponse() as answer:  # (read1 does not close it)
                data = self._read(answer, limit)
        except _UNANSWERED as bad:
            self._connection.close()
            raise UnreachableError(f"{self.origin}: {_words(bad)}") from None
        except (OSError, http.client.HTTPException, ValueError) as bad:
            self._connection.close()
            raise FetchError(f"{self.origin}: {_words(bad)}") from None
        except FetchError:
            self._connection.close()
            raise
        if answer.will_close:
            self._connection.close()
        fields = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, fields, data)

    def _read(self, answer: http.client.HTTPResponse, limit: int) -> bytes:
        """The body, however slowly it comes, within twice the time of a step."""
        end = time.monotonic() + 2 * self._timeout
        found = bytearray()
        while chunk := answer.read1(_CHUNK):
            found += chunk
            if len(found) > limit:
                raise FetchError(f"{self.origin}: a reply of more than {limit:,} octets")
            if time.monotonic() > end:
                raise UnreachableError(f"{self.origin}: the reply did not end in time")
        if answer.length:
            raise UnreachableError(f"{self.origin}: the reply ended early")
        return bytes(found)


def _connect_to_public(
    address: tuple[str, int], timeout: float | None = None, source: Any = None
) -> socket.socket:
    """A connection to a host of which every address is public. Raises OSError, FetchError."""
    host, port = address
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(row[4][0]).partition("%")[0] for row in found))
    if not all(map(is_global, addresses)):
        raise FetchError(
            f"{host} is not a public host; allow_private = true allows that, if it is yours"
        )
    fault: OSError | None = None
    for name in addresses:
        try:
            return socket.create_connection((name, port), timeout, source)
        except OSError as bad:
            fault = bad
    raise fault or OSError(f"{host} has no address")


def _words(bad: Exception) -> str:
    """What went wrong, without what the server wrote: it may repeat a key."""
    if isinstance(bad, http.client.HTTPException) and not isinstance(bad, ConnectionError):
        return f"its reply is not HTTP ({type(bad).__name__})"
    return " ".join(str(bad).split()) or type(bad).__name__
