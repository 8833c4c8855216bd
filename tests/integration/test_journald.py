"""Real journals and the real journalctl(1). Skipped where systemd-journal-remote is missing."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

REMOTE = "/usr/lib/systemd/systemd-journal-remote"
FOLLOW = (sys.executable, "-m", "bouncewise", "follow", "--once", "--json", "--journal", "postfix*")
JOURNALCTL = shutil.which("journalctl")

pytestmark = pytest.mark.skipif(
    JOURNALCTL is None or not Path(REMOTE).exists(), reason="needs systemd-journal-remote"
)


def entry(number: int, message: bytes, unit: str = "postfix@-.service") -> bytes:
    """An entry in the export format (https://systemd.io/JOURNAL_EXPORT_FORMATS)."""
    fields = (
        f"__REALTIME_TIMESTAMP={1_795_600_000_000_000 + number}\n__MONOTONIC_TIMESTAMP={number}\n"
        f"_BOOT_ID=0123456789abcdef0123456789abcdef\n_HOSTNAME=mx\n_PID=9\n"
        f"_SYSTEMD_UNIT={unit}\nSYSLOG_IDENTIFIER=postfix/smtp\nPRIORITY=6\n"
    )
    return fields.encode() + b"MESSAGE\n" + struct.pack("<Q", len(message)) + message + b"\n\n"


def bounced(number: int, reply: bytes = b"550 5.1.1 User unknown") -> bytes:
    return (
        b"4AF1D2E%05d: to=<dead%d@gone.example>, relay=mx.gone.example[192.0.2.1]:25, delay=1,"
        b" dsn=5.1.1, status=bounced (host mx.gone.example[192.0.2.1] said: %s)"
        % (number, number, reply)
    )


def test_entries_of_a_real_journal_are_read_once(tmp_path: Path) -> None:
    """Also such that are no UTF-8, or long, and after the entry at the position was removed."""

    def write(name: str, entries: list[bytes]) -> None:
        (tmp_path / "export").write_bytes(b"".join(entries))
        journal = tmp_path / "journal" / name
        journal.parent.mkdir(exist_ok=True)
        subprocess.run(
            [REMOTE, "-o", journal, tmp_path / "export"], check=True, capture_output=True
        )

    program = tmp_path / "journalctl"
    program.write_text(f'#!/bin/sh\nexec {JOURNALCTL} --directory {tmp_path}/journal "$@"\n')
    program.chmod(0o755)

    def follow() -> tuple[int, int]:
        done = subprocess.run(
            [*FOLLOW, "--db", str(tmp_path / "ledger")],
            env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
            check=True,
            capture_output=True,
        )
        found = json.loads(done.stdout)
        return found["reports"], found["new"]

    entries = [entry(number, bounced(number)) for number in range(50)]
    entries.append(entry(50, bounced(50, b"550 5.1.1 User \xff unknown")))
    entries.append(entry(51, bounced(51, b"550 5.1.1 User unknown " + b"x" * 60_000)))
    entries.append(entry(52, bounced(52), "other.service"))
    write("a.journal", entries)
    assert follow() == (52, 52)
    assert follow()[1] == 0
    write("b.journal", [entry(number, bounced(number)) for number in range(100, 110)])
    assert follow()[1] == 10
    (tmp_path / "journal" / "a.journal").unlink()
    write("c.journal", [entry(number, bounced(number)) for number in range(200, 210)])
    (tmp_path / "journal" / "b.journal").unlink()
    assert follow()[1] == 10
