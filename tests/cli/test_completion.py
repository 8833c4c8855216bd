"""What shells complete: verbs, causes, receivers, rules, files, by the protocol of each shell."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bouncewise.cli import VERBS
from bouncewise.model import Cause
from support.cli import bouncewise


def completed(folder: Path, *words: str) -> list[str]:
    """What bash shows for the last of *words*."""
    done = bouncewise(
        folder,
        _BOUNCEWISE_COMPLETE="bash_complete",
        COMP_WORDS=" ".join(("bouncewise", *words)),
        COMP_CWORD=str(len(words)),
    )
    return done.stdout.decode().split()


def plain(*values: str) -> list[str]:
    return [f"plain,{value}" for value in values]


def test_the_verbs_are_completed(tmp_path: Path) -> None:
    assert completed(tmp_path, "") == plain(*VERBS)
    assert completed(tmp_path, "sup") == plain("suppressions")
    assert completed(tmp_path, "suppressions", "ex") == plain("export")
    assert "plain,--version" in completed(tmp_path, "--")


def test_values_are_completed(tmp_path: Path) -> None:
    causes = [cause for cause in Cause if cause.startswith("mailbox-")]
    assert completed(tmp_path, "release", "--cause", "mailbox-") == plain(*causes)
    assert completed(tmp_path, "explain", "mailbox-f") == plain("mailbox-full")
    assert completed(tmp_path, "incidents", "show", "goog") == plain("google")
    assert completed(tmp_path, "release", "--receiver", "micros") == plain("microsoft")
    assert completed(tmp_path, "contact", "goog") == plain("google")
    assert completed(tmp_path, "policy", "explain", "trust.claims_a_d") == plain(
        "trust.claims_a_day"
    )
    rules = completed(tmp_path, "release", "--rule", "microsoft.")
    assert len(rules) > 5 and all(rule.startswith("plain,microsoft.") for rule in rules)


def test_the_rules_that_an_option_names_are_completed(tmp_path: Path) -> None:
    (tmp_path / "bouncewise.toml").write_text("[defaults]\ndb = 7\n")  # an error elsewhere
    assert completed(tmp_path, "release", "--rule", "microsoft.directory-e")


@pytest.mark.parametrize("verb", ["read", "ingest", "batch", "validate", "clean"])
def test_files_are_completed_by_the_shell(verb: str, tmp_path: Path) -> None:
    assert completed(tmp_path, verb, "/va") == ["file,/va"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_zsh_and_fish_get_a_word_on_each_value(shell: str, tmp_path: Path) -> None:
    done = bouncewise(
        tmp_path,
        _BOUNCEWISE_COMPLETE=f"{shell}_complete",
        COMP_WORDS="bouncewise cl",
        COMP_CWORD="cl" if shell == "fish" else "1",
    )
    for verb in ("classify", "clean"):
        assert verb.encode() in done.stdout and VERBS[verb].encode() in done.stdout


@pytest.mark.parametrize(
    ("shell", "beginning"),
    [("bash", "_bouncewise_completion()"), ("zsh", "#compdef bouncewise"), ("fish", "function")],
)
def test_the_script_of_each_shell_is_printed(shell: str, beginning: str, tmp_path: Path) -> None:
    done = bouncewise(tmp_path, _BOUNCEWISE_COMPLETE=f"{shell}_source")
    assert done.stdout.decode().startswith(beginning)


def test_bash_itself_completes_with_the_documented_script(tmp_path: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash")
    command = tmp_path / "bouncewise"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m bouncewise "$@"\n')
    command.chmod(0o755)
    script = """
        _BOUNCEWISE_COMPLETE=bash_source bouncewise > script && source ./script
        COMP_WORDS=(bouncewise release --cause mailbox-f) COMP_CWORD=3
        _bouncewise_completion bouncewise
        echo "${COMPREPLY[@]}"
    """
    done = subprocess.run(
        [bash, "--norc", "-c", script],
        capture_output=True,
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        text=True,
        timeout=60,
    )
    assert done.stdout == "mailbox-full\n", done.stderr
