"""Pictures of the main screens of the command line, from its real output: ``make screens-cli``.

Fills a ledger from a log that it writes, runs verbs on a pseudo-terminal of 60, 80 and 200 columns,
and writes docs/images/cli-WIDTH-THEME.svg, light and dark. Needs Linux or macOS.
"""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import sys
import tempfile
import termios
from datetime import UTC, datetime, timedelta
from html import escape
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from rich.cells import cell_len
from rich.console import Console
from rich.style import Style
from rich.text import Text

WIDTHS = (60, 80, 200)
SCREENS = (
    ("suppressions", "list"),
    ("history", "tim@example.com"),
    ("check", "lea@example.com", "jo@example.com", "new@example.net"),
    ("incidents",),
    ("status", "--at", "2026-11-24T12:00:00Z"),
    ("suppressions", "import", "list.csv", "--dry-run"),
)
IMAGES = Path(__file__).parents[1] / "docs" / "images"

_START = datetime(2026, 11, 1, 8, tzinfo=UTC)
_DENIED = "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)"
_LIST = (
    "email,status,reason,date\n"
    "old@example.com,bounced,550 5.1.1 User unknown,2026/11/04\n"
    "left@example.com,unsubscribed,,2026/11/05\n"
    "full@example.com,bounced,552 5.2.2 Mailbox full,2026/11/06\n"
    "fine@example.com,active,,2026/11/07\n"
)


class Theme(NamedTuple):
    """Colours: the ground, the text, and those of the numbered colours of terminals."""

    name: str
    ground: str
    text: str
    colours: dict[int, str]


THEMES = (
    Theme(
        "dark",
        "#14181f",
        "#d6dae0",
        {4: "#6ea8fe", 11: "#f4d35e", 8: "#8a93a0"},
    ),
    Theme(
        "light",
        "#ffffff",
        "#1f2328",
        {4: "#0550ae", 11: "#8a5a00", 8: "#6a737d"},
    ),
)


