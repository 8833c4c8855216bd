"""The pages. Each reads the ledger once and renders a template; nothing here changes anything: what
can be done is shown as the command to run.

Every page has a twin in JSON at the same path with ``.json``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from bouncewise.dashboard import audit, charts, views
from bouncewise.dashboard.views import Source
from bouncewise.errors import BouncewiseError
from bouncewise.lists.names import name_in

_STATIC = Path(__file__).parent / "static"
PAGE = 100
"""Rows of one page of a list."""

View = Callable[[Source, Request], dict[str, Any] | None]
"""What a page shows; None: there is no such thing."""


More = Callable[["Pages"], list[Route]]


def application(source: Source, more: More = lambda _: []) -> Starlette:
    """The application over a ledger; *more*: routes that only the service has."""
    pages = Pages(source)
    routes = [
        *more(pages),
        *pages.both("/", "today", views.today),
        *pages.both("/incidents", "incidents", views.incidents),
        *pages.both("/incidents/{name}", "incident", views.incident),
        *pages.both("/receivers", "receivers", views.receivers),
        *pages.both("/suppressions", "suppressions", views.suppressions),
        *pages.both("/addresses/{name:path}", "address", views.address),
        *pages.both("/sources", "sources", views.sources),
        *pages.both("/audit", "audit", audit.view),
        Route("/search", _search),
        Mount("/static", StaticFiles(directory=_STATIC)),
    ]
    return Starlette(routes=routes)


def _search(request: Request) -> Response:
    """The page of the address or domain that was entered."""
    text = request.query_params.get("q", "").strip()[:400]
    name = name_in(text if "@" in text else f"@{text}")
    return RedirectResponse(request.url_for("address", name=name.key).path, 303)


class Pages:
    """Renders the views of one ledger."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._twins = set[str]()
        self._templates = Environment(
            loader=PackageLoader("bouncewise.dashboard"),
            autoescape=select_autoescape(default=True, default_for_string=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {"number": _number, "when": _when, "ago": _ago, "stamp": _stamp}
        self._templates.globals |= {"bars": charts.bars, "dict": dict, "twins": self._twins}

    def both(self, path: str, name: str, view: View) -> list[Route]:
        """The page and its twin."""
        self._twins.add(name)
        twin = "/today.json" if path == "/" else f"{path}.json"
        # (the twin first: a path parameter would take its ending as well)
        return [
            Route(twin, self._json(view), name=f"{name}.json"),
            Route(path, self._html(name, view), name=name),
        ]

    def _html(self, name: str, view: View) -> Callable[[Request], Response]:
        def page(request: Request) -> Response:
            status, context = self._context(view, request)
            return self.render(request, name if status == 200 else "missing", status, **context)

        return page

    def render(
        self, request: Request, template: str, status: int = 200, /, **context: Any
    ) -> Response:
        """The page of a *template*; a visitor is there in the service only."""
        query, visitor = request.url.query, request.scope.get("visitor")
        text = self._templates.get_template(f"{template}.html").render(
            page=template,
            path=request.url.path,
            query=f"?{query}" if query else "",
            ledger=self._source.location.name,
            now=datetime.now(UTC),
            visitor=visitor,
            message=visitor.session.take_message() if visitor else "",
            **context,
        )
        return Response(text, status, media_type="text/html")

    def _json(self, view: View) -> Callable[[Request], Response]:
        def page(request: Request) -> Response:
            status, context = self._context(view, request)
            body = msgspec.json.encode(context, enc_hook=str)
            return Response(body, status, media_type="application/json")

        return page

    def _context(self, view: View, request: Request) -> tuple[int, dict[str, Any]]:
        try:
            found = view(self._source, request)
        except BouncewiseError as bad:
            return 503, {"problem": str(bad)}
        return (404, {"problem": "there is no such thing"}) if found is None else (200, found)


def _number(value: float) -> str:
    return f"{value:,}"


def _when(value: datetime | None) -> str:
    return f"{value:%Y-%m-%d %H:%M}" if value else "–"


def _stamp(value: str | None) -> str:
    """A time of the JSON contract for people, to the minute."""
    return value[:16].replace("T", " ") if value else "–"


def _ago(value: datetime, now: datetime) -> str:
    """How long ago, in the largest unit."""
    gone = now - value
    for unit, length in (("day", timedelta(days=1)), ("hour", timedelta(hours=1))):
        if gone >= length:
            count = gone // length
            return f"{count:,} {unit}{'s' if count != 1 else ''} ago"
    return f"{max(0, gone // timedelta(minutes=1))} min ago"
