"""Acts from the pages: previews, roles, reasons, the audit, undo, and hostile words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from starlette.testclient import TestClient

from bouncewise.classifier.classify import default_classifier
from bouncewise.config.dashboard import Role
from bouncewise.dashboard.acts import ACTS
from bouncewise.dashboard.app import application
from bouncewise.dashboard.views import Source
from bouncewise.ledger import locate, open_store
from bouncewise.model import State
from bouncewise.policy.decide import strictest
from bouncewise.policy.load import load
from bouncewise.service import poison
from bouncewise.service.api.decode import MAX_LIST
from bouncewise.service.poison import Poison
from bouncewise.service.spool import Record
from support.site import STRANGER, Site, hidden

EVIL = "\"><script>alert(1)</script><img src=x onerror=alert(2)>'"
LIST = (
    "email,reason,status\n"
    "a1@import.example,550 5.1.1 User unknown,bounced\n"
    "a2@import.example,452 4.2.2 Mailbox full,bounced\n"
    "a3@import.example,,unsubscribed\n"
)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    found = Site(tmp_path)
    with found.api.running():
        yield found


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """For what is refused."""
    return Site(tmp_path_factory.mktemp("shared"))


def state(site: Site, name: str) -> State:
    with open_store(site.ledger, read_only=True) as ledger:
        decisions = ledger.decisions([name]).get(name, ())
        return strictest(decisions, max(ledger.latest(), datetime.now(UTC))).state


def kinds(site: Site) -> list[tuple[str, str, str]]:
    """The audit, the latest first."""
    with open_store(site.ledger, read_only=True) as ledger:
        return [(e.by, e.kind, e.why) for e in ledger.audit.page(None, 100)]


def test_an_address_is_suppressed_and_released(site: Site) -> None:
    browser = site.signed_in(Role.OPERATOR)
    assert "/acts/suppress?name=jo%40shop.example" in browser.get("/addresses/jo@shop.example").text
    preview = browser.preview("suppress", name="Jo@Shop.example", scope="all", why="by phone")
    assert "Not done yet" in preview.text
    assert "jo@shop.example is suppressed" in preview.text
    assert state(site, "jo@shop.example") is State.OK  # a preview changes nothing
    assert kinds(site) == []
    done = browser.confirm("suppress", preview.text)
    page = browser.get(done.headers["location"])
    assert "Done. jo@shop.example is suppressed." in page.text
    assert "Must not be mailed" in page.text
    assert "Done." not in browser.get("/").text  # (shown once)
    page = browser.do("release", name="jo@shop.example", why="has a new mailbox")
    assert "May be mailed" in page.text
    assert kinds(site) == [
        ("operator", "removed", "has a new mailbox"),
        ("operator", "added", "by phone"),
    ]


def test_a_domain_is_suppressed_until_a_day(site: Site) -> None:
    browser = site.signed_in(Role.OPERATOR)
    bad = browser.preview("suppress", name="@gone.example", until="31.12.2030", why="x")
    assert bad.status_code == 422
    assert "not a date; write it as 2027-01-31" in bad.text
    page = browser.do("suppress", name="@gone.example", until="2199-01-31", why="shop closed")
    assert "The domain is suppressed" in page.text
    assert "until 2199-01-31 00:00" in page.text


def test_an_act_that_would_change_nothing_cannot_be_confirmed(site: Site) -> None:
    browser = site.signed_in(Role.OPERATOR)
    preview = browser.preview("release", name="nobody@shop.example", why="x")
    assert "Nothing would change" in preview.text
    assert 'name="ticket"' not in preview.text


def test_a_confirmation_counts_once(site: Site) -> None:
    browser = site.signed_in(Role.OPERATOR)
    preview = browser.preview("suppress", name="jo@shop.example", why="x")
    fields = {"form_token": browser.form_token(), "ticket": hidden(preview.text, "ticket")}
    assert browser.post("/acts/release/confirm", fields).status_code == 409
    preview = browser.preview("suppress", name="jo@shop.example", why="x")
    fields["ticket"] = hidden(preview.text, "ticket")
    assert browser.post("/acts/suppress/confirm", fields).status_code == 303
    again = browser.post("/acts/suppress/confirm", fields)
    assert again.status_code == 409
    assert "Look at the audit" in again.text
    assert len(kinds(site)) == 1


def test_an_incident_is_closed_with_a_preview_of_its_addresses(site: Site) -> None:
    browser = site.signed_in(Role.OPERATOR)
    page = browser.get("/incidents/@out.example").text
    assert "/acts/close-incident?incident=%40out.example" in page
    preview = browser.preview("close-incident", incident="@out.example", why="they mended it")
    assert "30 addresses change" in preview.text
    assert "u0@out.example" in preview.text
    assert state(site, "u0@out.example") is State.HELD
    page = browser.confirm("close-incident", preview.text)
    assert page.headers["location"] == "/incidents/@out.example"
    assert state(site, "u0@out.example") is State.OK
    assert kinds(site)[0] == ("operator", "closed", "they mended it")


def test_an_incident_is_ignored(site: Site) -> None:
    browser = site.signed_in(Role.OPERATOR)
    found = re.search(r"opened=([^\"&]+)", browser.get("/incidents/@out.example").text)
    assert found
    form = browser.get(f"/acts/ignore-incident?incident=@out.example&opened={found[1]}").text
    fields = {"incident": "@out.example", "opened": hidden(form, "opened"), "why": "our list"}
    browser.do("ignore-incident", **fields)
    assert kinds(site)[0] == ("operator", "ignored", "our list")
    assert "@out.example" not in browser.get("/incidents").text


def test_what_an_incident_stopped_is_released(site: Site) -> None:
    browser = site.signed_in(Role.OPERATOR)
    preview = browser.preview("release-incident", incident="@out.example", why="mended")
    assert "30 addresses are released" in preview.text
    browser.confirm("release-incident", preview.text)
    assert state(site, "u0@out.example") is State.OK
    assert kinds(site)[0] == ("operator", "released", "mended")
    again = browser.preview("release-incident", incident="@out.example", why="mended")
    assert "Nothing would change" in again.text


def test_a_preview_that_no_longer_holds_is_shown_anew(site: Site) -> None:
    browser, other = site.signed_in(Role.OPERATOR), site.signed_in(Role.OPERATOR)
    preview = browser.preview("release-incident", incident="@out.example", why="mended")
    other.do("suppress", name="u0@out.example", why="wrote to us")
    other.do("release", name="u0@out.example", why="a slip")  # and with it what bounces decided
    answer = browser.confirm("release-incident", preview.text)
    assert answer.status_code == 200
    assert "The ledger changed since the preview" in answer.text
    assert "29 addresses are released" in answer.text
    assert browser.confirm("release-incident", answer.text).status_code == 303


def test_a_list_is_imported_with_a_preview_by_reason_and_undone(site: Site) -> None:
    browser = site.signed_in(Role.ADMIN)
    files = {"file": ("list.csv", LIST.encode(), "text/csv")}
    preview = browser.preview("import", files, why="moved from the old ESP")
    assert "Suppressions added: 2" in preview.text
    assert "bounced mailbox-unknown: for all mail" in preview.text
    assert "unsubscribed: for marketing mail" in preview.text
    assert state(site, "a1@import.example") is State.OK
    done = browser.confirm("import", preview.text)
    page = browser.get(done.headers["location"]).text
    assert "imported 2 addresses of" in page and "list.csv" in page
    assert state(site, "a1@import.example") is State.SUPPRESSED
    found = re.search(r"/acts/undo-import\?id=(\d+)", page)
    assert found
    page = browser.do("undo-import", id=found[1], why="the wrong list").text
    assert f"undid import {found[1]}: 2 addresses" in page
    assert "/acts/undo-import" not in page  # it is undone
    assert state(site, "a1@import.example") is State.OK
    operator = site.signed_in(Role.OPERATOR)
    answer = operator.preview("undo", act="1", why="x")  # no way around the role of undo-import
    assert answer.status_code == 422
    assert [entry[:2] for entry in kinds(site)] == [("admin", "withdrawn"), ("admin", "imported")]
    again = browser.preview("undo-import", id=found[1], why="again")
    assert again.status_code == 422
    assert "nothing that import" in again.text


def test_an_act_is_undone_from_the_audit_unless_something_else_stands(site: Site) -> None:
    browser = site.signed_in(Role.OPERATOR)
    browser.do("suppress", name="jo@shop.example", why="a slip")
    found = re.search(r"/acts/undo\?act=(\d+)", browser.get("/audit").text)
    assert found
    browser.do("undo", act=found[1], why="it was a slip")
    assert state(site, "jo@shop.example") is State.OK
    assert "/acts/undo" not in browser.get("/audit").text
    assert browser.preview("undo", act=found[1], why="again").status_code == 422
    assert browser.preview("undo", act="999", why="x").status_code == 422
    assert browser.preview("undo", act="x" * 40, why="x").status_code == 422
    for why in ("first", "second"):
        browser.do("suppress", name="jo@shop.example", why=why)
    last = max(map(int, re.findall(r"/acts/undo\?act=(\d+)", browser.get("/audit").text)))
    preview = browser.preview("undo", act=str(last), why="x")
    assert "1 stay, because something else stands" in preview.text


def test_an_unreadable_record_is_read_again(site: Site) -> None:
    folder = site.api.folder
    _put_aside(folder, b"{}")
    browser = site.signed_in(Role.OPERATOR)
    assert "/acts/retry?record=4096" in browser.get("/unreadable").text
    preview = browser.preview("retry", record="4096", why="after the upgrade")
    assert "ValueError" in preview.text
    assert _numbers(folder) == [4096]
    fields = {"form_token": browser.form_token(), "ticket": hidden(preview.text, "ticket")}
    before = site.api.inbox.stored
    with pytest.MonkeyPatch.context() as patch:
        stored = list[Record]()

        async def put(record: Record) -> None:
            stored.append(record)

        patch.setattr(site.api.inbox, "put", put)
        assert browser.post("/acts/retry/confirm", fields).status_code == 303
    assert [r.body for r in stored] == [b"{}"] and site.api.inbox.stored == before
    assert _numbers(folder) == []
    assert kinds(site)[0] == ("operator", "retried", "after the upgrade")
    assert browser.preview("retry", record="4096", why="x").status_code == 422


def _put_aside(folder: Path, body: bytes) -> None:
    place = folder / "poison"
    place.mkdir(exist_ok=True)
    record = Record(1_700_000_000_000_000, "webhook", "sg", body, "")
    octets = msgspec.msgpack.encode(("ValueError: not an event", record))
    (place / f"{4096:020}.msgpack").write_bytes(octets)


def _numbers(folder: Path) -> list[int]:
    return [item.number for item in map(Poison._make, poison.poison(folder))]


# ── refused ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ACTS)
@pytest.mark.parametrize("role", list(Role))
def test_each_act_needs_its_role(shared: Site, name: str, role: Role) -> None:
    browser = shared.signed_in(role, f"192.0.2.{list(ACTS).index(name)}")
    wanted = ACTS[name].role
    may = role.includes(wanted)
    assert browser.get(f"/acts/{name}").status_code == (200 if may else 403)
    fields = {"form_token": browser.form_token(), "why": ""}
    assert browser.post(f"/acts/{name}", fields).status_code == (422 if may else 403)
    fields["ticket"] = "x"
    answer = browser.post(f"/acts/{name}/confirm", fields)
    assert answer.status_code == (409 if may else 403)
    if not may:
        assert f"needs the role {wanted}, and yours is {role}" in answer.text


def test_viewers_see_no_acts(shared: Site) -> None:
    browser = shared.signed_in(Role.VIEWER, "192.0.2.200")
    for path in ("/addresses/u0@out.example", "/incidents/@out.example", "/suppressions"):
        text = browser.get(path).text
        assert "/acts/" not in text
        assert "your role is viewer" in text


@pytest.mark.parametrize("why", ["", "   ", "\t"])
def test_every_act_needs_a_reason(shared: Site, why: str) -> None:
    browser = shared.signed_in(Role.ADMIN, "192.0.2.201")
    for name, act in ACTS.items():
        fields = {field.name: "1" for field in act.fields if field.kind != "file"} | {"why": why}
        files = {"file": ("x.csv", b"a@b.example\n")} if act.has_file else None
        answer = browser.preview(name, files, **fields)
        assert answer.status_code == 422, name
        assert "Reason: write why" in answer.text
    answer = browser.preview("suppress", name="a@b.example", why="x" * 1001)
    assert "at most 1000 characters" in answer.text


def test_a_form_of_another_session_is_refused(shared: Site) -> None:
    browser = shared.signed_in(Role.ADMIN, "192.0.2.202")
    other = shared.signed_in(Role.ADMIN, "192.0.2.203")
    fields = {"name": "x@y.example", "why": "x"}
    for token in ("", "x", other.form_token(), "é", "\udcff".encode("utf-8", "replace").decode()):
        for path in ("/acts/suppress", "/acts/suppress/confirm"):
            answer = browser.post(path, {**fields, "form_token": token})
            assert answer.status_code == 403
            assert "nothing was changed" in answer.text
    ticket = hidden(other.preview("suppress", **fields).text, "ticket")
    stolen = {"form_token": browser.form_token(), "ticket": ticket}
    assert browser.post("/acts/suppress/confirm", stolen).status_code == 409


def test_a_file_that_is_too_large_is_refused(shared: Site) -> None:
    browser = shared.signed_in(Role.ADMIN, "192.0.2.204")
    files = {"file": ("big.csv", b"x" * (MAX_LIST + (128 << 10)))}
    answer = browser.preview("import", files, why="x")
    assert answer.status_code == 413
    assert "larger than 10 MiB" in answer.text
    answer = browser.post("/acts/suppress", {"name": "x" * (65 << 10)})
    assert answer.status_code == 413
    many = {f"f{n}": "x" for n in range(100)}
    assert browser.post("/acts/suppress", many).status_code == 400
    # Nobody sends a body before they are signed in.
    assert shared.browser().post("/acts/import", {}, files).status_code == 401


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\xff\xfe\x00", "application/x-www-form-urlencoded"),
        (b"--x\r\nnonsense", "multipart/form-data; boundary=x"),
        (b"", "multipart/form-data"),
        (b"{}", "application/json"),
        (b"name=%00&why=%00", "application/x-www-form-urlencoded"),
    ],
)
def test_what_is_no_form_is_refused(shared: Site, body: bytes, kind: str) -> None:
    browser = shared.signed_in(Role.ADMIN, "192.0.2.205")
    headers = {"Origin": browser.base, "Content-Type": kind}
    answer = browser.client.post("/acts/import", content=body, headers=headers)
    assert answer.status_code in (400, 403)


@pytest.mark.parametrize("number", ["0", "-1", "9" * 30, "x", "1e3", "١"])
def test_hostile_numbers_are_errors(shared: Site, number: str) -> None:
    browser = shared.signed_in(Role.ADMIN, "192.0.2.206")
    assert browser.preview("undo-import", id=number, why="x").status_code == 422
    assert browser.preview("undo", act=number, why="x").status_code == 422
    assert browser.preview("retry", record=number, why="x").status_code == 422
    assert browser.get(f"/audit?before={number}").status_code == 200


# ── hostile words ───────────────────────────────────────────────────────────────────────────────


def test_hostile_words_are_inert_on_every_page(site: Site) -> None:
    browser = site.signed_in(Role.ADMIN)
    _put_aside(site.api.folder, EVIL.encode())
    browser.do("suppress", name='"<script>alert(1)</script>"@evil.example', why=EVIL)
    cell = EVIL.replace('"', '""')
    body = f'email,status\nx@evil.example,bounced\n"<script>x</script>","{cell}"\n'
    files = {"file": (f"{EVIL.replace('/', '')}.csv", body.encode())}
    texts = [
        browser.preview("import", files, why=EVIL).text,
        browser.do("import", files, why=EVIL).text,
        browser.preview("suppress", name=EVIL, why=EVIL, until=EVIL, scope=EVIL).text,
        browser.preview("close-incident", incident=EVIL, why=EVIL).text,
        browser.preview("retry", record="4096", why=EVIL).text,
        browser.post("/sign-in", {"name": EVIL, "password": "x", "next": EVIL}).text,
    ]
    paths = ["/audit", "/unreadable", "/suppressions", "/addresses/x@evil.example"]
    paths += [f"/acts/suppress?name={EVIL}&why={EVIL}", f"/acts/{EVIL}", f"/sign-in?next={EVIL}"]
    texts += [browser.get(path).text for path in paths]
    assert any("&lt;script&gt;" in text for text in texts)
    for text in texts:
        assert "<script" not in text
        assert "<img" not in text
        assert " onerror=" not in re.sub(r"&lt;.*?&gt;", "", text)


def test_the_local_dashboard_shows_commands(site: Site) -> None:
    admin = site.signed_in(Role.ADMIN)
    admin.do("suppress", name="jo@shop.example", why="by phone")
    admin.do("import", {"file": ("list.csv", LIST.encode())}, why="moved")
    local = TestClient(application(Source(locate(site.ledger), load(), default_classifier())))
    text = local.get("/audit").text
    assert "bouncewise suppressions undo" in text
    assert "bouncewise audit undo 1" in text
    for path in ("/audit", "/addresses/jo@shop.example", "/incidents/@out.example"):
        assert "/acts/" not in local.get(path).text
    assert local.get("/acts/suppress").status_code == 404
    rows = local.get("/audit.json").json()["rows"]
    assert [row["kind"] for row in rows] == ["imported", "added"]
    assert STRANGER not in text
