"""Questions that cannot be answered are never answered with "send": no ledger, no address, no times
that can be.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bouncewise import Ledger, LedgerError
from bouncewise.cli import bouncewise
from bouncewise.cli.places import ledger_location, login
from bouncewise.errors import BouncewiseError, InputError
from bouncewise.ledger import open_store
from bouncewise.ledger.location import locate
from bouncewise.ledger.sqlite import SqliteDatabase
from bouncewise.lists.names import name_in
from bouncewise.model import Event, State
from bouncewise.operations.suppress import record
from bouncewise.policy.decide import ADDED
from bouncewise.policy.load import load
from bouncewise.rfc.address import former_key, normalise

JO = "jo@b.example"
QUESTIONS = [
    ["check", JO],
    ["history", JO],
    ["explain", JO],
    ["status"],
    ["incidents"],
    ["domains"],
    ["suppressions", "list"],
    ["suppressions", "export"],
    ["suppressions", "remove", JO, "--why", "x"],
    ["release", "--cause", "mailbox-full", "--why", "x"],
    ["replay", "--dry-run"],
    ["diagnose", JO],
    ["confirm", JO, "--why", "x"],
    ["confirm", JO, "--why", "x", "--dry-run"],
    ["suppressions", "remove", JO, "--why", "x", "--dry-run"],
]


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(bouncewise, list(map(str, args)))


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """A ledger in which JO is suppressed."""
    path = tmp_path / "ledger.sqlite"
    assert run("suppressions", "add", JO, "--why", "asked by phone", "--db", path).exit_code == 0
    return path


@pytest.mark.parametrize("what", ["folder", "text", "dangling"])
def test_a_dry_run_of_add_refuses_what_is_no_ledger(what: str, tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite"
    if what == "folder":
        path.mkdir()
    elif what == "text":
        path.write_text("no database\n" * 99)
    else:
        path.symlink_to(tmp_path / "nothing")
    done = run("suppressions", "add", JO, "--why", "x", "--dry-run", "--db", path)
    assert isinstance(done.exception, BouncewiseError), done.output


@pytest.mark.parametrize(
    "data", [b"\x1f\x8b\x08\x00cut short", b"PK\x03\x04cut short", b"what\n" * 9]
)
@pytest.mark.parametrize("verb", [["read"], ["ingest", "--db", "l.sqlite"]], ids=lambda v: v[0])
def test_a_job_that_can_read_nothing_fails(
    verb: list[str], data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mail.log").write_bytes(data)
    done = run(*verb, "mail.log")
    assert done.exit_code == 1, done.output
    assert "note: mail.log" in done.output


def test_a_ledger_named_memory_is_a_file_that_keeps_what_is_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("suppressions", "add", JO, "--why", "x", "--db", ":memory:").exit_code == 0
    assert run("check", JO, "--db", ":memory:").exit_code == 1


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: " ".join(q[:2]))
@pytest.mark.parametrize("what", ["missing", "folder", "empty", "text", "foreign", "dangling"])
def test_a_question_to_no_ledger_is_refused_and_creates_nothing(
    question: list[str], what: str, tmp_path: Path
) -> None:
    path = tmp_path / "typo" / "l.sqlite"
    path.parent.mkdir()
    if what == "folder":
        path.mkdir()
    elif what in ("empty", "text"):
        path.write_text("" if what == "empty" else "no database\n" * 99)
    elif what == "foreign":
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE t (x)")
        other.close()
    elif what == "dangling":
        path.symlink_to(tmp_path / "nothing")
    before = sorted(tmp_path.rglob("*"))
    done = run(*question, "--db", path)
    assert isinstance(done.exception, BouncewiseError), done.output
    assert "✓" not in done.output
    assert sorted(tmp_path.rglob("*")) == before


def test_the_library_refuses_a_ledger_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="no ledger there"):
        Ledger.open(tmp_path / "none.sqlite")


def test_who_may_not_write_reads_what_to_do(db: Path) -> None:
    # The process of a test may be root, which may write everywhere.
    error = SqliteDatabase(locate(db))._unusable(
        sqlite3.OperationalError("attempt to write a readonly database")
    )
    assert "may not write to the ledger or its folder" in str(error)
    assert "Run it as the owner of the file, or on a copy of the file." in str(error)


def test_a_read_only_ledger_can_be_asked(db: Path) -> None:
    db.chmod(0o400)
    db.parent.chmod(0o500)
    try:
        answer = json.loads(run("check", JO, "--json", "--db", db).stdout)
        assert (answer["send"], answer["state"]) == (False, "suppressed")
        assert run("history", JO, "--db", db).exit_code == 0
    finally:
        db.parent.chmod(0o700)


def test_a_question_changes_no_file(db: Path) -> None:
    before = db.read_bytes()
    assert run("check", JO, "--db", db).exit_code == 1
    assert db.read_bytes() == before


def test_a_new_ledger_is_its_owners_alone(db: Path) -> None:
    previous = os.umask(0o022)
    try:
        other = db.with_name("other.sqlite")
        open_store(other, create=True).close()
        assert stat.S_IMODE(other.stat().st_mode) == 0o600
    finally:
        os.umask(previous)


MEANT = [
    "jo@b.example",
    "Jo <jo@b.example>",
    '"Bee, Jo" <JO@B.example>',
    "mailto:jo@b.example",
    "MAILTO:jo@b.example?subject=x",
    "jo@b.example,",
    "jo@b.example (Jo)",
    " <jo@b.example> ",
    '"jo"@b.example',
    "'jo@b.example'",
    '"jo@b.example"',
    "\u201cjo@b.example\u201d",
    "<mailto:jo@b.example>",
    "Jo <mailto:jo@b.example?subject=x&body=y>",
    "mailto:?to=jo%40b.example",
    "mailto://jo@b.example",
    "SMTP:jo@b.example",
    r'"Jo \"x\" <e@x.example>" <jo@b.example>',
    "'Jo' <'jo@b.example'>",
    "\ufeffjo@b.example\u200b",
    "\xa0jo@b.example\xa0;",
    "<@relay.example:jo@b.example>",
    "(jo@b.example)",
    "[jo@b.example]",
    "jo@b.example.\n",
]
NONE = [
    "mailto:kim@c.example?to=jo@b.example",
    "mailto:jo@b.example,kim@c.example",
    "mailto:kim@c.example?CC=jo@b.example",
    "Jo <jo@b.example>, Kim <kim@c.example>",
    "j\u200bo@b.example",
    "jo\uff20b.example",
    "Jo, jo@b.example",
    "b.example",
    "<>",
    "@",
    "mailto:",
    "\udcffjo@b.example",
    "jo\x00@b.example",
    "jo\n@b.example",
    "jo@b",
    "",
    "not-an-address",
    "jo@",
    "jo b@c.example",
    "a@b.example c@d.example",
    "jo@b..example",
]


@pytest.mark.parametrize("text", MEANT)
def test_a_suppressed_address_is_recognised_however_it_is_written(db: Path, text: str) -> None:
    assert run("check", text, "--db", db).exit_code == 1
    assert JO in run("history", text, "--db", db).output
    assert run("suppressions", "remove", text, "--why", "x", "--db", db).exit_code == 0
    assert run("check", JO, "--db", db).exit_code == 0


@pytest.mark.parametrize("text", [t for t in MEANT if not t.startswith("<@")])
def test_explain_and_diagnose_know_an_address_however_it_is_written(db: Path, text: str) -> None:
    assert "suppressed since" in run("explain", text, "--db", db).output
    assert "No bounce on record" in run("diagnose", text, "--db", db).output


def test_a_comment_inside_quotes_is_part_of_the_address() -> None:
    assert name_in('"jo(x)"@b.example').key == '"jo(x)"@b.example'


def test_check_of_a_domain_is_never_send(db: Path) -> None:
    assert run("check", "@c.example", "--db", db).exit_code == 1
    run("suppressions", "add", "@c.example", "--why", "x", "--db", db)
    assert "suppressed" in run("check", "@c.example", "--db", db).output


@pytest.mark.parametrize("verb", ["explain", "diagnose"])
@pytest.mark.parametrize("text", ["", " ", "jo@", "@"])
def test_nothing_is_explained_about_nothing(db: Path, verb: str, text: str) -> None:
    assert isinstance(run(verb, text, "--db", db).exception, BouncewiseError)


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_address_is_refused_as_an_argument(db: Path, text: str) -> None:
    for args in (
        ["check", text],
        ["history", text],
        ["suppressions", "add", text, "--why", "x"],
        ["suppressions", "remove", text, "--why", "x"],
        ["confirm", text, "--why", "x"],
    ):
        done = run(*args, "--db", db)
        assert isinstance(done.exception, BouncewiseError), (args, done.output)
    with Ledger.open(db) as ledger:
        assert [name for name, _ in ledger.suppressions()] == [JO]
        answer = ledger.check(text)
        assert (answer.send, answer.decision.state) == (False, State.INVALID)


def test_check_and_clean_agree_on_every_row(db: Path, tmp_path: Path) -> None:
    rows = [
        "jo@b.example",
        "Jo <jo@b.example>",
        "kim@c.example",
        "nobody",
        "mailto:kim@c.example",
        "@c.example",
        "",
        "'jo@b.example'",
        "mailto:kim@c.example?cc=jo@b.example",
    ]
    table = tmp_path / "list.csv"
    table.write_text("n,email\n" + "".join(f"1,{row}\n" for row in rows))
    checked = run("check", "--csv", table, "--json", "--db", db)
    assert checked.exit_code == 1
    answers = [json.loads(line) for line in checked.stdout.splitlines()]
    states = "suppressed suppressed ok invalid ok invalid invalid suppressed invalid"
    assert [a["state"] for a in answers] == states.split()
    kept = run("clean", table, "--db", db).stdout.splitlines()[1:]
    assert kept == [f"1,{row}" for row, a in zip(rows, answers, strict=True) if a["send"]]


def test_keys_of_addresses_that_are_the_same_are_the_same() -> None:
    assert normalise("jo@straße.example") == normalise("jo@xn--strae-oqa.example")
    assert normalise("jo@straße.example") != normalise("jo@strasse.example")
    assert normalise('"jo"@b.example') == "jo@b.example"
    assert normalise('"jo b"@b.example') == '"jo b"@b.example'
    assert normalise(r'"j\o"@b.example') == "jo@b.example"
    assert normalise(r'"j\o b"@b.example') == '"jo b"@b.example'
    assert normalise(r'"j\\o"@b.example') == r'"j\\o"@b.example'
    assert normalise("ju\u0308rgen@b.example") == normalise("j\xfcrgen@b.example")


@pytest.mark.parametrize("given", ["jo@straße.example", "straße@b.example", '"jo"@b.example'])
def test_a_decision_under_the_key_of_an_earlier_version_holds(db: Path, given: str) -> None:
    act = Event(at=datetime(2026, 3, 2, tzinfo=UTC), kind=ADDED, words="before", by="jo")
    with open_store(db) as store:
        record((former_key(given),), act, store, load())
    assert run("check", given, "--db", db).exit_code == 1


@pytest.mark.parametrize("when", ["9999-12-31T23:59:59-01:00", "0001-01-01", "1066-10-14", "2500"])
def test_times_that_cannot_be_are_refused(db: Path, when: str) -> None:
    done = run("check", JO, "--at", when, "--db", db)
    assert done.exit_code == 2 and "--at" in done.output


def test_names_are_parsed_in_linear_time() -> None:
    for bait in ('"a" ', "<", "(", "a@", '"', "mailto:", "[", "mailto:?to=a&", "\\", "@a:", "<@a,"):
        name_in(bait * 20_000)


@pytest.mark.parametrize("db_name", ["", " ", "~no-such-user-here/l", "x" * 300, "a\0b"])
def test_a_ledger_that_cannot_be_named_is_one_line(db_name: str) -> None:
    done = run("check", JO, "--db", db_name)
    assert isinstance(done.exception, BouncewiseError), done.exception
    assert "\n" not in str(done.exception)


@pytest.mark.parametrize("option", ["--at", "--until"])
def test_an_empty_time_is_refused(db: Path, option: str) -> None:
    verb = ["check", JO] if option == "--at" else ["suppressions", "add", JO, "--why", "x"]
    assert run(*verb, option, "", "--db", db).exit_code == 2


def test_a_user_without_name_and_home_can_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr("getpass.getuser", unknown)
    assert login().startswith("uid ")
    monkeypatch.setattr("platformdirs.user_data_dir", lambda _: unknown())
    with pytest.raises(InputError, match="name the ledger's file with --db"):
        ledger_location(None)


@pytest.mark.parametrize("kind", ["new", "dangling", "empty", "new folder"])
def test_a_ledger_and_its_folder_are_created_private(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "f" / "l" if kind == "new folder" else tmp_path / "l"
    if kind == "dangling":
        path.symlink_to("target")
    elif kind == "empty":
        path.touch(0o644)
    previous = os.umask(0)
    try:
        open_store(path, create=True).close()
    finally:
        os.umask(previous)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    if kind == "new folder":
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_does_not_become_a_ledger(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "l")
    done = run("suppressions", "add", JO, "--why", "x", "--db", tmp_path / "l")
    assert isinstance(done.exception, LedgerError)


def test_damage_is_an_error_of_the_ledger_and_never_of_the_program(
    db: Path, tmp_path: Path
) -> None:
    with sqlite3.connect(db) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    whole = db.read_bytes()
    rng, damaged = random.Random(1), tmp_path / "damaged"
    questions = [["check", JO], ["history", JO], ["status"], ["suppressions", "list"]]
    for trial in range(60):
        octets = bytearray(whole)
        for _ in range(rng.choice((1, 30))):
            octets[rng.randrange(16, len(octets))] = rng.randrange(256)
        for word in (b"suppressed", b"own", b"all") if trial % 3 == 0 else ():
            octets = bytearray(bytes(octets).replace(word, b"?" + word[1:]))
        damaged.write_bytes(octets)
        done = run(*questions[trial % 4], "--db", damaged)
        assert isinstance(done.exception, None | BouncewiseError | SystemExit), done.exc_info


@pytest.mark.parametrize("verb", ["read", "ingest"])
def test_paths_are_looked_for_before_anything_is_read(tmp_path: Path, verb: str) -> None:
    (tmp_path / "replies").write_text("550 5.1.1 user unknown\n")
    db = ["--db", tmp_path / "l"] if verb == "ingest" else []
    for missing in ("", tmp_path / "missing"):
        done = run(verb, tmp_path / "replies", missing, *db)
        assert isinstance(done.exception, BouncewiseError)
        assert done.output == ""


def test_a_dangling_link_in_a_folder_costs_only_itself(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "link").symlink_to("nothing")
    done = run("ingest", tmp_path / "f", "--db", tmp_path / "l")
    assert done.exit_code == 0
    assert "link" in done.output
