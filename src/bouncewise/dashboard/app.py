"""The pages. Each reads the ledger once and renders a template; nothing here changes anything: what
can be done is shown as the command to run.

Every page has a twin in JSON at the same path with ``.json``, and its tables as ``.csv``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from bouncewise.dashboard import (
    audit,
    charts,
    navigation,
    receivers,
    replies,
    senders,
    sources,
    suppressions,
    today,
    twins,
    views,
)
from bouncewise.dashboard.period import LENGTHS
from bouncewise.dashboard.views import Source
from bouncewise.errors import BouncewiseError
from bouncewise.lists.names import name_in

_STATIC = Path(__file__).parent / "static"
_TWINS = (".json", ".csv")
_NO_TABLE = {"problem": "this page has no such table"}

View = Callable[[Source, Request], dict[str, Any] | None]
"""What a page shows; None: there is no such thing."""


VIEWS: tuple[tuple[str, str, View], ...] = (
    ("/", "today", today.today),
    ("/incidents", "incidents", views.incidents),
    ("/incidents/{name}", "incident", views.incident),
    ("/receivers", "receivers", receivers.receivers),
    ("/receivers/{name}", "receiver", receivers.receiver),
    ("/replies", "replies", replies.replies),
    ("/replies/{number}", "reply", replies.reply),
    ("/senders", "senders", senders.senders),
    ("/suppressions", "suppressions", suppressions.suppressions),
    ("/addresses/{name:path}", "address", views.address),
    ("/sources", "sources", sources.sources),
    ("/audit", "audit", audit.view),
)
"""The path, the name of the template, and what it shows."""


More = Callable[["Pages"], list[Route]]


def application(source: Source, more: More = lambda _: []) -> Starlette:
    """The application over a ledger; *more*: routes that only the service has."""
    pages = Pages(source)
    routes = [route for path, name, view in VIEWS for route in pages.both(path, name, view)]
    return Starlette(
        routes=[
            *more(pages),
            *routes,
            Route("/search", _search),
            Mount("/static", StaticFiles(directory=_STATIC)),
        ],
        middleware=[Middleware(_Compressed)],
    )


class _Compressed:
    """Compresses answers, but no page with the token of a session: the length of what is compressed
    together with words of others would betray it (BREACH).
    """

    def __init__(self, inner: Any) -> None:
        self._plain, self._small = inner, GZipMiddleware(inner, minimum_size=1000, compresslevel=5)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """The ASGI interface."""
        has_token = scope.get("visitor") is not None and not scope["path"].endswith(_TWINS)
        await (self._plain if has_token else self._small)(scope, receive, send)


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
        self._templates.filters |= {
            "number": _number,
            "percent": _percent,
            "when": _when,
            "day": _day,
            "ago": _ago,
            "stamp": _stamp,
        }
        self._templates.globals |= {
            "bars": charts.bars,
            "dict": dict,
            "twins": self._twins,
            "spark": charts.spark,
            "lengths": LENGTHS,
            "navigation": navigation.PAGES,
        }

    def both(self, path: str, name: str, view: View) -> list[Route]:
        """The page and its twins."""
        self._twins.add(name)
        stem = f"/{name}" if path == "/" else path
        # (the twins first: a path parameter would take their endings as well)
        return [
            Route(f"{stem}.json", self._json(name, view), name=f"{name}.json"),
            Route(f"{stem}.csv", self._csv(name, view), name=f"{name}.csv"),
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
        path, visitor = request.url.path, request.scope.get("visitor")
        text = self._templates.get_template(f"{template}.html").render(
            page=template,
            path=path,
            here=navigation.current(path),
            twin=f"/{template}" if path == "/" else path,
            query=dict(request.query_params),
            ledger=self._source.location.name,
            now=datetime.now(UTC),
            visitor=visitor,
            message=visitor.session.take_message() if visitor else "",
            **context,
        )
        return Response(text, status, media_type="text/html")

    def _json(self, name: str, view: View) -> Callable[[Request], Response]:
        def page(request: Request) -> Response:
            status, context = self._context(view, request)
            table = request.query_params.get("table", "")
            body: Any = context
            if table and status == 200:
                body = twins.rows_of(name, table, context)
                status, body = (200, body) if body is not None else (404, _NO_TABLE)
            encoded = msgspec.json.encode(body, enc_hook=str)
            return Response(encoded, status, media_type="application/json")

        return page

    def _csv(self, name: str, view: View) -> Callable[[Request], Response]:
        def page(request: Request) -> Response:
            status, context = self._context(view, request)
            table = request.query_params.get("table", "")
            text = twins.csv_of(name, table, context) if status == 200 else None
            if text is None:
                problem = context["problem"] if status != 200 else _NO_TABLE["problem"]
                return Response(problem, 404 if status == 200 else status, media_type="text/plain")
            file = f"{name}-{table}.csv" if table in twins.TABLES[name] else f"{name}.csv"
            head = {"Content-Disposition": f'attachment; filename="{file}"'}
            return Response(text, media_type="text/csv", headers=head)

        return page

    def _context(self, view: View, request: Request) -> tuple[int, dict[str, Any]]:
        try:
            found = view(self._source, request)
        except BouncewiseError as bad:
            return 503, {"problem": str(bad)}
        return (404, {"problem": "there is no such thing"}) if found is None else (200, found)


def _number(value: float) -> str:
    return f"{value:,}"


def _percent(value: float | None) -> str:
    """A share for people; a small one with a digit more."""
    if value is None:
        return "–"
    return f"{value * 100:.{0 if value >= 0.1 or not value else 1 if value >= 0.01 else 2}f}\u00a0%"


def _when(value: datetime | None) -> str:
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if value else "–"


def _day(value: datetime) -> str:
    return f"{value.astimezone(UTC):%Y-%m-%d}"


def _stamp(value: str | None) -> str:
    """A time of the JSON contract for people, to the minute."""
    return f"{value[:16].replace('T', ' ')} UTC" if value else "–"


def _ago(value: datetime, now: datetime) -> str:
    """How long ago, in the largest unit."""
    gone = now - value
    for unit, length in (("day", timedelta(days=1)), ("hour", timedelta(hours=1))):
        if gone >= length:
            count = gone // length
            return f"{count:,} {unit}{'s' if count != 1 else ''} ago"
    return f"{max(0, gone // timedelta(minutes=1))} min ago"
