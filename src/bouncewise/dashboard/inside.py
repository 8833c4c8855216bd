"""The dashboard inside the service: the pages of the local one behind a sign-in, and acts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from bouncewise.contract.service import PoisonRow
from bouncewise.dashboard.act_pages import ActPages
from bouncewise.dashboard.app import Pages, application
from bouncewise.dashboard.attempts import Attempts
from bouncewise.dashboard.door import Door
from bouncewise.dashboard.sessions import Sessions
from bouncewise.dashboard.sign_in import SignIn
from bouncewise.dashboard.views import Source
from bouncewise.ledger import locate
from bouncewise.service import poison
from bouncewise.service.api.backend import Backend
from bouncewise.service.state import State

_MOST = 200


def pages(state: State, backend: Backend) -> Any:
    """The ASGI application of the pages, over what the front process has."""
    sessions = Sessions()
    sign_in = SignIn(state, sessions, Attempts())
    acts = ActPages(state, backend)

    def more(found: Pages) -> list[Route]:
        unreadable = found.both("/unreadable", "unreadable", _unreadable(backend.folder))
        return [*sign_in.routes(found), *acts.routes(found), *unreadable]

    source = Source(locate(backend.ledger), backend.policy, backend.classifier)
    return Door(application(source, more), state, sessions)


def _unreadable(folder: Path) -> Any:
    def view(_source: Source, _request: Request) -> dict[str, Any]:
        """Records of the spool that could not be read, the oldest first."""
        rows, more = list[PoisonRow](), False
        for item in poison.poison(folder):
            if len(rows) == _MOST:
                more = True
                break
            rows.append(poison.row(item))
        return {"rows": rows, "more": more}

    return view
