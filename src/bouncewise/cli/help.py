"""``bouncewise help``: the documentation that is installed with the program.

Reads: the pages of docs/, which a wheel carries beside this package, and a checkout in its root.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import click

from bouncewise.cli.common import DIM, echo, json_option, style
from bouncewise.cli.spelling import completer, did_you_mean
from bouncewise.contract import dumps
from bouncewise.contract.settings import HelpPageRow
from bouncewise.errors import InputError

_HERE = Path(__file__).parents[1] / "docs"
_CHECKOUT = Path(__file__).parents[3] / "docs"
_SITE = "https://github.com/bouncewise/bouncewise/tree/main/docs"
_IMAGE = re.compile(r"^!\[[^\]]*\]\([^)]*\)\n*", re.M)
_WIDTH = 100  # columns that a page has at most


def pages() -> dict[str, Path]:
    """The topics, with their files. Raises InputError where the documentation is not installed."""
    found = sorted(next(filter(None, (list(p.glob("*.md")) for p in (_HERE, _CHECKOUT))), []))
    if not found:
        raise InputError(f"the documentation is not installed; read {_SITE}")
    return {path.stem: path for path in found}


def _title(path: Path) -> str:
    return path.read_text("utf-8").partition("\n")[0].removeprefix("# ")


@click.command("help")
@click.argument(
    "topic",
    required=False,
    shell_complete=completer(lambda _ctx: ((name, _title(p)) for name, p in pages().items())),
)
@json_option
@click.pass_context
def command(ctx: click.Context, topic: str | None, as_json: bool) -> None:
    """Show a page of the documentation, without a network; the topics, if none is given.

    A TOPIC that is a verb and has no page shows the help of the verb. docs/NAME.md in other texts
    is the topic NAME.

    \b
    bouncewise help
    bouncewise help policy
    """
    topics = pages()
    name = (topic or "").removeprefix("docs/").removesuffix(".md")
    if not name:
        for each, path in topics.items():
            row = HelpPageRow(topic=each, title=_title(path), text=None)
            echo(dumps(row) if as_json else f"{each:14} {style(row.title, DIM)}")
    elif name in topics:
        text = topics[name].read_text("utf-8")
        row = HelpPageRow(topic=name, title=_title(topics[name]), text=text)
        echo(dumps(row)) if as_json else _show(text)
    else:
        _verb(ctx, name, topics)


def _verb(ctx: click.Context, name: str, topics: dict[str, Path]) -> None:
    parent = ctx.parent
    group = parent.command if parent else None
    found = group.get_command(parent, name) if parent and isinstance(group, click.Group) else None
    if found is None or parent is None:
        near = did_you_mean(name, topics) or " `bouncewise help` lists the topics."
        raise InputError(f"{name}: no such topic.{near}")
    click.echo(found.get_help(click.Context(found, info_name=name, parent=parent)))


def _show(text: str) -> None:
    """The page as it is, or laid out and paged on a terminal."""
    if not sys.stdout.isatty():
        echo(*text.rstrip("\n").split("\n"))
        return
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console(width=min(_WIDTH, Console().width))
    with console.capture() as laid_out:
        console.print(Markdown(_IMAGE.sub("", text), hyperlinks=False))
    click.echo_via_pager(laid_out.get())
