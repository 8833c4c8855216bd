"""Options whose defaults bouncewise.toml states: option, environment, file, default."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.cli import bouncewise

JO = "jo@x.example"
RULE = """
title = "Ours"

[[rule]]
id = "ours.parked"
cause = "mailbox-disabled"
when = { phrase = ["mailbox is parked"] }
source = "our own servers"
why = "parked"
example = ["550 5.2.1 Mailbox is parked"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a configuration that names a ledger in which JO is suppressed, a policy and rules."""
    (tmp_path / "bouncewise.toml").write_text(
        '[defaults]\ndb = "own.sqlite"\npolicy = "policy.toml"\nrules = ["ours.toml"]\n'
    )
    (tmp_path / "policy.toml").write_text("[trust]\nclaims_a_day = 7\n")
    (tmp_path / "ours.toml").write_text(RULE)
    bouncewise(tmp_path, "suppressions", "add", JO, "--why", "phone")
    return tmp_path


def origins(folder: Path, *options: str, **environment: str) -> dict[str, tuple[object, str]]:
    done = bouncewise(folder, "config", "show", "--json", *options, **environment)
    rows = map(json.loads, done.stdout.splitlines())
    return {row["name"].removeprefix("defaults."): (row["value"], row["origin"]) for row in rows}


def test_the_option_precedes_the_variable_and_that_the_file(folder: Path) -> None:
    assert (folder / "own.sqlite").exists()
    bouncewise(folder, "suppressions", "add", "al@x.example", "--why", "phone", "--db", "other")
    assert bouncewise(folder, "check", JO).returncode == 1
    assert bouncewise(folder, "check", JO, BOUNCEWISE_DB="other").returncode == 0
    assert bouncewise(folder, "check", JO, BOUNCEWISE_DB="").returncode == 1
    both = bouncewise(folder, "check", JO, "--db", "own.sqlite", BOUNCEWISE_DB="other")
    assert both.returncode == 1


def test_config_show_says_where_each_value_comes_from(folder: Path) -> None:
    assert origins(folder)["db"] == (str(folder / "own.sqlite"), "file")
    assert origins(folder)["rules"] == ([str(folder / "ours.toml")], "file")
    assert origins(folder, BOUNCEWISE_POLICY="p")["policy"] == ("p", "environment")
    assert origins(folder, "--db", "d", BOUNCEWISE_DB="e")["db"] == ("d", "option")
    assert origins(folder)["verp.days"] == (30, "default")
    (folder / "bouncewise.toml").write_text("[verp]\ndays = 30\nsince = 2026-12-01\n")
    assert origins(folder)["verp.days"] == (30, "file")
    assert origins(folder)["policy"] == (None, "default")
    assert origins(folder)["db"][1] == "default"
    text = bouncewise(folder, "config", "show", BOUNCEWISE_DB="e").stdout.decode()
    assert "defaults.db = e  # BOUNCEWISE_DB\n" in text


def test_config_show_does_not_print_keys_of_the_environment(folder: Path) -> None:
    secret = "a " + "0" * 32
    done = bouncewise(folder, "config", "show", BOUNCEWISE_VERP_KEYS=secret)
    assert b"verp.key_file =  # BOUNCEWISE_VERP_KEYS\n" in done.stdout
    assert b"0000" not in done.stdout


def test_rules_and_policy_of_the_file_are_in_force(folder: Path) -> None:
    done = bouncewise(folder, "classify", "--json", stdin=b"550 5.2.1 Mailbox is parked\n")
    assert json.loads(done.stdout)["rule"] == "ours.parked"
    assert b"ours.parked" in bouncewise(folder, "rules", "list").stdout
    shown = bouncewise(folder, "policy", "explain", "trust.claims_a_day").stdout
    assert shown.startswith(b"trust.claims_a_day = 7")


def test_a_verb_without_a_configuration_of_its_own_takes_config(folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    (folder / "bouncewise.toml").rename(folder / "elsewhere" / "mine.toml")
    (folder / "own.sqlite").rename(folder / "elsewhere" / "own.sqlite")
    for name in ("policy.toml", "ours.toml"):
        (folder / name).rename(folder / "elsewhere" / name)
    mine = "elsewhere/mine.toml"
    assert bouncewise(folder, "check", JO, "--config", mine).returncode == 1
    assert bouncewise(folder, "check", JO, BOUNCEWISE_CONFIG=mine).returncode == 1
    assert bouncewise(folder, "check", JO).returncode == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[defaults]\ndb = \n", "line 2"),
        ("[defaults]\ndatabase = 'x'", "[defaults] database: unknown key; known are db, policy"),
        ("[defaults]\nrules = 'x'", 'example: rules = ["/etc/bouncewise/rules"]'),
        ("[defaults]\npolicy = '~nobody-here/x'", "write the whole path"),
        ("[defaults]\npolicy = 'none.toml'", "none.toml: No such file"),
        ("[defaults]\nrules = ['none']", "no such rule file or folder"),
    ],
)
def test_config_check_names_the_file_and_the_line_or_key(
    text: str, words: str, folder: Path
) -> None:
    (folder / "bouncewise.toml").write_text(text)
    done = bouncewise(folder, "config", "check")
    assert (done.returncode, done.stdout) == (2, b"")
    assert words in done.stderr.decode()
    assert str(folder) in done.stderr.decode() or b"bouncewise.toml" in done.stderr


def test_a_wrong_file_ends_a_question_with_exit_code_2(folder: Path) -> None:
    (folder / "bouncewise.toml").write_text("[defaults]\nbd = 'x'")
    done = bouncewise(folder, "check", JO)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"did you mean db?" in done.stderr


def test_config_check_says_that_the_ledger_is_not_there_yet(folder: Path) -> None:
    (folder / "own.sqlite").unlink()
    done = bouncewise(folder, "config", "check")
    assert done.returncode == 0
    assert b"`bouncewise ingest` creates it" in done.stdout


def test_an_empty_option_of_the_ledger_is_an_error_whatever_the_file_states(folder: Path) -> None:
    assert bouncewise(folder, "check", JO, "--db", "").returncode == 2


def test_batch_uses_the_rules_of_the_file(folder: Path) -> None:
    pytest.importorskip("polars")
    (folder / "replies.txt").write_text("550 5.2.1 Mailbox is parked\n")
    for options, rule in (([], "ours.parked"), (["--config", "none.toml"], "")):
        (folder / "none.toml").write_text("")
        out = f"out{len(options)}"
        done = bouncewise(folder, "batch", "replies.txt", "-o", out, "--by", "rule", *options)
        assert done.returncode == 0, done.stderr
        counts = (folder / out / "counts.csv").read_text()
        assert ("ours.parked,1" in counts) is bool(rule)


def test_a_place_that_this_user_may_not_search_has_no_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "bouncewise.toml").unlink()
    exists = Path.exists

    def guarded(path: Path) -> bool:
        if path.name == "bouncewise.toml":
            raise PermissionError(13, "Permission denied", str(path))
        return exists(path)

    monkeypatch.setattr(Path, "exists", guarded)
    assert bouncewise(folder, "check", JO, "--db", "own.sqlite").returncode == 1
