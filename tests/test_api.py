"""The public names: complete, found by dir(), cheap to import, and typed for users of the library."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import bouncewise

SCRIPT = """
from bouncewise import Cause, Verdict, classify

verdict: Verdict = classify("550 5.1.1 User unknown")
cause: Cause = verdict.cause
print(cause, verdict.party, verdict.advice)
"""


def test_every_public_name_is_there_and_listed() -> None:
    for name in bouncewise.__all__:
        assert getattr(bouncewise, name) is not None
    assert set(bouncewise.__all__) <= set(dir(bouncewise))
    assert not hasattr(bouncewise, "no_such_name")


def test_a_users_script_is_typed_strictly(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(script)],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert subprocess.run([sys.executable, script], capture_output=True, text=True, check=True).stdout.startswith(
        "mailbox-unknown recipient"
    )
