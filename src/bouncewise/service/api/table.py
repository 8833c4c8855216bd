"""The endpoints of ``/v1``: the one table from which requests are routed, OpenAPI and docs/api.md
are written.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from inspect import getdoc
from typing import Any, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from bouncewise.config.service import TokenScope
from bouncewise.contract import answers, requests
from bouncewise.contract.addresses import AddressAnswer
from bouncewise.contract.base import Record
from bouncewise.contract.incidents import IncidentDetails, RulingRecord
from bouncewise.contract.runs import ActRecord, ExplanationRecord
from bouncewise.service.api import acting, checking, reading
from bouncewise.service.api.backend import Call
from bouncewise.service.api.decode import JSON
from bouncewise.service.state import State

LISTS = ("text/csv", "text/plain", "application/json", "application/octet-stream")
"""What a list to import may be called."""

Run = Callable[[Call, Any, Any], Record]
"""An operation on the parameters and the body."""

Direct = Callable[[State, Request, Any], Awaitable[Response]]
"""What is answered in the loop."""


class Endpoint(NamedTuple):
    """``parameters``: those of the path and the query; ``body``: its type, bytes for a list, None
    for none; ``run`` or ``direct`` answers; ``errors``: statuses beside the usual ones.
    """

    method: str
    path: str
    scope: TokenScope
    answer: type[Record]
    run: Run | None = None
    direct: Direct | None = None
    parameters: type[requests.Parameters] = requests.Parameters
    body: type[msgspec.Struct] | type[bytes] | None = None
    media: tuple[str, ...] = JSON
    errors: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """Its name."""
        handler = self.run or self.direct
        return getattr(handler, "__name__", "")

    @property
    def about(self) -> str:
        """What it does, in a paragraph."""
        return " ".join((getdoc(self.run or self.direct) or "").split())

    @property
    def acts(self) -> bool:
        """Whether it changes something, so that it takes an Idempotency-Key."""
        return self.scope is TokenScope.WRITE

    @property
    def statuses(self) -> tuple[int, ...]:
        """The errors that it may answer with."""
        found = {401, 403, 422, 429, 503, *self.errors}
        if "{" in self.path:
            found.add(404)
        if self.body is not None:
            found |= {400, 413, 415}
        if self.acts:
            found |= {400, 409}
        return tuple(sorted(found))

    def path_names(self) -> tuple[str, ...]:
        """The parameters in its path."""
        return tuple(re.findall(r"{(\w+)}", self.path))


CHECK, READ, WRITE = TokenScope.CHECK, TokenScope.READ, TokenScope.WRITE

ENDPOINTS = (
    Endpoint(
        "GET",
        "/v1/check/{address}",
        CHECK,
        AddressAnswer,
        direct=checking.check,
        parameters=requests.CheckAddressParameters,
    ),
    Endpoint(
        "POST",
        "/v1/check",
        CHECK,
        answers.CheckedAddresses,
        direct=checking.check_many,
        parameters=requests.CheckParameters,
        body=requests.CheckBody,
    ),
    Endpoint(
        "POST",
        "/v1/classify",
        READ,
        answers.Verdicts,
        reading.classify,
        body=requests.ClassifyBody,
    ),
    Endpoint(
        "GET",
        "/v1/explain",
        READ,
        ExplanationRecord,
        reading.explain_subject,
        parameters=requests.ExplainParameters,
    ),
    Endpoint(
        "GET",
        "/v1/addresses/{address}",
        READ,
        answers.AddressHistory,
        reading.address,
        parameters=requests.AddressParameters,
    ),
    Endpoint(
        "POST",
        "/v1/validate",
        TokenScope.VALIDATE,
        answers.Validations,
        reading.validate,
        body=requests.ValidateBody,
    ),
    Endpoint(
        "GET",
        "/v1/suppressions",
        READ,
        answers.Suppressions,
        reading.list_suppressions,
        parameters=requests.SuppressionParameters,
    ),
    Endpoint(
        "GET",
        "/v1/incidents",
        READ,
        answers.Incidents,
        reading.list_incidents,
        parameters=requests.IncidentsParameters,
    ),
    Endpoint(
        "GET",
        "/v1/incidents/{incident}",
        READ,
        IncidentDetails,
        reading.incident,
        parameters=requests.IncidentParameters,
    ),
    Endpoint("GET", "/v1/status", READ, answers.StatusAnswer, reading.status),
    Endpoint(
        "GET",
        "/v1/missed",
        READ,
        answers.MissedMails,
        reading.list_missed,
        parameters=requests.MissedParameters,
        errors=(404,),
    ),
    Endpoint("GET", "/v1/sources", READ, answers.Sources, reading.sources),
    Endpoint(
        "GET",
        "/v1/poison",
        READ,
        answers.PoisonRecords,
        reading.list_poison,
        parameters=requests.Paged,
    ),
    Endpoint("POST", "/v1/suppressions", WRITE, answers.Acts, acting.add, body=requests.AddBody),
    Endpoint(
        "DELETE",
        "/v1/suppressions/{name}",
        WRITE,
        ActRecord,
        acting.remove,
        parameters=requests.RemoveParameters,
    ),
    Endpoint(
        "POST",
        "/v1/confirmed",
        WRITE,
        answers.Acts,
        acting.confirm,
        body=requests.ConfirmBody,
    ),
    Endpoint(
        "POST",
        "/v1/imports",
        WRITE,
        answers.ImportAnswer,
        acting.import_body,
        parameters=requests.ImportParameters,
        body=bytes,
        media=LISTS,
    ),
    Endpoint(
        "DELETE",
        "/v1/imports/{id}",
        WRITE,
        answers.Undone,
        acting.undo,
        parameters=requests.UndoParameters,
    ),
    Endpoint(
        "POST",
        "/v1/incidents/{incident}/release",
        WRITE,
        answers.Released,
        acting.release_incident,
        parameters=requests.NamedIncident,
        body=requests.ReleaseBody,
    ),
    Endpoint(
        "POST",
        "/v1/incidents/{incident}/close",
        WRITE,
        RulingRecord,
        acting.close,
        parameters=requests.NamedIncident,
        body=requests.CloseBody,
    ),
    Endpoint(
        "POST",
        "/v1/incidents/{incident}/ignore",
        WRITE,
        RulingRecord,
        acting.ignore,
        parameters=requests.NamedIncident,
        body=requests.IgnoreBody,
    ),
)
"""In the order of docs/api.md."""
