"""Who may see the dashboard of a local ledger: only whoever has the address that the command
printed.

Reads: requests. Gives: an ASGI wrapper. The first request carries a token in its query; it becomes
a cookie, and the address is shown without it. Refuses: other Host fields than the own (a page
elsewhere could otherwise make a browser ask here, by DNS rebinding), requests without the cookie,
and methods that change something: there are none.
"""

from __future__ import annotations

import hmac
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlencode

from starlette.responses import PlainTextResponse, RedirectResponse, Response

COOKIE = "bouncewise"

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",  # (with no-referrer, forms would have Origin: null)
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Fields of every answer: no script runs, and nothing is loaded from elsewhere."""


class Access:
    """The application behind the checks."""

    def __init__(self, inner: Any, token: str, hosts: frozenset[str]) -> None:
        """*hosts*: the values of Host that are allowed, with the port."""
        self._inner, self._token, self._hosts = inner, token, hosts

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """The ASGI interface."""
        if scope["type"] != "http":
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, with_headers(send))
        else:
            await self._inner(scope, receive, with_headers(send))

    def _refusal(self, scope: Any) -> Response | None:
        fields = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        if fields.get("host", "").lower() not in self._hosts:
            return PlainTextResponse("this host name is not allowed", 421)
        if scope["method"] not in ("GET", "HEAD"):
            return PlainTextResponse("pages can only be read", 405, {"Allow": "GET, HEAD"})
        query = parse_qs(scope["query_string"].decode("latin-1"))
        if given := query.pop("token", [""])[0]:
            if not self._is_right(given):
                return _unknown()
            target = scope["path"] + (f"?{urlencode(query, doseq=True)}" if query else "")
            answer = RedirectResponse(f"/{target.lstrip('/')}", 303)
            answer.set_cookie(COOKIE, given, httponly=True, samesite="strict", path="/")
            return answer
        cookie = SimpleCookie(fields.get("cookie", "")).get(COOKIE)
        return None if cookie and self._is_right(cookie.value) else _unknown()

    def _is_right(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "replace"), self._token.encode())


def _unknown() -> Response:
    text = "open the address that `bouncewise dashboard` printed: it contains a token"
    return PlainTextResponse(text, 403)


def with_headers(send: Any) -> Any:
    """*send* with HEADERS in every answer."""
    added = [(k.lower().encode(), v.encode()) for k, v in HEADERS.items()]

    async def sent(message: Any) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *added]}
        await send(message)

    return sent
