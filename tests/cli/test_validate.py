"""Lists before their first mail: who is sent away, who is only doubtful, and that neither a list
nor a silent name server condemns anybody.
"""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bouncewise.lists.worth import Reason, Worth, worth
from support.cli import bouncewise
from support.nameserver import NameServer, nameserver
from support.postfix import NO_DOMAIN, UNKNOWN, log_lines

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PUBLIC = "192.88.98.1"
GREYLISTED = "451 4.7.1 Greylisted, please try again in 300 seconds"
BLOCKED = "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org"
FULL = "552 5.2.2 The email account that you tried to reach is over quota"
HOSTS = {"MX": ["10 mx.host.example."]}
ZONE: dict[str, dict[str, list[str]]] = {
    "mx.host.example": {"A": [PUBLIC]},
    "mx.b.example": {"A": [PUBLIC]},
    "in.mail.tm": {"A": [PUBLIC]},
    "null.example": {"MX": ["0 ."]},
    "local.example": {"MX": ["10 localhost."]},
    "literal.example": {"MX": ["10 192.0.2.9."]},
    "bare.example": {"TXT": ["x"]},
    "implicit.example": {"A": [PUBLIC]},
    "dangling.example": {"MX": ["10 mx.nowhere.example."]},
    "throwaway.example": {"MX": ["10 in.mail.tm."]},
} | dict.fromkeys(
    (
        *("b.example", "c.example", "outlok.com", "gmail.com", "duck.com", "mailinator.com"),
        *("x.mailinator.com", "privaterelay.appleid.com", "catchall.example", "back.example"),
        *("strict.example", "xn--mller-kva.example", "old.example", "used.example"),
    ),
    HOSTS,
)


@pytest.fixture(scope="module")
def dns() -> Iterator[NameServer]:
    with nameserver(ZONE) as running:
        yield running


