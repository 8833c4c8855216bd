"""A ledger in PostgreSQL: passwords, lost connections, several processes and machines, trials."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bouncewise.classifier.classify import Classifier, default_classifier
from bouncewise.errors import BouncewiseError, LedgerError
from bouncewise.ledger import Location, Store, index, locate, open_store
from bouncewise.ledger.opening import open_database
from bouncewise.model import Cause, Decision, Event, State
from bouncewise.operations.check import Checker
from bouncewise.operations.context import Context
from bouncewise.operations.replay import replayed
from bouncewise.operations.suppress import record
from bouncewise.policy.decide import ADDED
from bouncewise.policy.load import load
from bouncewise.rules.load import load as load_rules
from ledger.test_both_databases import END, RULE
from ledger.test_ledger import MESSAGES, ingest, log_line, states
from support import postgres
from support.cli import bouncewise
from support.sql import dump, rows

pytestmark = pytest.mark.sqlite  # (each test names its database)

POLICY = load()
SECRET = "hunter2secret"
HELD = (Decision(state=State.HELD, cause=Cause.MAILBOX_FULL, since=END, why="full"),)


@pytest.fixture
def url() -> str:
    return postgres.server().new_url()


@pytest.fixture
def own() -> Iterator[postgres.Server]:
    """A server that a test may stop."""
    postgres.server()  # or the test is skipped
    found = postgres.Server()
    yield found
    found.remove()


def suppress(ledger: Store, *names: str) -> None:
    record(names, Event(at=END, kind=ADDED, by="jo", words="phone"), ledger, POLICY)


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


def processes(*commands: list[str]) -> list[int]:
    """The exit codes of commands that run at the same time."""
    run = [sys.executable, "-m", "bouncewise"]
    started = [subprocess.Popen([*run, *c], stdout=subprocess.DEVNULL) for c in commands]
    return [process.wait(120) for process in started]


# ── what is named, and what is shown ────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "db",
    [
        f"postgresql://jo:{SECRET}@127.0.0.1:1/db",
        f"postgresql://127.0.0.1:1/db?user=jo&password={SECRET}",
        f"postgresql://127.0.0.1:1/db?user=jo&%70assword={SECRET}",
        f"POSTGRES://jo:{SECRET}@127.0.0.1:1/db",
        f"postgresql://jo:a/{SECRET}@127.0.0.1:1/db",
        f"postgresql://jo:1/{SECRET}@127.0.0.1:1/db",
        f"postgresql://jo:a@{SECRET}@127.0.0.1:1/db",
        f"postgresql://jo:a?{SECRET}@127.0.0.1:1/db",
        f"postgresql://jo:a#{SECRET}@127.0.0.1:1/db",
        f"postgresql://jo:{SECRET}%@127.0.0.1:1/db",
        f"postgresql://jo:[{SECRET}@127.0.0.1:1/db",
        f"postgresql://jo:{SECRET}@127.0.0.1:1/db?nothing=1",
        f"mysql://jo:{SECRET}@127.0.0.1/db",
    ],
)
@pytest.mark.parametrize("verb", [("check", "a@b.example"), ("serve", "--check-config")])
def test_a_password_is_never_shown(tmp_path: Path, db: str, verb: tuple[str, ...]) -> None:
    done = bouncewise(tmp_path, *verb, "--db", db)
    assert SECRET.encode() not in done.stdout + done.stderr
    if verb[0] == "check":
        assert done.returncode == 2
        assert done.stderr.count(b"\n") == 1


def test_a_location_shows_no_password() -> None:
    found = locate(f"postgresql://jo:{SECRET}@db.example:5433/mail?sslmode=require")
    assert found.name == "postgresql://jo@db.example:5433/mail?sslmode=require"
    assert SECRET not in repr(found) + str(found.path)
    assert SECRET in found.url


def test_own_files_do_not_depend_on_who_connects() -> None:
    paths = {
        locate(f"postgresql://{user}db.example/mail").path for user in ("jo@", "ann:secret@", "")
    }
    others = {locate(f"postgresql://{place}").path for place in ("db.example/m", "b.example/mail")}
    assert (len(paths), len(others - paths)) == (1, 2)


def test_without_the_extra_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("bouncewise.ledger.postgres")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    done = bouncewise(tmp_path, "check", "a@b.example", "--db", "postgresql://jo@db.example/mail")
    assert done.returncode == 2
    assert b"pip install 'bouncewise[postgres]'" in done.stderr


def test_what_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    server = postgres.server()
    server.sql("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE_PROVIDER libc TEMPLATE template0")
    server.sql("CREATE SCHEMA IF NOT EXISTS other")
    server.sql("CREATE TABLE IF NOT EXISTS other.orders (id INTEGER)")
    for db, words in (
        (server.url("other"), "not a ledger of bouncewise"),
        (server.url("missing"), "no schema of its search_path exists"),
        (server.url().replace("/postgres?", "/latin?"), "not in UTF-8"),
        (server.url().replace("/postgres?", "/absent?"), 'database "absent" does not exist'),
    ):
        done = bouncewise(tmp_path, "suppressions", "add", "a@b.example", "--why", "x", "--db", db)
        assert (done.returncode, words in done.stderr.decode()) == (2, True), done.stderr
        assert done.stderr.count(b"\n") == 1


def test_a_question_creates_no_ledger(url: str) -> None:
    with pytest.raises(LedgerError, match="no ledger there"):
        open_store(url)
    assert not postgres.server().sql(
        f"SELECT 1 FROM pg_tables WHERE schemaname = '{postgres.schema_of(url)}'"
    )


def test_who_may_only_read_can_ask(tmp_path: Path, url: str) -> None:
    server, schema = postgres.server(), postgres.schema_of(url)
    with open_store(url, create=True) as ledger:
        suppress(ledger, "a@b.example")
    server.sql(f"DROP ROLE IF EXISTS reader_{schema}")
    server.sql(f"CREATE ROLE reader_{schema} LOGIN")
    server.sql(f"GRANT USAGE ON SCHEMA {schema} TO reader_{schema}")
    server.sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO reader_{schema}")
    reader = server.url(schema, user=f"reader_{schema}")
    assert bouncewise(tmp_path, "check", "a@b.example", "--db", reader).returncode == 1
    done = bouncewise(tmp_path, "suppressions", "add", "c@d.example", "--why", "x", "--db", reader)
    assert (done.returncode, b"permission denied" in done.stderr) == (2, True)


def test_nul_and_surrogates_are_kept_as_escapes(url: str) -> None:
    with open_store(url, create=True) as ledger:
        act = Event(at=END, kind=ADDED, by="jo\0", words="a\0b\udcff")
        record(["a@b.example"], act, ledger, POLICY)
        (event,) = ledger.history("a@b.example")
        assert (event.by, event.words) == ("jo\\x00", "a\\x00b\\xff")


# ── connections that are lost ───────────────────────────────────────────────────────────────────


def test_a_server_that_stops_is_one_line_and_exit_2(tmp_path: Path, own: postgres.Server) -> None:
    url = own.url()
    with open_store(url, create=True) as ledger:
        suppress(ledger, "a@b.example")
        checker = Checker(ledger, POLICY)
        assert not checker.check("a@b.example").send
        own.stop()
        for name in ("a@b.example", "new@b.example"):  # nobody is mailed on old knowledge
            with pytest.raises(LedgerError, match="connection was lost"):
                checker.check(name)
    done = bouncewise(tmp_path, "check", "new@b.example", "--db", url)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)
    own.start()
    assert bouncewise(tmp_path, "check", "a@b.example", "--db", url).returncode == 1


_END_ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid != pg_backend_pid()"


def test_a_transaction_whose_connection_is_lost_leaves_nothing(url: str) -> None:
    with open_store(url, create=True) as ledger:
        suppress(ledger, "a@b.example")
        lost = pytest.raises(LedgerError, match="Nothing of the transaction at hand was kept")
        with lost, ledger.change():
            ledger.pending.add(["c@d.example"])
            postgres.server().sql(_END_ALL)
            ledger.pending.add(["e@f.example"])
    with open_store(url) as ledger:
        assert [name for name, _ in ledger.states()] == ["a@b.example"]
        assert not ledger.pending


def test_a_lost_commit_is_said_to_be_unknown(url: str) -> None:
    with open_store(url, create=True) as ledger:
        lost = pytest.raises(
            LedgerError, match="Whether the last transaction was kept is not known"
        )
        with lost, ledger.change():
            postgres.server().sql(_END_ALL)


def test_a_lost_commit_of_a_replay_does_not_say_that_nothing_was_changed(url: str) -> None:
    open_store(url, create=True).close()
    database = open_database(locate(url))
    with (
        pytest.raises(LedgerError, match="is not known; run") as found,
        database.rewriting(trial=False, kept=frozenset()),
    ):
        postgres.server().sql(_END_ALL)
        database.commit()
    assert "Nothing was changed" not in str(found.value)


# ── several processes and machines ──────────────────────────────────────────────────────────────


def test_writers_at_once_count_as_one_after_the_other(tmp_path: Path, url: str) -> None:
    logs = []
    for part in range(3):
        lines = [log_line(1 + n % 28, f"u{n}@x{n % 9}.example", number=n) for n in range(part, 900)]
        logs.append(tmp_path / f"{part}.log")
        logs[-1].write_text("".join(lines))
    assert processes(*(["ingest", str(log), "--db", url] for log in logs)) == [0, 0, 0]
    with open_store(url) as ledger, open_store(tmp_path / "l", create=True) as single:
        ingest(single, *logs)
        assert ledger.counts() == single.counts()
        assert states(ledger) == states(single)


def test_a_killed_ingest_goes_on(tmp_path: Path, url: str) -> None:
    log = tmp_path / "mail.log"
    log.write_text("".join(log_line(1 + n % 28, f"u{n}@x.example", number=n) for n in range(3_000)))
    command = [sys.executable, "-m", "bouncewise", "ingest", str(log), "--db", url]
    with open_store(url, create=True) as ledger:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: ledger.counts()["event"] > 0 or process.poll() is not None)
        process.kill()
        process.wait()
        assert processes(["ingest", str(log), "--db", url]) == [0]
        assert ledger.counts()["event"] == 3_000
        assert not ledger.pending
        assert len(states(ledger)) == 3_000


def test_a_writer_is_waited_for_and_named(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bouncewise.ledger.postgres.BUSY_SECONDS", 0.05)
    with open_store(url, create=True) as ledger, open_store(url) as other:
        with other.change(), pytest.raises(LedgerError, match="another bouncewise is writing"):
            suppress(ledger, "a@b.example")
        suppress(ledger, "a@b.example")
        with ledger.change():  # a writer keeps nobody from asking
            assert [name for name, _ in other.states()] == ["a@b.example"]


def test_a_checker_notices_what_others_write(url: str) -> None:
    with open_store(url, create=True) as ledger, open_store(url, read_only=True) as asked:
        checker = Checker(asked, POLICY)
        assert checker.check("a@b.example").send
        suppress(ledger, "a@b.example")
        until(lambda: not checker.check("a@b.example").send)
        before = asked.version()
        with ledger.change(commit=False):
            ledger.pending.add(["c@d.example"])
        assert asked.version() == before


def _open(url: str) -> str:
    try:
        with open_store(url, create=True) as ledger:
            return str(sorted(ledger.counts()))
    except BouncewiseError as bad:
        return str(bad)


def test_first_starts_at_once_make_one_ledger(url: str) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert len(set(pool.map(_open, [url] * 8))) == 1


def test_each_machine_has_an_index_of_its_own(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "LARGE", 50)
    names = [f"u{n}@x.example" for n in range(400)]
    held: set[str] = set()

    def machine(name: str) -> Store:
        return open_store(Location(url, tmp_path / name / "ledger", url), create=True)

    with machine("one") as one, machine("two") as two:
        for turn in range(20):
            writer = (one, two)[turn % 2]
            added, gone = names[turn * 20 :][:60], names[turn * 15 :][:10]
            with writer.change():
                writer.put((name, HELD) for name in added)
                writer.put((name, ()) for name in gone)
                writer.write_index()
            held = (held | set(added)) - set(gone)
            for ledger in (one, two):
                found = ledger.index()
                assert all(name in found for name in held), turn
                assert sum(name in found for name in names) <= len(held) + 100
        files = {path.parent.name for path in tmp_path.rglob("*.index-*")}
        assert files == {"one", "two"}
        assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.rglob("*.index-*"))


# ── trials ──────────────────────────────────────────────────────────────────────────────────────


def test_a_trial_writes_nothing_though_statements_are_prepared(tmp_path: Path, url: str) -> None:
    rule = tmp_path / "ours.toml"
    words = "The email account that you tried to reach does not exist"
    rule.write_text(RULE.replace(words, "User unknown").replace("does not exist", "user unknown"))
    log = tmp_path / "mail.log"
    log.write_text("".join(log_line(1 + n, f"u{n}@x.example", number=n) for n in range(20)))
    with open_store(url, create=True) as ledger:
        for path in (log, *MESSAGES):  # psycopg prepares what is run for the sixth time
            ingest(ledger, path)
        before = dump(ledger)
        for _ in range(3):
            context = Context(ledger, POLICY, Classifier(load_rules((rule,))))
            with replayed(context, at=END, apply_by=None) as outcome:
                assert len(list(outcome.changes)) == 20
            assert dump(ledger) == before
        suppress(ledger, "a@b.example")  # the real tables are written again
        assert rows(ledger, "SELECT count(*) FROM act") == [(1,)]
        context = Context(ledger, POLICY, default_classifier())
        with replayed(context, at=END, apply_by=None) as outcome:
            assert list(outcome.changes) == []


def test_the_url_is_taken_from_the_environment(tmp_path: Path, url: str) -> None:
    add = ("suppressions", "add", "a@b.example", "--why", "x")
    assert bouncewise(tmp_path, *add, BOUNCEWISE_DB=url).returncode == 0
    assert bouncewise(tmp_path, "check", "a@b.example", BOUNCEWISE_DB=url).returncode == 1
    assert not list(tmp_path.rglob("*sqlite*"))
