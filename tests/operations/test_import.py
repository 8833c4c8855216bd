"""Suppression lists: exports come back, nothing weakens what stands, bad rows are named."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bouncewise.rfc.suffixes import is_public_suffix
from support.cli import bouncewise
from support.postfix import NO_DOMAIN, UNKNOWN, log_lines


def rows(folder: Path, db: str, *args: str) -> list[dict[str, object]]:
    done = bouncewise(folder, "suppressions", "list", "--json", "--db", db, *args)
    return [json.loads(line) for line in done.stdout.splitlines()]


def imported(
    folder: Path, data: bytes, *args: str, db: str = "l"
) -> tuple[int, dict[str, int], str]:
    (folder / "in.csv").write_bytes(data)
    done = bouncewise(folder, "suppressions", "import", "in.csv", "--json", "--db", db, *args)
    return done.returncode, json.loads(done.stdout or b"{}"), done.stderr.decode()


def add(folder: Path, *args: str, db: str = "l") -> None:
    done = bouncewise(folder, "suppressions", "add", "--why", "test", "--db", db, *args)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "until", ["2099-03-10", "2099-03-10T12:30:00+05:30", "2099-12-31T23:59:59Z"]
)
def test_end_of_a_suppression_survives_export_and_import(tmp_path: Path, until: str) -> None:
    add(tmp_path, "jo@x.example", "@closed.example", "--until", until)
    add(tmp_path, "ever@x.example")
    bouncewise(tmp_path, "suppressions", "export", "--db", "l", "-o", "out.csv")
    done = bouncewise(tmp_path, "suppressions", "import", "out.csv", "--db", "other")
    assert done.returncode == 0
    key = "address", "domain", "scope", "until", "since", "why"
    assert [[r.get(k) for k in key] for r in rows(tmp_path, "other")] == [
        [r.get(k) for k in key] for r in rows(tmp_path, "l")
    ]


def test_everything_in_force_on_one_name_comes_back(tmp_path: Path) -> None:
    add(tmp_path, "jo@x.example", "--until", "2099-01-01")
    add(tmp_path, "jo@x.example", "--scope", "marketing", "--cause", "complaint")
    bouncewise(tmp_path, "suppressions", "export", "--db", "l", "-o", "out.csv")
    bouncewise(tmp_path, "suppressions", "import", "out.csv", "--db", "other")
    check = ("check", "jo@x.example", "--db", "other")
    assert bouncewise(tmp_path, *check, "--at", "2098-01-01").returncode == 1
    assert bouncewise(tmp_path, *check, "--at", "2099-06-01").returncode == 1
    assert bouncewise(tmp_path, *check, "--at", "2099-06-01", "--transactional").returncode == 0


@pytest.mark.parametrize(
    "weaker",
    [
        b"jo@x.example,COMPLAINT\n",
        b"email,scope\njo@x.example,marketing\n",
        b"email,until\njo@x.example,2027-01-01\n",
        b"email,until,scope\njo@x.example,2020-01-01,marketing\n",
    ],
)
def test_import_does_not_weaken_what_stands(tmp_path: Path, weaker: bytes) -> None:
    add(tmp_path, "jo@x.example")
    assert imported(tmp_path, weaker)[0] == 0
    done = bouncewise(tmp_path, "check", "jo@x.example", "--transactional", "--db", "l", "--json")
    answer = json.loads(done.stdout)
    assert (answer["state"], answer["scope"], answer["until"]) == ("suppressed", "all", None)


TABLE = "Created,WHY,Scope,Email,until\n2026-01-02,550 5.1.1 user unknown,all,jo@x.example,\n"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_list_is_read_in_any_dialect(
    tmp_path: Path, delimiter: str, encoding: str, end: str
) -> None:
    from bouncewise.lists import imports

    (tmp_path / "l").write_bytes(TABLE.replace(",", delimiter).replace("\n", end).encode(encoding))
    (row,) = imports.load(tmp_path / "l", None)
    assert (row.address, row.reason, row.error) == ("jo@x.example", "550 5.1.1 user unknown", "")
    assert row.at is not None
    assert row.at.isoformat() == "2026-01-02T00:00:00+00:00"


BAD = (
    b"email,reason\nok1@x.example,550 5.1.1 user unknown\nnot an address,x\n,x\n@co.uk,x\n"
    b'q@x.example,"open\nok2@x.example,gone\n"Jo <ok3@x.example>",gone\n@,x\na@b@c,x\n'
)


def test_bad_rows_are_named_and_cost_only_themselves(tmp_path: Path) -> None:
    code, counts, err = imported(tmp_path, BAD)
    assert code == 1
    assert (counts["added"], counts["bad"]) == (3, 6)
    assert [n for n in range(1, 12) if f"in.csv, line {n}: " in err] == [3, 4, 5, 6, 9, 10]
    assert [r["address"] for r in rows(tmp_path, "l")] == [f"ok{n}@x.example" for n in (1, 2, 3)]


@pytest.mark.parametrize("data", [BAD, b"a@x.example\nb@x.example\na@x.example\n", TABLE.encode()])
def test_dry_run_says_what_the_run_does(tmp_path: Path, data: bytes) -> None:
    add(tmp_path, "b@x.example")
    for _ in range(2):
        before = rows(tmp_path, "l")
        code, dry, _ = imported(tmp_path, data, "--dry-run")
        assert before == rows(tmp_path, "l")
        real_code, real, _ = imported(tmp_path, data)
        assert (code, dry) == (real_code, real | {"dry_run": True, "id": None})


def test_list_without_dates_is_imported_once(tmp_path: Path) -> None:
    data = b"email\na@x.example\nb@x.example\n"
    assert imported(tmp_path, data)[1]["added"] == 2
    assert imported(tmp_path, data)[1] == {
        "added": 0,
        "known": 2,
        "skipped": 0,
        "dry_run": False,
        "bad": 0,
        "id": None,
        "rows": {"listed all": 2},
        "lost_dates": 0,
        "released": 0,
    }


@pytest.mark.parametrize("args", [(), ("--scope", "all")])
@pytest.mark.parametrize("date", ["", "04/03/2026", "2026-03-04"])
def test_a_released_address_needs_newer_evidence(
    tmp_path: Path, date: str, args: tuple[str, ...]
) -> None:
    data = "email,status,date\n" + "".join(f"{n}@x.example,bounced,{date}\n" for n in "ab")
    remove = ("suppressions", "remove", "a@x.example", "--why", "x", "--db", "l")
    imported(tmp_path, data.encode(), *args)
    bouncewise(tmp_path, *remove)
    code, done, err = imported(tmp_path, data.encode(), *args)
    assert (code, done["added"], done["released"]) == (0, 0, int(date != "2026-03-04"))
    assert ("a@x.example was released" in err) is bool(done["released"])
    assert [row["address"] for row in rows(tmp_path, "l")] == ["b@x.example"]
    later = f"email,status,date\na@x.example,bounced,{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}\n"
    assert imported(tmp_path, later.encode(), *args)[1]["added"] == 1
    assert len(rows(tmp_path, "l")) == 2


@pytest.mark.parametrize("when", ["9999-12-31T23:59:59-12:00", "2099-01-01", "0001-01-01", "1e99"])
def test_impossible_time_of_a_row_does_not_rule_the_ledger(tmp_path: Path, when: str) -> None:
    data = f"email,created\na@x.example,{when}\n".encode()
    code, counts, _ = imported(tmp_path, data, "--scope", "all")
    assert (code, counts["added"]) == (0, 1)
    bouncewise(tmp_path, "suppressions", "remove", "a@x.example", "--why", "x", "--db", "l")
    assert rows(tmp_path, "l") == []


@pytest.mark.parametrize("form", ["csv", "ses", "sendgrid", "postmark", "mailgun", "sparkpost"])
def test_address_is_exported_as_it_is(tmp_path: Path, form: str) -> None:
    add(tmp_path, "--", "=1+1@x.example", "+a@x.example", "-b@x.example")
    out = bouncewise(
        tmp_path, "suppressions", "export", "--format", form, "--db", "l"
    ).stdout.decode()
    assert "'" not in out
    for address in ("=1+1@x.example", "+a@x.example", "-b@x.example"):
        assert address in out


def test_postfix_tables_refuse_what_is_suppressed_for_all_mail_and_nothing_else(
    tmp_path: Path,
) -> None:
    add(tmp_path, "dead@x.example", "@closed.example", '"#odd one"@x.example')
    add(tmp_path, "news@x.example", "--scope", "marketing")
    export = ("suppressions", "export", "--db", "l", "--format")
    lines = bouncewise(tmp_path, *export, "postfix").stdout.decode().splitlines()
    assert [x for x in lines if not x.startswith("#")] == ["dead@x.example\t550 5.7.1 test"]
    assert sum(x.startswith("#") for x in lines) == 2
    lines = bouncewise(tmp_path, *export, "postfix", "--marketing").stdout.decode().splitlines()
    assert "news@x.example\t550 5.7.1 test" in lines
    (line,) = bouncewise(tmp_path, *export, "postfix-domains").stdout.decode().splitlines()
    assert line == "/@closed\\.example$/\t550 5.7.1 test"


@pytest.mark.parametrize("name", ["@co.uk", "@com", "@CO.UK.", "@com.br", "@x.ck", "@xn--p1ai"])
def test_public_suffix_is_not_suppressed(tmp_path: Path, name: str) -> None:
    done = bouncewise(tmp_path, "suppressions", "add", name, "--why", "x", "--db", "l")
    assert done.returncode == 2
    assert b"public suffix" in done.stderr or b"not a domain" in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_public_suffixes_are_those_of_the_list() -> None:
    for domain in ("uk", "co.uk", "com.au", "foo.ck", "kawasaki.jp.", "x.kawasaki.jp"):
        assert is_public_suffix(domain), domain
    for domain in ("gmail.com", "bbc.co.uk", "www.ck", "city.kawasaki.jp", "[192.0.2.1]", ""):
        assert not is_public_suffix(domain), domain


def test_typing_errors_below_a_public_suffix_do_not_suppress_it(tmp_path: Path) -> None:
    days = (f"2026-03-0{day}T09:00:00+00:00" for day in range(2, 7))
    lines = (log_lines(at, "jo@co.uk", NO_DOMAIN.format("co.uk"), queue=int(at[9])) for at in days)
    (tmp_path / "mail.log").write_text("".join(lines))
    done = bouncewise(tmp_path, "ingest", "mail.log", "--db", "l", "--json")
    assert json.loads(done.stdout)["new"] == 5
    assert all(r.get("domain") != "co.uk" for r in rows(tmp_path, "l"))
    assert bouncewise(tmp_path, "check", "other@co.uk", "--db", "l").returncode == 0


EXPORTS = {  # of services, with what each row means: an address and its scope, or nothing
    "mailgun bounces": (
        'address,code,error,created_at\na@x.example,550,5.1.1 user unknown,"Fri, 21 Oct '
        '2025 11:02:55 UTC"\n'
        'b@x.example,554,blocked using zen.spamhaus.org,"Fri, 21 Oct 2025 11:02:55 UTC"\n',
        "a all mailbox-unknown",
    ),
    "mailgun unsubscribes": ("address,tags,created_at\na@x.example,*,\n", "a marketing"),
    "ses console": (
        'Email address,Reason,Last update time\na@x.example,BOUNCE,"November 12, 2025, '
        '10:00 (UTC+01:00)"\n'
        "b@x.example,COMPLAINT,\n",
        "a all, b marketing complaint",
    ),
    "mailchimp cleaned": (
        "Email Address,Name,CLEAN_TIME\na@x.example,A,2025-11-12 10:00:00\n",
        "a all",
    ),
    "mailchimp unsubscribed": (
        "Email Address,Name,UNSUB_TIME\na@x.example,A,2025-11-12 10:00:00\n",
        "a marketing",
    ),
    "brevo": (
        "Date;Email;Event;REASON\nx;a@x.example;Hard bounce;550 5.1.1 "
        "unknown\nx;b@x.example;Complaint;\n"
        "x;c@x.example;Delivered;\nx;d@x.example;First opening;\nx;e@x.example;Soft "
        "bounce;452 full\n"
        "x;f@x.example;Unsubscribed;\nx;g@x.example;Blocked;\n",
        "a all mailbox-unknown, b marketing complaint, f marketing",
    ),
    "hubspot": (
        "Email,Email hard bounce reason,Unsubscribed from all "
        "email,Name\na@x.example,Unknown user,,A\n"
        "b@x.example,,true,B\nc@x.example,,false,C\nd@x.example,,,D\n",
        "a all mailbox-unknown, b marketing",
    ),
    "postmark": (
        "EmailAddress,SuppressionReason,Origin,CreatedAt\na@x.example,HardBounce,"
        "Recipient,2025-11-12T10:00:00-05:00\n"
        "b@x.example,SpamComplaint,Recipient,\n",
        "a all, b marketing complaint",
    ),
    "sparkpost": (
        "recipient,type,source,description,created\na@x.example,transactional,Bounce "
        "Rule,550 5.1.1 u,\n"
        "b@x.example,non_transactional,Unsubscribe "
        "Link,,\nc@x.example,non_transactional,Spam Complaint,,\n",
        "a all mailbox-unknown, b marketing, c marketing complaint",
    ),
    "contacts with flags": (
        "Email,Bounced,Unsubscribed\na@x.example,true,false\nb@x.example,false,t\n"
        "c@x.example,f,never\nd@x.example,soft,\n",
        "a all, b marketing",
    ),
    "contacts with other flags": (
        "email,is_bounced,unsubscribed_at\na@x.example,1,\nb@x.example,0,2026-03-02\n",
        "a all, b marketing",
    ),
    "own, complaint for all mail": (
        "email,scope,cause\na@x.example,all,complaint\n",
        "a all complaint",
    ),
    "own, a stream that is not named": ("email,scope\na@x.example,stream\n", "a marketing"),
}


@pytest.mark.parametrize("name", EXPORTS)
def test_rows_of_exports_are_suppressed_for_what_they_say(tmp_path: Path, name: str) -> None:
    data, wanted = EXPORTS[name]
    code, _, err = imported(tmp_path, data.encode())
    assert code == 0, err
    found = [
        f"{str(r['address'])[0]} {r['scope']} {r['cause'] or ''}".rstrip()
        for r in rows(tmp_path, "l")
    ]
    assert ", ".join(found) == wanted


@pytest.mark.parametrize(
    "data",
    [
        b"Name,Email,City\nA,a@x.example,Bonn\n",
        b"Name,Email,Description\nA,a@x.example,a good customer\n",
        b"Name,Email,Created\nA,a@x.example,2026-01-01\n",
        b'{"email":"a@x.example"}\n',
        b"2026-03-03 mx postfix/smtp[1]: Q1: to=<a@x.example>, relay=mx, status=sent\n",
        b"email,until,until\na@x.example,2099-01-01,2020-01-01\n",
        b"email,email\na@x.example,b@x.example\n",
    ],
)
def test_what_is_no_suppression_list_suppresses_nobody(tmp_path: Path, data: bytes) -> None:
    code, _, err = imported(tmp_path, data)
    assert code == 2
    assert err.count("\n") == 1
    assert rows(tmp_path, "l") == []


@pytest.mark.parametrize(
    "data",
    [
        "a@x.example,John\n",
        "Email,Status\na@x.example,not bounced\nb@x.example,\nc@x.example,archived\n",
        "Email,Name,Source\na@x.example,A,website\n",
        "Email,Name,State\na@x.example,A,CA\n",
    ],
)
def test_a_row_of_unknown_status_suppresses_nobody_and_is_named(tmp_path: Path, data: str) -> None:
    code, _, err = imported(tmp_path, data.encode())
    assert code == 1
    assert err.count("does not say that it is to be suppressed") == data.count("@")
    assert rows(tmp_path, "l") == []


def test_every_row_is_suppressed_where_a_person_says_so(tmp_path: Path) -> None:
    data = b"Name,Email,Event\nA,a@x.example,Delivered\n"
    assert imported(tmp_path, data, "--scope", "all")[1]["added"] == 1
    assert imported(tmp_path, data, "--cause", "complaint", db="m")[1]["added"] == 1
    assert [r["scope"] for r in rows(tmp_path, "l") + rows(tmp_path, "m")] == ["all", "marketing"]


def remove(folder: Path, *args: str) -> tuple[int, bytes, bytes]:
    done = bouncewise(folder, "suppressions", "remove", "--why", "x", "--db", "l", *args)
    return done.returncode, done.stdout, done.stderr


def test_import_is_undone_and_nothing_else(tmp_path: Path) -> None:
    add(tmp_path, "hand@x.example", "both@x.example")
    imported(tmp_path, b"email\na@x.example\nboth@x.example\n", "--by", "wrong")
    before = rows(tmp_path, "l")
    _, out, err = remove(tmp_path, "--added-by", "wrong", "--dry-run")
    assert b"1 would be removed, 1 stay" in out
    assert b"both@x.example: stays" in err
    assert rows(tmp_path, "l") == before
    assert remove(tmp_path, "--added-by", "wrong")[0] == 0
    assert [r["address"] for r in rows(tmp_path, "l")] == ["both@x.example", "hand@x.example"]
    assert b"0 removed" in remove(tmp_path, "--added-by", "wrong", "--added-since", "2099-01-01")[1]
    assert remove(tmp_path)[0] == 2
    assert remove(tmp_path, "a@x.example", "--added-by", "wrong")[0] == 2


def test_undoing_an_import_does_not_free_what_evidence_stopped(tmp_path: Path) -> None:
    (tmp_path / "mail.log").write_text(
        log_lines("2026-03-02T09:00:00+00:00", "a@x.example", UNKNOWN)
    )
    bouncewise(tmp_path, "ingest", "mail.log", "--db", "l")
    assert len(rows(tmp_path, "l")) == 1, "evidence stands"
    imported(tmp_path, b"email\na@x.example\n", "--by", "wrong")
    remove(tmp_path, "--added-by", "wrong")
    assert bouncewise(tmp_path, "check", "a@x.example", "--db", "l").returncode == 1


def test_names_are_read_from_standard_input(tmp_path: Path) -> None:
    names = b"a@x.example\n\nKim <kim@x.example>\n"
    for verb, left in (("add", 2), ("remove", 0)):
        args = ("suppressions", verb, "-", "--why", "x", "--db", "l")
        assert bouncewise(tmp_path, *args, stdin=names).returncode == 0
        assert len(rows(tmp_path, "l")) == left
    bad = ("suppressions", "add", "-", "--why", "x", "--db", "l")
    assert bouncewise(tmp_path, *bad, stdin=b"b@x.example\nnone\n").returncode == 2
    assert rows(tmp_path, "l") == []


def test_acts_without_effect_are_not_called_done(tmp_path: Path) -> None:
    add(tmp_path, "a@x.example")
    past = (
        "suppressions",
        "add",
        "b@x.example",
        "--why",
        "x",
        "--until",
        "2020-01-01",
        "--db",
        "l",
    )
    done = bouncewise(tmp_path, *past)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"no effect" in done.stderr
    assert b"nothing stood against it" in remove(tmp_path, "nobody@x.example")[1]
    assert b"nothing stood" not in remove(tmp_path, "a@x.example")[1]


def test_postmark_export_has_unsubscribes_and_manual_entries_as_manual(tmp_path: Path) -> None:
    for name, options in (
        ("left@x.example", ["--cause", "mailbox-unknown"]),
        ("spam@x.example", ["--cause", "complaint", "--scope", "marketing"]),
        ("unsub@x.example", ["--scope", "marketing"]),
        ("phone@x.example", []),
    ):
        bouncewise(tmp_path, "suppressions", "add", name, "--why", "test", *options, "--db", "l")
    done = bouncewise(tmp_path, "suppressions", "export", "--format", "postmark", "--db", "l")
    found = {
        row["EmailAddress"]: row["SuppressionReason"]
        for row in csv.DictReader(done.stdout.decode().splitlines())
    }
    assert found == {
        "left@x.example": "HardBounce",
        "spam@x.example": "SpamComplaint",
        "unsub@x.example": "ManualSuppression",
        "phone@x.example": "ManualSuppression",
    }


@pytest.mark.parametrize("date", ["", "2999-01-01", "1969-01-01", "soon"])
def test_a_list_whose_dates_cannot_be_used_adds_nothing_when_it_is_imported_again(
    tmp_path: Path, date: str
) -> None:
    data = f"email,reason,created\njo@x.example,550 5.1.1 user unknown,{date}\n".encode()
    assert imported(tmp_path, data)[1]["added"] == 1
    again = imported(tmp_path, data)[1]
    assert (again["added"], again["known"]) == (0, 1)
