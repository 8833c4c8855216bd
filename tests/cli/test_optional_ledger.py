"""Verbs to which the ledger only adds: --db must name one, the environment need not."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.cli import bouncewise

MESSAGE = "From: a@b.example\nTo: c@d.example\nSubject: x\n\nhello\n"
VERBS = [("diagnose", "550 5.1.1 no such user"), ("sender", "in.eml", "--resolver", "127.0.0.1:9")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in.eml").write_text(MESSAGE)
    return tmp_path


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb[0])
def test_a_ledger_that_the_option_names_must_be_there(folder: Path, verb: tuple[str, ...]) -> None:
    done = bouncewise(folder, *verb, "--db", f"sqlite:///{folder}/none")
    assert done.returncode == 2
    assert b"no ledger there" in done.stderr


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb[0])
def test_one_that_the_environment_names_need_not_be_there(
    folder: Path, verb: tuple[str, ...]
) -> None:
    there = bouncewise(folder, *verb, BOUNCEWISE_DB="")
    done = bouncewise(folder, *verb, BOUNCEWISE_DB=f"sqlite:///{folder}/none")
    assert (done.returncode, done.stdout) == (there.returncode, there.stdout)
    assert done.stderr.decode().count("which BOUNCEWISE_DB names: no ledger there") == 1
    assert b"no ledger" not in there.stderr
    assert not (folder / "none").exists()


def test_one_that_the_configuration_names_need_not_be_there(folder: Path) -> None:
    (folder / "bouncewise.toml").write_text('[defaults]\ndb = "none"\n')
    done = bouncewise(folder, *VERBS[0], "--config", "bouncewise.toml")
    assert done.returncode == 0
    assert b"which the configuration names: no ledger there" in done.stderr


@pytest.mark.parametrize("verb", [("check", "a@b.example"), ("validate", "a@b.example")])
def test_a_question_that_needs_the_ledger_fails_closed(folder: Path, verb: tuple[str, ...]) -> None:
    done = bouncewise(folder, *verb, BOUNCEWISE_DB=f"sqlite:///{folder}/none")
    assert (done.returncode, done.stdout) == (2, b"")
