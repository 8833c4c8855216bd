"""The client does what the API describes: each operation, its errors, pages and repetitions."""

from __future__ import annotations

import asyncio
import inspect
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from bouncewise.client import ApiError, AsyncClient, Client, ClientError, operations, wire
from bouncewise.config.service import TokenScope
from bouncewise.contract import dumps
from bouncewise.model import Cause, Scope
from bouncewise.service.api import client_code
from bouncewise.service.api.openapi import document
from bouncewise.service.api.table import ENDPOINTS
from support.api import TOKENS, Api

SOURCE = Path(operations.__file__)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with Api(tmp_path).running() as made:
        yield made


def client(api: Api, scope: TokenScope, **more: Any) -> Client:
    return Client("http://testserver", TOKENS[scope], http=api.client, **more)


def test_the_requests_are_written_from_the_table() -> None:
    arguments = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(SOURCE), "-"]
    text = client_code.source()
    done = subprocess.run(arguments, input=text, capture_output=True, text=True, check=True)
    assert SOURCE.read_text("utf-8") == done.stdout, (
        "run: python -m bouncewise.service.api.client_code | ruff format - > "
        "src/bouncewise/client/operations.py"
    )


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_both_clients_have_every_operation(kind: type) -> None:
    names = {client_code.name_of(endpoint) for endpoint in ENDPOINTS}
    assert len(names) == len(ENDPOINTS)
    for name in names:
        method, function = getattr(kind, name), getattr(operations, name)
        assert method.__doc__ == function.__doc__
        assert inspect.iscoroutinefunction(method) is (kind is AsyncClient)


def test_every_request_is_one_of_the_description() -> None:
    """Method, path, parameters and keys of the body, by the OpenAPI document alone."""
    paths, schemas = document()["paths"], document()["components"]["schemas"]
    described = {
        (path, method.upper()): operation
        for path, found in paths.items()
        for method, operation in found.items()
    }
    for endpoint in ENDPOINTS:
        function = getattr(operations, client_code.name_of(endpoint))
        needed = inspect.signature(function).parameters
        request = function(**{name: f"<{name}>" for name in needed})
        path = request.path
        for name in needed:
            path = path.replace(wire.in_path(f"<{name}>"), f"{{{name}}}")
        operation = described.pop((path, request.method))
        wanted = {p["name"] for p in operation["parameters"] if p["in"] == "query"}
        assert set(request.query) == (wanted if endpoint.body in (None, bytes) else set())
        if request.body is not None:
            (media,) = operation["requestBody"]["content"].values()
            schema = schemas[media["schema"]["$ref"].rpartition("/")[2]]
            assert set(request.body) == set(schema["properties"])
        answer = operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
        assert request.answer.__name__ == answer.rpartition("/")[2]
    assert described == {}


def test_reading_gives_what_the_api_gives(api: Api) -> None:
    reader = client(api, TokenScope.READ)
    answers = {
        "/v1/status": reader.status(),
        "/v1/sources": reader.sources(),
        "/v1/poison": reader.poison(),
        "/v1/suppressions": reader.suppressions(),
        "/v1/suppressions?state=held&limit=3": reader.suppressions(state="held", limit=3),
        "/v1/incidents?days=3650": reader.incidents(days=3650),
        "/v1/incidents/@out.example": reader.incident("@out.example"),
        "/v1/missed?all=true": reader.missed(all=True),
        "/v1/explain?subject=mailbox-full": reader.explain("mailbox-full"),
        "/v1/addresses/u1@out.example": reader.history("u1@out.example"),
        "/v1/addresses/a%2Fb%3F@out.example": reader.history("a/b?@out.example"),
    }
    for path, answer in answers.items():
        assert json.loads(dumps(answer)) == api.json("GET", path), path
    verdict = reader.classify(["550 5.1.1 User unknown"]).verdicts[0]
    assert verdict.cause == "mailbox-unknown"
    assert reader.validate(["jo@gmial.com"]).validations[0].suggestion == "jo@gmail.com"
    checker = client(api, TokenScope.CHECK)
    assert checker.check("new@b.example").send
    assert [a.address for a in checker.check_many(["x@b.example", "y@b.example"]).answers] == [
        "x@b.example",
        "y@b.example",
    ]


