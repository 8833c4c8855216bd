"""Every verb that takes --db, on a ledger in PostgreSQL: it answers as on SQLite."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest

from bouncewise import cli
from support import postgres
from support.cli import bouncewise
from support.postfix import ACCEPTED, UNKNOWN, log_lines

DAY = datetime(2026, 3, 1, tzinfo=UTC)
MX = "tenant-example.mail.protection.outlook.com"
DENIED = "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)"
BLOCKED = "550 5.7.1 Service unavailable, client host [192.0.2.1] blocked using zen.spamhaus.org"
FIXTURES = Path(__file__).parents[1] / "fixtures"
AT = ("--at", "2026-03-25T12:00Z")
SAID = ("--why", "said so", "--by", "jo")
TENANT = "@tenant.example"

# In this order: a ledger is filled, asked, and changed.
VERBS = [
    ("ingest", "mail.log", str(FIXTURES / "messages" / "postfix.eml"), "--json"),
    ("ingest", "mail.log", "events.json", "--json"),
    ("status", "--json", *AT),
    ("incidents", "--json"),
    ("incidents", "list", "--json"),
    ("incidents", "show", TENANT, "--json"),
    ("check", "u1@tenant.example", "dead@x.example", "new@x.example", "--json"),
    ("check", "dead@x.example", "--json", *AT),
    ("history", "dead@x.example", "--json"),
    ("explain", "dead@x.example", "--json"),
    ("diagnose", "dead@x.example", "--json", *AT),
    ("missed", "--json", "--since", "2026-03-20", *AT),
    ("compare", "--json"),
    ("domains", "--json"),
    ("sender", "complaints", "--json"),
    ("sender", "reports", "--json"),
    ("sender", "signals", "--json"),
    ("sender", "volume", "--json"),
    ("contact", "y.example", "--json"),
    ("clean", "list.csv"),
    ("validate", "list.csv", "--offline"),
    ("gate", "list.csv", "--json", *AT),
    ("segment", "list.csv", "--json", *AT),
    ("suppressions", "list", "--json"),
    ("suppressions", "export", "--format", "postfix"),
    ("suppressions", "add", "by-hand@x.example", *SAID, "--dry-run", "--json"),
    ("suppressions", "add", "by-hand@x.example", TENANT, *SAID, "--json"),
    ("suppressions", "remove", TENANT, *SAID, "--json"),
    ("suppressions", "import", "export.csv", "--json"),
    ("suppressions", "remove", "--added-by", "import:csv", "--why", "wrong file", "--json"),
    ("suppressions", "import", "later.csv", "--json"),
    ("suppressions", "undo", "4", *SAID, "--json"),
    ("suppressions", "imports", "--json"),
    ("audit", "list", "--json"),
    ("alerts", "list", "--json"),
    ("alerts", "retry", "--json"),
    ("audit", "undo", "1", *SAID, "--dry-run", "--json"),
    ("migrate", "--json"),
    ("confirm", "dead@x.example", *SAID, "--json"),
    ("replay", "--dry-run", "--json"),
    ("incidents", "close", TENANT, *SAID, "--dry-run", "--json"),
    ("incidents", "close", TENANT, *SAID, "--json"),
    ("incidents", "ignore", TENANT, "--opened", "2026-03-22", *SAID, "--json"),
    ("release", "--receiver", "microsoft", *SAID, "--json"),
    ("replay", "--apply", "--by", "jo", "--json"),
    ("forget", "u2@tenant.example", "--json"),
    ("check", "u2@tenant.example", "--json"),
    ("spool", "list", "--config", "spool.toml"),
    ("status", "--json", *AT),
    ("suppressions", "list", "--held", "--json"),
]
ELSEWHERE = {
    "config check": "it opens no ledger",
    "config show": "it opens no ledger",
    "copy": "tests/cli/test_copy.py",
    "doctor": "it looks at this machine, and asks a ledger as `migrate` does",
    "dashboard": "the pages open a ledger as `check` does",
    "fetch": "it needs a mailbox, and writes as `ingest` does",
    "follow": "it writes as `ingest` does; tests/service/test_inputs.py",
    "mcp": "it does what the HTTP API does; tests/service/test_mcp.py",
    "sender audit": "it needs DNS, and asks a ledger as `sender reports` does",
    "serve": "tests/integration/test_serve.py",
    "spool drop": "it opens no ledger",
    "spool retry": "it writes as `ingest` does",
    "spool show": "it opens no ledger",
    "sync": "it needs an ESP; tests/operations/test_sync.py runs on both",
    "watch": "it needs DNS; tests/operations/test_watch.py",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines, queue = [], 0
    for day in range(24):
        for who in range(30):
            refused = day >= 21 and who % 3
            reply = DENIED if refused else ACCEPTED
            at = DAY + timedelta(days=day, minutes=who)
            queue += 1
            lines.append(log_lines(at, f"u{who}@tenant.example", reply, queue=queue, host=MX))
        for who in ("dead@x.example", "blocked@y.example"):
            queue += 1
            reply = BLOCKED if who.startswith("blocked") else UNKNOWN
            at = DAY + timedelta(days=day, hours=2)
            lines.append(log_lines(at, who, ACCEPTED if day < 15 else reply, queue=queue))
    (tmp_path / "mail.log").write_text("".join(lines))
    (tmp_path / "events.json").write_text(
        '[{"email": "u3@tenant.example", "event": "open", "timestamp": 1772900000},'
        ' {"email": "u4@tenant.example", "event": "spamreport", "timestamp": 1772900000}]'
    )
    names = ["email", "u1@tenant.example", "u5@tenant.example", "dead@x.example", "new@x.example"]
    (tmp_path / "list.csv").write_text("\n".join(names))
    (tmp_path / "export.csv").write_text("email,reason\nold@x.example,550 5.1.1 User unknown\n")
    (tmp_path / "later.csv").write_text("email,reason\nolder@x.example,550 5.1.1 User unknown\n")
    (tmp_path / "spool.toml").write_text(f'[spool]\nfolder = "{tmp_path}/spool"\n')
    (tmp_path / "spool").mkdir()
    return tmp_path


def test_every_verb_answers_as_on_sqlite(folder: Path) -> None:
    places = {"sqlite": str(folder / "ledger.sqlite"), "postgresql": postgres.server().new_url()}
    for verb in VERBS:
        found = {}
        for kind, db in places.items():
            done = bouncewise(folder, *verb, "--db", db)
            out, err = done.stdout.decode(), done.stderr.decode()
            found[kind] = (done.returncode, *(_comparable(text, db) for text in (out, err)))
        assert found["postgresql"] == found["sqlite"], verb
        assert found["sqlite"][0] in (0, 1), (verb, found["sqlite"])


def _comparable(text: str, db: str) -> str:
    """*text* without the name of the ledger and the present time."""
    return re.sub(r"(?!2026-03)\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?", "NOW", text.replace(db, "DB"))


def test_every_verb_is_tried() -> None:
    tried = {" ".join(verb[:length]) for verb in VERBS for length in (1, 2)}
    verbs = set(_with_ledger(cli.bouncewise, ()))
    assert verbs - tried == set(ELSEWHERE)


def _with_ledger(command: click.Command, path: tuple[str, ...]) -> list[str]:
    """The names of the commands below *command* that take --db."""
    found = [" ".join(path)] if any(p.name == "db" for p in command.params) else []
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            sub = command.get_command(context, name)
            assert sub is not None
            found += _with_ledger(sub, (*path, name))
    return found
