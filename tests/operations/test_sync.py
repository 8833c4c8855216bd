"""Suppression lists elsewhere: the difference in both directions, and what brings them in step."""

from __future__ import annotations

import json
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import pytest

from bouncewise.net.retry import TRIES, Clock
from bouncewise.providers import list_client
from bouncewise.providers.suppression_lists import vendors
from support import esps
from support.cli import bouncewise
from support.esps import AWS, KEY, Answer, Fake, served

OURS = {
    **{f"dead{n}@x.example": ["--cause", "mailbox-unknown"] for n in range(5)},
    "spam@x.example": ["--cause", "complaint", "--scope", "marketing"],
    "left@x.example": ["--scope", "marketing"],
}
DEAD = {name for name in OURS if name.startswith("dead")}
WISHES = {"spam@x.example", "left@x.example"}
THEIRS = [f"theirs{n}@y.example" for n in range(5)]
REPLY = "550 5.1.1 User unknown"


class Case(NamedTuple):
    """A vendor's fake, its settings, a list there and an entry of it for an address and a reply."""

    fake: type[Fake]
    settings: str
    natural: str
    entry: Any
    wishes_in: tuple[str, ...] = ()
    """The lists to which complaints and unsubscribes are added although transactional mail goes
    on."""


def _sparkpost(email: str, reply: str) -> dict[str, str]:
    kind = {"recipient": email, "type": "transactional", "source": "Bounce Rule"}
    return kind | {"description": reply, "created": "2026-11-01T12:00:00+00:00"}


CASES = {
    "ses": Case(
        esps.Ses,
        'region = "eu-west-1"',
        "account",
        lambda email, _: {"EmailAddress": email, "Reason": "BOUNCE", "LastUpdateTime": 1764e6},
    ),
    "sendgrid": Case(
        esps.SendGrid,
        "group = 17",
        "bounces",
        lambda email, reply: (
            {"created": 1764000000, "email": email, "reason": reply} | {"status": "5.1.1"}
        ),
        ("group-17",),
    ),
    "mailgun": Case(
        esps.Mailgun,
        'domain = "news.shop.example"',
        "bounces",
        lambda email, reply: (
            {"address": email, "code": "550", "error": reply}
            | {"created_at": "Sun, 01 Nov 2026 12:00:00 UTC"}
        ),
    ),
    "postmark": Case(
        esps.Postmark,
        "",
        "outbound",
        lambda email, _: (
            {"EmailAddress": email, "SuppressionReason": "HardBounce"}
            | {"Origin": "Recipient", "CreatedAt": "2026-11-01T12:00:00-05:00"}
        ),
    ),
    "sparkpost": Case(esps.SparkPost, "", "transactional", _sparkpost, ("non_transactional",)),
    "resend": Case(
        esps.Resend,
        "",
        "team",
        lambda email, _: (
            {"id": f"id-{email}", "email": email, "origin": "bounce"}
            | {"created_at": "2026-11-01T12:00:00.000Z"}
        ),
    ),
}


