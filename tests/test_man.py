"""The manual pages: one for bouncewise and one for each verb, in man(7), with every option."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest
from lab.man import CODES, write

from bouncewise.cli import VERBS
from bouncewise.cli import bouncewise as group

MACROS = {"TH", "SH", "SS", "PP", "TP", "B", "BR", "I", "RS", "RE", "nf", "fi", "br"}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("man")
    (folder / "bouncewise-gone.1").write_text("a verb that was removed")
    write(folder)
    return {path.name: path.read_text("utf-8") for path in folder.iterdir()}


def commands(command: click.Command) -> list[click.Command]:
    """*command* and those in it."""
    found = [command]
    if isinstance(command, click.Group):
        context = click.Context(command)
        inner = (command.get_command(context, name) for name in command.list_commands(context))
        found += filter(None, inner)
    return found


def test_there_is_a_page_for_bouncewise_and_for_each_verb(pages: dict[str, str]) -> None:
    assert set(pages) == {"bouncewise.1", *(f"bouncewise-{verb}.1" for verb in VERBS)}


def test_a_page_has_the_sections_and_the_name_that_apropos_looks_for(
    pages: dict[str, str],
) -> None:
    for name, text in pages.items():
        sections = re.findall(r"^\.SH (.+)$", text, re.M)
        assert sections[:4] == ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS"]
        assert sections[-1] == "SEE ALSO" and "EXIT STATUS" in sections
        escaped = re.escape(name.removesuffix(".1").replace("-", r"\-"))
        assert re.search(rf"^\.SH NAME\n{escaped} \\- \S.*$", text, re.M)


def test_a_page_is_made_of_known_macros_that_are_closed(pages: dict[str, str]) -> None:
    for name, text in pages.items():
        macros = re.findall(r"^\.(\S+)", text, re.M)
        assert set(macros) <= MACROS, name
        assert macros.count("nf") == macros.count("fi") and macros.count("RS") == macros.count("RE")
        assert not re.search(r"^'|\\(?!e|-|&|\(dq|fB|fR)", text, re.M), name
        assert "\b" not in text and "/root" not in text


@pytest.mark.parametrize("verb", VERBS)
def test_a_page_has_every_option_of_its_verb(verb: str, pages: dict[str, str]) -> None:
    command = group.get_command(click.Context(group), verb)
    assert command is not None
    text = pages[f"bouncewise-{verb}.1"].replace(r"\-", "-")
    for inner in commands(command):
        for option in inner.params:
            if isinstance(option, click.Option) and not option.hidden:
                assert re.search(rf"^\.B .*{max(option.opts, key=len)}\b", text, re.M)
                assert not option.show_envvar or str(option.envvar) in text


def test_the_overview_has_every_verb_every_variable_and_every_exit_code(
    pages: dict[str, str],
) -> None:
    text = pages["bouncewise.1"].replace(r"\-", "-")
    for verb, about in VERBS.items():
        assert f".BR bouncewise-{verb} (1)\n{about}" in text
    root = Path(__file__).parent.parent
    documented = (root / "docs" / "command-line.md").read_text("utf-8")
    for variable in set(re.findall(r"`(BOUNCEWISE_\w+)`", documented)):
        assert f".B {variable}\n" in text
    for code in ("0", "1", "2", "70", "130"):
        assert re.search(rf"^\| {code} \|", documented, re.M)
        assert code in CODES or code in CODES["128+n"]


def test_man_has_no_warning(pages: dict[str, str], tmp_path: Path) -> None:
    if not (shutil.which("man") and shutil.which("groff")):
        pytest.skip("no man")
    for name, text in pages.items():
        (tmp_path / name).write_text(text, "utf-8")
    done = subprocess.run(
        ["man", "--warnings", "-E", "UTF-8", "-l", *sorted(pages)],
        cwd=tmp_path,
        capture_output=True,
        timeout=120,
    )
    assert done.stderr == b"" and b"BOUNCEWISE-CHECK(1)" in done.stdout