def test_acts_are_done_once_and_seen(api: Api) -> None:
    writer, reader = client(api, TokenScope.WRITE), client(api, TokenScope.READ)
    done = writer.suppress(
        ["new@b.example"], why="by phone", cause=Cause.MAILBOX_UNKNOWN, scope=Scope.ALL
    )
    assert [act.name for act in done.acts] == ["new@b.example"]
    assert not reader.history("new@b.example").marketing.send
    assert writer.release("new@b.example", why="an error", dry_run=True).dry_run
    writer.release("new@b.example", why="an error")
    writer.confirm(["new@b.example"], why="logged in")
    assert reader.history("new@b.example").marketing.send
    listed = writer.import_list(b"email\nann@b.example\n", why="old list")
    assert listed.added == 1 and listed.id is not None
    assert writer.undo_import(listed.id, why="the wrong file").withdrawn == 1
    incident = client(api, TokenScope.READ).incidents(days=3650).incidents[0].incident
    assert writer.release_incident(incident, why="over").dry_run
    assert writer.close_incident(incident, why="over", dry_run=True).dry_run


def test_pages_are_followed(api: Api) -> None:
    reader = client(api, TokenScope.READ)
    whole = reader.suppressions(limit=1000).suppressions
    pages = [page.suppressions for page in reader.pages(reader.suppressions, limit=2)]
    assert [row for page in pages for row in page] == list(whole)
    assert len(pages) > 2


def test_errors_are_exceptions_with_what_is_wrong(api: Api) -> None:
    with pytest.raises(ApiError) as raised:
        client(api, TokenScope.CHECK).status()
    assert raised.value.status == 403 and "scope" in raised.value.detail
    with pytest.raises(ApiError) as raised:
        client(api, TokenScope.READ).incident("nowhere")
    assert raised.value.status == 404


class Flaky:
    """Answers of a service that has a bad day."""

    def __init__(self, *answers: httpx2.Response | Exception) -> None:
        self.answers, self.requests = list(answers), list[httpx2.Request]()

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        found = self.answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


def answered(status: int, body: Any = None, **headers: str) -> httpx2.Response:
    return httpx2.Response(status, content=msgspec.json.encode(body or {}), headers=headers)


BUSY = {"detail": "busy", "status": 503}
ACTS = {"acts": []}


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []

    async def sleep(seconds: float) -> None:
        found.append(seconds)

    monkeypatch.setattr("bouncewise.client.synchronous.time.sleep", found.append)
    monkeypatch.setattr("bouncewise.client.asynchronous.asyncio.sleep", sleep)
    return found


def flaky_client(flaky: Flaky) -> Client:
    http = httpx2.Client(base_url="http://x", transport=httpx2.MockTransport(flaky))
    return Client("http://x", "bw_token", http=http)


def test_an_act_that_is_sent_again_has_the_same_key(slept: list[float]) -> None:
    flaky = Flaky(
        httpx2.ReadTimeout("slow"),
        answered(503, BUSY, **{"Retry-After": "7"}),
        answered(429, BUSY),
        answered(200, ACTS),
    )
    with flaky_client(flaky) as made:
        assert made.suppress(["a@b.example"], why="x").acts == ()
    keys = {request.headers["idempotency-key"] for request in flaky.requests}
    assert len(flaky.requests) == 4 and len(keys) == 1
    assert slept == [1.0, 7.0, 4.0]
    assert flaky.requests[0].headers["authorization"] == "Bearer bw_token"


@pytest.mark.parametrize(
    "answers",
    [
        [httpx2.ConnectError("refused")] * 4,
        [answered(503, BUSY)] * 4,
        [answered(503, BUSY, **{"Retry-After": "3600"})],
        [httpx2.Response(502, content=b"<html>")],
        [httpx2.Response(200, content=b"<html>")],
        [answered(200, {"send": True})],
        [answered(200, {"unexpected": 1})],
    ],
)
def test_a_question_without_an_answer_is_never_a_yes(
    slept: list[float], answers: list[Any]
) -> None:
    flaky = Flaky(*answers)
    with flaky_client(flaky) as made, pytest.raises(ClientError):
        made.check("a@b.example")
    assert flaky.answers == []


def test_the_async_client_does_the_same(slept: list[float]) -> None:
    flaky = Flaky(httpx2.ConnectError("no"), answered(200, ACTS), answered(404, {"detail": "gone"}))

    async def use() -> None:
        http = httpx2.AsyncClient(base_url="http://x", transport=httpx2.MockTransport(flaky))
        async with AsyncClient("http://x", "t", http=http) as made:
            assert (await made.confirm(["a@b.example"], why="x")).acts == ()
            with pytest.raises(ApiError, match="gone"):
                await made.status()
            flaky.answers += [answered(200, {"poison": [], "next": n}) for n in ("k", None)]
            assert [page.next async for page in made.pages(made.poison)] == ["k", None]

    asyncio.run(use())
    assert slept == [1.0]
    assert len({r.headers.get("idempotency-key") for r in flaky.requests[:2]}) == 1
