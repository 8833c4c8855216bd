"""The keys that sign return addresses.

Reads: a file with a line ``ID HEXKEY`` for each key, the newest last, or the variable
BOUNCEWISE_VERP_KEYS, in which commas may stand for the ends of lines; blank lines and lines that
begin with ``#`` count for nothing. Gives: a Keyring: the newest key signs, all of them verify.
Refuses with ConfigError: a file that others may read, short keys, ids twice, and other lines. No
error and no repr contains a key.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from bouncewise.config.load import read_small
from bouncewise.config.settings import Settings
from bouncewise.errors import ConfigError

VARIABLE = "BOUNCEWISE_VERP_KEYS"

MAX_KEYS = 32
"""Keys of one keyring."""

_MAX_FILE = 1 << 16
_KEY_OCTETS = 32
_ID = re.compile(r"[a-z0-9]{1,4}")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){16,64}")


class Keyring:
    """Keys by their ids, the newest last. Empty: nothing is signed, nothing is valid."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        """*keys*: ids of 1 to 4 small letters and digits, and keys of 16 octets or more."""
        for name, key in keys.items():
            if not _ID.fullmatch(name) or len(key) < 16:
                raise ConfigError(
                    f"key {name!r:.20}: an id of 1 to 4 small letters and digits, and a key of at "
                    "least 16 octets are necessary"
                )
        self._keys = dict(keys)

    def __repr__(self) -> str:
        return f"<Keyring {' '.join(self._keys)}>"

    def __bool__(self) -> bool:
        return bool(self._keys)

    @classmethod
    def parse(cls, text: str, where: str) -> Self:
        """The keys in *text*. Raises ConfigError, which names *where* the text stands."""
        keys: dict[str, bytes] = {}
        for number, line in enumerate(text.splitlines(), 1):
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            place = f"{where}, line {number}"
            if len(words) != 2 or not _ID.fullmatch(words[0]) or not _HEX.fullmatch(words[1]):
                raise ConfigError(
                    f"{place}: not ID HEXKEY (an id of 1 to 4 small letters and digits, and a key "
                    "of 32 to 128 hexadecimal digits); `bouncewise verp key` writes one"
                )
            if words[0] in keys:
                raise ConfigError(f"{place}: the id {words[0]} is there already")
            keys[words[0]] = bytes.fromhex(words[1])
        if len(keys) > MAX_KEYS:
            raise ConfigError(f"{where}: more than {MAX_KEYS} keys; delete old ones")
        return cls(keys)

    @property
    def newest(self) -> str:
        """The id of the key that signs. Raises ConfigError if there is none."""
        if not self._keys:
            raise ConfigError(
                f"no key signs return addresses: set [verp] key_file or {VARIABLE}, and create a "
                "key with `bouncewise verp key`"
            )
        return next(reversed(self._keys))

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids, the newest last."""
        return tuple(self._keys)

    def key(self, name: str) -> bytes | None:
        """The key with this id, or None."""
        return self._keys.get(name)


def load_keyring(settings: Settings, environ: Mapping[str, str] = os.environ) -> Keyring:
    """The keys in the variable, else in the key file; none where neither is set. Raises
    ConfigError.
    """
    if text := environ.get(VARIABLE, "").strip():
        return Keyring.parse(text.replace(",", "\n"), f"${VARIABLE}")
    return read_keys(Path(settings.verp.key_file)) if settings.verp.key_file else Keyring({})


def read_keys(path: Path) -> Keyring:
    """The keys in the file at *path*. Raises ConfigError."""
    data = read_small(path, _MAX_FILE)
    if path.stat().st_mode & 0o007:
        raise ConfigError(f"{path}: other users may read the keys; run: chmod o= {path}")
    try:
        return Keyring.parse(data.decode("ascii"), str(path))
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not lines of ID HEXKEY") from None


def create_key(path: Path) -> Keyring:
    """Add a new key to the file at *path*, which is created for its owner alone if there is none;
    the keys that are in it then. Raises ConfigError.
    """
    known = read_keys(path) if path.exists() else Keyring({})
    if len(known.ids) >= MAX_KEYS:
        raise ConfigError(f"{path}: {MAX_KEYS} keys are there already; delete old ones")
    name = next(name for n in range(MAX_KEYS + 1) if (name := _id(n)) not in known.ids)
    try:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
        with os.fdopen(os.open(path, flags, 0o600), "a", encoding="ascii") as stream:
            if known and not path.read_bytes().endswith(b"\n"):
                stream.write("\n")
            stream.write(f"{name} {secrets.token_hex(_KEY_OCTETS)}\n")
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as bad:
        raise ConfigError(f"{path}: {bad.strerror or bad}") from None
    return read_keys(path)


def _id(number: int) -> str:
    """a to z, then a1 to z1: short, because ids are part of return addresses."""
    letter = chr(ord("a") + number % 26)
    return letter if number < 26 else f"{letter}{number // 26}"
