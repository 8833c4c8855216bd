"""The command line as people and scripts meet it: the JSON contract, exit codes, errors that say
what to do.
"""

from __future__ import annotations

import csv
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from support.cli import bouncewise

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
VERDICT = [
    "reply",
    "reply_code",
    "status",
    "stage",
    "receiver",
    "cause",
    "party",
    "permanence",
    "advice",
    "confidence",
    "rule",
    "evidence",
    "alternates",
]
REPORT = [
    "source",
    "kind",
    "recipient",
    "original_recipient",
    "at",
    "message_id",
    "sender",
    "remote_mta",
    "reply",
    "esp",
    "disagreement",
    "verdict",
    "verp_recipient",
    "stream",
    "absence",
    "provenance",
]
ANSWER = [
    "address",
    "send",
    "state",
    "cause",
    "scope",
    "since",
    "until",
    "why",
    "rule",
    "basis",
    "stream",
    "trust",
]
SUPPRESSION = ["scope", "cause", "since", "until", "why", "rule", "by", "basis", "stream", "trust"]


@pytest.fixture
def run(tmp_path: Path):
    def call(*args: str | Path, stdin: str | bytes = "") -> subprocess.CompletedProcess[str]:
        raw = stdin if isinstance(stdin, bytes) else stdin.encode()
        ledger = str(tmp_path / "ledger.sqlite")
        done = bouncewise(tmp_path, *args, stdin=raw, BOUNCEWISE_DB=ledger, TZ="UTC")
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
        )

    return call


def rows(done: subprocess.CompletedProcess[str]) -> list[dict]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_classify_answers_each_line_in_order(run) -> None:
    replies = (EXAMPLES / "replies.txt").read_text("utf-8")
    done = run("classify", "--json", stdin=replies + "\n\n")
    assert done.returncode == 0
    found = rows(done)
    assert [r["reply"] for r in found] == [*replies.splitlines(), "", ""]
    assert all(list(r) == VERDICT for r in found)
    first = found[0]
    assert (first["reply_code"], first["status"], first["receiver"]) == (550, "5.4.1", "microsoft")
    assert (first["cause"], first["party"], first["permanence"]) == (
        "access-denied",
        "recipient",
        "permanent",
    )
    assert first["evidence"] == "Recipient address rejected: Access denied"
    plain = run("classify", EXAMPLES / "replies.txt").stdout
    assert len(plain.splitlines()) == len(replies.splitlines())
    assert "\x1b" not in plain


def test_read_keeps_the_contract(run) -> None:
    found = rows(
        run(
            "read",
            "--json",
            EXAMPLES / "bounces",
            EXAMPLES / "bounces.mbox.gz",
            EXAMPLES / "mail.log",
        )
    )
    assert all(list(r) == REPORT for r in found)
    assert all(r["verdict"] is None or list(r["verdict"]) == VERDICT for r in found)
    assert {r["source"]["reader"] for r in found} >= {
        "dsn",
        "arf",
        "freeform",
        "autoreply",
        "postfix",
    }
    log = [r for r in found if r["source"]["reader"] == "postfix"]
    bounced = log[0]
    assert bounced["at"] == "2026-11-16T08:00:03Z"
    assert (bounced["message_id"], bounced["sender"]) == (
        "november-1@shop.example",
        "news@shop.example",
    )
    assert bounced["remote_mta"] == "corp-example.mail.protection.outlook.com"
    assert bounced["verdict"]["stage"] == "rcpt"
    assert [r["kind"] for r in log if r["recipient"] == "max@slow.example"] == ["delayed", "failed"]
    piped = rows(run("read", "--json", "-", stdin=(EXAMPLES / "mail.log").read_bytes()))
    assert [r["recipient"] for r in piped] == [r["recipient"] for r in log]


def test_ingest_check_and_suppressions(run) -> None:
    assert run("ingest", EXAMPLES / "mail.log", EXAMPLES / "bounces").returncode == 0
    again = rows(run("ingest", "--json", EXAMPLES / "mail.log", EXAMPLES / "bounces"))
    assert again[0]["new"] == 0
    done = run("check", "--json", "Ann@Corp.example", "lea@mail.example", "--at", "2026-11-22")
    assert done.returncode == 1
    ann, lea = rows(done)
    assert list(ann) == ANSWER == list(lea)
    assert ann == {
        "address": "Ann@Corp.example",
        "send": False,
        "state": "suppressed",
        "cause": "access-denied",
        "scope": "all",
        "since": "2026-11-16T08:00:03Z",
        "until": None,
        "why": "550 5.4.1 Recipient address rejected: Access denied",
        "rule": "microsoft.directory-edge-block",
        "basis": "evidence",
        "stream": None,
        "trust": "own",
    }
    assert (lea["send"], lea["state"], lea["cause"]) == (True, "ok", None)
    assert run("check", "lea@mail.example").returncode == 0
    assert run("check", "ann@corp.example", "--at", "2026-11-15").returncode == 0
    bob = rows(run("check", "--json", "bob@mail.example", "--at", "2026-11-21"))[0]
    assert (bob["state"], bob["until"]) == ("held", "2026-11-27T08:00:02Z")
    listed = rows(run("suppressions", "list", "--json"))
    assert all(list(r)[1:] == SUPPRESSION and list(r)[0] in ("address", "domain") for r in listed)
    assert "ann@corp.example" in {r.get("address") for r in listed}


