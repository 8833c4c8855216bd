"""Every ``--help``: it fits into 80 columns, has an example that runs, states its exit codes, and
uses one word and one option for one thing.
"""

from __future__ import annotations

import re
import shlex
import shutil
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from bouncewise.cli import bouncewise as group
from support.cli import bouncewise
from support.postfix import ACCEPTED, log_lines

ROOT = Path(__file__).parents[2]
UNKNOWN = "550 5.1.1 The email account that you tried to reach does not exist"


class Command(NamedTuple):
    """A command with the words that call it."""

    name: str
    command: click.Command
    context: click.Context


def commands(
    command: click.Command = group, parent: click.Context | None = None, name: str = "bouncewise"
) -> Iterator[Command]:
    """*command*, and all within it."""
    context = click.Context(
        command, info_name=name, parent=parent, terminal_width=80, **command.context_settings
    )
    yield Command(context.command_path.removeprefix("bouncewise").strip(), command, context)
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            assert found is not None
            yield from commands(found, context, inner)


COMMANDS = list(commands())
IDS = [each.name or "bouncewise" for each in COMMANDS]
OPTIONS = [
    (each.name, option)
    for each in COMMANDS
    for option in each.command.params
    if isinstance(option, click.Option) and not option.hidden
]


def examples(command: click.Command) -> list[str]:
    """The command lines in a help text."""
    paragraphs = re.findall(r"\x08\n(.*?)(?:\n\n|\Z)", (command.help or "") + "\n", re.S)
    text = "\n".join(paragraphs).replace("\\\n", " ")
    return [line.strip() for line in text.split("\n") if re.search(r"\bbouncewise \S", line)]


@pytest.mark.parametrize("each", COMMANDS, ids=IDS)
def test_the_help_fits_into_80_columns(each: Command) -> None:
    for line in each.command.get_help(each.context).split("\n"):
        assert len(line) <= 80, line


@pytest.mark.parametrize("each", COMMANDS, ids=IDS)
def test_the_help_has_an_example_and_an_end(each: Command) -> None:
    calls = [line for line in examples(each.command) if f"bouncewise {each.name}".strip() in line]
    assert calls or each.name == "sender audit"  # (``audit`` need not be written)
    text = re.sub(r"\s+", " ", (each.command.help or "").replace("\b", ""))
    assert re.match(r"[A-Z]", text) and "may be given several times" not in text


# What they would do: listen, ask DNS, other servers or people, or not end.
NOT_RUN = (
    "alerts",
    "blocklists",
    "copy",
    "dashboard",
    "fetch",
    "mcp",
    "follow",
    "sender",
    "serve",
    "spool",
    "sync",
    "users",
    "validate",
    "watch",
)
WITH_DNS = ("--dns", "--validate")
# There is no incident, mailing or import with the time, name or number of the example.
NAMES_OF_EVENTS = {"--opened", "--campaign", "undo"}


