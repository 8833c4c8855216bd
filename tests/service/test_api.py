"""The HTTP API: the same answers as the commands, acts with an author and a reason, and a problem
document for everything else.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import validate
from starlette.routing import Route

from bouncewise.config.service import TokenScope
from bouncewise.ledger import open_store
from bouncewise.service import spool
from bouncewise.service.api import backend, describe
from bouncewise.service.api.lookups import Lookups
from bouncewise.service.api.openapi import document
from bouncewise.service.api.table import ENDPOINTS, Endpoint
from bouncewise.service.app import application
from bouncewise.service.spool import Record
from support.api import TOKENS, Api
from support.cli import bouncewise
from support.nameserver import nameserver

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """For tests that change nothing."""
    with Api(tmp_path_factory.mktemp("api")).running() as made:
        yield made


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Api]:
    """For tests that change something."""
    with Api(tmp_path).running() as made:
        yield made


def is_problem(answer: Any, status: int) -> bool:
    found = answer.json()
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert found["status"] == status and found["detail"] and found["title"]
    return True


# ── the table ───────────────────────────────────────────────────────────────────────────────────


def path_of(endpoint: Endpoint) -> str:
    path = endpoint.path
    for name, value in (("address", "a@b.example"), ("name", "a@b.example"), ("id", "1")):
        path = path.replace(f"{{{name}}}", value)
    return path.replace("{incident}", "google")


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda e: e.name)
@pytest.mark.parametrize("scope", TokenScope)
def test_each_endpoint_needs_its_scope(api: Api, endpoint: Endpoint, scope: TokenScope) -> None:
    path = f"{path_of(endpoint)}?unknown=1"  # (refused after the token)
    answer = api.ask(endpoint.method, path, TOKENS[scope])
    contained = {TokenScope.VALIDATE: TokenScope.READ}
    is_enough = scope in (endpoint.scope, contained.get(endpoint.scope))
    assert is_problem(answer, 422 if is_enough else 403)
    assert is_problem(api.client.request(endpoint.method, path), 401)
    assert is_problem(api.ask(endpoint.method, path, TOKENS[scope][:-1]), 401)


def test_every_route_is_in_the_table(api: Api) -> None:
    routes = application(api.state, api.backend).routes
    served = {
        (method, route.path.replace(":anything", ""))
        for route in routes
        if isinstance(route, Route) and route.path.startswith("/v1/")
        for method in (route.methods or set()) - {"HEAD", "OPTIONS"}  # (of browsers)
    }
    described = {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}
    assert served == {*described, ("GET", "/v1/openapi.json")}
    names = [endpoint.name for endpoint in ENDPOINTS]
    assert len(set(names)) == len(names)


def test_the_description_is_valid_and_is_served(api: Api) -> None:
    served = api.client.get("/v1/openapi.json").json()
    assert served == document()
    validate(served)
    methods = {(m.upper(), path) for path, found in served["paths"].items() for m in found}
    assert methods == {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}


def test_the_page_is_written_from_the_table() -> None:
    assert (DOCS / "api.md").read_text("utf-8") == describe.page(), (
        "run: python -m bouncewise.service.api.describe > docs/api.md"
    )


# ── reading ─────────────────────────────────────────────────────────────────────────────────────


def command(api: Api, *args: str) -> list[Any]:
    """What a command writes with --json."""
    done = bouncewise(api.folder.parent, *args, "--json", "--db", api.ledger)
    return [json.loads(line) for line in done.stdout.splitlines()]


def by_name(rows: list[Any]) -> list[Any]:
    return sorted(rows, key=lambda row: row.get("address") or f"@{row['domain']}")


def test_the_answers_are_those_of_the_commands(api: Api) -> None:
    reply = "550 5.4.1 Recipient address rejected: Access denied"
    suppressed = command(api, "suppressions", "list")
    assert len(suppressed) > 5
    name = next(row["address"] for row in suppressed if "address" in row)
    page = api.json("GET", "/v1/suppressions?limit=1000")
    assert by_name(page["suppressions"]) == suppressed and page["next"] is None
    held = api.json("GET", "/v1/suppressions?limit=1000&state=held")["suppressions"]
    assert by_name(held) == command(api, "suppressions", "list", "--held") != []
    verdicts = api.json("POST", "/v1/classify", json={"replies": [reply, ""]})["verdicts"]
    assert verdicts[0]["cause"] == "access-denied" and verdicts[1]["cause"] == "unknown"
    for subject in (reply, "mailbox-full", "550 5.4.1"):
        found = api.json("GET", "/v1/explain", params={"subject": subject})
        assert [found] == command(api, "explain", subject)
    page = api.json("GET", "/v1/explain", params={"subject": name})
    assert page["title"] == name and "suppressed" in page["summary"]
    found = api.json("GET", f"/v1/addresses/{name}")
    assert found["events"] == command(api, "history", name)[::-1]
    assert [found["marketing"]] == command(api, "check", name)
    assert [found["transactional"]] == command(api, "check", name, "--transactional")
    incidents = command(api, "incidents", "--days", "3650")
    assert incidents
    page = api.json("GET", "/v1/incidents?days=3650")
    assert [*page["incidents"], *page["alerts"]] == incidents
    shown = api.json("GET", f"/v1/incidents/{incidents[0]['incident']}")
    assert [shown] == command(api, "incidents", "show", incidents[0]["incident"])
    status = api.json("GET", "/v1/status")
    assert [status["status"], *status["counts"]] == command(api, "status")[
        : 1 + len(status["counts"])
    ]
    assert api.json("GET", "/v1/sources")["sources"] == status["sources"] != []
    since = "2020-01-01T00:00:00Z"
    missed = api.json("GET", f"/v1/missed?since={since}&limit=1000&all=true")["missed"]
    listed = command(api, "missed", "--since", since, "--all")
    assert sorted(missed, key=str) == sorted(listed, key=str) != []


ANSWERED = {
    "classify": {"json": {"replies": ["550 5.1.1 User unknown"]}},
    "explain_subject": {"params": {"subject": "mailbox-full"}},
    "validate": {"json": {"addresses": ["jo@gmial.example", "no address", "@b.example"]}},
    "check_many": {"json": {"addresses": ["a@b.example"]}},
    "add": {"json": {"names": ["new@b.example"], "why": "test"}},
    "confirm": {"json": {"addresses": ["new@b.example"], "why": "test"}},
    "import_body": {"params": {"why": "test"}, "content": b"email\nann@b.example\nno\n"},
    "remove": {"params": {"why": "test"}},
    "undo": {"params": {"why": "test"}},
    "release_incident": {"json": {"why": "test"}},
    "close": {"json": {"why": "test", "dry_run": True}},
    "ignore": {"json": {"why": "test", "opened": "", "dry_run": True}},
}


def test_every_answer_is_as_described(own: Api) -> None:
    (own.folder / "poison").mkdir()
    spool_poison(own, 7)
    incident = own.json("GET", "/v1/incidents?days=3650")["incidents"][0]
    described = document()
    for endpoint in sorted(ENDPOINTS, key=lambda e: e.name == "undo"):
        more = dict(ANSWERED.get(endpoint.name, {}))
        if endpoint.name == "ignore":
            more["json"] = {**more["json"], "opened": incident["opened"]}
        path = endpoint.path.replace("{incident}", incident["incident"])
        path = path_of(endpoint._replace(path=path))
        if endpoint.name == "undo":
            listed = own.json("POST", "/v1/imports?why=x", content=b"email\nx@b.example\n")
            path = f"/v1/imports/{listed['id']}"
        answer = own.json(endpoint.method, path, **more)
        schema = described["paths"][endpoint.path][endpoint.method.lower()]["responses"]["200"]
        schema = schema["content"]["application/json"]["schema"]
        jsonschema.validate(answer, {**schema, "components": described["components"]})
    assert "7" in json.dumps(own.json("GET", "/v1/poison"))


def spool_poison(api: Api, number: int) -> None:
    import msgspec

    record = Record(1_700_000_000_000_000, "webhook", "ses", b"{}", "")
    path = api.folder / "poison" / f"{number:020d}.msgpack"
    path.write_bytes(msgspec.msgpack.encode(("not JSON", record)))


def test_pages_hold_each_row_once_while_rows_come_and_go(own: Api) -> None:
    def add(*names: str) -> None:
        body = {"names": list(names), "why": "test"}
        own.json("POST", "/v1/suppressions", json=body)

    stable = [f"u{n:02}@page.example" for n in range(20)]
    add(*stable, "u05x@page.example")
    seen, cursor, number = list[str](), "", 0
    while cursor is not None:
        query = {"limit": 3, "cursor": cursor, "by": "writeer"}
        page = own.json("GET", "/v1/suppressions", params=query)
        seen += [row["address"] for row in page["suppressions"]]
        cursor, number = page["next"], number + 1
        add(f"u00{number}@page.example", f"v{number}@page.example")
        if number == 1:
            own.json("DELETE", "/v1/suppressions/u05x@page.example?why=test")
    assert sorted(name for name in seen if name in stable) == stable
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize(
    "path", ["/v1/missed?since=2020-01-01T00:00:00Z&all=1", "/v1/incidents?days=3650"]
)
def test_pages_together_are_the_whole(api: Api, path: str) -> None:
    whole = api.json("GET", path, params={"limit": 1000})
    key = path.split("/")[2].partition("?")[0]
    parts, cursor = list[Any](), ""
    while cursor is not None:
        page = api.json("GET", path, params={"limit": 1, "cursor": cursor})
        parts += page[key]
        cursor = page["next"]
    assert parts == whole[key] != []


def test_a_history_is_paged(api: Api) -> None:
    row = max(
        api.json("GET", "/v1/suppressions?limit=1000")["suppressions"],
        key=lambda row: (
            len(command(api, "history", row.get("address") or f"@{row['domain']}"))
            if row.get("address")
            else 0
        ),
    )
    whole = api.json("GET", f"/v1/addresses/{row['address']}")["events"]
    parts, cursor = list[Any](), ""
    while cursor is not None:
        query = {"limit": 1, "cursor": cursor}
        page = api.json("GET", f"/v1/addresses/{row['address']}", params=query)
        parts, cursor = parts + page["events"], page["next"]
    assert parts == whole != []


def test_a_slow_name_server_does_not_delay_a_validation(own: Api) -> None:
    zone = {
        "ok.example": {"MX": ["10 mx.ok.example."]},
        "mx.ok.example": {"A": ["93.184.216.34"]},
    }
    body = {"addresses": ["jo@ok.example", "jo@silent.example"]}
    with nameserver(zone) as server:
        own.backend.lookups = Lookups(None, lambda: (server.server,))
        begun = time.monotonic()
        found = own.json("POST", "/v1/validate", json=body)
        assert time.monotonic() - begun < 5  # (0.3 on a machine that is not busy)
    quick, slow = found["validations"]
    assert found["late"] == ["silent.example"]
    assert quick["looked_up"] and quick["mx"] == ["mx.ok.example"]
    assert not slow["looked_up"] and slow["route"] is None


def test_without_a_name_server_a_validation_says_so(api: Api) -> None:
    found = api.json("POST", "/v1/validate", json={"addresses": ["jo@b.example", "no address"]})
    assert found["late"] == ["b.example"]
    assert [row["looked_up"] for row in found["validations"]] == [False, False]
    assert found["validations"][1]["verdict"] == "bad"


# ── a ledger that is locked ─────────────────────────────────────────────────────────────────────


def test_a_writer_delays_no_read_and_a_write_is_503(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend, "WRITE_WAIT", 0.2)
    with Api(tmp_path).running() as api:
        locked = sqlite3.connect(api.ledger, isolation_level=None)
        locked.execute("BEGIN IMMEDIATE")
        assert api.json("GET", "/v1/suppressions")["suppressions"]
        body = {"names": ["a@b.example"], "why": "test"}
        key = {"Idempotency-Key": "k"}
        answer = api.ask("POST", "/v1/suppressions", json=body, headers=key)
        assert is_problem(answer, 503) and answer.headers["Retry-After"]
        locked.execute("ROLLBACK")
        locked.close()
        assert api.json("GET", "/v1/addresses/a@b.example")["marketing"]["send"]
        api.json("POST", "/v1/suppressions", json=body, headers=key)
        assert not api.json("GET", "/v1/addresses/a@b.example")["marketing"]["send"]


def test_a_ledger_that_is_locked_altogether_is_503(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend, "READ_WAIT", 0.2)
    api = Api(tmp_path)
    locked = sqlite3.connect(api.ledger, isolation_level=None)
    locked.execute("PRAGMA locking_mode=EXCLUSIVE")
    locked.execute("CREATE TABLE other (a)")
    with api.client:
        for endpoint in ENDPOINTS:
            if endpoint.scope is TokenScope.READ and endpoint.parameters.__name__ != "Paged":
                more = ANSWERED.get(endpoint.name, {})
                answer = api.ask(endpoint.method, path_of(endpoint), **more)
                if endpoint.name in ("classify", "explain_subject"):  # need no ledger
                    assert answer.status_code == 200
                else:
                    assert is_problem(answer, 503) and answer.headers["Retry-After"]
    locked.close()


def test_too_many_requests_at_a_time_are_503(own: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own.backend._pools[False], "_waiting", backend.READS)
    answer = own.ask("GET", "/v1/status")
    assert is_problem(answer, 503) and answer.headers["Retry-After"] == "1"


def test_a_missing_ledger_is_503_and_one_line(own: Api) -> None:
    own.backend.ledger = own.ledger.with_name("none")
    assert is_problem(own.ask("GET", "/v1/status"), 503)
    assert is_problem(own.ask("GET", "/v1/sources"), 503)
    assert len(own.lines) == 1


def test_a_poison_file_that_cannot_be_read_is_503(own: Api) -> None:
    (own.folder / "poison").mkdir()
    (own.folder / "poison" / f"{1:020d}.msgpack").write_bytes(b"x")
    assert is_problem(own.ask("GET", "/v1/poison"), 503)
    assert spool.spool_id(own.folder)
    with open_store(own.ledger, read_only=True) as ledger:
        assert ledger.counts()["address"]
