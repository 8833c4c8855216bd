"""The command line in a process of its own, in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def bouncewise(
    folder: Path, *args: object, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run a verb in *folder*, which also has its data and configuration."""
    env = os.environ | {"XDG_DATA_HOME": str(folder / "data"), "XDG_CONFIG_HOME": str(folder)}
    command = [sys.executable, "-m", "bouncewise", *map(str, args)]
    return subprocess.run(
        command, input=stdin, capture_output=True, cwd=folder, env=env, check=False
    )