def _log() -> str:
    """Days of deliveries, and refusals of the last hour at Google and at a tenant."""
    now = datetime.now(UTC).replace(microsecond=0)
    lines, number = [], 0
    places = {"google": ("gmail.com", "gmail-smtp-in.l.google.com"), "": ("tenant.example", "")}
    for domain, host in places.values():
        for hours in (72, 48, 24, 1):
            for i in range(60):
                number += 1
                at = now - timedelta(hours=hours, seconds=-i)
                reply = UNKNOWN if hours == 1 and i >= 35 else ACCEPTED
                message = f"m{number}@shop.example"
                lines.append(
                    log_lines(
                        at,
                        f"u{i}@{domain}",
                        reply,
                        queue=number,
                        host=host,
                        message_id=message,
                    )
                )
    lines.append(log_lines(now, "jo@example.com", "550 5.1.1 User unknown", queue=number + 1))
    return "".join(lines)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the examples name: logs with an outage at Google, lists, rules, messages, keys."""
    folder = tmp_path_factory.mktemp("examples")
    (folder / "mail.log").write_text(_log())
    shutil.copy(ROOT / "examples" / "sendgrid-bounces.csv", folder / "bounces.csv")
    for name in ("list", "subscribers", "signups"):
        (folder / f"{name}.csv").write_text("email,signup_form\njo@example.com,a\nal@b.example,b\n")
    (folder / "opens.csv").write_text("email,event,at\nu40@gmail.com,open,2026-01-01T00:00:00Z\n")
    (folder / "replies.txt").write_text(f"{UNKNOWN}\n")
    (folder / "requests.txt").write_text("gone@example.com\n")
    (folder / "return-addresses.txt").write_text("none@example.com\n")
    (folder / "policy.toml").write_text("[trust]\nclaims_a_day = 7\n")
    for name in ("newsletter", "received", "bounce"):
        shutil.copy(ROOT / "examples" / "bounces" / "exim.eml", folder / f"{name}.eml")
    shutil.copytree(ROOT / "examples" / "rules", folder / "our-rules")
    shutil.copytree(ROOT / "examples" / "bounces", folder / "Maildir")
    (folder / "dmarc-reports").mkdir()
    (folder / "classified").mkdir()
    rows = f'diagnostic,recipient,timeLogged\n"{UNKNOWN}",u1@gmail.com,2026-01-01T00:00:00Z\n'
    for name in ("acct-1", "log"):
        (folder / f"{name}.csv").write_text(rows)
    pyarrow_csv = pytest.importorskip("pyarrow.csv")
    parquet = pytest.importorskip("pyarrow.parquet")
    (folder / "bounces").mkdir()
    table = pyarrow_csv.read_csv(folder / "log.csv")
    parquet.write_table(table, folder / "bounces" / "one.parquet")
    for name in ("snds.csv", "postmaster.json"):
        shutil.copy(folder / "replies.txt", folder / name)
    (folder / "bouncewise.toml").write_text(
        "[defaults]\ndb = 'l.sqlite'\n[verp]\ndomain = 'b.example'\nkey_file = 'verp.keys'\n"
        "since = 2026-12-01\n"
    )
    bouncewise(folder, "verp", "key", "verp.keys")
    done = bouncewise(folder, "ingest", "mail.log", "--jobs", "1")
    assert done.returncode == 0, done.stderr
    return folder


def calls(line: str, folder: Path) -> Iterator[tuple[list[str], bytes]]:
    """The calls of bouncewise in a command line: their words, and what standard input is."""
    inner = re.search(r"\$\((.*?)\)", line)
    line = inner[1] if inner else line
    for place in (
        "/var/log/",
        "/etc/bouncewise/",
        "/etc/postfix/",
        "/var/lib/bouncewise/",
        "/srv/",
    ):
        line = line.replace(place, "")
    line = line.replace("~/Maildir/.bounces", "Maildir").replace("mail.log.*.gz", "mail.log")
    for part in re.split(r"\s(?:\||&&|\|\|)\s", line):
        words = shlex.split(part, comments=True)
        if words and words[0] == "bouncewise":
            stdin = b"550 5.1.1 User unknown\n"
            for sign in {"<<<", "<", ">", ">>"} & set(words):
                at = words.index(sign)
                if sign == "<":
                    stdin = (folder / words[at + 1]).read_bytes()
                words = words[:at]
            yield words[1:], stdin


EXAMPLES = sorted({line for each in COMMANDS for line in examples(each.command)})


@pytest.mark.parametrize("line", EXAMPLES)
def test_the_example_runs(line: str, folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "here"
    shutil.copytree(folder, place)
    found = list(calls(line, place))
    assert found
    for words, stdin in found:
        if words[0] in NOT_RUN or set(WITH_DNS) & set(words):
            _parse(words)
            continue
        files = [w for word in words for w in (_globbed(word, place) if "*" in word else [word])]
        done = bouncewise(place, *files, stdin=stdin)
        if NAMES_OF_EVENTS & set(words):
            assert done.returncode in (0, 1, 2) and done.stderr.count(b"\n") <= 1, done.stderr
        else:
            assert done.returncode in (0, 1), (files, done.stderr.decode())


def _globbed(word: str, folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.glob(word)) or [word]


def _parse(words: list[str]) -> None:
    """What an example names is there: verbs, options and values."""
    command: click.Command = group
    context = click.Context(group)
    while isinstance(command, click.Group) and words:
        found = command.get_command(context, words[0])
        if found is None:
            assert command.name == "sender"
            found, words = command.get_command(context, "audit"), ["", *words]
        assert found is not None
        command, words = found, words[1:]
    options = {name for option in command.params for name in option.opts}
    assert {word for word in words if word.startswith("-") and word != "-"} <= options


def test_the_exit_codes_of_the_table_are_those_of_the_help() -> None:
    page = (ROOT / "docs" / "command-line.md").read_text("utf-8")
    table = page.partition("| verb | exit code 1 |")[2].partition("## ")[0]
    documented = {
        name
        for cell in re.findall(r"^\| (`.*?) \|", table, re.M)
        for name in re.findall(r"`([a-z ]+?)(?: LIST| --[a-z -]+)?`", cell)
    }
    stated = {
        each.name
        for each in COMMANDS
        if re.search(
            r"\bexits? (?:0 .{0,80})?1\b", (each.command.help or "").replace("\n", " "), re.I
        )
    }
    assert stated | {"sender"} == documented  # (``sender`` DOMAIN is ``sender audit``)


NAMES = {  # the metavar of each option that several commands have; a choice lists its values
    "--at": "TIME",
    "--since": "TIME",
    "--until": "TIME",
    "--opened": "TIME",
    "--column": "COLUMN",
    "--why": "TEXT",
    "--days": "N",
    "--jobs": "N",
    "--db": "FILE|URL",
    "--policy": "FILE",
    "--config": "FILE",
    "--rules": "PATH",
    "--cause": "CAUSE",
    "--resolver": "ADDRESS[:PORT]",
    "--rejected": "FILE",
    "--split": "FOLDER",
    "--stream": "NAME",
    "--ip": "IP",
}
SAME = {  # options that mean the same wherever they are
    *("--at", "--db", "--policy", "--config", "--rules", "--json", "--quiet", "--verbose"),
    *("--why", "--column", "--days", "--jobs", "--resolver", "--ip"),
}


def test_an_option_has_one_value_and_one_meaning_in_every_command() -> None:
    texts: dict[str, set[str | None]] = defaultdict(set)
    for name, option in OPTIONS:
        for opt in option.opts:
            assert option.metavar == NAMES.get(opt, option.metavar), f"{name} {opt}"
            texts[opt].add(option.help)
            assert option.help, f"{name} {opt}: no help"
        if "--output" in option.opts:
            assert option.opts == ["-o", "--output"] and option.metavar in ("FILE", "FOLDER", None)
    assert {opt for opt in SAME if len(texts[opt]) > 1} == set()


def test_every_command_writes_json_and_can_be_quiet_or_verbose() -> None:
    for each in COMMANDS:
        if not isinstance(each.command, click.Group):
            options = {opt for option in each.command.params for opt in option.opts}
            assert {"--json", "-q", "-v"} <= options, each.name


def test_an_act_has_a_reason_and_an_author() -> None:
    """Whatever is recorded as an act of a person."""
    with_why = {name for name, option in OPTIONS if "--why" in option.opts and option.required}
    assert with_why >= {"suppressions add", "suppressions remove", "release", "confirm"}
    assert with_why >= {"incidents close", "incidents ignore"}
    authors = {
        name for name, option in OPTIONS if "--by" in option.opts and option.metavar == "NAME"
    }
    assert with_why <= authors


def test_arguments_that_repeat_are_marked_alike() -> None:
    for each in COMMANDS:
        for argument in each.command.params:
            if isinstance(argument, click.Argument):
                shown = argument.make_metavar(each.context)
                assert "..." not in shown
                assert ("…" in shown) == (argument.nargs == -1), each.name
