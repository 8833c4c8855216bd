"""``check``: may these addresses be mailed? Answered in the loop, from what the front process
remembers of the ledger.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from bouncewise.contract import dumps
from bouncewise.contract.addresses import AddressAnswer
from bouncewise.contract.base import dumps_array
from bouncewise.contract.requests import CheckAddressParameters, CheckBody, CheckParameters
from bouncewise.model import Mail
from bouncewise.operations.check import Answer
from bouncewise.service.api import decode
from bouncewise.service.hooks import MAX_BODY
from bouncewise.service.problem import problem
from bouncewise.service.state import State

_AT_ONCE = 200  # addresses between which other connections are served
_MAX_LINE = 4096
_FORM = "application/x-www-form-urlencoded"  # as curl -d calls every body
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


async def check(state: State, _: Request, query: CheckAddressParameters) -> Response:
    """May this address be mailed?"""
    if _CONTROL.search(query.address):
        return problem(422, "the address has control characters")
    answer = state.check(query.address, _mail(query))
    return Response(dumps(AddressAnswer.of(answer)), media_type="application/json")


async def check_many(state: State, request: Request, query: CheckParameters) -> Response:
    """May these addresses be mailed? With Content-Type application/x-ndjson an address per line,
    without limit; the answers are lines too.
    """
    if request.headers.get("content-type", "").startswith("application/x-ndjson"):
        _ = state.checker  # without a ledger there is no answer, rather than half of one
        return _Lines(_each_line(state, request, _mail(query)))
    octets = await decode.body(request, (*decode.JSON, _FORM), MAX_BODY)
    question: CheckBody = decode.from_json(octets, CheckBody)
    mail = Mail(question.transactional or query.transactional, question.stream or query.stream)
    found: list[str] = []
    for page in _pages(question.addresses):
        found.append(dumps_array([AddressAnswer.of(a) for a in state.check_all(page, mail)])[1:-1])
        await asyncio.sleep(0)
    return Response(f'{{"answers":[{",".join(found)}]}}', media_type="application/json")


class _Lines(Response):
    """Lines that are sent while the request is still read. Starlette's own response reads the
    request as well, to notice that the client has gone.
    """

    media_type = "application/x-ndjson"

    def __init__(self, lines: AsyncIterator[str]) -> None:
        super().__init__()
        self._lines = lines
        del self.headers["content-length"]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """The ASGI interface."""
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        async for text in self._lines:
            await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _each_line(state: State, request: Request, mail: Mail) -> AsyncIterator[str]:
    """An answer for each line, an address or a JSON string; they come while lines are sent."""
    waiting, page = b"", list[str]()
    async for chunk in request.stream():
        *lines, waiting = (waiting + chunk).split(b"\n")
        page += (_address(line) for line in lines if line.strip())
        if len(waiting) > _MAX_LINE:
            waiting = waiting[:_MAX_LINE]  # no address is that long
        if len(page) >= _AT_ONCE:
            yield _written(state.check_all(page, mail))
            page = []
    page += [_address(waiting)] if waiting.strip() else []
    for rest in _pages(page):
        yield _written(state.check_all(rest, mail))


def _address(line: bytes) -> str:
    text = line.strip()
    if text[:1] == b'"':
        try:
            return msgspec.json.decode(text, type=str)
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass
    return text.decode("utf-8", "replace")


def _written(answers: Iterator[Answer]) -> str:
    return "".join(f"{dumps(AddressAnswer.of(answer))}\n" for answer in answers)


def _pages(addresses: list[str]) -> Iterator[list[str]]:
    for at in range(0, len(addresses), _AT_ONCE):
        yield addresses[at : at + _AT_ONCE]


def _mail(query: CheckParameters) -> Mail:
    return Mail(query.transactional, query.stream)
