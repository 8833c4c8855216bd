"""Manual pages: python -m lab.man FOLDER, which ``make man`` runs, writes bouncewise.1 and a page
per verb there.

Reads: what ``--help`` prints, before it is laid out. Gives: man(7) pages without a date, so that
the same source gives the same octets.
"""

from __future__ import annotations

import inspect
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from bouncewise import __version__
from bouncewise.cli import GROUPS, VERBS, bouncewise

SITE = "https://github.com/bouncewise/bouncewise/tree/main/docs"
CODES = {
    "0": "done; for a question: yes",
    "1": "done, and the answer is no, or something was found",
    "2": "not done: a usage error, a missing ledger, or an argument or file that cannot be used",
    "70": "a defect of bouncewise; please report it",
    "128+n": "ended by signal n; 130: by Ctrl-C",
}
"""The exit codes of docs/command-line.md."""


def write(folder: Path) -> None:
    """Write the pages into *folder*, and nothing else there."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.1"):
        old.unlink()
    (folder / "bouncewise.1").write_text(overview(), "utf-8")
    for verb in VERBS:
        (folder / f"bouncewise-{verb}.1").write_text(page(verb), "utf-8")


def overview() -> str:
    """The page of bouncewise itself: the verbs, the environment and the files."""
    context = _context(bouncewise, "bouncewise", None)
    lines = [*_head("bouncewise", "know why mail bounced, and do the right thing about it")]
    lines += [*_synopsis(bouncewise, context), ".SH DESCRIPTION", *_text(bouncewise), ".SH OPTIONS"]
    lines += _options(bouncewise, context)
    for title, verbs in GROUPS.items():
        lines.append(f".SH {_escaped(title.upper())}")
        for verb, about in verbs.items():
            lines += [".TP", f".BR bouncewise\\-{_escaped(verb)} (1)", _escaped(about)]
    lines += [*_exit_status(), ".SH ENVIRONMENT"]
    variables: dict[str, str] = {}
    for verb in VERBS:
        for command, _ in _commands(verb, context):
            for option in command.params:
                if isinstance(option.envvar, str):
                    variables.setdefault(option.envvar, max(option.opts, key=len))
    for variable, option in sorted(variables.items()):
        lines += [".TP", f".B {variable}", f"in place of {_escaped(option)}"]
    lines += [".TP", ".B BOUNCEWISE_VERP_KEYS", "in place of the file of keys of return addresses"]
    lines += [".TP", ".B BOUNCEWISE_DEBUG", "if it is set, a defect prints its traceback"]
    lines += [".SH FILES"]
    for path in ("bouncewise.toml", "~/.config/bouncewise/bouncewise.toml"):
        lines += [".TP", f".I {_escaped(path)}", "the configuration, in the first place found"]
    lines += [".TP", ".I /etc/bouncewise/bouncewise.toml", "the same, for all users"]
    return "\n".join([*lines, *_see_also(f"bouncewise-{verb}" for verb in VERBS)]) + "\n"


def page(verb: str) -> str:
    """The page of a verb, with a section for each of its commands."""
    root = _context(bouncewise, "bouncewise", None)
    (command, context), *inner = _commands(verb, root)
    lines = [*_head(f"bouncewise-{verb}", VERBS[verb]), *_synopsis(command, context)]
    lines += [f".br\n{_usage(of, at)}" for of, at in inner]
    lines += [".SH DESCRIPTION", *_text(command), ".SH OPTIONS", *_options(command, context)]
    if inner:
        lines.append(".SH COMMANDS")
        for of, at in inner:
            lines += [f".SS {_escaped(at.command_path)}", *_text(of), *_options(of, at)]
    lines += [*_exit_status(), *_see_also(["bouncewise"])]
    return "\n".join(lines) + "\n"


def _context(command: click.Command, name: str, parent: click.Context | None) -> click.Context:
    settings = command.context_settings
    return click.Context(command, info_name=name, parent=parent, **settings)


def _commands(verb: str, root: click.Context) -> Iterator[tuple[click.Command, click.Context]]:
    """The verb, and the commands of a verb that has some."""
    command = bouncewise.get_command(root, verb)
    assert command is not None
    context = _context(command, verb, root)
    yield command, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None and not inner.hidden:
                yield inner, _context(inner, name, context)


def _head(name: str, about: str) -> Iterator[str]:
    yield f'.TH {_escaped(name.upper())} 1 "" "bouncewise {__version__}" "bouncewise"'
    yield from (".SH NAME", f"{_escaped(name)} \\- {_escaped(about)}")


def _synopsis(command: click.Command, context: click.Context) -> Iterator[str]:
    yield from (".SH SYNOPSIS", _usage(command, context))


def _usage(command: click.Command, context: click.Context) -> str:
    words = " ".join(command.collect_usage_pieces(context))
    return f"\\fB{_escaped(context.command_path)}\\fR {_escaped(words)}"


def _text(command: click.Command) -> Iterator[str]:
    """The paragraphs of a help text; those that begin with \\b as they are."""
    for paragraph in re.split(r"\n[ \t]*\n", inspect.cleandoc(command.help or "")):
        if paragraph.startswith("\b"):
            lines = paragraph.removeprefix("\b").strip("\n").split("\n")
            yield from (".PP", ".nf", ".RS 4", *map(_escaped, lines), ".RE", ".fi")
        else:
            yield from (".PP", _escaped(" ".join(paragraph.split())))


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and isinstance(parameter, click.Option):
            names, about = record
            yield from (".TP", f".B {_escaped(names)}", _escaped(" ".join(about.split())))


def _exit_status() -> Iterator[str]:
    yield ".SH EXIT STATUS"
    for code, about in CODES.items():
        yield from (".TP", f".B {code}", _escaped(about))


def _see_also(names: Iterator[str] | list[str]) -> Iterator[str]:
    yield from (".SH SEE ALSO", ",\n".join(f".BR {_escaped(name)} (1)" for name in names))
    yield from (".PP", _escaped(f"The documentation: bouncewise help, or {SITE}"))


def _escaped(text: str) -> str:
    """*text* without what roff would take for its own."""
    shown = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
    return f"\\&{shown}" if shown.startswith((".", "'")) else shown


if __name__ == "__main__":
    os.environ.pop("XDG_DATA_HOME", None)  # the default that the pages name
    write(Path(sys.argv[1]))
