"""The HTTP API over a ledger in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bouncewise.service.api import backend
from bouncewise.service.api.cursors import encode
from support import postgres
from support.api import Api


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    monkeypatch.setattr(backend, "WRITE_WAIT", 0.2)
    with Api(tmp_path, postgres.server().new_url()).running() as made:
        yield made


def test_acts_and_pages_are_the_same(api: Api) -> None:
    names = [f"u{n:02}@page.example" for n in range(20)]
    api.json("POST", "/v1/suppressions", json={"names": names, "why": "test"})
    seen, cursor = list[Any](), ""
    while cursor is not None:
        query = {"limit": 3, "by": "writeer", "cursor": cursor}
        page = api.json("GET", "/v1/suppressions", params=query)
        seen, cursor = seen + [row["address"] for row in page["suppressions"]], page["next"]
    assert sorted(seen) == names
    api.json("DELETE", f"/v1/suppressions/{names[0]}?why=test")
    assert api.json("GET", f"/v1/addresses/{names[0]}")["marketing"]["send"]
    assert api.json("GET", "/v1/incidents")["incidents"][0]["incident"] == "@out.example"
    assert api.json("GET", "/v1/status")["status"]["names"] > 20
    assert api.json("POST", "/v1/imports?why=x", content=b"email\nann@b.example\n")["added"] == 1


def test_what_a_text_of_postgresql_cannot_hold_is_no_defect(api: Api) -> None:
    for method, path, more in (
        ("POST", "/v1/suppressions", {"json": {"names": ["a@b.example"], "why": "a\0b"}}),
        ("POST", "/v1/suppressions", {"json": {"names": ["a\0@b.example"], "why": "x"}}),
        ("POST", "/v1/imports?why=x", {"content": b"email,reason\nann@b.example,a\0b\n"}),
        ("POST", "/v1/imports?why=x", {"content": b"email\nann\0@b.example\n"}),
        ("GET", "/v1/addresses/a%00@b.example", {}),
        ("GET", "/v1/missed?receiver=%00", {}),
        ("GET", "/v1/incidents/%00", {}),
        ("GET", f"/v1/suppressions?cursor={encode((chr(0),))}", {}),
    ):
        answer = api.ask(method, path, **more)
        assert answer.status_code in (200, 404, 422), (path, answer.text)


def test_a_writer_delays_no_read_and_a_write_is_503(api: Api) -> None:
    import psycopg

    with psycopg.connect(api.ledger) as other:
        tables = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
        for (table,) in other.execute(tables).fetchall():
            other.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE".encode())
        assert api.json("GET", "/v1/status")["status"]["names"]
        body = {"names": ["a@b.example"], "why": "test"}
        answer = api.ask("POST", "/v1/suppressions", json=body)
        assert answer.status_code == 503 and answer.headers["Retry-After"]
    api.json("POST", "/v1/suppressions", json=body)
    assert not api.json("GET", "/v1/addresses/a@b.example")["marketing"]["send"]
