"""Finds and reads bouncewise.toml, strictly.

Reads: the file that an option or a variable names, else the first of ``places()`` that exists.
Gives: Settings; those of no file where there is none. Refuses with ConfigError, in one line with
the file and the key: a file that cannot be read, an unknown key, a value of another type, and a
value that its check refuses.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_args, get_origin

import msgspec

from bouncewise.config import values
from bouncewise.config.settings import Settings
from bouncewise.config.table import Setting, Table, hints, inner_table
from bouncewise.errors import ConfigError

MAX_FILE = 1 << 20
"""Octets of the file."""

NAME = "bouncewise.toml"
VARIABLE = "BOUNCEWISE_CONFIG"
"""The environment variable that names the file."""

T = TypeVar("T", bound=Table)


class Loaded(NamedTuple):
    """Settings, the file that states them (None where there is none), and the names of those that
    it states: ``own.domains``.
    """

    settings: Settings
    path: Path | None
    stated: frozenset[str] = frozenset()


def places() -> tuple[Path, ...]:
    """Where the file is looked for, in this order."""
    import platformdirs  # most commands name no ledger and no configuration

    folder = Path(platformdirs.user_config_dir("bouncewise"))
    return Path(NAME), folder / NAME, Path("/etc/bouncewise") / NAME


def find(named: Path | None) -> Path | None:
    """The file to read: *named* if it is given, else the first place where there is one."""
    return named if named is not None else next(filter(_is_there, places()), None)


def _is_there(path: Path) -> bool:
    """Whether there is a file; none in a folder that this user may not search, such as another
    user's home.
    """
    try:
        return path.exists()
    except OSError:
        return False


def load(named: Path | None = None) -> Loaded:
    """The settings in the file that is *named*, or in the first place where there is one. Raises
    ConfigError.
    """
    path = find(named)
    if path is None:
        return Loaded(Settings(), None)
    data = _decoded(path)
    return Loaded(_settings(path, data), path, frozenset(_names(data)))


def read(path: Path) -> Settings:
    """The settings in the file at *path*. Raises ConfigError."""
    return _settings(path, _decoded(path))


def _names(value: Any, name: str = "") -> Iterator[str]:
    """The names of the settings in a decoded file; tables that follow each other are numbered."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _names(inner, f"{name}.{key}" if name else key)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for number, inner in enumerate(value):
            yield from _names(inner, f"{name}[{number}]")
    else:
        yield name


def _decoded(path: Path) -> dict[str, Any]:
    try:
        data = msgspec.toml.decode(read_small(path, MAX_FILE))
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError) as bad:
        raise ConfigError(f"{path}: not TOML: {_one_line(bad)}") from None
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: not a table")
    return data


def _settings(path: Path, data: dict[str, Any]) -> Settings:
    settings = _Reader(path).table(Settings, data, "")
    verp = settings.verp
    if verp != type(verp)() and verp.since is None:
        raise ConfigError(
            f"{path}: [verp] since: missing; state the day from which on all your mail has a "
            "signed return address, for example since = 2026-12-01"
        )
    return settings


def read_small(path: Path, limit: int) -> bytes:
    """The octets of a regular file of at most *limit* octets. Raises ConfigError."""
    try:
        # (a FIFO would be waited for)
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise ConfigError(f"{path}: not a regular file")
            data = stream.read(limit + 1)
    except OSError as bad:
        raise ConfigError(f"{path}: {bad.strerror or bad}") from None
    if len(data) > limit:
        raise ConfigError(f"{path}: larger than {limit} octets")
    return data


class _Reader:
    """Reads the tables of one file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def table(self, kind: type[T], data: Mapping[str, Any], where: str) -> T:
        """The table *where*, of this *kind*."""
        known = hints(kind)
        read: dict[str, Any] = {}
        for key, value in data.items():
            if key not in known:
                raise self._unknown(key, known, where)
            read[key] = self._value(known[key], value, where, key)
        return kind(**read)

    def _value(self, hint: Any, value: Any, where: str, key: str) -> Any:
        name = f"{where}.{key}" if where else key
        if isinstance(hint, type) and issubclass(hint, Table):
            return self.table(hint, self._as_table(value, name), name)
        kind = inner_table(hint)
        if kind is not None and get_origin(hint) is tuple:
            if not isinstance(value, list):
                raise ConfigError(f"{self._path}: {name}: begin each with [[{name}]]")
            return tuple(self.table(kind, self._as_table(v, name), name) for v in value)
        if kind is not None:
            tables = self._as_table(value, name)
            return {
                inner: self.table(kind, self._as_table(v, f"{name}.{inner}"), f"{name}.{inner}")
                for inner, v in tables.items()
            }
        hint, setting = get_args(hint)
        try:
            return self._checked(msgspec.convert(value, hint), setting)
        except (msgspec.ValidationError, ValueError) as bad:
            place = f"[{where}] {key}" if where else key
            raise ConfigError(
                f"{self._path}: {place}: {_one_line(bad)}; example: {key} = {setting.example}"
            ) from None

    def _checked(self, value: Any, setting: Setting) -> Any:
        if isinstance(value, tuple):
            return tuple(self._item(item, setting) for item in value)
        return self._item(value, setting)

    def _item(self, value: Any, setting: Setting) -> Any:
        checked = setting.check(value) if setting.check else value
        is_path = setting.check is values.path and "://" not in checked
        return str(self._path.absolute().parent / _own_path(checked)) if is_path else checked

    def _as_table(self, value: Any, name: str) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise ConfigError(f"{self._path}: {name}: not a table; begin it with [{name}]")
        return value

    def _unknown(self, key: str, known: Mapping[str, Any], where: str) -> ConfigError:
        place = f"[{where}] {key}" if where else key
        near = get_close_matches(key[:100].lower().replace("-", "_"), known, 1, 0.5)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
        return ConfigError(f"{self._path}: {_one_line(place)}: unknown key; {hint}")


def _own_path(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ValueError(f"{text}: there is no such user; write the whole path") from None


def _one_line(text: object) -> str:
    return " ".join(str(text).split())[:300]
