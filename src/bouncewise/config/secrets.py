"""Keys and secrets, which stand in files or environment variables, never in the configuration.

Reads: a place such as ``file:/etc/bouncewise/key`` or ``env:KEY``. Gives: the secret. Refuses with
ConfigError, which does not contain it: a file that other users may read, or that is empty.
"""

from __future__ import annotations

import os
from pathlib import Path

from bouncewise.config.load import read_small
from bouncewise.errors import ConfigError

_MAX_SECRET = 1 << 16


def secret_at(place: str, *, private: bool = False) -> str:
    """The secret at ``file:PATH`` or ``env:VARIABLE``, without the white space around it.
    *private*: a file that other users may read is refused. Raises ConfigError.
    """
    kind, _, name = place.partition(":")
    if kind == "env":
        text = os.environ.get(name, "")
    else:
        path = Path(name)
        text = read_small(path, _MAX_SECRET).decode("utf-8", "replace")
        if private and path.stat().st_mode & 0o007:
            raise ConfigError(f"{path}: other users may read the key; run: chmod o= {path}")
    if not text.strip():
        raise ConfigError(f"{place}: the secret is empty or not set")
    return text.strip()
