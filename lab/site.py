"""The documentation as a site: python -m lab.site FOLDER writes its sources there; ``make docs``
builds it from them.

Besides the pages of docs/ it has a page per verb from its ``--help``, a page per cause, and a page
per code that people search for. Links to files outside docs/ lead to the repository.
"""

from __future__ import annotations

import html
import re
import shutil
import sys
from pathlib import Path

import click

from bouncewise.classifier.classify import Classifier, default_classifier
from bouncewise.cli import VERBS, bouncewise
from bouncewise.model import Cause
from bouncewise.operations.explain import Page, cause_page, code_page

ROOT = Path(__file__).parents[1]
REPOSITORY = "https://github.com/bouncewise/bouncewise/blob/main"

NAVIGATION = {
    "How to": [
        "recipes",
        "imports",
        "sync",
        "service",
        "inputs",
        "dashboard",
        "alerts",
        "sender",
        "gate",
        "segment",
        "validate",
    ],
    "Reference": [
        "command-line",
        "configuration",
        "json",
        "api",
        "client",
        "library",
        "webhooks",
        "scale",
    ],
    "How it works": ["verdicts", "rules", "policy", "ledger", "trust", "diagnosis", "privacy"],
    "Several machines": ["scaling", "spark"],
    "The project": ["architecture", "dependencies", "releasing"],
}
CODES = (
    *("550 5.1.1", "550 5.1.10", "550 5.2.1", "552 5.2.2", "553 5.1.2", "5.1.0", "5.5.0"),
    *("550 5.4.1", "554 5.4.6", "550 5.4.310", "550 5.7.1", "554 5.7.1"),
    *("550 5.7.26", "550 5.7.515", "550 5.7.606", "421 4.7.0", "421 4.7.28"),
    *("450 4.2.0", "451 4.7.1", "452 4.2.2"),
)
"""Codes that have a page: those of common replies."""

_LINK = re.compile(r"\]\(\.\./([^)\s]+)\)")
_README_LINK = re.compile(rf"{re.escape(REPOSITORY)}/docs/([\w-]+\.md)")


def write(folder: Path) -> None:
    """Write the pages and the site's configuration into *folder*."""
    docs = folder / "docs"
    shutil.rmtree(docs, ignore_errors=True)
    docs.mkdir(parents=True)
    shutil.copytree(ROOT / "docs" / "images", docs / "images")
    for page in sorted((ROOT / "docs").glob("*.md")):
        (docs / page.name).write_text(_LINK.sub(rf"]({REPOSITORY}/\1)", page.read_text("utf-8")))
    for name, target in (("README.md", "index.md"), ("CHANGELOG.md", "changes.md")):
        text = _README_LINK.sub(r"\1", (ROOT / name).read_text("utf-8"))
        (docs / target).write_text(text)
    for part in ("commands", "causes", "codes"):
        (docs / part).mkdir()
    for verb in VERBS:
        (docs / "commands" / f"{verb}.md").write_text(_command(verb))
    classifier = default_classifier()
    for cause in Cause:
        page_of = cause_page(cause, classifier.ruleset)
        (docs / "causes" / f"{cause}.md").write_text(_page(page_of, str(cause)))
    for code in CODES:
        (docs / "codes" / _file(code)).write_text(_code(code, classifier))
    (folder / "mkdocs.yml").write_text(_configuration())


def _file(code: str) -> str:
    return f"{code.replace(' ', '-')}.md"


def _code(code: str, classifier: Classifier) -> str:
    return _page(code_page(code, classifier), code)


def _page(page: Page, subject: str) -> str:
    """An explanation as Markdown; the lines of servers as they are."""
    title = subject if subject in page.title else f"{subject}: {page.title}"
    lines = [f"# {title}", "", _escaped(page.summary), ""]
    for section in page.sections:
        lines += [f"## {section.heading}", ""]
        lines += [f"* {_escaped(line)}" for line in section.lines] + [""]
    lines += ["On your machine:", "", f"    bouncewise explain {subject}", ""]
    return "\n".join(lines)


def _escaped(text: str) -> str:
    """*text* without what Markdown or HTML would take for their own, but for code."""
    return re.sub(r"([\\*_\[\]#|])", r"\\\1", html.escape(text, quote=False))


def _command(verb: str) -> str:
    """The help of a verb and of its subcommands."""
    parent = click.Context(bouncewise, info_name="bouncewise", max_content_width=100)
    command = bouncewise.get_command(parent, verb)
    assert command is not None
    context = click.Context(command, info_name=verb, parent=parent, max_content_width=100)
    parts = [f"# bouncewise {verb}", "", "```text", command.get_help(context), "```", ""]
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None and not inner.hidden:
                of = click.Context(inner, info_name=name, parent=context, max_content_width=100)
                parts += [f"## {verb} {name}", "", "```text", inner.get_help(of), "```", ""]
    return "\n".join(parts)


def _configuration() -> str:
    """mkdocs.yml: every page stands in the navigation."""
    lines = [
        "site_name: bouncewise",
        "site_description: Know why mail bounced, and do the right thing about it.",
        "use_directory_urls: false",
        "theme:",
        "  name: material",
        "  font: false",
        "nav:",
        "  - Home: index.md",
    ]
    for title, pages in NAVIGATION.items():
        lines.append(f"  - {title}:")
        lines += (f"      - {page}.md" for page in pages)
    lines.append("  - Commands:")
    lines += (f"      - {verb}: commands/{verb}.md" for verb in VERBS)
    lines.append("  - Causes:")
    lines += (f"      - {cause}: causes/{cause}.md" for cause in Cause)
    lines.append("  - Codes:")
    lines += (f'      - "{code}": codes/{_file(code)}' for code in CODES)
    lines.append("  - Changes: changes.md")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    write(Path(sys.argv[1]))