def test_read_ends_with_its_totals(run) -> None:
    shown = run("read", EXAMPLES / "bounces")
    header, *lines = shown.stdout.splitlines()
    assert header.split()[:2] == ["when", "kind"]
    assert f"{len(lines):,} read: " in shown.stderr
    assert sum(int(part.split()[0]) for part in shown.stderr.split("read: ")[1].split(", ")) == len(
        lines
    )
    assert "read: " not in run("read", EXAMPLES / "bounces", "--json").stderr


def test_check_a_csv(run, tmp_path: Path) -> None:
    run("suppressions", "add", "b@x.example", "@gone.example", "--why", "test", "--by", "me")
    (tmp_path / "l.csv").write_text("email\na@x.example\nB@x.example\nc@gone.example\n\n")
    found = rows(run("check", "--csv", "l.csv", "--json"))
    assert [(r["address"], r["send"]) for r in found] == [
        ("a@x.example", True),
        ("B@x.example", False),
        ("c@gone.example", False),
    ]
    shown = run("check", "--csv", "l.csv")
    assert "3 addresses: 2 suppressed, 1 send" in shown.stderr
    assert "3 addresses" not in shown.stdout


def test_suppressions_by_hand(run) -> None:
    dry = run("suppressions", "add", "a@x.example", "--why", "phone", "--dry-run")
    assert dry.stdout == "would be added: a@x.example\n"
    assert "no ledger" in run("suppressions", "list").stderr, "a dry run creates nothing"
    assert (
        run(
            "suppressions",
            "add",
            "a@x.example",
            "--why",
            "phone",
            "--by",
            "jo",
            "--until",
            "2030-01-01",
        ).returncode
        == 0
    )
    (row,) = rows(run("suppressions", "list", "--json"))
    assert (row["address"], row["by"], row["why"], row["until"]) == (
        "a@x.example",
        "jo",
        "phone",
        "2030-01-01T00:00:00Z",
    )
    assert run("check", "a@x.example", "--at", "2031-01-01").returncode == 0
    run("suppressions", "remove", "a@x.example", "--why", "mistake")
    assert run("check", "a@x.example").returncode == 0
    assert "not an address" in run("suppressions", "add", "nonsense", "--why", "x").stderr


def test_import_takes_over_what_is_dead_and_says_what_is_not(run) -> None:
    done = rows(run("suppressions", "import", EXAMPLES / "sendgrid-bounces.csv", "--json"))
    assert [done[0][key] for key in ("added", "known", "skipped", "dry_run", "bad")] == [
        1,
        0,
        1,
        False,
        0,
    ]
    (row,) = rows(run("suppressions", "list", "--json"))
    assert (row["address"], row["cause"], row["by"]) == (
        "old@corp.example",
        "mailbox-unknown",
        "import:sendgrid",
    )
    assert (
        rows(run("suppressions", "import", EXAMPLES / "sendgrid-bounces.csv", "--json"))[0]["known"]
        == 1
    )


ASKING = [
    ("check", "jo@x.example"),
    ("clean", "l.csv", "-o", "out.csv"),
    ("explain", "jo@x.example"),
    ("history", "jo@x.example"),
    ("incidents",),
    ("incidents", "show", "google"),
    ("domains",),
    ("suppressions", "list"),
    ("suppressions", "export"),
    ("suppressions", "remove", "jo@x.example", "--why", "x"),
    ("release", "--receiver", "google", "--why", "x"),
    ("replay", "--dry-run"),
    ("replay", "--apply"),
]


