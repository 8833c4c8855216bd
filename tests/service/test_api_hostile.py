"""Hostile requests: every answer is one that is described, and none is a defect."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fuzz.serving import Service
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bouncewise.config.service import TokenScope
from bouncewise.ledger import open_store
from bouncewise.service.api import decode
from bouncewise.service.api.openapi import document
from bouncewise.service.api.table import ENDPOINTS, Endpoint
from bouncewise.service.tokens import make
from support.api import TOKENS, Api

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with Api(tmp_path_factory.mktemp("api")).running() as made:
        yield made


TEXTS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "a@b.example",
            "@b.example",
            "@",
            "google",
            "own",
            "x" * 5000,
            "\0",
            "550 5.1.1 User unknown",
            "..%2f..%2fetc%2fpasswd",
            "' OR 1=1 --",
            "kQ",
            "k84f",
            "true",
            "-1",
            "1e999",
            "99999999999999999999",
            "2026-11-20T00:00:00Z",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-14:00",
            "mailbox-unknown",
            "null",
        ]
    ),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)


def plausible(endpoint: Endpoint) -> st.SearchStrategy[Any]:
    """Bodies with the right keys, and values of any type, some of them right."""
    schema = document()["components"]["schemas"][endpoint.body.__name__]  # type: ignore[union-attr]
    good = {
        "why": st.just("because"),
        "names": st.lists(TEXTS, min_size=1, max_size=3),
        "addresses": st.lists(TEXTS, min_size=1, max_size=3),
        "replies": st.lists(TEXTS, min_size=1, max_size=3),
    }
    required = schema.get("required", ())
    given = {key: good.get(key, TEXTS) for key in required}
    rest = {key: VALUES for key in schema["properties"] if key not in required}
    return st.fixed_dictionaries(given, optional=rest)


REQUESTS = {
    "body": st.one_of(st.binary(max_size=60), VALUES.map(lambda v: json.dumps(v).encode())),
    "media": st.sampled_from([None, "application/json", "text/csv", "text/html", "a/b; c=d", ""]),
    "key": st.one_of(st.none(), st.text(st.characters(codec="latin-1"), max_size=10)),
}


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda e: e.name)
def test_no_request_meets_a_defect(api: Api, endpoint: Endpoint) -> None:
    described = document()["paths"][endpoint.path][endpoint.method.lower()]
    names = [p["name"] for p in described["parameters"] if p["in"] == "query"]
    bodies = REQUESTS["body"]
    if endpoint.body not in (None, bytes):
        bodies = st.one_of(bodies, plausible(endpoint).map(lambda v: json.dumps(v).encode()))

    @settings(
        max_examples=40,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    @given(
        st.data(),
        st.dictionaries(st.one_of(st.sampled_from([*names, "x"]), TEXTS), TEXTS, max_size=4),
    )
    def hostile(data: st.DataObject, query: dict[str, str]) -> None:
        path = endpoint.path
        for name in endpoint.path_names():
            # (what a client's library would take for another path is no request to this one)
            text = data.draw(TEXTS.filter(lambda t: t not in ("", ".", "..") and "/" not in t))
            path = path.replace(f"{{{name}}}", re.sub(r"[^\w@-]", _encoded, text))
        if "why" in names:
            query = {"why": "because", **query}
        headers = {b"Authorization": f"Bearer {TOKENS[endpoint.scope]}".encode()}
        if (media := data.draw(REQUESTS["media"])) is not None:
            headers[b"Content-Type"] = media.encode()
        if (key := data.draw(REQUESTS["key"])) is not None and "\n" not in key and "\r" not in key:
            headers[b"Idempotency-Key"] = key.encode("latin-1").strip()
        body = data.draw(bodies) if endpoint.body is not None else b""
        answer = api.client.request(
            endpoint.method, path, params=_utf8(query), content=body, headers=headers
        )
        assert str(answer.status_code) in described["responses"], answer.text
        assert answer.status_code != 503, answer.text
        if answer.status_code != 200:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["status"] == answer.status_code

    hostile()
    assert not [line for line in api.lines if "defect" in line]


def _encoded(found: re.Match[str]) -> str:
    return "".join(f"%{octet:02x}" for octet in found[0].encode("utf-8", "surrogatepass"))


def _utf8(query: dict[str, str]) -> dict[str, str]:
    return {
        k.encode("utf-8", "replace").decode(): v.encode("utf-8", "replace").decode()
        for k, v in query.items()
    }


@pytest.mark.parametrize(
    ("method", "path", "more", "status"),
    [
        ("GET", "/v1/nothing", {}, 404),
        ("GET", "/v1/incidents/nobody", {}, 404),
        ("DELETE", "/v1/imports/999?why=x", {}, 404),
        ("GET", "/v1/missed?incident=nobody", {}, 404),
        ("PUT", "/v1/suppressions", {}, 405),
        ("GET", "/v1/classify", {}, 405),
        ("POST", "/v1/openapi.json", {}, 405),
        ("POST", "/v1/classify", {"content": b"{}", "headers": {"Content-Type": "text/xml"}}, 415),
        ("POST", "/v1/imports?why=x", {"content": b"", "headers": {"Content-Type": "a/b"}}, 415),
        ("POST", "/v1/classify", {"content": b"{"}, 400),
        ("POST", "/v1/classify", {"content": b"\xff"}, 400),
        ("POST", "/v1/classify", {"content": b'{"replies": [' + b"[" * 100_000}, 422),
        ("POST", "/v1/classify", {"content": b'{"x": ' + b"[" * 100_000}, 422),
        ("POST", "/v1/classify", {"json": {"replies": []}}, 422),
        ("POST", "/v1/classify", {"json": {"replies": ["x"], "receiver": "nobody"}}, 422),
        ("GET", "/v1/suppressions?limit=0", {}, 422),
        ("GET", "/v1/suppressions?limit=1001", {}, 422),
        ("GET", "/v1/suppressions?limit=1&limit=2", {}, 422),
        ("GET", "/v1/suppressions?cursor=x", {}, 422),
        ("GET", "/v1/suppressions?cursor=%ff", {}, 422),
        ("GET", "/v1/suppressions?colour=red", {}, 422),
        ("GET", "/v1/suppressions?since=yesterday", {}, 422),
        ("GET", "/v1/suppressions?since=1500-01-01T00:00:00Z", {}, 422),
        ("GET", "/v1/explain", {}, 422),
        ("GET", "/v1/explain?subject=%20", {}, 422),
        ("GET", "/v1/addresses/no", {}, 422),
        ("GET", "/v1/check/a@b.example?transactional=maybe", {}, 422),
    ],
)
def test_what_is_wrong_is_answered_with_a_problem(
    api: Api, method: str, path: str, more: Any, status: int
) -> None:
    answer = api.ask(method, path, **more)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found = answer.json()
    assert found["status"] == status and found["type"] == "about:blank" and found["detail"]
    if status == 405:
        assert answer.headers["Allow"]


@pytest.mark.parametrize("endpoint", [e for e in ENDPOINTS if e.body], ids=lambda e: e.name)
def test_bodies_have_a_limit(api: Api, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "MAX_JSON", 1000)
    monkeypatch.setattr(decode, "MAX_LIST", 1000)
    monkeypatch.setattr("bouncewise.service.api.checking.MAX_BODY", 1000)
    path = endpoint.path.replace("{incident}", "google")
    path += "?why=x" if endpoint.body is bytes else ""
    for body in (b"x" * 1001, (b"x" * 100 for _ in range(11))):
        assert api.ask(endpoint.method, path, content=body).status_code == 413


def test_a_defect_is_a_problem_and_a_line(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("in the middle")

    monkeypatch.setattr(api.backend, "run", broken)
    answer = api.ask("GET", "/v1/status")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert api.lines.pop() == "GET /v1/status: a defect: ZeroDivisionError: in the middle"


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_the_examples_of_the_page_work_with_a_served_ledger(tmp_path: Path) -> None:
    text = (DOCS / "api.md").read_text("utf-8")
    (script,) = (b for b in re.findall(r"^```sh\n(.*?)^```", text, re.S | re.M) if "curl" in b)
    made = make("shop", (TokenScope.READ, TokenScope.WRITE))
    with Service(tmp_path, made.lines) as service:
        environment = {
            **os.environ,
            "TOKEN": made.token,
            "URL": f"http://127.0.0.1:{service.http}",
        }
        done = subprocess.run(
            ["sh", "-e", "-c", script], capture_output=True, text=True, env=environment
        )
        assert done.returncode == 0, done.stderr + service.log.read_text()
        answers = _lines(done.stdout).splitlines()
        with open_store(service.db, read_only=True) as ledger:
            events = ledger.history("jo@example.com")
    assert len(answers) == script.count("curl")
    assert [(event.kind, event.by) for event in events] == [("added", "shop"), ("removed", "shop")]


def _lines(text: str) -> str:
    """Objects that follow one another, each on a line."""
    found, decoder, at = list[str](), json.JSONDecoder(), 0
    while at < len(text):
        value, at = decoder.raw_decode(text, at)
        found.append(json.dumps(value))
    return "\n".join(found)
