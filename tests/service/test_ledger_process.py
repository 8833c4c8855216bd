"""The process that drains the spool: it waits for faults and does not end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bouncewise.errors import LedgerError
from bouncewise.service import ledger_process

_RUN = """
import sys
from pathlib import Path
from bouncewise.service import ledger_process
def fail():
    raise RuntimeError("a defect")
ledger_process.run(Path(sys.argv[1]), fail, 0, print)
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
    ledger_process.run(tmp_path, fail, 0, lines.append)  # type: ignore[arg-type]
    os.close(reader)
    assert line in lines[0]
    assert lines[1] == "opened again"
