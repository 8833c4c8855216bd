"""Acts by HTTP: their author is the token, they can be undone, and none is done twice."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bouncewise.ledger import open_store
from bouncewise.service.api.idempotency import KEPT, Idempotency
from support.api import OTHER_WRITER, TOKENS, Api

ADD = {"names": ["jo@act.example"], "why": "by phone"}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with Api(tmp_path).running() as made:
        yield made


def history(api: Api, name: str) -> list[Any]:
    found: list[Any] = api.json("GET", f"/v1/addresses/{name}")["events"]
    return found


def suppressed(api: Api) -> set[str]:
    rows = api.json("GET", "/v1/suppressions?limit=1000")["suppressions"]
    return {row.get("address") or f"@{row['domain']}" for row in rows}


def test_an_address_is_suppressed_confirmed_and_released_by_the_token(api: Api) -> None:
    before = suppressed(api)
    acts = api.json(
        "POST", "/v1/suppressions", json={**ADD, "names": ["Jo@Act.example", "@whole.example"]}
    )
    assert [(act["name"], act["by"], act["act"]) for act in acts["acts"]] == [
        ("jo@act.example", "writeer", "added"),
        ("@whole.example", "writeer", "added"),
    ]
    assert suppressed(api) - before == {"jo@act.example", "@whole.example"}
    assert not api.json("GET", "/v1/addresses/other@whole.example")["marketing"]["send"]
    api.json("POST", "/v1/confirmed", json={"addresses": ["jo@act.example"], "why": "login"})
    assert "jo@act.example" in suppressed(api)  # (a sign of life ends what bounces decided)
    for name in ("jo@act.example", "%40whole.example"):
        act = api.json("DELETE", f"/v1/suppressions/{name}?why=their+error")
        assert act["act"] == "removed" and act["why"] == "their error" and act["remark"] is None
    assert suppressed(api) == before
    events = history(api, "jo@act.example")
    assert [(e["kind"], e["by"]) for e in events] == [
        ("removed", "writeer"),
        ("confirmed", "writeer"),
        ("added", "writeer"),
    ]


def test_a_sign_of_life_ends_what_bounces_decided(api: Api) -> None:
    rows = api.json("GET", "/v1/suppressions?limit=1000&cause=mailbox-unknown")["suppressions"]
    name = next(row["address"] for row in rows if row["basis"] == "evidence")
    api.json("POST", "/v1/confirmed", json={"addresses": [name], "why": "login"})
    assert api.json("GET", f"/v1/addresses/{name}")["marketing"]["send"]


def test_a_dry_run_stores_nothing(api: Api) -> None:
    with open_store(api.ledger, read_only=True) as ledger:
        before = ledger.counts(), ledger.latest()
    api.json("POST", "/v1/suppressions", json={**ADD, "dry_run": True})
    api.json(
        "POST", "/v1/confirmed", json={"addresses": ["a@b.example"], "why": "x", "dry_run": True}
    )
    api.json("DELETE", "/v1/suppressions/a@b.example?why=x&dry_run=true")
    api.json("POST", "/v1/imports?why=x&dry_run=true", content=b"email\na@b.example\n")
    incident = api.json("GET", "/v1/incidents?days=3650")["incidents"][0]
    path = f"/v1/incidents/{incident['incident']}"
    body = {"why": "x", "dry_run": True}
    api.json("POST", f"{path}/release", json={"why": "x"})
    api.json("POST", f"{path}/ignore", json={**body, "opened": incident["opened"]})
    with open_store(api.ledger, read_only=True) as ledger:
        assert (ledger.counts(), ledger.latest()) == before


def test_an_import_is_counted_and_undone(api: Api) -> None:
    before = suppressed(api)
    body = b"email,status\nann@b.example,bounced\nno address,bounced\neve@b.example,bounced\n"
    done = api.json("POST", "/v1/imports?why=old+list", content=body)
    assert (done["added"], done["bad"]) == (2, 1)
    assert any("3" in note for note in done["notes"])
    assert {event["by"] for event in history(api, "ann@b.example")} == {"writeer"}
    path = f"/v1/imports/{done['id']}?why=wrong"
    undone = api.json("DELETE", path)
    assert (undone["withdrawn"], sorted(undone["names"])) == (
        2,
        ["ann@b.example", "eve@b.example"],
    )
    assert suppressed(api) == before
    again = api.ask("DELETE", path)
    assert again.status_code == 404 and "old list" in again.json()["detail"]
    for wrong in (b"", b"\x00\xff\x00", b"no list at all", b"[1, 2"):
        answer = api.ask("POST", "/v1/imports?why=x", content=wrong)
        assert answer.status_code in (200, 422), answer.text
        assert "/tmp" not in answer.text


def test_an_incident_is_released_only_where_that_is_meant(api: Api) -> None:
    path = "/v1/incidents/%40out.example/release"
    planned = api.json("POST", path, json={"why": "works again"})
    assert planned["released"] == 30
    assert planned["dry_run"] is True and planned["suppressions"][0]["released"] is False
    names = [row["address"] for row in planned["suppressions"]]
    name = next(n for n in names if not api.json("GET", f"/v1/addresses/{n}")["marketing"]["send"])
    done = api.json("POST", path, json={"why": "works again", "dry_run": False})
    assert done["released"] == planned["released"] and done["suppressions"][0]["released"] is True
    assert api.json("GET", f"/v1/addresses/{name}")["marketing"]["send"]
    assert history(api, name)[0]["by"] == "writeer"
    answer = api.ask("POST", "/v1/incidents/nobody/release", json={"why": "x"})
    assert answer.status_code == 404


def test_an_incident_is_ruled_a_false_alarm(api: Api) -> None:
    path = "/v1/incidents/@out.example"
    opened = api.json("GET", path)["opened"]
    ruling = api.json("POST", f"{path}/ignore", json={"why": "ours", "opened": opened})
    assert (ruling["by"], ruling["why"], ruling["closed"]) == ("writeer", "ours", None)
    assert api.ask("GET", path).status_code == 404  # (it is no incident any more)


def test_an_incident_is_closed(api: Api) -> None:
    path = "/v1/incidents/@out.example"
    body = {"why": "x", "at": "1999-01-01T00:00:00Z"}
    assert api.ask("POST", f"{path}/close", json=body).status_code == 422
    ruling = api.json("POST", f"{path}/close", json={"why": "status page"})
    assert ruling["by"] == "writeer" and ruling["closed"]
    shown = api.json("GET", path)
    assert [(row["by"], row["why"]) for row in shown["rulings"]] == [("writeer", "status page")]
    assert api.ask("POST", f"{path}/close", json={"why": "x"}).status_code == 422


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/suppressions", {"names": ["a@b.example"]}),
        ("POST", "/v1/suppressions", {"names": ["a@b.example"], "why": "  "}),
        ("POST", "/v1/suppressions", {"names": ["@co.uk"], "why": "x"}),
        ("POST", "/v1/suppressions", {"names": ["a@b.example", "no"], "why": "x"}),
        ("POST", "/v1/suppressions", {**ADD, "until": "2001-01-01T00:00:00Z"}),
        ("POST", "/v1/suppressions", {**ADD, "until": "9999-12-31T23:59:59-12:00"}),
        ("POST", "/v1/suppressions", {**ADD, "names": ["a@b.example"] * 1001}),
        ("POST", "/v1/confirmed", {"addresses": ["a@b.example"]}),
        ("POST", "/v1/imports", None),
        ("POST", "/v1/incidents/google/release", {}),
        ("POST", "/v1/incidents/google/close", {}),
        ("POST", "/v1/incidents/google/ignore", {"why": "x"}),
        ("DELETE", "/v1/suppressions/a@b.example", None),
        ("DELETE", "/v1/imports/1", None),
        ("DELETE", "/v1/imports/x?why=x", None),
    ],
)
def test_an_act_without_a_reason_or_effect_is_refused(
    api: Api, method: str, path: str, body: Any
) -> None:
    with open_store(api.ledger, read_only=True) as ledger:
        before = ledger.counts()
    answer = api.ask(method, path, json=body) if body is not None else api.ask(method, path)
    assert answer.status_code == 422, answer.text
    with open_store(api.ledger, read_only=True) as ledger:
        assert ledger.counts() == before


# ── Idempotency-Key ─────────────────────────────────────────────────────────────────────────────


def test_the_same_key_gives_the_same_answer_and_nothing_is_done_twice(api: Api) -> None:
    key = {"Idempotency-Key": "4711"}
    first = api.ask("POST", "/v1/suppressions", json=ADD, headers=key)
    again = api.ask("POST", "/v1/suppressions", json=ADD, headers=key)
    assert first.content == again.content
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    api.backend.idempotency = Idempotency(api.folder / "idempotency")  # (after a restart)
    assert api.ask("POST", "/v1/suppressions", json=ADD, headers=key).content == first.content
    assert len(history(api, "jo@act.example")) == 1
    for path, body in (
        ("/v1/suppressions", {**ADD, "why": "other"}),
        ("/v1/confirmed", {"addresses": ["jo@act.example"], "why": "x"}),
    ):
        other = api.ask("POST", path, json=body, headers=key)
        assert other.status_code == 422 and "used" in other.json()["detail"]
    theirs = api.ask("POST", "/v1/suppressions", OTHER_WRITER, json=ADD, headers=key)
    assert "Idempotency-Replayed" not in theirs.headers
    assert {event["by"] for event in history(api, "jo@act.example")} == {"writeer", "other"}


def test_a_key_is_free_after_a_day_and_after_an_error(api: Api) -> None:
    key = {"Idempotency-Key": "k"}
    wrong = {**ADD, "names": ["@co.uk"]}
    assert api.ask("POST", "/v1/suppressions", json=wrong, headers=key).status_code == 422
    assert api.ask("POST", "/v1/suppressions", json=ADD, headers=key).status_code == 200
    (kept,) = (api.folder / "idempotency").iterdir()
    old = time.time() - KEPT - 1
    os.utime(kept, (old, old))
    other = {**ADD, "names": ["eve@b.example"]}
    assert api.ask("POST", "/v1/suppressions", json=other, headers=key).status_code == 200
    (kept,) = (api.folder / "idempotency").iterdir()
    os.utime(kept, (old, old))
    api.backend.idempotency = Idempotency(api.folder / "idempotency")  # (an hour later)
    api.json("GET", "/v1/sources")
    assert list((api.folder / "idempotency").iterdir()) == []


def test_a_request_that_was_interrupted_is_done_when_it_comes_again(api: Api) -> None:
    key = {"Idempotency-Key": "k"}
    api.json("POST", "/v1/suppressions", json=ADD, headers=key)
    (kept,) = (api.folder / "idempotency").iterdir()
    kept.write_bytes(kept.read_bytes()[:-3])
    answer = api.ask("POST", "/v1/suppressions", json=ADD, headers=key)
    assert answer.status_code == 200 and "Idempotency-Replayed" not in answer.headers


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "ü"])
def test_a_key_that_is_none_is_400(api: Api, key: str) -> None:
    headers = {
        b"Idempotency-Key": key.encode(),
        b"Authorization": f"Bearer {TOKENS['write']}".encode(),
    }
    answer = api.client.post("/v1/suppressions", json=ADD, headers=headers)
    assert answer.status_code == 400
    assert history(api, "jo@act.example") == []


def test_twenty_at_once_act_once(api: Api) -> None:
    def send(_: int) -> Any:
        return api.ask("POST", "/v1/suppressions", json=ADD, headers={"Idempotency-Key": "race"})

    with ThreadPoolExecutor(20) as threads:
        found = list(threads.map(send, range(20)))
    assert {answer.status_code for answer in found} <= {200, 409}
    assert all("Retry-After" in answer.headers for answer in found if answer.status_code == 409)
    assert len({answer.content for answer in found if answer.status_code == 200}) == 1
    assert len(history(api, "jo@act.example")) == 1


def test_a_folder_that_cannot_be_written_is_503_before_anything_is_done(api: Api) -> None:
    (api.folder / "idempotency").write_text("in the way")
    key = {"Idempotency-Key": "k"}
    answer = api.ask("POST", "/v1/suppressions", json=ADD, headers=key)
    assert answer.status_code == 503
    assert history(api, "jo@act.example") == []
