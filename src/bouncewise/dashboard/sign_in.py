"""Sign in and out."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from bouncewise.dashboard import forms
from bouncewise.dashboard.app import Pages
from bouncewise.dashboard.attempts import Attempts
from bouncewise.dashboard.door import client_of, set_cookie
from bouncewise.dashboard.forms import FormError
from bouncewise.dashboard.sessions import Sessions
from bouncewise.service.passwords import is_right
from bouncewise.service.state import State

MOST_WAITING = 8
"""Passwords that are checked or wait for it: one takes a fifth of a second of a core."""

_LOCAL = re.compile(r"/(?![/\\])[!-~]{0,1000}")
_WRONG = "The name or the password is wrong."


class SignIn:
    """The pages, and what they share."""

    def __init__(self, state: State, sessions: Sessions, attempts: Attempts) -> None:
        self._state, self._sessions, self._attempts = state, sessions, attempts
        self._thread = ThreadPoolExecutor(1, "password")
        self._waiting = 0

    def routes(self, pages: Pages) -> list[Route]:
        """The routes of the pages."""
        self._pages = pages
        return [
            Route("/sign-in", self._show, methods=["GET"]),
            Route("/sign-in", self._begin, methods=["POST"]),
            Route("/sign-out", self._end, methods=["POST"]),
        ]

    async def _show(self, request: Request) -> Response:
        target = _target(request.query_params.get("next", ""))
        if request.scope["visitor"]:
            return RedirectResponse(target, 303)
        return self._page(request, target)

    def _page(
        self, request: Request, target: str, name: str = "", problem: str = "", status: int = 200
    ) -> Response:
        return self._pages.render(
            request,
            "sign_in",
            status,
            target=target,
            name=name[:64],
            problem=problem,
            has_passwords=self._state.users.has_passwords,
        )

    async def _begin(self, request: Request) -> Response:
        try:
            form = await forms.read(request)
        except FormError as bad:
            return self._page(request, "/", problem=bad.detail, status=bad.status)
        name = form.fields.get("name", "").lower()[:64]
        target = _target(form.fields.get("next", ""))
        peer = client_of(request.scope, self._state.users)
        if wait := self._attempts.wait(name, peer):
            return self._too_many(request, target, name, wait)
        if self._waiting >= MOST_WAITING:
            return self._page(request, target, name, "Too many sign in now; try again.", 503)
        user = self._state.users.find(name)
        kept = user.password if user else ""
        self._attempts.failed(name, peer)  # (before the check: others may try meanwhile)
        if not await self._check(form.fields.get("password", ""), kept):
            self._state.tell(f"dashboard: a wrong password for {name or 'nobody'} from {peer}")
            return self._page(request, target, name, _WRONG, 403)
        self._attempts.succeeded(name, peer)
        self._sessions.end(request.scope["token"])
        assert user is not None
        token, _ = self._sessions.begin(user.name, kept)
        self._state.tell(f"dashboard: {user.name} signed in from {peer}")
        answer = RedirectResponse(target, 303)
        set_cookie(answer, token, request.scope["place"])
        return answer

    async def _check(self, password: str, kept: str) -> bool:
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, is_right, password, kept)
        finally:
            self._waiting -= 1

    def _too_many(self, request: Request, target: str, name: str, wait: float) -> Response:
        minutes = max(1, round(wait / 60))
        unit = "minute" if minutes == 1 else "minutes"
        problem = f"Too many wrong passwords. Try again in {minutes} {unit}."
        answer = self._page(request, target, name, problem, 429)
        answer.headers["Retry-After"] = str(int(wait) + 1)
        return answer

    async def _end(self, request: Request) -> Response:
        try:
            await forms.read_own(request)
        except FormError as bad:
            return self._pages.render(request, "refused", bad.status, problem=bad.detail)
        self._sessions.end(request.scope["token"])
        answer = RedirectResponse("/sign-in", 303)
        set_cookie(answer, "", request.scope["place"])
        return answer


def _target(text: str) -> str:
    """The page that was asked for before; the first one where *text* is no path of ours."""
    return text if _LOCAL.fullmatch(text) and not text.startswith("/sign-") else "/"
