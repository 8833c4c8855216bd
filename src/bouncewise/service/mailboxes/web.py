"""Requests to the API of a mailbox: JSON with an access token, bounded, and tried again.

Reads: the settings, paths and bodies. Gives: decoded answers and replies. A token that is refused
is asked for anew once. After 429 and 5xx the request is sent again, when Retry-After says so, or
after 1, 2, 4 … seconds. Refuses with MailboxError what fails for good.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin

import msgspec

from bouncewise.config.inputs import Fetch
from bouncewise.net.exchange import Reply, Server
from bouncewise.net.https import FetchError
from bouncewise.net.retry import BusyError, Clock, persistently
from bouncewise.readers.messages.interpret import MAX_MESSAGE
from bouncewise.service.mailboxes.base import (
    MOST_TEXT,
    TIMEOUT,
    AccountError,
    MailboxError,
    MessageError,
)
from bouncewise.service.mailboxes.sasl import Credentials
from bouncewise.service.mailboxes.settings import base_url

MAX_ANSWER = 2 * MAX_MESSAGE
"""Octets of one answer: a message as base64 within JSON."""

_OF_ACCOUNT = (401, 403, 429)
_GOOGLE_LIMITS = (b"rateLimitExceeded", b"userRateLimitExceeded")


class Api:
    """The API of the mailbox of *fetch*."""

    def __init__(self, fetch: Fetch, credentials: Credentials, headers: dict[str, str]) -> None:
        self._credentials = credentials
        self._headers = {"User-Agent": "bouncewise", **headers}
        try:
            self._server = Server(base_url(fetch), timeout=TIMEOUT)
        except FetchError as bad:
            raise MailboxError(str(bad)) from None

    def close(self) -> None:
        """Close the connection."""
        self._server.__exit__()

    def get(self, path: str) -> dict[str, Any]:
        """The object at *path*. Raises MailboxError."""
        return self.decoded(self.expect(self.send("GET", path)))

    def post(self, path: str, body: Any = None) -> dict[str, Any]:
        """The answer to a request with a JSON body. Raises MailboxError."""
        return self.decoded(self.expect(self.send("POST", path, body)))

    def send(self, method: str, path: str, body: Any = None) -> Reply:
        """The reply, of any status. Raises MailboxError."""
        reply = self._sent(method, path, body)
        if reply.status == 401:
            self._credentials.refused()
            reply = self._sent(method, path, body)
        return reply

    def path(self, link: object) -> str:
        """The path of a link to this API. Raises MailboxError for a link to another server."""
        if not isinstance(link, str):
            raise MailboxError("the answer of the API has no link to what follows")
        found = urljoin(self._server.origin, link)
        if not found.startswith(f"{self._server.origin}/"):
            raise MailboxError("the next page is on another server")
        return found.removeprefix(self._server.origin)

    def message(self, path: str) -> Reply | None:
        """The reply with a message; None if it is not there any more. Raises MessageError."""
        reply = self.send("GET", path)
        if reply.status == 404:
            return None
        if reply.status in _OF_ACCOUNT:
            raise AccountError(words_of(reply))
        if reply.status != 200:
            raise MessageError(words_of(reply))
        return reply

    def expect(self, reply: Reply) -> Reply:
        """*reply*, if it is one of success. Raises MailboxError."""
        if not 200 <= reply.status < 300:
            raise MailboxError(words_of(reply))
        return reply

    def decoded(self, reply: Reply) -> dict[str, Any]:
        """The object in *reply*; empty where it has no body. Raises MailboxError."""
        try:
            found = msgspec.json.decode(reply.body) if reply.body.strip() else {}
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise MailboxError("the answer of the API is no JSON object")
        return found

    def _sent(self, method: str, path: str, body: Any) -> Reply:
        headers = {**self._headers, "Authorization": f"Bearer {self._credentials.secret()}"}
        data = None if body is None else msgspec.json.encode(body)
        if data is not None:
            headers["Content-Type"] = "application/json"

        def once() -> Reply:
            url = self._server.origin + path
            return _limited(self._server.send(method, url, headers, data, MAX_ANSWER))

        try:
            return persistently(once, Clock())
        except BusyError as bad:
            raise AccountError(str(bad), bad.seconds) from None
        except FetchError as bad:
            raise MailboxError(str(bad)) from None


def _limited(reply: Reply) -> Reply:
    """*reply*; as 429 where Gmail states a rate limit with 403
    (https://developers.google.com/workspace/gmail/api/guides/handle-errors).
    """
    if reply.status == 403 and any(reason in reply.body for reason in _GOOGLE_LIMITS):
        return reply._replace(status=429)
    return reply


def words_of(reply: Reply) -> str:
    """What the API says about a failure: its status and the message of its error object."""
    try:
        error = msgspec.json.decode(reply.body)["error"]
        text = f"{error.get('code', '')} {error.get('message', '')}"
    except (msgspec.DecodeError, UnicodeError, RecursionError, LookupError, TypeError):
        text = ""
    except AttributeError:
        text = str(error)
    words = " ".join(text.split())[:MOST_TEXT]
    return f"the API answers with status {reply.status}{f': {words}' if words else ''}"
