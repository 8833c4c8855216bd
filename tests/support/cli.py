"""The command line in this process and a folder of its own: exit code, output and errors."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import time
from pathlib import Path
from unittest.mock import patch

from bouncewise.cli import main

os.environ["TZ"] = "UTC"  # (times are shown in the zone of the reader)
time.tzset()


def bouncewise(
    folder: Path, *args: object, stdin: bytes = b"", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Run a verb in *folder*, which also has its data and configuration."""
    argv = ["bouncewise", *map(str, args)]
    streams = [io.TextIOWrapper(io.BytesIO(data), "utf-8") for data in (stdin, b"", b"")]
    places = {
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "XDG_CONFIG_HOME": str(folder),
    }
    places |= environment
    names = ("stdin", "stdout", "stderr")
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.chdir(folder))
        stack.enter_context(patch.dict(os.environ, places))
        stack.enter_context(patch.object(sys, "argv", argv))
        for name, stream in zip(names, streams, strict=True):
            stack.enter_context(patch.object(sys, name, stream))
        code = 0
        try:
            main()
        except SystemExit as done:
            code = int(done.code or 0)
        for stream in streams[1:]:
            stream.flush()
        out, err = (stream.buffer.getvalue() for stream in streams[1:])  # type: ignore[attr-defined]
    return subprocess.CompletedProcess(argv, code, out, err)