class Desk:
    """A folder with a ledger, and the verb."""

    def __init__(self, folder: Path, server: NameServer) -> None:
        self.folder, self.server, self.lines = folder, server, 0

    def log(self, *events: tuple[float, str, str]) -> None:
        """Read a log: days before NOW, recipient, reply."""
        path = self.folder / f"log{self.lines}"
        text = ""
        for days, recipient, reply in sorted(events, reverse=True):
            self.lines += 1
            text += log_lines(NOW - timedelta(days=days), recipient, reply, queue=self.lines)
        path.write_text(text)
        assert bouncewise(self.folder, "ingest", path).returncode == 0

    def run(self, *args: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        resolver = [] if "--offline" in args else ["--resolver", self.server.server]
        db = self.folder / "data" / "bouncewise" / "ledger.sqlite"
        ledger = [] if db.exists() else ["--no-ledger"]
        return bouncewise(
            self.folder, "validate", *args, *resolver, *ledger, "--at", NOW.isoformat(), stdin=stdin
        )

    def json(self, *addresses: str, options: tuple[object, ...] = ()) -> dict[str, dict[str, Any]]:
        done = self.run(*addresses, "--json", *options)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        assert done.returncode == int(any(row["verdict"] != "ok" for row in rows)), done.stderr
        return {row["address"]: row for row in rows}

    def verdicts(self, *addresses: str, options: tuple[object, ...] = ()) -> list[str]:
        rows = self.json(*addresses, options=options)
        return [f"{rows[a]['verdict']} {' '.join(rows[a]['reasons'])}" for a in addresses]


@pytest.fixture
def desk(tmp_path: Path, dns: NameServer) -> Desk:
    return Desk(tmp_path, dns)


# ── the spelling ─────────────────────────────────────────────────────────────────────────────────


def test_a_typing_error_is_risky_until_mail_was_delivered_there(desk: Desk) -> None:
    row = desk.json("jo@outlok.com")["jo@outlok.com"]
    assert (row["verdict"], row["reasons"]) == ("risky", ["typo"])
    assert row["suggestion"] == "jo@outlook.com"
    desk.log((1, "jo@outlok.com", "250 2.0.0 Ok"))
    row = desk.json("jo@outlok.com")["jo@outlok.com"]
    assert (row["verdict"], row["reasons"], row["suggestion"]) == ("ok", ["delivered"], None)
    assert row["ledger"]["last_delivered"] == "2026-11-19T12:00:00Z"
    assert desk.json("ann@outlok.com")["ann@outlok.com"]["verdict"] == "risky"


@pytest.mark.parametrize(
    ("domain", "meant"),
    [
        ("company.con", "company.com"),
        ("acme.cpm", "acme.com"),
        ("firma.ed", "firma.de"),
        ("gmx.ed", "gmx.de"),
        ("yahoo.co.ku", "yahoo.co.uk"),
        ("b.qqqq", None),
    ],
)
def test_an_ending_that_does_not_exist_is_recognised_offline_too(
    desk: Desk, domain: str, meant: str | None
) -> None:
    address, suggestion = f"x@{domain}", meant and f"x@{meant}"
    offline = desk.json(address, options=("--offline",))[address]
    assert (offline["verdict"], offline["suggestion"]) == ("risky", suggestion)
    assert offline["reasons"] == ["no-such-tld", "offline"]
    online = desk.json(address)[address]
    assert (online["verdict"], online["suggestion"]) == ("bad", suggestion)
    assert online["reasons"] == ["no-such-domain", "no-such-tld"]


def test_an_ending_that_answers_exists_whatever_the_list_of_endings_is(desk: Desk) -> None:
    assert desk.verdicts("jo@b.example") == ["ok routable"]


def test_what_is_no_address_is_bad_and_not_looked_up(desk: Desk) -> None:
    before = desk.server.questions.total()
    assert desk.verdicts("jo@@b.example", "@b.example", "jo@b..example") == ["bad syntax"] * 3
    assert desk.server.questions.total() - before <= 1


# ── DNS ──────────────────────────────────────────────────────────────────────────────────────────


def test_domains_that_take_no_mail_are_bad(desk: Desk) -> None:
    assert desk.verdicts(
        "jo@nobody.example", "jo@null.example", "jo@bare.example", "jo@local.example",
        "jo@literal.example",
    ) == [
        "bad no-such-domain no-such-tld", "bad null-mx", "bad no-route", "bad mx-unusable",
        "bad mx-unusable",
    ]  # fmt: skip


def test_doubtful_routes_are_risky(desk: Desk) -> None:
    assert desk.verdicts("jo@implicit.example", "jo@dangling.example") == [
        "risky implicit-mx",
        "risky mx-dangling",
    ]


def test_silence_of_name_servers_makes_nothing_but_unknown_and_slowness_nothing(
    desk: Desk,
) -> None:
    names = ("servfail.com", "refused.com", "silent.com", "slow.com")
    rows = desk.json(*(f"jo@{name}" for name in names))
    found = [(rows[f"jo@{n}"]["verdict"], rows[f"jo@{n}"]["reasons"]) for n in names]
    unanswered = ("unknown", ["dns-unanswered"])
    assert found == [unanswered, unanswered, unanswered, ("ok", ["routable"])]
    words = [rows[f"jo@{name}"]["words"] for name in names[:3]]
    for word, text in zip(("SERVFAIL", "REFUSED", "time-out"), words, strict=True):
        assert word in text


def test_no_existing_domain_is_lost_among_dead_name_servers(desk: Desk) -> None:
    rows = [f"u@n{n}.b.com" if n % 100 else f"u@silent.n{n}.com" for n in range(3000)]
    for n in range(3000):
        if n % 100:
            desk.server.zone[f"n{n}.b.com"] = HOSTS  # type: ignore[index]
    (desk.folder / "list.csv").write_text("email\n" + "".join(f"{row}\n" for row in rows))
    done = desk.run("list.csv", "--dry-run", "--json")
    summary = json.loads(done.stdout)
    assert (summary["ok"], summary["unknown"], summary["bad"]) == (2970, 30, 0)


def test_without_any_answer_everything_is_unknown(desk: Desk) -> None:
    done = bouncewise(
        desk.folder, "validate", "jo@b.com", "--json", "--no-ledger",
        "--resolver", "127.0.0.1:1",
    )  # fmt: skip
    assert done.returncode == 1
    assert json.loads(done.stdout)["verdict"] == "unknown"


# ── lists ────────────────────────────────────────────────────────────────────────────────────────


def test_throwaway_domains_are_risky_and_relays_are_people(desk: Desk) -> None:
    (desk.folder / "own.txt").write_text("# ours\nB.example  # seen in May\n")
    assert (
        desk.verdicts("jo@mailinator.com", "jo@x.mailinator.com", "jo@throwaway.example")
        == ["risky disposable"] * 3
    )
    rows = desk.json("jo@duck.com", "jo@privaterelay.appleid.com")
    for row in rows.values():
        assert (row["verdict"], row["reasons"]) == ("ok", ["routable"])
        assert "relay" in row["information"]
    own = ("--disposable", desk.folder / "own.txt")
    assert desk.verdicts("jo@b.example", "jo@c.example", options=own) == [
        "risky disposable",
        "ok routable",
    ]


def test_departments_are_customers_and_nobody_reads_no_reply(desk: Desk) -> None:
    names = ("info", "in.fo+x", "no-reply", "donotreply+shop", "postmaster", "informer")
    rows = desk.json(*(f"{name}@b.example" for name in names))
    found = [rows[f"{name}@b.example"] for name in names]
    assert [row["verdict"] for row in found] == ["ok", "ok", "risky", "risky", "risky", "ok"]
    assert [row["information"] for row in found[:2]] == [["role"], ["role", "subaddress"]]
    assert found[2]["reasons"] == ["role-no-reply"]
    assert found[5]["information"] == []


def test_information_is_no_verdict(desk: Desk) -> None:
    desk.server.zone["gmail.com"] = {"MX": ["5 gmail-smtp-in.l.google.com."]}  # type: ignore[index]
    desk.server.zone["gmail-smtp-in.l.google.com"] = {"A": [PUBLIC]}  # type: ignore[index]
    rows = desk.json("jo+shop@gmail.com", "jo@müller.example")
    assert rows["jo+shop@gmail.com"]["information"] == ["free", "receiver:google", "subaddress"]
    assert rows["jo@müller.example"]["information"] == ["i18n"]
    assert rows["jo@müller.example"]["domain"] == "xn--mller-kva.example"
    assert {row["verdict"] for row in rows.values()} == {"ok"}


# ── the ledger ───────────────────────────────────────────────────────────────────────────────────


def test_what_the_ledger_suppresses_is_bad_with_the_receivers_words_and_the_day(
    desk: Desk,
) -> None:
    desk.log((9, "jo@b.example", UNKNOWN))
    row = desk.json("jo@b.example")["jo@b.example"]
    assert (row["verdict"], row["reasons"]) == ("bad", ["suppressed"])
    assert "User unknown" in row["words"] and "2026-11-11" in row["words"]
    assert row["ledger"] == {
        "state": "suppressed",
        "cause": "mailbox-unknown",
        "last_delivered": None,
        "last_failed": "2026-11-11T12:00:00Z",
    }


def test_a_block_of_our_address_and_greylisting_say_nothing_about_the_recipient(
    desk: Desk,
) -> None:
    desk.log((7, "ann@b.example", BLOCKED), (1, "bob@b.example", GREYLISTED))
    assert desk.verdicts("ann@b.example", "bob@b.example") == ["ok routable"] * 2


def test_a_recent_delivery_outranks_everything_risky_but_a_hold(desk: Desk) -> None:
    risky = ("jo@outlok.com", "jo@mailinator.com", "no-reply@b.example", "jo@implicit.example")
    desk.log(*((3, address, "250 2.0.0 Ok") for address in (*risky, "jo@silent.com")))
    assert desk.verdicts(*risky, "jo@silent.com") == ["ok delivered"] * 5
    assert desk.verdicts(*risky, options=("--offline",)) == ["ok delivered"] * 4
    desk.log((2.9, "jo@c.example", "250 2.0.0 Ok"), (1, "jo@c.example", UNKNOWN))
    desk.log((2, "x@c.example", "250 2.0.0 Ok"), (1, "y@c.example", "250 2.0.0 Ok"))
    found = desk.json("jo@c.example")["jo@c.example"]
    assert found["verdict"] in ("risky", "bad"), found


def test_a_recent_delivery_does_not_outrank_a_proof(desk: Desk) -> None:
    desk.log((3, "jo@nobody.example", "250 2.0.0 Ok"))
    assert desk.verdicts("jo@nobody.example") == ["bad no-such-domain"]


def test_old_deliveries_fade(desk: Desk) -> None:
    desk.log((900, "ann@b.example", "250 Ok"), (200, "bob@b.example", "250 Ok"))
    assert desk.verdicts("ann@b.example", "bob@b.example") == ["risky stale", "ok delivered"]
    assert desk.verdicts("bob@mailinator.com") == ["risky disposable"]


def test_a_domain_that_was_dead_and_is_back_is_only_risky(desk: Desk) -> None:
    desk.log(*((days, "jo@back.example", NO_DOMAIN.format("back.example")) for days in (9, 5, 1)))
    assert desk.verdicts("ann@back.example") == ["risky domain-lapsed"]
    assert desk.verdicts("ann@back.example", options=("--offline",))[0].startswith(("risky", "bad"))


def test_a_full_mailbox_is_named(desk: Desk) -> None:
    desk.log(*((days, "jo@b.example", FULL) for days in (28, 20, 9, 5, 1)))
    assert desk.verdicts("jo@b.example")[0].partition(" ")[2] in ("full", "suppressed")


def test_wishes_are_distinguished_and_transactional_mail_may_ignore_them(desk: Desk) -> None:
    events = [
        {"RecordType": kind, "Email": email, "ID": 1, "BouncedAt": "2026-11-10T00:00:00Z"}
        | extra
        for kind, email, extra in (
            ("SpamComplaint", "ann@b.example", {"Type": "SpamComplaint"}),
            ("SubscriptionChange", "bob@b.example", {
                "Recipient": "bob@b.example", "SuppressSending": True,
                "SuppressionReason": "ManualSuppression", "Origin": "Recipient",
                "ChangedAt": "2026-11-10T00:00:00Z"}),
        )
    ]  # fmt: skip
    path = desk.folder / "events.json"
    path.write_text("".join(f"{json.dumps(event)}\n" for event in events))
    assert bouncewise(desk.folder, "ingest", path).returncode == 0
    assert desk.verdicts("ann@b.example", "bob@b.example") == ["bad complained", "bad unsubscribed"]
    assert (
        desk.verdicts("ann@b.example", "bob@b.example", options=("--transactional",))
        == ["ok routable"] * 2
    )


def test_what_a_domain_does_with_unknown_addresses_is_learnt_from_the_ledger(desk: Desk) -> None:
    desk.log((40, "nobody@strict.example", UNKNOWN))
    row = desk.json("jo@strict.example")["jo@strict.example"]
    assert (row["verdict"], row["information"]) == ("ok", ["refuses-unknown"])
    desk.log(*((40 + n / 1440, f"u{n}@catchall.example", "250 Ok") for n in range(25)))
    assert desk.verdicts("jo@catchall.example") == ["ok routable"]
    for n in range(3):
        notice = (
            "Return-Path: <>\nFrom: MAILER-DAEMON@catchall.example\n"
            "Date: Sun, 11 Oct 2026 12:00:00 +0000\nSubject: failure\n"
            "MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; "
            'boundary="b"\n\n--b\nContent-Type: text/plain\n\nfailed\n--b\n'
            "Content-Type: message/delivery-status\n\nReporting-MTA: dns; catchall.example\n\n"
            f"Final-Recipient: rfc822; u{n}@catchall.example\nAction: failed\nStatus: 5.1.1\n"
            "Diagnostic-Code: smtp; 550 5.1.1 User unknown\n--b--\n"
        )
        (desk.folder / f"{n}.eml").write_text(notice)
        assert bouncewise(desk.folder, "ingest", desk.folder / f"{n}.eml").returncode == 0
    assert desk.verdicts("jo@catchall.example") == ["risky accepts-all"]


def test_people_who_showed_signs_of_life_take_their_domain_off_the_list(desk: Desk) -> None:
    people = [f"u{n}@used.example" for n in range(4)]
    desk.log(*((n, people[n % 4], "250 Ok") for n in range(40, 80)))
    (desk.folder / "own.txt").write_text("used.example\n")
    options = ("--disposable", desk.folder / "own.txt")
    assert desk.verdicts("new@used.example", options=options) == ["risky disposable"]
    done = bouncewise(desk.folder, "confirm", *people, "--why", "clicked", "--by", "shop")
    assert done.returncode == 0, done.stderr
    assert desk.verdicts("new@used.example", options=options) == ["ok routable"]


# ── lists of addresses ───────────────────────────────────────────────────────────────────────────

LIST = (
    "\ufeffName;E-Mail;Note;Day\r\n"
    '"Jo ""the"" Doe";jo@b.example;"two\nlines; and more";1\r\n'
    "Ann;  ann@outlok.com ;'x';2\r\n"
    "=cmd();bob@nobody.example;;\r\n"
    "Eve;eve@servfail.com;last;4"
)


def test_rows_come_out_as_they_went_in(desk: Desk) -> None:
    (desk.folder / "in.csv").write_bytes(LIST.encode())
    done = desk.run("in.csv", "--split", "out", "-o", "good.csv", "--rejected", "rest.csv")
    assert done.returncode == 1
    head = "\ufeffName;E-Mail;Note;Day\r\n"
    rows = [
        '"Jo ""the"" Doe";jo@b.example;"two\nlines; and more";1\r\n',
        "Ann;  ann@outlok.com ;'x';2\r\n",
        "=cmd();bob@nobody.example;;\r\n",
        "Eve;eve@servfail.com;last;4",
    ]
    for name, row in zip(("ok", "risky", "bad", "unknown"), rows, strict=True):
        assert (desk.folder / "out" / f"{name}.csv").read_bytes() == (head + row).encode()
    assert (desk.folder / "good.csv").read_bytes() == (head + rows[0] + rows[1]).encode()
    rest = (desk.folder / "rest.csv").read_bytes().decode("utf-8-sig")
    found = list(csv.DictReader(rest.splitlines(), delimiter=";"))
    assert [row["bouncewise_verdict"] for row in found] == ["bad", "unknown"]
    assert found[0]["bouncewise_reasons"] == "no-such-domain;no-such-tld"
    assert "SERVFAIL" in found[1]["bouncewise_words"]
    assert b"kept 2, rejected 2" in done.stderr


def test_strict_keep_and_offline_decide_what_is_kept(desk: Desk) -> None:
    (desk.folder / "in.csv").write_bytes(LIST.encode())

    def kept(*options: str) -> list[str]:
        desk.run("in.csv", "-o", "good.csv", *options)
        with (desk.folder / "good.csv").open(encoding="utf-8-sig", newline="") as stream:
            return [row[0] for row in csv.reader(stream, delimiter=";")][1:]

    assert kept() == ['Jo "the" Doe', "Ann"]
    assert kept("--strict") == ['Jo "the" Doe']
    assert kept("--keep", "unknown") == ['Jo "the" Doe', "Ann", "Eve"]
    assert kept("--strict", "--keep", "unknown") == ['Jo "the" Doe', "Eve"]
    assert kept("--offline") == ['Jo "the" Doe', "Ann", "=cmd()", "Eve"]


def test_standard_input_gives_every_row_with_its_verdict(desk: Desk) -> None:
    done = desk.run("-", stdin=b"email,n\njo@b.example,1\nno-reply@b.example,2\n")
    rows = list(csv.DictReader(done.stdout.decode().splitlines()))
    assert [(row["n"], row["bouncewise_verdict"]) for row in rows] == [("1", "ok"), ("2", "risky")]
    bad = desk.run("-", "--column", "nope", stdin=b"email,n\njo@b.example,1\n")
    assert bad.stderr.startswith(b"bouncewise: -: no column nope")
    listed = desk.run("-", "--json", stdin=b"email,n\njo@b.example,1\nno-reply@b.example,2\n")
    assert [json.loads(line)["verdict"] for line in listed.stdout.splitlines()] == ["ok", "risky"]


def test_the_verdicts_of_a_service_stand_beside_ours(desk: Desk) -> None:
    (desk.folder / "in.csv").write_text("email\njo@b.example\nno-reply@b.example\nx@c.example\n")
    (desk.folder / "service.csv").write_text(
        "Email Address,ZB Status,HTTP\nJO@b.example,do_not_mail,200\nx@c.example,Valid,200\n"
    )
    done = desk.run("in.csv", "--with", "service.csv")
    rows = list(csv.DictReader(done.stdout.decode().splitlines()))
    assert [row["bouncewise_service"] for row in rows] == ["risky", "", "ok"]
    summary = json.loads(desk.run("in.csv", "--with", "service.csv", "--dry-run", "--json").stdout)
    assert summary["service"] == {"ok": {"risky": 1, "ok": 1}, "risky": {"none": 1}}
    (desk.folder / "bad.csv").write_text("email,status\nx@c.example,purple\n")
    assert desk.run("in.csv", "--with", "bad.csv").returncode == 2


def test_a_second_run_asks_dns_nothing_that_it_knows(desk: Desk) -> None:
    desk.run("jo@b.example", "jo@servfail.com")
    desk.server.questions.clear()
    assert desk.verdicts("jo@b.example", "jo@servfail.com")[0] == "ok routable"
    assert {name for name, _ in desk.server.questions if name} == {"servfail.com"}


def test_usage_errors_say_what_to_do(desk: Desk) -> None:
    (desk.folder / "in.csv").write_text("email\njo@b.example\n")
    for args, words in (
        (("signups.csv",), b"neither an address nor a file"),
        (("jo@b.example", "in.csv"), b"one FILE"),
        (("jo@b.example", "-o", "x.csv"), b"go with a FILE"),
        (("in.csv", "-o", "in.csv"), b"same file"),
        (("in.csv", "--column", "nope"), b"no column nope"),
        (("in.csv", "--disposable", "missing"), b"--disposable missing"),
        ((), b"Missing argument"),
    ):
        done = desk.run(*args)
        assert (done.returncode, words in done.stderr) == (2, True), (args, done.stderr)
    done = bouncewise(desk.folder, "validate", "jo@b.example", "--resolver", "dns.example")
    assert done.returncode == 2
    done = bouncewise(desk.folder, "validate", "jo@b.example", "--offline")
    assert (done.returncode, b"no ledger" in done.stderr) == (2, True)
    assert (desk.folder / "in.csv").read_text() == "email\njo@b.example\n"


def test_clean_drops_what_validation_finds_bad(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.log((9, "jo@b.example", UNKNOWN))
    (desk.folder / "in.csv").write_text(
        "email\njo@b.example\nann@b.example\nx@null.example\nx@servfail.com\nx@mailinator.com\n"
    )
    monkeypatch.setattr("bouncewise.net.servers.system_servers", lambda: (desk.server.server,))
    done = bouncewise(
        desk.folder, "clean", "in.csv", "--validate", "-o", "out.csv", "--rejected", "rest.csv"
    )
    assert done.returncode == 0, done.stderr
    kept = (desk.folder / "out.csv").read_text().split()
    assert kept == ["email", "ann@b.example", "x@servfail.com", "x@mailinator.com"]
    rest = list(csv.DictReader((desk.folder / "rest.csv").read_text().splitlines()))
    assert [row["bouncewise_state"] for row in rest] == ["suppressed", "invalid"]
    assert "null-mx" in rest[1]["bouncewise_why"]


def test_every_reason_has_one_verdict() -> None:
    counts = {w: sum(worth(reason) is w for reason in Reason) for w in Worth}
    assert counts == {Worth.BAD: 8, Worth.RISKY: 11, Worth.UNKNOWN: 2, Worth.OK: 2}


def test_the_library_gives_the_same_verdict(desk: Desk) -> None:
    from bouncewise import Validation, validate

    desk.log((9, "jo@b.example", UNKNOWN))
    ledger = desk.folder / "data" / "bouncewise" / "ledger.sqlite"
    found = validate("jo@b.example", ledger=ledger, resolver=str(desk.server.server), at=NOW)
    assert isinstance(found, Validation)
    assert (found.verdict, found.reasons) == (Worth.BAD, (Reason.SUPPRESSED,))
    assert validate("jo@gmial.com", offline=True).suggestion == "jo@gmail.com"
