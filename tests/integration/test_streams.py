"""Streams that are closed, full or of another encoding, and signals that end a command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="POSIX shells and signals")
PYTHON = f"{sys.executable} -m bouncewise"


def shell(folder: Path, command: str, **env: str) -> subprocess.CompletedProcess[bytes]:
    """Run *command* by bash, with $B for the program."""
    script = f"set -o pipefail; B={PYTHON!r}; {command}"
    return subprocess.run(
        ["bash", "-c", script], capture_output=True, cwd=folder, env=os.environ | env, check=False
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a ledger l, in which dead@x.example is suppressed, and a list in.csv."""
    (tmp_path / "in.csv").write_text("email\ndead@x.example\nok@x.example\n")
    assert shell(tmp_path, "$B suppressions add dead@x.example --why x --db l").returncode == 0
    return tmp_path


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "ascii", "cp437", "utf-8"])
def test_answers_can_be_shown_in_any_encoding(folder: Path, encoding: str) -> None:
    command = "$B check dead@x.example ok@x.example --db l"
    done = shell(folder, command, PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (1, b"")
    assert [line.split()[1] for line in done.stdout.decode(encoding).splitlines()] == [
        "suppressed",
        "send",
    ]


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-8"])
def test_json_is_json_in_any_encoding(folder: Path, encoding: str) -> None:
    shell(
        folder, "$B suppressions add y@x.example --why '\u2717\U0001f600' --db l", LC_ALL="C.UTF-8"
    )
    done = shell(folder, "$B check y@x.example --json --db l", PYTHONIOENCODING=encoding)
    assert json.loads(done.stdout.decode(encoding))["why"] == "\u2717\U0001f600"


@pytest.mark.parametrize(
    "command",
    [
        "$B suppressions add a@x.example --why $'\\xff' --by $'\\xfe' --json --db l",
        "$B suppressions list --json --db l",
        "$B clean in.csv -o $'x\\xff.csv' --json --db l",
        "cp l $'l\\xff'; $B ingest in.csv --json --db $'l\\xff' || true",
        "printf 'email,n\\nok@x.example,1\\n%070000d,\\nj\\xff@x.example,2\\n' 0 > late.csv; "
        "$B check --csv late.csv --json --db l || true",
    ],
)
def test_octets_that_are_no_text_are_written_as_json(folder: Path, command: str) -> None:
    done = shell(folder, command, LC_ALL="C.UTF-8")
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        json.loads(line)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("$B check ok@x.example --db l >/dev/full", 2),
        ("$B clean in.csv --db l >/dev/full", 2),
        ("$B suppressions export --db l >/dev/full", 2),
        ("$B clean in.csv --db l >&-", 2),
        ("$B clean in.csv -o /dev/stdout --db l >&-", 2),
        ("$B suppressions export --db l >&-", 2),
        ("$B check dead@x.example --db l >&-", 1),
        ("$B clean in.csv --db l 2>&-", 0),
        ("$B no-such-verb 2>/dev/full", 2),
        ("$B clean in.csv -o /dev/fd/3 --db l", 2),
        ("$B clean in.csv -o /dev/fd/5 --db l", 2),
        ("$B clean in.csv -o /proc/self/fd/4 --rejected /dev/fd/6 --db l", 2),
        ("$B suppressions export -o /dev/fd/3 --db l", 2),
        ("$B clean in.csv -o l-wal --db l", 2),
        ("$B clean in.csv --rejected ./l-shm --db l", 2),
        ("ln -s l-journal k; $B suppressions export -o k --db l", 2),
        ("$B clean in.csv -o '' --db l", 2),
    ],
)
def test_output_that_goes_nowhere_is_an_error_of_one_line(
    folder: Path, command: str, code: int
) -> None:
    before = (folder / "l").read_bytes()
    done = shell(folder, command)
    assert done.returncode == code, done.stderr
    assert done.stderr.count(b"\n") <= 1
    assert b"internal error" not in done.stderr
    assert (folder / "l").read_bytes() == before
    assert shell(folder, "$B check dead@x.example --db l").returncode == 1


def test_a_descriptor_of_the_shell_is_written(folder: Path) -> None:
    assert shell(folder, "exec 7>out.csv; $B clean in.csv -o /dev/fd/7 --db l").returncode == 0
    assert (folder / "out.csv").read_text() == "email\nok@x.example\n"


def test_a_reader_that_has_gone_is_never_taken_for_send(folder: Path) -> None:
    (folder / "many").write_text("dead@x.example\n" * 5000)
    done = shell(folder, "$B check --csv many --db l | head -1")
    assert done.returncode != 0
    assert done.stderr == b""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_leaves_no_part_of_a_file(folder: Path, number: signal.Signals) -> None:
    os.mkfifo(folder / "f")
    (folder / "out.csv").write_text("old")
    command = [sys.executable, "-m", "bouncewise", "clean", "f", "-o", "out.csv", "--db", "l"]
    with (
        # (under nohup the signal would be ignored, as it should be)
        subprocess.Popen(
            command,
            cwd=folder,
            stderr=subprocess.PIPE,
            preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
        ) as process,
        (folder / "f").open("w") as stream,
    ):
        stream.write("email\nok@x.example\n" * 10_000)
        stream.flush()
        until = time.monotonic() + 30
        while not list(folder.glob(".bouncewise-*")) and time.monotonic() < until:
            time.sleep(0.01)
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
    assert (process.returncode, said.strip()) == (128 + number, b"")
    assert not list(folder.glob(".bouncewise-*"))
    assert (folder / "out.csv").read_text() == "old"
