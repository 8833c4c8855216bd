"""Suppression lists: exports come back, nothing weakens what stands, bad rows are named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bouncewise.lists.suffixes import is_public_suffix
from support.cli import bouncewise


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
    from bouncewise.lists import formats

    (tmp_path / "l").write_bytes(TABLE.replace(",", delimiter).replace("\n", end).encode(encoding))
    (row,) = formats.load(tmp_path / "l", None)
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
        assert (code, dry) == (real_code, real | {"dry_run": True})


def test_list_without_dates_is_imported_once(tmp_path: Path) -> None:
    data = b"email\na@x.example\nb@x.example\n"
    assert imported(tmp_path, data)[1]["added"] == 2
    assert imported(tmp_path, data)[1] == {
        "added": 0,
        "known": 2,
        "skipped": 0,
        "dry_run": False,
        "bad": 0,
    }
    bouncewise(tmp_path, "suppressions", "remove", "a@x.example", "--why", "x", "--db", "l")
    assert imported(tmp_path, data)[1]["added"] == 1


@pytest.mark.parametrize("when", ["9999-12-31T23:59:59-12:00", "2099-01-01", "0001-01-01", "1e99"])
def test_impossible_time_of_a_row_does_not_rule_the_ledger(tmp_path: Path, when: str) -> None:
    code, counts, _ = imported(tmp_path, f"email,created\na@x.example,{when}\n".encode())
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
    assert [x for x in lines if not x.startswith("#")] == ["dead@x.example\t550 5.1.1 test"]
    assert sum(x.startswith("#") for x in lines) == 2
    lines = bouncewise(tmp_path, *export, "postfix", "--marketing").stdout.decode().splitlines()
    assert "news@x.example\t550 5.1.1 test" in lines
    (line,) = bouncewise(tmp_path, *export, "postfix-domains").stdout.decode().splitlines()
    assert line == "/@closed\\.example$/\t550 5.1.2 test"


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
    line = (
        "2026-03-0{day}T09:00:00+00:00 mx postfix/smtp[1]: Q{day}: to=<jo@co.uk>, relay=none, "
        "delay=1, "
        "dsn=5.4.4, status=bounced (Host or domain name not found. Name service error for "
        "name=co.uk type=A: Host not found)\n"
    )
    (tmp_path / "mail.log").write_text("".join(line.format(day=day) for day in range(2, 7)))
    bouncewise(tmp_path, "ingest", "mail.log", "--db", "l")
    assert all(r.get("domain") != "co.uk" for r in rows(tmp_path, "l"))
    assert bouncewise(tmp_path, "check", "other@co.uk", "--db", "l").returncode == 0
