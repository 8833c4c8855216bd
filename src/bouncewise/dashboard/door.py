"""Who asks for a page of the service: a user who signed in, or whom a trusted proxy names.

Reads: requests. Gives: an ASGI wrapper, which puts the Visitor into the scope. Refuses: other Host
fields than the configured ones (DNS rebinding), requests of nobody but for the sign-in page, and
requests that change something and do not come from a page of this origin: their Origin must be
ours, and Sec-Fetch-Site, if there is one, ``same-origin``. Forms prove beside that that they were
made for the session (forms.py).
"""

from __future__ import annotations

import contextlib
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from typing import Any, NamedTuple
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from bouncewise.config.dashboard import Role
from bouncewise.dashboard.access import with_headers
from bouncewise.dashboard.sessions import Session, Sessions
from bouncewise.service.state import State
from bouncewise.service.users import UNIX, Place, Users

COOKIE, SECURE_COOKIE = "bouncewise", "__Host-bouncewise"
"""The cookie on loopback, where browsers refuse Secure over http, and everywhere else (RFC 6265bis
section 4.1.3.2).
"""

OPEN = ("/sign-in", "/static/")
"""The beginnings of paths that nobody needs to sign in for."""

READS = ("GET", "HEAD")


class Visitor(NamedTuple):
    """Who is signed in, with which role, in which session; ``by_proxy``: a proxy says who it is."""

    name: str
    role: Role
    session: Session
    by_proxy: bool

    def may(self, role: str) -> bool:
        """Whether the role of the visitor includes *role*."""
        return self.role.includes(Role(role))


def peer_of(scope: Any) -> str:
    """The address at the other end of the connection: never what a header field claims."""
    return scope["client"][0] if scope.get("client") else UNIX


def client_of(scope: Any, users: Users) -> str:
    """The address of the browser, for limits of wrong passwords: what a trusted proxy appended to
    X-Forwarded-For, else the other end of the connection.
    """
    peer = peer_of(scope)
    if users.trusts(peer):
        last = ",".join(Headers(scope=scope).getlist("x-forwarded-for")).rpartition(",")[2]
        with contextlib.suppress(ValueError):
            return str(ip_address(last.strip()))
    return peer


class Door:
    """The application behind the checks."""

    def __init__(self, inner: Any, state: State, sessions: Sessions) -> None:
        self._inner, self._state, self._sessions = inner, state, sessions

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """The ASGI interface."""
        if scope["type"] != "http":
            return
        if not self._state.users.is_enabled:  # any more, since the configuration was read again
            await PlainTextResponse("the dashboard is off", 404)(scope, receive, send)
            return
        headers = Headers(scope=scope)
        place = self._state.users.places.get(headers.get("host", "").lower())
        send = with_headers(send)
        refusal = _refusal(scope["method"], headers, place)
        if refusal is None and place is not None:
            scope["place"] = place
            refusal = self._admit(scope, headers, place)
        app = refusal or self._inner
        if refusal is None and (begun := scope.get("begun")):
            send = _with_cookie(send, begun, scope["place"])
        await app(scope, receive, send)

    def _admit(self, scope: Any, headers: Headers, place: Place) -> Response | None:
        """Put the visitor into *scope*; the refusal where there is none."""
        token = cookie_of(headers, place)
        visitor = self._visitor(scope, headers, token)
        scope["visitor"], scope["token"] = visitor, token
        path = scope["path"]
        if visitor is not None or path.startswith(OPEN):
            return None
        if self._claims_user(scope, headers):
            return PlainTextResponse(
                "the proxy names a user who may not see this dashboard; an operator adds a [[user]]"
                " with that name to bouncewise.toml",
                403,
            )
        if scope["method"] not in READS:
            return PlainTextResponse(
                "your session has ended, and nothing was changed; sign in and do it again", 401
            )
        if path.endswith(".json"):
            return PlainTextResponse("sign in first; programs use /v1 with a token", 401)
        query = scope["query_string"].decode("latin-1")
        target = quote(path + (f"?{query}" if query else ""))
        return RedirectResponse("/sign-in" + (f"?next={target}" if path != "/" else ""), 303)

    def _visitor(self, scope: Any, headers: Headers, token: str) -> Visitor | None:
        users, settings = self._state.users, self._state.settings.dashboard
        session = self._sessions.find(
            token, settings.idle_minutes * 60.0, settings.session_hours * 3600.0
        )
        if self._claims_user(scope, headers):
            return self._of_proxy(scope, headers, session)
        user = users.find(session.name) if session else None
        if session is None or user is None or not user.password:
            return None
        if session.credential != user.password:  # changed since, or signed in by a proxy
            return None
        return Visitor(user.name, user.role, session, False)

    def _claims_user(self, scope: Any, headers: Headers) -> bool:
        """Whether a trusted proxy names somebody."""
        users = self._state.users
        name = users.user_header
        return bool(name and users.trusts(peer_of(scope)) and headers.get(name, "").strip())

    def _of_proxy(self, scope: Any, headers: Headers, session: Session | None) -> Visitor | None:
        """The user whom the proxy names in each request; the session keeps the tokens of forms."""
        users = self._state.users
        given = headers.getlist(users.user_header)
        user = users.find(given[0]) if len(given) == 1 else None
        if user is None:
            return None
        if session is None or (session.name, session.credential) != (user.name, ""):
            scope["begun"], session = self._sessions.begin(user.name, "")
        return Visitor(user.name, user.role, session, True)


def _refusal(method: str, headers: Headers, place: Place | None) -> Response | None:
    if place is None:
        return PlainTextResponse(
            "this host name is not allowed; [http] public_url names the one of the dashboard", 421
        )
    if method in READS:
        return None
    if method != "POST":
        return PlainTextResponse("no page takes this method", 405, {"Allow": "GET, HEAD, POST"})
    site = headers.get("sec-fetch-site", "same-origin")
    if headers.getlist("origin") != [place.origin] or site != "same-origin":
        return PlainTextResponse(
            "this request does not come from a page of this dashboard; nothing was changed", 403
        )
    return None


def cookie_of(headers: Headers, place: Place) -> str:
    """The token in the cookie of the session; ''."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(cookie_name(place))
    except CookieError:
        return ""
    return found.value if found else ""


def cookie_name(place: Place) -> str:
    """What the cookie is called there."""
    return SECURE_COOKIE if place.is_secure else COOKIE


def set_cookie(answer: Response, token: str, place: Place) -> None:
    """Give the browser the *token* of its session; '' takes it back."""
    answer.set_cookie(
        cookie_name(place),
        token,
        max_age=None if token else 0,
        path="/",
        secure=place.is_secure,
        httponly=True,
        samesite="lax",  # (links in alerts lead here; forms are checked otherwise)
    )


def _with_cookie(send: Any, token: str, place: Place) -> Any:
    answer = Response()
    set_cookie(answer, token, place)
    cookie = (b"set-cookie", answer.headers["set-cookie"].encode("latin-1"))

    async def sent(message: Any) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), cookie]}
        await send(message)

    return sent
