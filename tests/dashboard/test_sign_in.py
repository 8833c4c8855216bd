"""Who gets into the dashboard of the service, and for how long."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs
from starlette.testclient import TestClient

from bouncewise.config.dashboard import Role
from bouncewise.dashboard import attempts, sessions
from bouncewise.dashboard.access import HEADERS
from bouncewise.dashboard.attempts import Attempts
from bouncewise.dashboard.inside import pages
from bouncewise.dashboard.sessions import Sessions, Ticket
from bouncewise.service.app import application
from bouncewise.service.passwords import hashed, is_right
from support.api import Api
from support.site import HEADER, ORIGIN, PASSWORD, PROXY, STRANGER, USERS, Site, settings_with

PUBLIC = "https://bounces.shop.example"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("site"))


@pytest.fixture
def site(shared: Site) -> Site:
    """With the settings of the start."""
    shared.state.configure(settings_with())
    return shared


def test_nobody_sees_anything_before_signing_in(site: Site) -> None:
    visitor = site.browser()
    for path in ("/", "/audit", "/addresses/x@y.example", "/acts/suppress", "/unreadable"):
        answer = visitor.get(path)
        assert answer.status_code == 303, path
        assert answer.headers["location"].startswith("/sign-in")
    assert visitor.get("/today.json").status_code == 401
    assert visitor.post("/acts/suppress", {"name": "x@y.example", "why": "x"}).status_code == 401
    assert visitor.get("/static/style.css").status_code == 200
    assert visitor.get("/healthz").status_code == 200


def test_the_password_opens_the_page_that_was_wanted(site: Site) -> None:
    visitor = site.browser()
    page = visitor.get("/incidents?x=1&y=2")
    form = visitor.get(page.headers["location"]).text
    assert 'value="/incidents?x=1&amp;y=2"' in form
    assert "<nav" not in form
    answer = visitor.sign_in("VIEWER", target="/incidents?x=1&y=2")
    assert answer.headers["location"] == "/incidents?x=1&y=2"
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith("bouncewise=")
    assert {"httponly", "samesite=lax", "path=/"} <= set(cookie.split("; "))
    assert "Signed in as <strong>viewer</strong>" in visitor.get("/").text
    assert visitor.get("/sign-in").headers["location"] == "/"


@pytest.mark.parametrize("target", ["//evil.example", "/\\evil.example", "https://x", "/sign-out"])
def test_signing_in_leads_nowhere_else(site: Site, target: str) -> None:
    assert site.browser().sign_in("viewer", target=target).headers["location"] == "/"


@pytest.mark.parametrize(
    ("name", "password"),
    [("viewer", "wrong"), ("nobody", PASSWORD), ("", ""), ("viewer", "x" * 5000)],
)
def test_a_wrong_name_and_a_wrong_password_look_alike(site: Site, name: str, password: str) -> None:
    answer = site.browser(peer=f"192.0.2.{len(name) + len(password) % 90}").sign_in(name, password)
    assert answer.status_code == 403
    assert "The name or the password is wrong." in answer.text
    assert "set-cookie" not in answer.headers


def test_a_given_session_is_not_taken_over(site: Site) -> None:
    """Session fixation: the token that a browser had before is worth nothing afterwards."""
    victim, attacker = site.browser(), site.signed_in(Role.VIEWER)
    given = attacker.client.cookies["bouncewise"]
    victim.client.cookies.set("bouncewise", given, domain="127.0.0.1")
    assert victim.sign_in("admin").status_code == 303
    assert attacker.client.cookies["bouncewise"] == given
    assert attacker.get("/").status_code == 303
    unknown = site.browser()
    unknown.client.cookies.set("bouncewise", "chosen-by-somebody")
    answer = unknown.sign_in("viewer")
    assert "chosen-by-somebody" not in answer.headers["set-cookie"]


def test_signing_out_ends_the_session(site: Site) -> None:
    browser = site.signed_in(Role.VIEWER)
    token = browser.client.cookies["bouncewise"]
    assert browser.post("/sign-out", {}).status_code == 403  # (anybody could link to it)
    assert browser.get("/sign-out").status_code == 405
    answer = browser.post("/sign-out", {"form_token": browser.form_token()})
    assert answer.headers["location"] == "/sign-in"
    assert "max-age=0" in answer.headers["set-cookie"].lower()
    assert browser.get("/", Cookie=f"bouncewise={token}").status_code == 303


def test_sessions_end_when_idle_and_when_old() -> None:
    clock = Clock()
    kept = Sessions(clock)
    token, session = kept.begin("anna", "hash")
    for _ in range(10):
        clock.now += 59
        assert kept.find(token, 60, 600) is session
    clock.now += 59
    assert kept.find(token, 60, 600) is None  # 649 seconds old, though never idle
    token, _ = kept.begin("anna", "hash")
    clock.now += 60
    assert kept.find(token, 60, 600) is None
    assert kept.find("", 60, 600) is None


def test_sessions_and_tickets_are_bounded() -> None:
    clock = Clock()
    kept = Sessions(clock)
    tokens = []
    for _ in range(sessions.MOST_SESSIONS + 1):
        clock.now += 0.001
        tokens.append(kept.begin("anna", "")[0])
    assert kept.find(tokens[0], 60, 600) is None
    session = kept.find(tokens[-1], 60, 600)
    assert session is not None
    for _ in range(sessions.MOST_TICKETS + 3):
        session.keep(Ticket("suppress", {}, b"", None))
    for _ in range(3):
        session.keep(Ticket("import", {}, b"x" * 10, None))
    assert len(session.tickets) <= sessions.MOST_TICKETS
    assert sum(bool(t.octets) for t in session.tickets.values()) == 1


def test_an_expired_session_is_refused_and_says_what_to_do(site: Site) -> None:
    browser = site.signed_in(Role.OPERATOR)
    token = browser.form_token()
    table = structs.replace(settings_with().dashboard, idle_minutes=0)
    site.state.configure(settings_with(dashboard=table))
    fields = {"form_token": token, "name": "x@y.example", "why": "x"}
    answer = browser.post("/acts/suppress", fields)
    assert answer.status_code == 401
    assert "nothing was changed; sign in" in answer.text
    assert browser.get("/").headers["location"] == "/sign-in"


def test_a_removed_user_and_a_changed_password_end_sessions(site: Site) -> None:
    browser = site.signed_in(Role.OPERATOR)
    assert browser.get("/").status_code == 200
    demoted = tuple(structs.replace(user, role=Role.VIEWER) for user in USERS)
    site.state.configure(settings_with(user=demoted))
    assert browser.get("/acts/suppress").status_code == 403
    changed = tuple(structs.replace(user, password=hashed("another password")) for user in USERS)
    site.state.configure(settings_with(user=changed))
    assert browser.get("/").status_code == 303
    site.state.configure(settings_with(user=USERS[:1]))
    assert browser.get("/").status_code == 303


def test_wrong_passwords_are_limited(site: Site) -> None:
    peer = "192.0.2.99"
    browser = site.browser(peer)
    for _ in range(attempts.FROM_ONE):
        assert browser.sign_in("operator", "wrong").status_code == 403
    answer = browser.sign_in("operator")
    assert answer.status_code == 429
    assert "Try again in 10 minutes" in answer.text
    assert 0 < int(answer.headers["retry-after"]) <= attempts.WINDOW + 1
    assert site.browser("192.0.2.98").sign_in("operator").status_code == 303
    assert browser.sign_in("viewer").status_code == 303


def test_limits_end_and_right_passwords_do_not_count() -> None:
    clock = Clock()
    kept = Attempts(clock)
    for _ in range(attempts.OF_ADDRESS * 2):
        kept.failed("anna", "192.0.2.1")
        kept.succeeded("anna", "192.0.2.1")
    assert kept.wait("anna", "192.0.2.1") == 0
    for number in range(attempts.OF_ADDRESS):
        kept.failed(f"user{number}", "192.0.2.1")
    assert kept.wait("anna", "192.0.2.1") > 0
    assert kept.wait("anna", "192.0.2.2") == 0
    for number in range(attempts.OF_NAME):
        kept.failed("anna", f"198.51.100.{number}")
    assert kept.wait("anna", "192.0.2.2") > 0
    clock.now += attempts.WINDOW
    assert kept.wait("anna", "192.0.2.1") == 0
    for number in range(attempts.MOST + 100):
        kept.failed(f"u{number}", f"p{number}")
    assert len(kept._wrong) <= attempts.MOST


def test_a_password_is_kept_as_a_salted_hash() -> None:
    first, second = hashed(PASSWORD), hashed(PASSWORD)
    assert first != second
    assert is_right(PASSWORD, first)
    assert not is_right(PASSWORD + " ", first)
    assert not is_right(PASSWORD, "")
    assert not is_right("x" * 2000, first)


# ── where requests come from ────────────────────────────────────────────────────────────────────


def test_the_proxy_names_the_user(site: Site) -> None:
    browser = site.browser(PROXY)
    page = browser.get("/", X_Remote_User="Operator")
    assert page.status_code == 200
    assert "Signed in as <strong>operator</strong>" in page.text
    assert "Sign out" not in page.text  # (the proxy would sign in again)
    assert browser.get("/").status_code == 303  # every request needs the field
    stranger = browser.get("/", X_Remote_User="stranger")
    assert stranger.status_code == 403
    assert "[[user]]" in stranger.text


@pytest.mark.parametrize("peer", [STRANGER, "127.0.0.1", "::1", "testclient"])
def test_the_field_of_the_proxy_counts_from_it_alone(site: Site, peer: str) -> None:
    browser = site.browser(peer)
    answer = browser.get("/", X_Remote_User="admin", X_Forwarded_For=PROXY, X_Real_IP=PROXY)
    assert answer.status_code == 303
    fields = {"form_token": "", "name": "x@y.example", "why": "x"}
    assert browser.post("/acts/suppress", fields, X_Remote_User="admin").status_code == 401


def test_two_users_in_one_request_are_none(site: Site) -> None:
    fields = [(HEADER, "viewer"), (HEADER, "admin")]
    answer = site.browser(PROXY).client.get("/", headers=fields)
    assert answer.status_code == 403


def test_a_mapped_address_is_the_same_proxy(site: Site) -> None:
    answer = site.browser(f"::ffff:{PROXY}").get("/", X_Remote_User="viewer")
    assert answer.status_code == 200


def test_the_proxy_reports_whose_passwords_are_wrong(site: Site) -> None:
    browser = site.browser(PROXY)
    form = {"name": "viewer", "password": "wrong", "next": "/"}
    for _ in range(attempts.FROM_ONE):
        browser.post("/sign-in", form, X_Forwarded_For="192.0.2.1, 192.0.2.55")
    assert browser.post("/sign-in", form, X_Forwarded_For="192.0.2.55").status_code == 429
    assert browser.post("/sign-in", form, X_Forwarded_For="192.0.2.56").status_code == 403


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:8025.evil.example", ""])
def test_other_host_names_are_refused_in_the_service(site: Site, host: str) -> None:
    assert site.browser().get("/sign-in", Host=host).status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": ORIGIN + ".evil.example"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "none"},
    ],
)
def test_what_comes_from_another_origin_is_refused(site: Site, headers: dict[str, str]) -> None:
    browser = site.signed_in(Role.ADMIN)
    fields = {"form_token": browser.form_token(), "name": "x@y.example", "why": "x"}
    for path in ("/acts/suppress", "/acts/suppress/confirm", "/sign-out", "/sign-in"):
        answer = browser.post(path, fields, **headers)
        assert answer.status_code == 403, path
        assert "nothing was changed" in answer.text
    assert browser.post("/acts/suppress", fields).status_code == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_no_other_method_does_anything(site: Site, method: str) -> None:
    browser = site.signed_in(Role.ADMIN)
    assert browser.client.request(method, "/acts/suppress").status_code == 405


def test_every_answer_of_the_service_forbids_scripts(site: Site) -> None:
    browser = site.signed_in(Role.ADMIN)
    for path in ("/", "/sign-in", "/audit", "/acts/import", "/nothing", "/static/style.css"):
        answer = browser.get(path)
        for name, value in HEADERS.items():
            assert answer.headers[name] == value
        assert " style=" not in answer.text and "<script" not in answer.text


def test_behind_https_the_cookie_is_bound_to_the_host(site: Site) -> None:
    http = structs.replace(settings_with().http, public_url=PUBLIC)
    site.state.configure(settings_with(http=http))
    browser = site.browser(base=PUBLIC)
    cookie = browser.sign_in("viewer").headers["set-cookie"]
    assert cookie.startswith("__Host-bouncewise=")
    assert {"secure", "httponly", "samesite=lax", "path=/"} <= set(cookie.lower().split("; "))
    assert "domain" not in cookie.lower()
    assert browser.get("/").status_code == 200
    assert site.browser().get("/sign-in").status_code == 200  # and still by loopback


def test_the_pages_are_not_there_unless_enabled(tmp_path: Path) -> None:
    api = Api(tmp_path)
    found = TestClient(application(api.state, api.backend, pages)).get("/sign-in")
    assert found.status_code == 404
    assert found.headers["content-type"] == "application/problem+json"
