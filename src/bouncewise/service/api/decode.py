"""From a request to the parameters and the body that an endpoint takes.

Refuses, with the status of its answer: parameters that are unknown, doubled or out of their limits
(422), a media type that is not taken (415), a body that is too large (413), is no JSON (400), or
has other keys and types (422).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from msgspec import structs
from starlette.requests import Request

from bouncewise.contract.requests import Parameters
from bouncewise.service.guard import body_of

MAX_JSON, MAX_LIST = 1 << 20, 10 << 20
"""Octets of a body: of JSON, and of a list to import."""

JSON = ("application/json",)
EARLIEST, LATEST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""The times that a request may name."""

_VARIES = "an unknown Content-Type: send "

P = TypeVar("P", bound=Parameters)
S = TypeVar("S", bound=msgspec.Struct)


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """A request that is answered with an error."""

    def __init__(self, status: int, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers


def parameters(request: Request, kind: type[P]) -> P:
    """The parameters of the path and the query."""
    given: dict[str, Any] = dict(request.path_params)
    for name, value in request.query_params.multi_items():
        if name in given:
            raise Refused(422, f"{name}: given twice")
        given[name] = value
    try:
        return _times_checked(msgspec.convert(given, kind, strict=False))
    except msgspec.ValidationError as bad:
        raise Refused(422, f"parameters: {bad}") from None


async def body(request: Request, media: tuple[str, ...], limit: int) -> bytes:
    """The octets of the body; no Content-Type is as good as the right one."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given and given not in media:
        raise Refused(415, _VARIES + " or ".join(media), Accept=", ".join(media))
    found = await body_of(request, limit)
    if found is None:
        raise Refused(413, f"the body has more than {limit} octets")
    return found


def from_json(octets: bytes, kind: Any) -> Any:
    """The body *octets*, which are JSON, as a *kind* of Struct."""
    try:
        return _times_checked(msgspec.json.decode(octets, type=kind))
    except msgspec.ValidationError as bad:
        raise Refused(422, f"the body: {bad}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as bad:
        raise Refused(400, f"the body is no JSON: {bad}") from None


def converted(given: dict[str, Any], kind: type[S]) -> S:
    """Values that were JSON, as a *kind* of Struct."""
    try:
        return _times_checked(msgspec.convert(given, kind, strict=False))
    except msgspec.ValidationError as bad:
        raise Refused(422, str(bad)) from None


def _times_checked(found: S) -> S:
    """*found* with its times in UTC."""
    times = {k: v for k, v in structs.asdict(found).items() if isinstance(v, datetime)}
    for name, value in times.items():
        # (a time of year 1 or 9999 has none in UTC)
        if not 1990 <= value.year <= 2200 or not EARLIEST <= value.astimezone(UTC) <= LATEST:
            raise Refused(422, f"{name}: not between {EARLIEST:%Y} and {LATEST:%Y}")
    return structs.replace(found, **{k: v.astimezone(UTC) for k, v in times.items()})