@pytest.mark.parametrize("args", ASKING, ids=" ".join)
def test_questions_fail_where_there_is_no_ledger(
    run, tmp_path: Path, args: tuple[str, ...]
) -> None:
    """A mistyped --db must never answer "send"; nor does asking create a file or a folder, or
    change another's database.
    """
    (tmp_path / "l.csv").write_text("email\njo@x.example\n")
    missing = tmp_path / "folder" / "typo.sqlite"
    empty, other = tmp_path / "empty.sqlite", tmp_path / "other.sqlite"
    empty.touch()
    db = sqlite3.connect(other)
    db.execute("CREATE TABLE theirs (x)")
    db.close()
    before = other.read_bytes()
    for path, words in ((missing, "no ledger"), (empty, "empty file"), (other, "not a ledger")):
        done = run(*args, "--db", path)
        assert (done.returncode, done.stdout) == (2, ""), path
        assert words in done.stderr
        assert "--db" in done.stderr
    assert not missing.parent.exists()
    assert (empty.read_bytes(), other.read_bytes()) == (b"", before)
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("form", ["csv", "ses", "sendgrid", "postmark", "mailgun", "sparkpost"])
def test_export_comes_back(run, tmp_path: Path, form: str) -> None:
    run("suppressions", "add", "a@x.example", "--why", "550 5.1.1 user unknown")
    run(
        "suppressions",
        "add",
        "b@x.example",
        "--why",
        "=cmd()",
        "--scope",
        "marketing",
        "--cause",
        "complaint",
    )
    export = ("suppressions", "export", "--format", form, "--marketing", "-o", "out.csv")
    assert run(*export).returncode == 0
    assert "\n=cmd" not in (tmp_path / "out.csv").read_text()
    run("suppressions", "import", "out.csv", "--format", form, "--db", "other.sqlite")
    back = rows(run("suppressions", "list", "--json", "--db", "other.sqlite"))
    has_complaints = form not in ("sendgrid", "mailgun")
    wanted = ["a@x.example", "b@x.example"] if has_complaints else ["a@x.example"]
    assert [r["address"] for r in back] == wanted
    if form in ("csv", "ses", "postmark"):
        assert back[1]["scope"] == "marketing"


def test_a_format_that_stops_all_mail_gets_no_entry_for_marketing_mail(run) -> None:
    run("suppressions", "add", "news@x.example", "--why", "x", "--scope", "marketing")
    export = ("suppressions", "export", "--format", "postfix")
    done = run(*export)
    assert "news@x.example" not in done.stdout
    assert "not written (1): suppressions for marketing mail only" in done.stderr
    assert "news@x.example" in run(*export, "--marketing").stdout


def test_export_for_postfix(run) -> None:
    run("suppressions", "add", "a@x.example", "@gone.example", "--why", "closed\tfor good")
    assert run("suppressions", "export", "--format", "postfix").stdout.splitlines() == [
        "# @gone.example: a domain: see --format postfix-domains",
        "a@x.example\t550 5.7.1 closed for good",
    ]


CLEAN = [
    ("comma", "utf-8", "id,email\n1,a@x.example\n2,b@x.example\n", "id,email\n1,a@x.example\n"),
    (
        "semicolon, BOM, CRLF",
        "utf-8-sig",
        "E-Mail;Näme\r\na@x.example;Zoë\r\nb@x.example;B\r\n",
        "E-Mail;Näme\r\na@x.example;Zoë\r\n",
    ),
    (
        "tab, UTF-16",
        "utf-16",
        "name\tEmail Address\nJo\ta@x.example\nB\tb@x.example\n",
        "name\tEmail Address\nJo\ta@x.example\n",
    ),
    (
        "old code page",
        "cp1252",
        "email,ort\na@x.example,Köln\nb@x.example,€\n",
        "email,ort\na@x.example,Köln\n",
    ),
    (
        "quoted cells",
        "utf-8",
        'email,n\na@x.example,"x, ""y"""\nb@x.example,1\n',
        'email,n\na@x.example,"x, ""y"""\n',
    ),
    ("no header", "utf-8", "a@x.example\nb@x.example\nnonsense\n", "a@x.example\n"),
]


@pytest.mark.parametrize(
    ("what", "encoding", "given", "expected"), CLEAN, ids=[c[0] for c in CLEAN]
)
def test_clean(run, tmp_path: Path, what: str, encoding: str, given: str, expected: str) -> None:
    run("suppressions", "add", "b@x.example", "--why", "=evil")
    (tmp_path / "l.csv").write_bytes(given.encode(encoding))
    done = run("clean", "l.csv", "-o", "out.csv", "--rejected", "no.csv")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.csv").read_bytes().decode(encoding) == expected
    with (tmp_path / "no.csv").open(encoding=encoding, newline="") as file:
        dropped = list(
            csv.reader(
                file, delimiter=";" if "semicolon" in what else "\t" if "tab" in what else ","
            )
        )
    assert "'=evil" in dropped[-1 if what != "no header" else 0]