def main() -> None:
    """Write the pictures."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        _fill(Path(folder))
        for width in WIDTHS:
            shown = [(verb, _run(Path(folder), width, verb)) for verb in SCREENS]
            for theme in THEMES:
                path = IMAGES / f"cli-{width}-{theme.name}.svg"
                path.write_text(_picture(shown, width, theme), encoding="utf-8")
                print(f"{path.relative_to(IMAGES.parents[1])}: {path.stat().st_size:,} octets")


def _fill(folder: Path) -> None:
    lines = []
    for day in range(24):
        at = _START + timedelta(days=day)
        for who in range(30):
            reply = _DENIED if day >= 22 and who % 3 else "250 2.0.0 OK"
            mx = "tenant-example.mail.protection.outlook.com"
            lines.append(_line(at + timedelta(minutes=who), f"u{who}@tenant.example", mx, reply))
        for who in ("lea", *(("tim",) if day > 16 else ())):
            reply = "250 2.0.0 OK" if day < 20 else "550 5.1.1 User unknown"
            lines.append(_line(at + timedelta(hours=2), f"{who}@example.com", "mx.example", reply))
        lines.append(_line(at + timedelta(hours=2), "jo@example.com", "mx.example", "250 2.0.0 OK"))
    (folder / "mail.log").write_text("".join(lines))
    (folder / "list.csv").write_text(_LIST)
    _run(folder, 80, ("ingest", "mail.log"))
    by_phone = ("--why", "asked by phone", "--by", "ann", "--scope", "marketing")
    _run(folder, 80, ("suppressions", "add", "kim@example.com", *by_phone))


def _line(at: datetime, name: str, mx: str, reply: str) -> str:
    status = "sent" if reply.startswith("250") else "bounced"
    said = f"({reply})" if status == "sent" else f"(host {mx}[192.0.2.25] said: {reply})"
    return (
        f"{at:%Y-%m-%dT%H:%M:%S+00:00} mail postfix/smtp[7]: {at:%d%H%M}{_queue_id(name):X}: "
        f"to=<{name}>, relay={mx}[192.0.2.25]:25, delay=1, delays=0/0/0/1, dsn={reply[4:9]}, "
        f"status={status} {said}\n"
    )


def _queue_id(name: str) -> int:
    """A small number of a name, the same in every run."""
    return sum(ord(c) * (i + 1) for i, c in enumerate(name))


def _run(folder: Path, width: int, verb: tuple[str, ...]) -> list[Text]:
    """The lines that a verb prints on a terminal of this *width*."""
    child, terminal = pty.fork()
    if not child:
        os.chdir(folder)
        os.environ |= {"TERM": "xterm-256color", "TZ": "Europe/Berlin", "PAGER": "cat"}
        os.environ |= {"BOUNCEWISE_DB": str(folder / "ledger.sqlite"), "XDG_CONFIG_HOME": "."}
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
        os.environ.pop("COLUMNS", None)
        os.execv(sys.executable, [sys.executable, "-m", "bouncewise", *verb])  # noqa: S606
    octets = b""
    while True:
        try:
            part = os.read(terminal, 1 << 16)
        except OSError:  # (the end, on Linux)
            break
        if not part:
            break
        octets += part
    os.waitpid(child, 0)
    text = octets.decode().replace("\r\n", "\n")
    while "\x1b[?25l" in text:  # a progress bar that was shown and taken away
        before, _, rest = text.partition("\x1b[?25l")
        text = before + rest.partition("\x1b[?25h")[2].removeprefix("\x1b[1A\x1b[2K")
    return [Text.from_ansi(line) for line in text.split("\n")[:-1]]


def _picture(shown: list[tuple[tuple[str, ...], list[Text]]], width: int, theme: Theme) -> str:
    lines: list[Text] = []
    for verb, found in shown:
        prompt = Text(f"$ bouncewise {' '.join(verb)}", Style(bold=True))
        lines += [line for text in (prompt, *found, Text("")) for line in _folded(text, width)]
    cell, row = 8.4, 19
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width * cell + 32:.0f}" '
        f'height="{len(lines) * row + 24}" font-family="ui-monospace, Menlo, Consolas, '
        f'DejaVu Sans Mono, monospace" font-size="14" fill="{theme.text}">',
        f'<rect width="100%" height="100%" rx="6" fill="{theme.ground}"/>',
    ]
    for number, line in enumerate(lines):
        parts += _spans(line, 16, 30 + number * row, cell, theme)
    return "\n".join([*parts, "</svg>", ""])


def _spans(line: Text, x: float, y: int, cell: float, theme: Theme) -> list[str]:
    """One element per run of one style, at its column: fonts differ in width."""
    console = Console(color_system="standard")
    styles = [line.get_style_at_offset(console, i) for i in range(len(line.plain))]
    runs = groupby(enumerate(styles), key=lambda item: str(item[1]))
    found, column = [], 0
    for _, items in runs:
        places = list(items)
        text = line.plain[places[0][0] : places[-1][0] + 1]
        style = places[0][1]
        at, column = column, column + cell_len(text)
        if not text.strip():
            continue
        number = style.color.number if style.color else None
        colour = theme.colours.get(number, "") if number is not None else ""
        fill = f' fill="{colour}"' if colour else ""
        bold = ' font-weight="bold"' if style.bold else ""
        lead = len(text) - len(text.lstrip())
        words, at = text.strip().replace(" ", "\u00a0"), at + lead  # (blanks are joined)
        long = f' textLength="{cell_len(words) * cell:.1f}"'
        found.append(
            f'<text x="{x + at * cell:.1f}" y="{y}"{long}{fill}{bold}>{escape(words)}</text>'
        )
    return found


def _folded(line: Text, width: int) -> list[Text]:
    """A line as the terminal folds it."""
    return list(line.divide(range(width, len(line.plain), width))) or [line]


if __name__ == "__main__":
    main()
