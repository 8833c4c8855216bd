"""The process that drains the spool: it waits for faults and does not end."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bouncewise.errors import LedgerError
from bouncewise.ledger import locate
from bouncewise.operations.context import Context
from bouncewise.service import ledger_process
from bouncewise.service.drain import Drain
from bouncewise.service.ledger_file import LedgerFile
from bouncewise.service.spool import Keep, Record, Writer

KEEP = Keep(0, 1 << 30)

_RUN = """
import sys
from pathlib import Path
from bouncewise.ledger import locate
from bouncewise.service import ledger_process
from bouncewise.service.spool import Keep
def fail():
    raise RuntimeError("a defect")
ledger_process.run(Path(sys.argv[1]), locate("none"), fail, Keep(0, 1 << 30), print)
"""


def test_a_defect_ends_the_process_without_an_abort(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _RUN, str(tmp_path)],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stderr is not None
        errors = process.stderr.read()
        assert process.wait(20) == 1, errors
    assert b"a defect" in errors
    assert b"Fatal Python error" not in errors


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        (LedgerError("locked"), "the ledger cannot be written: locked"),
        (OSError(28, "No space left on device"), "cannot be read or written: No space left"),
    ],
)
def test_a_fault_is_one_line_and_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception, line: str
) -> None:
    lines: list[str] = []
    reader, writer = os.pipe()

    def fail() -> None:
        if len(lines) == 1:
            os.close(writer)  # the front process has ended
            lines.append("opened again")
        raise fault

    class Input:
        """Standard input that ends when the pipe does."""

        @staticmethod
        def fileno() -> int:
            return reader

    monkeypatch.setattr(sys, "stdin", Input)
    monkeypatch.setattr(ledger_process, "_WAITS", (0.01,))
    monkeypatch.setattr(ledger_process.signal, "signal", lambda *_: None)
    ledger_process.run(tmp_path, locate(tmp_path / "ledger"), fail, KEEP, lines.append)  # type: ignore[arg-type]
    os.close(reader)
    assert line in lines[0]
    assert lines[1] == "opened again"


@pytest.mark.parametrize("replaced", [False, True])
def test_a_ledger_that_was_removed_or_replaced_gets_nothing_more(
    tmp_path: Path, *, replaced: bool
) -> None:
    ledger, spool = tmp_path / "ledger", tmp_path / "spool"
    writer = Writer(spool, 1 << 30)
    file = LedgerFile(locate(ledger))
    with pytest.raises(LedgerError, match="removed"):
        file.check()
    with Context.open(ledger, create=True) as context, LedgerFile(locate(ledger)) as file:
        file.check()
        writer.append([Record(1, "webhook", "pm", b"{}")])
        moved = Drain(spool, context, lambda _: None)
        ledger.rename(tmp_path / "before")
        if replaced:
            ledger.write_bytes(b"")
        with pytest.raises(LedgerError, match="replaced" if replaced else "removed"):
            ledger_process._drain(
                moved, file, KEEP, threading.Event(), ledger_process._Faults(print)
            )
        assert moved.cursor == 0


def test_each_fault_is_one_line_until_it_is_over() -> None:
    lines: list[str] = []
    faults = ledger_process._Faults(lines.append)
    waits = [faults.wait("locked") for _ in range(6)] + [faults.wait("removed")]
    assert waits == sorted(waits)
    faults.over()
    faults.over()
    assert faults.wait("locked") == waits[0]
    assert lines == ["locked", "removed", "the ledger can be written again", "locked"]


@pytest.mark.parametrize("damage", [b"", b"x" * 100])
def test_a_ledger_that_was_overwritten_in_place_is_noticed(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "ledger"
    with Context.open(path, create=True), LedgerFile(locate(path)) as file:
        file.check()
        copy = path.read_bytes()
        path.write_bytes(damage)
        with pytest.raises(LedgerError, match="overwritten"):
            file.check()
        path.write_bytes(copy)