def test_clean_in_a_dry_run_writes_nothing(run, tmp_path: Path) -> None:
    run("suppressions", "add", "b@x.example", "--why", "test")
    (tmp_path / "l.csv").write_text("email\na@x.example\nnope\n")
    assert rows(run("clean", "l.csv", "-o", "out.csv", "--dry-run", "--json")) == [
        {
            "kept": 1,
            "dropped": 1,
            "output": None,
            "suppressed": 0,
            "held": 0,
            "invalid": 1,
            "segments": 0,
        }
    ]
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        ("550 5.4.1 Recipient address rejected: Access denied", "suppress-address"),
        ("5.4.1", "access-denied"),
        ("550", "RFC 5321"),
        ("mailbox-full", "over its quota"),
        ("550 5.7.1 blocked using zen.spamhaus.org", "blocklist"),
        ("complete nonsense", "The meaning of the reply is unknown"),
    ],
)
def test_explain(run, subject: str, said: str) -> None:
    done = run("explain", subject)
    assert done.returncode == 0
    assert said in done.stdout
    assert "Sources" in done.stdout
    assert rows(run("explain", "--json", subject))[0]["subject"] == subject


def test_explain_an_address_tells_its_story(run) -> None:
    run("ingest", EXAMPLES / "mail.log")
    told = run("explain", "bob@mail.example", "--at", "2026-11-21").stdout
    assert "held since 2026-11-20" in told
    assert "✓ delivered" in told
    assert "✗ failed mailbox-unknown" in told


def test_rules_of_a_site(run, tmp_path: Path) -> None:
    acme = EXAMPLES / "rules" / "acme.toml"
    assert run("rules", "check", acme).returncode == 0
    assert run("rules", "test", acme).returncode == 0
    assert (
        run(
            "classify", "--json", "--rules", acme.parent, stdin="550 Mailbox frozen by HR"
        ).stdout.count("acme.offboarding")
        == 1
    )
    broken = tmp_path / "broken.toml"
    broken.write_text(acme.read_text().replace("mailbox-disabled", "mailbox-dsabled"))
    done = run("rules", "check", broken)
    assert (done.returncode, "mailbox-dsabled" in done.stderr) == (2, True)
    idle = tmp_path / "idle.toml"
    idle.write_text(acme.read_text().replace("when.phrase = [", 'when.phrase = ["never said", '))
    done = run("rules", "test", idle)
    assert (done.returncode, "never said" in done.stdout) == (1, True)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("read", "absent.eml"), "no such file"),
        (("check",), "--csv"),
        (("check", "a@b.example", "--at", "yesterday"), "2026-11-20"),
        (("check", "a@b.example", "--db", "mysql://x/y"), "postgresql://USER@HOST/DB"),
        (("clean", "absent.csv"), "does not exist"),
        (("suppressions", "export", "--format", "excel"), "postfix"),
        (("nonsense",), "No such command"),
        (("ingest", "absent"), "no such file"),
    ],
)
def test_errors_say_what_to_do_and_exit_with_2(run, args: tuple[str, ...], said: str) -> None:
    done = run(*args)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_every_verb_has_help_with_an_example(run) -> None:
    from bouncewise.cli import VERBS

    assert all(verb in run("--help").stdout for verb in VERBS)
    for verb in VERBS:
        text = run(verb, "--help").stdout
        assert "Usage" in text
    for group in ("suppressions", "rules"):
        assert "Commands" in run(group, "--help").stdout
    for verb in ("classify", "read", "ingest", "check", "clean", "explain"):
        text = run(verb, "--help").stdout
        assert f"bouncewise {verb}" in text.partition("\n")[2], f"{verb} --help shows no example"
        assert "--json" in text


def test_the_system_s_refusals_are_one_line_and_exit_with_2(run, tmp_path: Path) -> None:
    """A missing folder, a folder where a file is meant, a full disk: no traceback."""
    (tmp_path / "rules" / "folder.toml").mkdir(parents=True)
    (tmp_path / "rules" / "acme.toml").write_bytes((EXAMPLES / "rules" / "acme.toml").read_bytes())
    assert run("classify", "--rules", "rules", stdin="550 Mailbox frozen by HR").returncode == 0
    run("suppressions", "add", "b@x.example", "--why", "test")
    (tmp_path / "l.csv").write_text("email\na@x.example\n")
    for args in (
        ("clean", "l.csv", "-o", "missing/x.csv"),
        ("clean", "."),
        ("clean", "l.csv", "-o", "rules"),
    ):
        done = run(*args)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert done.stderr.startswith(("bouncewise: ", "Error: "))


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file size")
def test_a_full_disk_is_said_and_leaves_the_ledger_whole(run, tmp_path: Path) -> None:
    import resource

    run("suppressions", "add", "b@x.example", "--why", "test")
    before = rows(run("suppressions", "list", "--json"))
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limit[1]))
    try:
        done = run("ingest", EXAMPLES / "mail.log", EXAMPLES / "bounces")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert rows(run("suppressions", "list", "--json")) == before
    assert run("ingest", EXAMPLES / "mail.log").returncode == 0
