"""--quiet, --verbose, standard input in place of names, and options that are required."""

from __future__ import annotations

from pathlib import Path

import pytest

from bouncewise import __version__
from bouncewise.cli.screen import mark, render
from support.cli import bouncewise
from support.postfix import UNKNOWN, log_lines

JO = "jo@x.example"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mail.log").write_text(log_lines("2026-03-01T09:00:00+00:00", JO, UNKNOWN))
    (tmp_path / "prose").write_text("Dear reader,\nthis is a letter.\n")
    (tmp_path / "bouncewise.toml").write_text("[defaults]\ndb = 'l'\n")
    bouncewise(tmp_path, "ingest", "mail.log")
    return tmp_path


def test_quiet_leaves_answers_errors_and_exit_codes(folder: Path) -> None:
    loud, quiet = (bouncewise(folder, "read", "prose", "mail.log", *q) for q in ([], ["-q"]))
    assert b"note: prose" in loud.stderr and quiet.stderr == b""
    assert (loud.stdout, loud.returncode) == (quiet.stdout, quiet.returncode)
    assert bouncewise(folder, "read", "prose", "--quiet").returncode == 1
    assert b"no ledger" in bouncewise(folder, "check", JO, "-q", "--db", "none").stderr
    (folder / "list.csv").write_text(f"email\n{JO}\n")
    assert bouncewise(folder, "clean", "list.csv", "-q", "-o", "out.csv").stderr == b""


def test_quiet_is_for_one_command_only(folder: Path) -> None:
    bouncewise(folder, "read", "prose", "-q")
    assert b"note:" in bouncewise(folder, "read", "prose").stderr


def test_a_token_is_shown_even_if_quiet(folder: Path) -> None:
    assert b"shown only now" in bouncewise(folder, "tokens", "make", "shop", "-q").stderr


def test_verbose_names_what_is_used(folder: Path) -> None:
    done = bouncewise(folder, "ingest", "mail.log", "-v")
    lines = done.stderr.decode().splitlines()
    assert "configuration: bouncewise.toml" in lines
    assert f"ledger: {folder / 'l'}" in lines
    assert {"policy: shipped", "rules: shipped"} <= set(lines)
    assert bouncewise(folder, "check", JO, "-v").stdout == bouncewise(folder, "check", JO).stdout


def test_check_reads_addresses_from_standard_input(folder: Path) -> None:
    done = bouncewise(folder, "check", "-", stdin=f"ok@x.example\n\n{JO}\n".encode())
    assert done.returncode == 1
    assert [line.split()[2] for line in done.stdout.decode().splitlines()] == ["ok@x.example", JO]
    assert bouncewise(folder, "check", "-", stdin=b"no address\n").returncode == 2
    assert bouncewise(folder, "check", "-", stdin=b"\n").returncode == 2  # it is no yes


def test_check_takes_the_column_of_a_list(folder: Path) -> None:
    (folder / "list.csv").write_text(f"contact,email\n{JO},ok@x.example\n")
    csv = ("check", "--csv", "list.csv")
    assert bouncewise(folder, *csv).returncode == 0
    assert bouncewise(folder, *csv, "--column", "contact").returncode == 1
    assert bouncewise(folder, "check", JO, "--column", "contact").returncode == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["release", "--rule", "x"],
        ["suppressions", "add", JO],
        ["suppressions", "remove", JO],
        ["confirm", JO],
        ["incidents", "close", "google"],
        ["incidents", "ignore", "google", "--opened", "2026-03-01"],
    ],
)
def test_an_act_without_a_reason_is_a_usage_error(arguments: list[str], folder: Path) -> None:
    done = bouncewise(folder, *arguments)
    assert done.returncode == 2
    assert b"Missing option '--why'" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["incidents"], "no incident and no alert in the 30 days before 2026-03-01"),
        (["incidents", "list", "--days", "7"], "no incident and no alert in the 7 days"),
        (["domains"], "no domain is held or suppressed"),
        (["suppressions", "list", "--held"], "nothing is held"),
    ],
)
def test_an_empty_answer_says_so_on_standard_error(
    arguments: list[str], words: str, folder: Path
) -> None:
    done = bouncewise(folder, *arguments)
    assert (done.returncode, done.stdout) == (0, b"")
    assert words in done.stderr.decode()
    assert bouncewise(folder, *arguments, "-q").stderr == b""


def test_the_version_has_the_name_of_the_program(folder: Path) -> None:
    assert bouncewise(folder, "--version").stdout == f"bouncewise {__version__}\n".encode()


def test_no_color_leaves_bold_only(monkeypatch: pytest.MonkeyPatch) -> None:
    marked = f"{mark('a', 'blue')} {mark('b', 'bold')}"
    monkeypatch.setenv("NO_COLOR", "")
    assert "\x1b[34m" in render(marked)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[34m" not in render(marked) and "\x1b[1m" in render(marked)


@pytest.mark.parametrize("verb", [("sender", "complaints"), ("sender", "signals"), ("compare",)])
def test_json_of_nothing_has_no_empty_line(folder: Path, verb: tuple[str, ...]) -> None:
    out = bouncewise(folder, *verb, "--json").stdout
    assert b"" not in out.splitlines()