class Run:
    """A ledger, an account, and the fake that has its list."""

    def __init__(self, folder: Path, name: str, case: Case, url: str, fake: Fake) -> None:
        self.folder, self.case, self.fake = folder, case, fake
        self.waits: list[float] = []
        self.settings = f'[[sync]]\nname = "here"\nesp = "{name}"\nurl = "{url}"\n{case.settings}\n'
        if name != "ses":
            self.settings += 'key = "env:THE_KEY"\n'
        self.configure()

    def configure(self, more: str = "") -> None:
        (self.folder / "bouncewise.toml").write_text(self.settings + more)

    def __call__(self, *args: str) -> tuple[int, list[dict[str, Any]], str]:
        """Exit code, rows and errors of ``sync here --json``; no key is in the output."""
        done = bouncewise(
            self.folder, "sync", "here", "--db", "l", "--json", *args, THE_KEY=KEY, **AWS
        )
        out, err = done.stdout.decode(), done.stderr.decode()
        assert KEY not in out + err
        assert "Traceback" not in err
        return done.returncode, [json.loads(line) for line in out.splitlines()], err

    def seed(self, *emails: str, reply: str = REPLY) -> None:
        entry = self.case.entry
        self.fake.add(self.case.natural, {email: entry(email, reply) for email in emails})

    def suppress(self, name: str, *options: str) -> None:
        suppress(self.folder, name, *options)

    def ours(self) -> set[str]:
        done = bouncewise(self.folder, "suppressions", "list", "--json", "--db", "l")
        rows = map(json.loads, done.stdout.splitlines())
        return {row.get("address", f"@{row.get('domain')}") for row in rows}

    def there(self) -> set[str]:
        return {email for name in self.fake.entries for email in self.fake.has(name)}


pytestmark = pytest.mark.sqlite  # test_sync_list_manager.py runs on both databases


def fill(folder: Path) -> None:
    """The ledger that each test begins with, by one import."""
    rows = ["email,cause,scope,since,until,why,rule,by"]
    for name, options in OURS.items():
        given = dict(zip(options[::2], options[1::2], strict=True))
        cause, scope = given.get("--cause", ""), given.get("--scope", "all")
        rows.append(f"{name},{cause},{scope},,,{REPLY},manual,test")
    (folder / "ours.csv").write_text("\n".join(rows) + "\n")
    done = bouncewise(folder, "suppressions", "import", "ours.csv", "--by", "test", "--db", "l")
    assert done.returncode == 0, done.stderr


def suppress(folder: Path, name: str, *options: str) -> None:
    args = ("suppressions", "add", name, "--why", REPLY, *options, "--db", "l")
    assert bouncewise(folder, *args).returncode == 0


