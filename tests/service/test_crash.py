"""A fault that ended the front process is said at the next start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bouncewise.service import crash

CUT = """
import mmap, sys
from pathlib import Path
from bouncewise.service import crash
folder = Path(sys.argv[1])
with crash.recorded(folder, print):
    with (folder / "mapped").open("w+b") as file:
        file.write(bytes(1 << 20))
        file.flush()
        found = mmap.mmap(file.fileno(), 1 << 20)
        file.truncate(0)
        found[1 << 19]
"""


def test_a_fault_is_said_once(tmp_path: Path) -> None:
    lines: list[str] = []
    for _ in range(2):
        with crash.recorded(tmp_path, lines.append):
            pass
    assert lines == []
    ended = subprocess.run([sys.executable, "-c", CUT, str(tmp_path)], check=False)
    assert ended.returncode < 0
    for _ in range(2):
        with crash.recorded(tmp_path, lines.append):
            pass
    (line,) = lines
    assert line.startswith("the service was ended by a fault before this start: Bus error;")
    assert "<string>" in (tmp_path / "crash.before").read_text()
