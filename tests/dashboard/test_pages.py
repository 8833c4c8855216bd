"""The pages of a local ledger: what they show, who may see them, and hostile words."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from bouncewise.classifier.classify import default_classifier
from bouncewise.dashboard.access import COOKIE, HEADERS, Access
from bouncewise.dashboard.app import application
from bouncewise.dashboard.charts import bars
from bouncewise.dashboard.views import Source
from bouncewise.ledger import open_store
from bouncewise.policy.load import load
from support.cli import bouncewise
from support.postfix import ACCEPTED, UNKNOWN, log_lines

HOST = "127.0.0.1:8030"
TOKEN = "a-token-of-this-test"
EVIL = '"><script>alert(1)</script>&lt;img src=x onerror=alert(2)>'
PAGES = (
    *("/", "/incidents", "/receivers", "/receivers/google", "/receivers/other", "/replies"),
    *("/senders", "/suppressions", "/sources", "/addresses/a@b.example"),
)


def client(path: Path) -> TestClient:
    app = Access(application(Source(path, load(), default_classifier())), TOKEN, frozenset({HOST}))
    return TestClient(app, base_url=f"http://{HOST}", cookies={COOKIE: TOKEN})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An incident at Google, dead addresses, a block of ours, and an address with a history."""
    lines = ""
    people = [f"p{n}@gmail.com" for n in range(40)]
    google = "gmail-smtp-in.l.google.com"
    gone = "550-5.1.1 The email account that you tried to reach does not exist. - gsmtp"
    queue = 0
    for day in range(1, 25, 3):
        for number, name in enumerate(people):
            queue += 1
            at = f"2026-11-{day:02}T08:00:{number:02}+00:00"
            reply = gone if day == 22 and number < 30 else ACCEPTED
            lines += log_lines(at, name, reply, queue=queue, host=google)
    lines += log_lines("2026-11-20T09:00:00+00:00", "dead@gone.example", UNKNOWN, queue=9001)
    (tmp_path / "mail.log").write_text(lines)
    assert bouncewise(tmp_path, "ingest", "mail.log", "--db", "l").returncode == 0
    return tmp_path


def test_today_shows_the_incident_and_the_numbers(folder: Path) -> None:
    text = client(folder / "l").get("/").text
    assert 'href="/incidents/google"' in text
    assert "30 addresses that had mail delivered lately are refused" in text
    assert "mailbox-unknown" in text
    assert "<svg" in text
    twin = client(folder / "l").get("/today.json").json()
    assert twin["incidents"][0]["incident"] == "google"
    assert sum(day["address"] for day in twin["days"]) == 31


def test_an_incident_an_address_and_the_receivers_have_pages(folder: Path) -> None:
    seen = client(folder / "l")
    assert "bouncewise release --incident google" in seen.get("/incidents/google").text
    assert "Must not be mailed" in seen.get("/addresses/dead@gone.example").text
    assert "User unknown" in seen.get("/addresses/dead@gone.example").text
    assert "May be mailed" in seen.get("/addresses/p39@gmail.com").text
    found = seen.get("/receivers.json").json()["receivers"]
    assert found[0]["receiver"] == "google"
    assert found[0]["address"] == 30
    assert seen.get("/incidents/nobody").status_code == 404


def test_a_search_leads_to_the_address(folder: Path) -> None:
    seen = client(folder / "l")
    found = seen.get("/search?q=%20Dead@GONE.example", follow_redirects=False)
    assert found.headers["location"] == "/addresses/dead@gone.example"
    found = seen.get("/search?q=gone.example", follow_redirects=False)
    assert found.headers["location"] == "/addresses/@gone.example"
    assert (
        seen.get("/search?q=//evil.example/x", follow_redirects=False)
        .headers["location"]
        .startswith("/addresses/")
    )


def test_suppressions_are_paged_and_filtered(tmp_path: Path) -> None:
    names = "".join(f"u{n}@b.example\n" for n in range(250))
    (tmp_path / "list.csv").write_text(f"email\n{names}")
    done = bouncewise(tmp_path, "suppressions", "import", "list.csv", "--db", "l")
    assert done.returncode == 0, done.stderr
    seen, names_found, after = client(tmp_path / "l"), list[str](), ""
    for _ in range(5):
        page = seen.get(f"/suppressions.json?after={after}").json()
        names_found += [row["name"] for row in page["rows"]]
        after = page["after"]
        if after is None:
            break
    assert len(names_found) == len(set(names_found)) == 250
    assert seen.get("/suppressions.json?state=held").json()["rows"] == []
    for hostile in ("x", "-", "9" * 30, "1e9", "١"):
        assert seen.get("/suppressions", params={"after": hostile}).status_code == 200


@pytest.mark.parametrize("path", PAGES)
def test_an_empty_ledger_has_every_page(tmp_path: Path, path: str) -> None:
    open_store(tmp_path / "l", create=True).close()
    answer = client(tmp_path / "l").get(path)
    assert answer.status_code == 200
    twin = "/today.json" if path == "/" else f"{path}.json"
    assert client(tmp_path / "l").get(twin).json() is not None


