"""Text of others has no effect where it is shown or written."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from bouncewise.encode import (
    for_csv,
    for_json,
    for_storage,
    for_terminal,
    postfix_key,
    postfix_text,
)

ACTING = [
    *map(chr, range(0x20)),
    *map(chr, range(0x7F, 0xA0)),
    *"\u061c\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068",
    *"\u2069\u2028\u2029\ufeff\ud800\udc9b\udfff\ufdd0\ufdd4\U000e0001\U000e0041",
]
EVIL = "550 5.1.1 user \x1b]0;PWNED\x07\x1b]52;c;Y3Vy\x07\x1b[2J\x9b31m\u202e\x7f\x00\u2028 unknown"


@pytest.mark.parametrize("character", ACTING, ids=lambda c: f"U+{ord(c):04X}")
def test_no_acting_character_reaches_a_terminal(character: str) -> None:
    shown = for_terminal(f"a{character}b")
    assert character not in shown
    assert shown.isprintable()
    assert shown.startswith("a\\")


@pytest.mark.parametrize(
    "text",
    ["550 5.1.1 plain", "Empf\xe4nger unbekannt", "收件人不存在", "пользователь", "✓ – “x”", ""],
)
def test_readable_text_is_shown_as_it_is(text: str) -> None:
    assert for_terminal(text) == text


def test_every_control_and_format_character_is_shown_as_an_escape() -> None:
    kinds = ("Cc", "Cs", "Zl", "Zp")
    formats = "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2"  # visible signs
    for code in range(0x110000):
        c = chr(code)
        kind = unicodedata.category(c)
        if kind in kinds or (kind == "Cf" and c not in formats):
            assert for_terminal(c) != c, f"U+{code:04X}"


@pytest.mark.parametrize("character", ACTING[0x20:], ids=lambda c: f"U+{ord(c):04X}")
def test_json_keeps_its_value_and_shows_no_acting_character(character: str) -> None:
    line = for_json(json.dumps(f"a{character}b", ensure_ascii=False))
    assert json.loads(line) == f"a{character}b"
    assert line.isprintable()


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r"])
def test_no_spreadsheet_runs_a_cell(first: str) -> None:
    assert for_csv(f"{first}1+1").startswith("'")
    assert for_csv(f"1{first}1") == f"1{first}1"


@pytest.mark.parametrize(
    "cell", [" =1", "\n=1", "\n1", "\xa0@x", "\uff1d1+1", "\uff0b1", "\0=1", " \t-1"]
)
def test_no_spreadsheet_runs_a_cell_behind_what_it_leaves_out(cell: str) -> None:
    assert for_csv(cell).startswith("'")
    assert "\0" not in for_csv(cell)


def test_what_utf_8_has_no_form_for_is_stored_as_an_escape() -> None:
    assert for_storage("a\udcff\ud800é") == "a\\xff\\ud800é"


@pytest.mark.parametrize(
    "address",
    [
        "jo@x.example",
        "jo+tag@x.example",
        "o'neil@x.example",
        "jo@[192.0.2.1]",
        "用户@x.example",
        "jo@xn--e1afmkfd.example",
        "a#b@x.example",
        "b=c=x@y.example",
        "jo@例え.example",
    ],
)
def test_postfix_key_is_the_address(address: str) -> None:
    assert postfix_key(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "#jo@x.example",
        '"jo doe"@x.example',
        '"a"@x.example',
        "jo doe@x.example",
        "jo@x example",
        "jo\n@x.example",
        "jo@x.example\nevil.example ok",
        "jo\t@x",
        "@x.example",
        "x.example",
        "jo@",
        "jo\x00@x.example",
        "jo\u2028@x.example",
        "jo\u00a0@x.example",
        "/jo/@x.example\r",
        "",
        "jo\u202e@x.example",
        "a,b@x.example",
        "a:b@x.example",
        "<jo@x.example>",
        "jo@x.example ok",
    ],
)
def test_what_is_no_postfix_key_is_none(address: str) -> None:
    assert postfix_key(address) is None


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        ("550 5.1.1 user unknown", "user unknown"),
        ("550-5.1.1 user\r\n550 5.1.1 unknown", "user 550 5.1.1 unknown"),
        ("5.1.0 nullMX", "nullMX"),
        ("line\nevil.example ok", "line evil.example ok"),
        ("\x1b[2J\u2028x", "[2J x"),
        ("", "suppressed"),
        ("550 5.1.1", "suppressed"),
        ("é" * 500, "?" * 120),
    ],
)
def test_postfix_text_is_one_line_without_a_second_code(reply: str, text: str) -> None:
    assert postfix_text(reply) == text


def on_a_terminal(*args: str, cwd: Path, stdin: bytes = b"") -> bytes:
    """Everything that a command writes to a terminal."""
    main, side = pty.openpty()
    command = [sys.executable, "-m", "bouncewise", *args]
    env = os.environ | {
        "XDG_DATA_HOME": str(cwd),
        "XDG_CONFIG_HOME": str(cwd),
        "TERM": "xterm",
        "LC_ALL": "C.UTF-8",
    }
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=side, stderr=side, cwd=cwd, env=env
    ) as process:
        os.close(side)
        assert process.stdin is not None
        process.stdin.write(stdin)
        process.stdin.close()
        seen = b""
        while select.select([main], [], [], 30)[0]:
            try:
                data = os.read(main, 65536)
            except OSError:  # EIO: the other side is closed
                break
            if not data:
                break
            seen += data
    os.close(main)
    return seen


def harmless(seen: bytes) -> bool:
    """Whether a terminal is only told colours, and where rich draws its bar."""
    import re

    plain = re.sub(rb"\x1b\[(?:0|1|34|90|93)m", b"", seen).replace(b"\r\n", b"\n")
    plain = re.sub(rb"(?s)\x1b\[\?25l.*?\x1b\[\?25h(?:\r\x1b\[1A\x1b\[2K)?\r?", b"", plain)
    text = plain.decode("utf-8")
    return all(line.isprintable() for line in text.split("\n"))


EVIL_NAME = "x\x1b]0;t\x07\x9b2J\u202e\n.eml"


@pytest.mark.parametrize(
    "args",
    [
        ("classify",),
        ("explain", EVIL.replace("\x00", "")),
        ("diagnose", EVIL.replace("\x00", "")),
        ("check", "jo\x1b[2J@x.example"),
        ("read", EVIL_NAME),
        ("clean", EVIL_NAME),
        ("classify", "--no\x1b[2J"),
        (EVIL_NAME,),
        ("rules", "check", EVIL_NAME),
        ("suppressions", "list", "--db", EVIL_NAME),
        ("policy", "show", "--policy", EVIL_NAME),
    ],
    ids=lambda a: a[0] if a[0].isprintable() else "unknown verb",
)
def test_nothing_of_others_acts_on_the_terminal(tmp_path: Path, args: tuple[str, ...]) -> None:
    seen = on_a_terminal(*args, cwd=tmp_path, stdin=EVIL.encode() + b"\n")
    assert seen, "something is shown"
    assert harmless(seen), seen


def test_stored_replies_do_not_act_on_the_terminal(tmp_path: Path) -> None:
    why = EVIL.replace("\x00", "")
    add = ("suppressions", "add", "jo@x.example", "--by", why, "--why", why)
    for args in (
        add,
        ("suppressions", "list"),
        ("history", "jo@x.example"),
        ("check", "jo@x.example"),
        ("explain", "jo@x.example"),
        ("suppressions", "list", "--json"),
    ):
        assert harmless(on_a_terminal(*args, cwd=tmp_path)), args
