"""The pages of acts: a form, the preview of what it would do, and the confirmation.

The preview is a dry run of the same operation. What was entered stays here meanwhile (a ticket of
the session): the confirmation names the ticket only, and counts once. Where the ledger changed so
that the act would do something else than the preview showed, the new preview is shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from bouncewise.dashboard import forms
from bouncewise.dashboard.act_forms import Act, Entered
from bouncewise.dashboard.acts import ACTS
from bouncewise.dashboard.app import Pages
from bouncewise.dashboard.door import Visitor
from bouncewise.dashboard.effects import Effect
from bouncewise.dashboard.forms import FormError
from bouncewise.dashboard.sessions import Ticket
from bouncewise.encode import for_storage
from bouncewise.errors import BouncewiseError, InputError
from bouncewise.service.api.backend import Backend, BusyError, Call
from bouncewise.service.spool import Record
from bouncewise.service.state import State

_MAX_WHY = 1000
_GONE = (
    "This act no longer waits to be confirmed: it was carried out already, or several others were "
    "previewed since. Look at the audit before you repeat it."
)


class _Visit(NamedTuple):
    """A form that was sent, or is shown first."""

    request: Request
    name: str
    act: Act
    visitor: Visitor


class ActPages:
    """The pages, and what they share."""

    def __init__(self, state: State, backend: Backend) -> None:
        self._state, self._backend = state, backend

    def routes(self, pages: Pages) -> list[Route]:
        """The routes of the pages."""
        self._pages = pages
        return [
            Route("/acts/{act}", self._guarded(self._show), methods=["GET"]),
            Route("/acts/{act}", self._guarded(self._preview), methods=["POST"]),
            Route("/acts/{act}/confirm", self._guarded(self._confirm), methods=["POST"]),
        ]

    def _guarded(self, handler: Callable[[_Visit], Any]) -> Callable[[Request], Any]:
        """*handler* for visitors whose role includes that of the act."""

        async def guarded(request: Request) -> Response:
            name, visitor = request.path_params["act"], request.scope["visitor"]
            act = ACTS.get(name)
            if act is None:
                return self._refused(request, 404, "There is no such act.")
            if not visitor.may(act.role):
                return self._refused(
                    request,
                    403,
                    f"{act.title}: this needs the role {act.role}, and yours is {visitor.role}. "
                    "Whoever keeps bouncewise.toml can change it.",
                )
            try:
                found: Response = await handler(_Visit(request, name, act, visitor))
            except FormError as bad:
                return self._refused(request, bad.status, bad.detail)
            except ClientDisconnect:
                return Response(status_code=400)  # nobody reads it
            return found

        return guarded

    def _refused(self, request: Request, status: int, problem: str) -> Response:
        return self._pages.render(request, "refused", status, problem=problem)

    async def _show(self, visit: _Visit) -> Response:
        query = visit.request.query_params
        entered = {field.name: query.get(field.name, "") for field in visit.act.fields}
        return self._form(visit, entered)

    def _form(
        self, visit: _Visit, entered: dict[str, str], problem: str = "", status: int = 200
    ) -> Response:
        return self._pages.render(
            visit.request,
            "act",
            status,
            act=visit.act,
            act_name=visit.name,
            entered=entered,
            problem=problem,
        )

    async def _preview(self, visit: _Visit) -> Response:
        form = await forms.read_own(visit.request, with_file=visit.act.has_file)
        given = form.fields
        entered = {f.name: given.get(f.name, "").strip() or f.default for f in visit.act.fields}
        if visit.act.has_file:
            entered["file"] = form.file_name
        if missing := _missing(visit.act, entered):
            return self._form(visit, entered, missing, 422)
        entered["why"] = for_storage(entered["why"])
        return await self._previewed(visit, Ticket(visit.name, entered, form.octets, None))

    async def _previewed(self, visit: _Visit, ticket: Ticket, note: str = "") -> Response:
        """The preview of *ticket*, which waits to be confirmed then."""
        try:
            effect = await self._run(visit, ticket, dry_run=True)
        except BouncewiseError as bad:
            return self._failed(visit, ticket, bad)
        ticket.effect = effect
        number = "" if effect.is_empty else visit.visitor.session.keep(ticket)
        return self._pages.render(
            visit.request,
            "preview",
            act=visit.act,
            act_name=visit.name,
            entered=ticket.entered,
            effect=effect,
            ticket=number,
            note=note,
        )

    async def _confirm(self, visit: _Visit) -> Response:
        form = await forms.read_own(visit.request)
        ticket = visit.visitor.session.tickets.pop(form.fields.get("ticket", ""), None)
        if ticket is None or ticket.act != visit.name:
            return self._refused(visit.request, 409, _GONE)
        try:
            if not ticket.octets:  # (a list is long, and its suppressions are added or there)
                now = await self._run(visit, ticket, dry_run=True)
                if now != ticket.effect:
                    note = "The ledger changed since the preview. This is what it would do now."
                    return await self._previewed(visit, ticket, note)
            effect = await self._run(visit, ticket, dry_run=False)
        except BouncewiseError as bad:
            return self._failed(visit, ticket, bad)
        visit.visitor.session.message = f"Done. {effect.text}"
        return RedirectResponse(visit.act.page(ticket.entered), 303)

    async def _run(self, visit: _Visit, ticket: Ticket, *, dry_run: bool) -> Effect:
        """Raises BouncewiseError."""
        loop = asyncio.get_running_loop()

        def store(record: Record) -> None:
            asyncio.run_coroutine_threadsafe(self._state.store_again(record), loop).result()

        call = Call(self._backend, visit.visitor.name, datetime.now(UTC))
        entered = Entered(ticket.entered, ticket.octets, store)
        return await self._backend.run(lambda: visit.act.run(call, entered, dry_run), write=True)

    def _failed(self, visit: _Visit, ticket: Ticket, bad: BouncewiseError) -> Response:
        if isinstance(bad, InputError):
            return self._form(visit, ticket.entered, str(bad), 422)
        if isinstance(bad, BusyError):
            return self._form(visit, ticket.entered, "Too much happens at once; try again.", 503)
        self._state.question_failed(str(bad))
        problem = "The ledger cannot be written now; nothing was changed. Try again in a minute."
        return self._form(visit, ticket.entered, problem, 503)


def _missing(act: Act, entered: dict[str, str]) -> str:
    """What is still to be entered; ''."""
    for field in act.fields:
        if not field.optional and not entered[field.name]:
            if field.name == "why":
                return "Reason: write why; it is kept in the audit, with your name."
            return f"{field.label}: fill it in."
    if len(entered["why"]) > _MAX_WHY:
        return f"Reason: at most {_MAX_WHY} characters; this has {len(entered['why'])}."
    return ""