def test_a_ledger_that_is_gone_is_an_error_page(tmp_path: Path) -> None:
    answer = client(tmp_path / "nothing").get("/")
    assert answer.status_code == 503
    assert "no ledger there" in answer.text


# ── hostile words ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    event = {
        "RecordType": "Bounce",
        "Type": "HardBounce",
        "Email": "x@evil.example",
        "ID": 1,
        "BouncedAt": "2026-11-23T10:00:00Z",
        "Details": f"smtp;550 5.1.1 User unknown {EVIL}",
        "MessageStream": EVIL,
        "Tag": EVIL,
    }
    (tmp_path / f"{EVIL.replace('/', '_')[:60]}.json").write_text(json.dumps(event))
    file = next(tmp_path.glob("*.json"))
    assert bouncewise(tmp_path, "ingest", file.name, "--db", "l").returncode == 0
    for name in ("y@evil.example", "@evil.example"):
        done = bouncewise(tmp_path, "suppressions", "add", name, "--why", EVIL, "--db", "l")
        assert done.returncode == 0, done.stderr
    return tmp_path


def test_words_of_others_are_shown_as_text(hostile: Path) -> None:
    seen = client(hostile / "l")
    paths = [*PAGES, "/addresses/x@evil.example", "/addresses/y@evil.example"]
    paths += [f"/addresses/{EVIL}", f"/incidents/{EVIL}", f"/suppressions?cause={EVIL}"]
    for path in paths:
        text = seen.get(path).text
        assert "<script" not in text, path
        assert "<img" not in text, path
    assert "&lt;script&gt;" in seen.get("/addresses/y@evil.example").text


# ── access ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def visitor(tmp_path: Path) -> TestClient:
    open_store(tmp_path / "l", create=True).close()
    found = client(tmp_path / "l")
    found.cookies.clear()
    return found


def test_only_whoever_has_the_token_sees_anything(visitor: TestClient) -> None:
    for path in (*PAGES, "/static/style.css", "/today.json"):
        assert visitor.get(path).status_code == 403
    assert visitor.get("/?token=wrong").status_code == 403
    assert visitor.get("/", headers={"Cookie": f"{COOKIE}=wrong"}).status_code == 403
    first = visitor.get(f"/incidents?token={TOKEN}&x=1", follow_redirects=False)
    assert first.status_code == 303
    assert first.headers["location"] == "/incidents?x=1"
    cookie = first.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert visitor.get("/incidents").status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "localhost:8030.evil.example", ""])
def test_other_host_names_are_refused(visitor: TestClient, host: str) -> None:
    answer = visitor.get("/", headers={"Host": host, "Cookie": f"{COOKIE}={TOKEN}"})
    assert answer.status_code == 421


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_can_be_changed(visitor: TestClient, method: str) -> None:
    answer = visitor.request(method, "/suppressions", headers={"Cookie": f"{COOKIE}={TOKEN}"})
    assert answer.status_code == 405


def test_every_answer_forbids_scripts_and_frames(visitor: TestClient) -> None:
    for path in ("/", "/static/style.css", "/nothing"):
        answer = visitor.get(path)
        for name, value in HEADERS.items():
            assert answer.headers[name] == value


@pytest.mark.parametrize("target", ["//evil.example", "/\\evil.example", "///x"])
def test_the_token_leads_nowhere_else(visitor: TestClient, target: str) -> None:
    answer = visitor.get(f"http://{HOST}{target}?token={TOKEN}", follow_redirects=False)
    assert answer.headers["location"].startswith("/")
    assert not answer.headers["location"].startswith(("//", "/\\"))


@pytest.mark.parametrize("listen", ["0.0.0.0:8030", "192.0.2.1:1", "::", "x", "127.0.0.1:x", ":1"])
def test_other_machines_cannot_connect(tmp_path: Path, listen: str) -> None:
    open_store(tmp_path / "l", create=True).close()
    done = bouncewise(tmp_path, "dashboard", "--db", "l", "--listen", listen)
    assert done.returncode == 2
    assert b"--listen" in done.stderr


# ── the chart ───────────────────────────────────────────────────────────────────────────────────


def chart(*totals: int) -> str:
    first = date(2026, 11, 1)
    days = [
        {"day": first + timedelta(days=n), "address": total, "domain": 0}
        for n, total in enumerate(totals)
    ]
    return str(bars(days, ["address", "domain"], 'a "chart"'))


def test_a_day_that_dwarfs_the_others_is_cut_and_the_chart_says_so() -> None:
    assert "higher bars are cut" in chart(*([10] * 29), 100_000)
    assert "cut" not in chart(10, 20, 15)
    assert "&#34;chart&#34;" in chart(1)


@pytest.mark.parametrize("totals", [(), (0,), (0, 0, 0)])
def test_days_without_anything_have_a_chart(totals: tuple[int, ...]) -> None:
    assert "<svg" in chart(*totals)


def test_a_json_twin_is_the_page(folder: Path) -> None:
    found: dict[str, Any] = client(folder / "l").get("/incidents/google.json").json()
    assert found["incidents"][0]["names"] == 30
