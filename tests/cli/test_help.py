"""``bouncewise help``, and the form of every ``--help``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bouncewise.cli import help as help_verb
from support.cli import bouncewise

DOCS = Path(__file__).parents[2] / "docs"


def test_help_lists_every_page_with_its_title(tmp_path: Path) -> None:
    lines = bouncewise(tmp_path, "help").stdout.decode().splitlines()
    assert [line.split()[0] for line in lines] == sorted(path.stem for path in DOCS.glob("*.md"))
    assert "command-line   The command line" in lines


@pytest.mark.parametrize("topic", ["policy", "docs/policy.md", "policy.md"])
def test_help_shows_a_page_as_it_is_where_output_is_no_terminal(topic: str, tmp_path: Path) -> None:
    page = (DOCS / "policy.md").read_text("utf-8")
    assert bouncewise(tmp_path, "help", topic).stdout.decode() == page
    row = json.loads(bouncewise(tmp_path, "help", topic, "--json").stdout)
    assert row == {"topic": "policy", "title": page.split("\n")[0][2:], "text": page}


def test_help_of_a_verb_without_a_page_is_its_help(tmp_path: Path) -> None:
    assert (
        bouncewise(tmp_path, "help", "check").stdout
        == bouncewise(tmp_path, "check", "--help").stdout
    )


def test_a_misspelt_topic_suggests_the_nearest(tmp_path: Path) -> None:
    done = bouncewise(tmp_path, "help", "polcy")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"Did you mean 'policy'?" in done.stderr
    assert b"lists the topics" in bouncewise(tmp_path, "help", "zzz").stderr


def test_a_program_without_its_documentation_names_the_site(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(help_verb, "_HERE", tmp_path)
    monkeypatch.setattr(help_verb, "_CHECKOUT", tmp_path)
    done = bouncewise(tmp_path, "help")
    assert done.returncode == 2
    assert b"https://github.com/bouncewise/bouncewise" in done.stderr