def _run(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> Iterator[Run]:
    case = CASES[name]
    fake = case.fake()
    with served(fake) as url:
        run = Run(folder, name, case, url, fake)
        monkeypatch.setattr(list_client, "Clock", lambda: Clock(sleep=run.waits.append))
        fill(folder)
        run.seed(*THEIRS)
        yield run


@pytest.fixture(params=CASES)
def run(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Run]:
    yield from _run(tmp_path, monkeypatch, request.param)


@pytest.fixture
def mailgun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    yield from _run(tmp_path, monkeypatch, "mailgun")


@pytest.fixture
def sendgrid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    yield from _run(tmp_path, monkeypatch, "sendgrid")


def test_every_vendor_has_a_fake() -> None:
    managers = {"listmonk", "mautic"}  # test_sync_list_manager.py
    assert {vendor.name for vendor in vendors()} == set(CASES) | managers


def test_the_difference_has_both_directions_and_changes_nothing(run: Run) -> None:
    before = run.there(), run.ours()
    code, rows, _ = run()
    assert code == 1
    *rows, summary = rows
    theirs = {row["address"] for row in rows if row["side"] == "theirs"}
    pushed = {row["address"] for row in rows if row["side"] == "ours" and row["step"] == "push"}
    assert theirs == set(THEIRS)
    assert {row["because"] for row in rows if row["side"] == "theirs"} == {"unknown-here"}
    assert pushed == DEAD | (WISHES if run.case.wishes_in else set())
    held_back = {row["address"]: row["because"] for row in rows if row["step"] == "none"}
    assert set(held_back) == (set() if run.case.wishes_in else WISHES)
    assert set(held_back.values()) <= {"would-stop-transactional", "no-list"}
    assert summary["theirs"] == len(THEIRS)
    assert (run.there(), run.ours()) == before
    assert {r.method for r in run.fake.requests} == {"GET"}


def test_after_two_runs_both_agree(run: Run) -> None:
    for _ in range(2):  # (what the first one pulls, the second one pushes to the lists it lacks)
        code, _, err = run("--pull", "--push")
        assert (code, err) == (0, "")
    assert set(THEIRS) <= run.ours()
    assert run.there() >= DEAD
    code, rows, _ = run()
    assert {row["address"] for row in rows[:-1]} == (set() if run.case.wishes_in else WISHES)
    for name in run.case.wishes_in:
        assert run.fake.has(name) >= WISHES


def test_a_dry_run_changes_nothing_and_counts_the_same(run: Run) -> None:
    before = run.there(), run.ours()
    code, rows, _ = run("--pull", "--push", "--dry-run")
    assert code == 1
    assert (run.there(), run.ours()) == before
    assert rows[-1]["dry_run"] is True
    _, done, _ = run("--pull", "--push")
    assert rows[-1]["changed"] == done[-1]["changed"]
    assert rows[-1]["imported"] == done[-1]["imported"] == len(THEIRS)


def test_marketing_mail_only_takes_the_wishes_as_well(run: Run) -> None:
    run.configure("marketing = true\n")
    run("--pull", "--push")
    run("--push")
    expected = {"spam@x.example"} if run.case.fake is esps.Ses else WISHES
    assert run.there() >= DEAD | expected
    code, rows, _ = run()
    assert {row["because"] for row in rows[:-1]} <= {"no-list"}
    assert code == (1 if run.case.fake is esps.Ses else 0)


def test_an_import_by_pull_is_undone_by_its_id(run: Run) -> None:
    before = run.ours()
    _, rows, _ = run("--pull")
    for number in rows[-1]["imports"]:
        bouncewise(run.folder, "suppressions", "undo", number, "--why", "test", "--db", "l")
    assert run.ours() == before


@pytest.mark.parametrize("fault", ["drop", "late", "half", "after", Answer(503, {}), Answer(502)])
def test_a_push_that_fails_once_is_tried_again_and_adds_nothing_twice(run: Run, fault: Any) -> None:
    run.fake.changes = [fault]
    code, _, err = run("--push")
    assert (code, err) == (0, "")
    assert run.waits == [1.0]
    assert run.there() >= DEAD
    assert Counter(list(run.there())).most_common(1)[0][1] == 1


def test_too_many_requests_are_waited_for_as_long_as_the_server_asks(run: Run) -> None:
    run.fake.reads = [Answer(429, {}, (("Retry-After", "7"),)), Answer(429, {})]
    run.fake.changes = [Answer(429, {}, (("Retry-After", "Fri, 27 Nov 2020 00:00:00 GMT"),))]
    assert run("--push")[0] == 0
    assert run.waits == [7.0, 2.0, 0.0]


def test_a_push_that_fails_for_good_is_resumed_by_the_next_run(mailgun: Run) -> None:
    mailgun.fake.changes = ["half"] + [Answer(500, {})] * (TRIES - 1)
    code, _, err = mailgun("--push")
    assert code == 2
    assert "run it again later" in err
    assert len(err.splitlines()) == 1
    assert DEAD & mailgun.there()
    assert mailgun("--push")[0] == 0
    assert mailgun.there() >= DEAD
    assert mailgun.waits == [1, 2, 4, 8, 16]


def test_a_server_that_asks_for_a_long_wait_ends_the_run(mailgun: Run) -> None:
    mailgun.fake.reads = [Answer(429, {}, (("Retry-After", "3600"),))]
    code, _, err = mailgun("--push")
    assert code == 2
    assert "3600 seconds" in err
    assert mailgun.waits == []


@pytest.mark.parametrize("page", [0, 1, 2])
def test_a_pull_that_fails_changes_nothing_here_or_there(run: Run, page: int) -> None:
    before = run.there(), run.ours()
    if page and not isinstance(run.fake, esps.Postmark):
        run.fake.reads = [None] * page
    run.fake.reads += [Answer(500, {})] * TRIES
    code, rows, err = run("--pull", "--push")
    assert code == 2
    assert rows == []
    assert len(err.splitlines()) == 1
    assert (run.there(), run.ours()) == before


@pytest.mark.parametrize(
    "body",
    [
        b"<html>login</html>",
        b"",
        b"null",
        b"17",
        b'{"items": {}, "data": 3, "results": "x", "Suppressions": {}, '
        b'"SuppressedDestinationSummaries": 0}',
        b"[" * 100_000,
        b"\xff\xfe\x00",
        b'{"a":' + b"9" * 5000 + b"}",
    ],
)
def test_an_answer_that_is_no_list_is_one_line(run: Run, body: bytes) -> None:
    before = run.there(), run.ours()
    run.fake.reads = [Answer(200, body)] * 3
    code, rows, err = run("--pull", "--push")
    assert (code, rows) == (2, [])
    assert len(err.splitlines()) == 1
    assert (run.there(), run.ours()) == before


def test_a_server_that_repeats_the_key_in_what_is_no_http_shows_it_to_nobody(
    tmp_path: Path,
) -> None:
    fill(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def echo() -> None:
            while True:
                try:
                    connection = listener.accept()[0]
                except OSError:
                    return
                with connection:
                    connection.sendall(connection.recv(1 << 16).partition(b"Authorization: ")[2])

        thread = threading.Thread(target=echo, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        text = f'[[sync]]\nname = "here"\nesp = "sparkpost"\nurl = "{url}"\nkey = "env:THE_KEY"\n'
        (tmp_path / "bouncewise.toml").write_text(text)
        waits = patch.object(list_client, "Clock", lambda: Clock(sleep=lambda _: None))
        with waits:
            done = bouncewise(tmp_path, "sync", "here", "--db", "l", THE_KEY=KEY)
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)
    assert done.returncode == 2
    assert b"its reply is not HTTP" in done.stderr
    assert KEY.encode() not in done.stderr


def test_an_answer_without_end_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_client, "MAX_ANSWER", 100)
    code, _, err = run("--pull")
    assert code == 2
    assert "more than 100 octets" in err


def test_hostile_entries_are_left_out_or_named(mailgun: Run) -> None:
    rows: list[Any] = [
        None, 7, [], {}, {"address": None}, {"address": ["a@b.example"]}, {"address": {}},
        {"address": "x" * 100_000}, {"address": "no address"}, {"address": "\x00\x1b[2J@b.example"},
        {"address": "@co.uk"}, {"address": "good@b.example", "code": True, "error": 9 ** 30},
        {"address": "bell\n\r,\"'@b.example", "created_at": {"a": 1}},
    ]  # fmt: skip
    mailgun.fake.reads = [Answer(200, {"items": rows, "paging": {"next": 5}})]
    code, found, _ = mailgun()
    assert code == 1
    theirs = {r["address"]: r["because"] for r in found[:-1] if r["side"] == "theirs"}
    assert theirs["good@b.example"] == "unknown-here"
    assert set(theirs.values()) <= {"unknown-here", "unreadable-there"}


def test_pages_that_lead_elsewhere_or_in_a_circle_are_refused(mailgun: Run) -> None:
    rows = mailgun.fake.rows("bounces")
    for link, words in (
        ("http://169.254.169.254/latest", "another server"),
        (f"{mailgun.fake.url}.evil.example/x", "another server"),
        (f"{mailgun.fake.url}/v3/news.shop.example/bounces?page=1", "circle"),
    ):
        answer = Answer(200, {"items": rows, "paging": {"next": link}})
        mailgun.fake.reads = [answer] * 5
        code, _, err = mailgun("--push")
        assert code == 2
        assert words in err
        mailgun.fake.reads = []
    assert DEAD.isdisjoint(mailgun.there())


def test_pages_that_move_while_they_are_read_end_in_agreement(
    sendgrid: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SendGrid's pages are offsets: an entry that is removed meanwhile hides another one."""
    run, route = sendgrid, sendgrid.fake.route
    run.seed("dead0@x.example", "dead1@x.example")

    def moving(request: esps.Request) -> Answer:
        answer = route(request)
        run.fake.drop("bounces", THEIRS[0])
        return answer

    monkeypatch.setattr(run.fake, "route", moving)
    _, rows, _ = run("--pull", "--push")
    assert rows[-1]["entries"]["bounces"] == len(THEIRS) + 2 - 1
    assert len(set(THEIRS[1:]) - run.ours()) == 1  # the hidden one
    for _ in range(2):
        assert run("--pull", "--push")[0] == 0
    assert set(THEIRS[1:]) <= run.ours()
    assert run.there() >= DEAD | set(THEIRS[1:])
    assert run()[0] == 0
    assert "DELETE" not in {r.method for r in run.fake.requests}


def test_the_table_has_a_row_for_each_address_and_one_for_each_reason(mailgun: Run) -> None:
    mailgun.seed("x\x1b[2J@y.example", reply="550 \x9b2J")
    done = bouncewise(mailgun.folder, "sync", "here", "--db", "l", THE_KEY=KEY)
    text = done.stdout.decode()
    assert done.returncode == 1
    assert "\x1b[2J" not in text
    for name in (*THEIRS, *DEAD):
        assert len([line for line in text.splitlines() if name in line]) == 1
    found = [" ".join(line.split()) for line in text.splitlines()]
    assert "5 they only pulled nothing in the ledger speaks against it" in found
    assert "5 we only pushed they do not have it" in found
    assert KEY not in text


def test_an_entry_that_is_refused_does_not_stop_the_others(run: Run) -> None:
    run.fake.bad = {"dead3@x.example"}
    code, rows, err = run("--push")
    assert code == 1
    assert set(rows[-1]["refused"]) == run.fake.bad
    assert "dead3@x.example: refused: " in err
    assert run.there() >= DEAD - run.fake.bad


def test_a_key_that_is_not_accepted_is_one_line_without_the_key(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(run.fake), "allowed", lambda *_: False)
    code, rows, err = run("--pull", "--push")
    assert (code, rows) == (2, [])
    assert "is it the key of this account?" in err
    assert len(err.splitlines()) == 1


def test_removal_takes_what_is_planned_and_still_right_and_can_be_undone(run: Run) -> None:
    run("--pull")
    released = THEIRS[:3]
    args = ("suppressions", "remove", *released, "--why", "by phone", "--db", "l")
    assert bouncewise(run.folder, *args).returncode == 0
    before = run.there()
    code, rows, _ = run("--plan-removal", "plan")
    assert code == 1
    assert {r["address"] for r in rows if r.get("because") == "released-here"} == set(released)
    assert run.there() == before
    run.suppress(released[0])  # since the plan was made
    code, rows, _ = run("--remove", "plan", "--dry-run")
    assert run.there() == before
    code, rows, _ = run("--remove", "plan")
    assert code == 0
    assert before - run.there() == set(released[1:])
    assert run("--restore", "plan")[0] == 0
    assert run.there() == before
    requests = len(run.fake.requests)
    assert run("--restore", "plan")[0] == 0
    assert {r.method for r in run.fake.requests[requests:]} == {"GET"}


def test_a_plan_of_another_account_or_another_file_is_refused(mailgun: Run) -> None:
    (mailgun.folder / "other").write_text("a@b.example\n")
    assert mailgun("--remove", "other")[0] == 2
    mailgun("--plan-removal", "plan")
    row = {"account": "elsewhere", "list": "bounces", "address": "a@b.example", "kind": "bounce"}
    row |= {"at": None, "because": "released-here", "reason": ""}
    (mailgun.folder / "other").write_text(json.dumps(row) + "\n")
    code, _, err = mailgun("--remove", "other")
    assert code == 2
    assert "not of here" in err


def test_a_reply_that_blames_the_sender_is_no_reason_to_suppress(mailgun: Run) -> None:
    reply = "554 5.7.1 Service unavailable; client host [192.0.2.1] blocked using zen.spamhaus.org"
    mailgun.seed("listed@y.example", reply=reply)
    _, rows, _ = mailgun()
    found = {r["address"]: r for r in rows[:-1]}["listed@y.example"]
    assert (found["because"], found["step"]) == ("reply-not-against-address", "remove")
    mailgun("--pull")
    assert "listed@y.example" not in mailgun.ours()


def test_a_delivery_after_their_entry_speaks_against_it(mailgun: Run) -> None:
    args = ("confirm", THEIRS[0], "--why", "clicked", "--db", "l")
    assert bouncewise(mailgun.folder, *args).returncode == 0
    _, rows, _ = mailgun()
    found = {r["address"]: r for r in rows[:-1]}[THEIRS[0]]
    assert (found["because"], found["step"]) == ("delivered-since", "remove")


def test_what_ends_or_names_a_domain_is_not_pushed(mailgun: Run) -> None:
    mailgun.suppress("soon@x.example", "--until", "2099-01-01")
    mailgun.suppress("@gone.example")
    mailgun("--push")
    assert {"soon@x.example", "@gone.example"}.isdisjoint(mailgun.there())
    _, rows, _ = mailgun()
    found = {r["address"]: r["because"] for r in rows[:-1]}
    assert found["soon@x.example"] == "ends"
    assert found["@gone.example"] == "domain"


def test_an_unsubscribe_of_one_tag_is_no_suppression(mailgun: Run) -> None:
    for tags in (["offers"], ["*"]):
        name = f"tag{len(tags[0])}@y.example"
        row = {"address": name, "tags": tags, "created_at": "Sun, 01 Nov 2026 12:00:00 UTC"}
        mailgun.fake.add("unsubscribes", {name: row})
    _, rows, _ = mailgun()
    theirs = {r["address"] for r in rows[:-1] if r["side"] == "theirs"}
    assert "tag1@y.example" in theirs
    assert "tag6@y.example" not in theirs


def test_a_group_that_does_not_exist_is_not_pushed_to(sendgrid: Run) -> None:
    sendgrid.settings = sendgrid.settings.replace("group = 17", "group = 18")
    sendgrid.configure()
    code, _, err = sendgrid("--push")
    assert code == 2
    assert "no such account, domain, stream or group" in err
    assert {r.method for r in sendgrid.fake.requests} == {"GET"}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('esp = "nobody"\n', "nor known"),
        ('esp = "mailgun"\nkey = "env:NOT_SET"\ndomain = "a.example"\n', "NOT_SET"),
        ('esp = "mailgun"\nkey = "env:THE_KEY"\n', "domain: missing"),
        ('esp = "ses"\n', "region: missing"),
        ('esp = "resend"\nkey = "env:THE_KEY"\nurl = "http://api.resend.example"\n', "write https"),
    ],
)
def test_settings_that_are_wrong_are_one_line(tmp_path: Path, more: str, words: str) -> None:
    (tmp_path / "bouncewise.toml").write_text(f'[[sync]]\nname = "here"\n{more}')
    done = bouncewise(tmp_path, "sync", "here", "--db", "l", THE_KEY=KEY)
    err = done.stderr.decode()
    assert done.returncode == 2
    assert words in err
    assert len(err.splitlines()) == 1
    assert KEY not in err


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(f"{KEY}\n")
    key.chmod(0o644)
    text = f'[[sync]]\nname = "here"\nesp = "resend"\nkey = "file:{key}"\n'
    (tmp_path / "bouncewise.toml").write_text(text)
    done = bouncewise(tmp_path, "sync", "here", "--db", "l")
    assert done.returncode == 2
    assert b"chmod o=" in done.stderr
