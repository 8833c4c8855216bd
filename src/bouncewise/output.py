"""Files that a verb writes: complete or not at all.

Reads: the path that an option names (``-``: standard output). Gives: an open text stream. A regular
file is replaced, at the end and atomically, by a temporary file in its own folder; a symlink stays,
and the file that it names is replaced; mode, group and owner are kept as far as the system permits.
Devices, FIFOs and descriptors (``/dev/stdout``, ``/dev/fd/3``) are written into. Refuses, in one
line: folders, files without write permission, a full disk, and one file for two purposes.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import secrets
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from bouncewise.errors import InputError, OutputError

_MAX_LINKS = 40
"""Symlinks followed to find a descriptor; the kernel itself follows 40 (path_resolution(7))."""

_DESCRIPTORS = re.compile(r"/dev/fd|/proc/(\d+)(?:/task/\d+)?/fd")


@contextmanager
def open_output(
    path: Path | None, *, encoding: str = "utf-8", errors: str = "strict", newline: str = "\n"
) -> Iterator[IO[str]]:
    """A stream that becomes the contents of *path* when the block ends without an exception;
    otherwise a file stays as it was. None and ``-`` mean standard output.

    Raises OutputError where the file cannot be written, e.g. on a full disk.
    """
    if path is None or str(path) == "-" or _own_descriptor(path) == 1:
        with _standard_output(encoding, errors, newline) as stream:
            yield stream
        return
    try:
        descriptor, temporary, target = _open(path)
    except OSError as bad:
        raise _error(path, bad) from None
    raw = _Raw(path, descriptor)
    stream = io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=encoding, errors=errors, newline=newline
    )
    try:
        yield stream
        stream.flush()
        if temporary is not None:
            _settle(path, descriptor, temporary, target)
            temporary = None
        stream.close()
    finally:
        with contextlib.suppress(OSError, OutputError, ValueError):
            stream.close()
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def require_distinct(outputs: Mapping[str, Path | None], inputs: Mapping[str, Path | None]) -> None:
    """Raise InputError where two options name one file by whatever path, symlink or hard link:
    two outputs, or an output and an input. Keys are what the message calls them; ``-`` is
    standard output, or standard input.

    Raises OutputError where an output is a descriptor that is not open: it would be that of a file
    that is opened later. Call it before anything is opened.
    """
    seen: dict[object, str] = {}
    sources = {
        _identity(path, 0): name
        for name, path in inputs.items()
        if path is not None and _is_file_or_missing(path, 0)
    }
    for name, path in outputs.items():
        if path is not None:
            _require_open(path)
        identity = _identity(path, 1) if path is not None else None
        if identity is None or _is_null_device(identity):
            continue
        if other := seen.get(identity):
            raise InputError(f"{name} and {other} are the same file; name two files")
        if other := sources.get(identity):
            raise InputError(f"{name} is the same file as {other}; name another file")
        seen[identity] = name


@contextmanager
def _standard_output(encoding: str, errors: str, newline: str) -> Iterator[IO[str]]:
    if sys.stdout is None:  # closed by the shell: ``>&-``
        raise OutputError("standard output: cannot be written: it is not open")
    buffer = getattr(sys.stdout, "buffer", None)
    if buffer is None:  # replaced by a stream without octets
        yield sys.stdout
        return
    sys.stdout.flush()
    stream = io.TextIOWrapper(buffer, encoding=encoding, errors=errors, newline=newline)
    try:
        yield stream
        stream.flush()
    finally:
        with contextlib.suppress(OSError, ValueError):
            stream.detach()


class _Raw(io.FileIO):
    """A descriptor whose failed writes name the path that the operator gave."""

    def __init__(self, path: Path, descriptor: int) -> None:
        super().__init__(descriptor, "wb")
        self.path = path

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as bad:
            raise _error(self.path, bad) from None


def _open(path: Path) -> tuple[int, Path | None, Path]:
    """A descriptor for writing; the temporary file where one is used; the file that is meant."""
    own = _own_descriptor(path)
    if own is not None:
        return os.dup(own), None, path
    try:
        there = path.stat()
    except FileNotFoundError:
        there = None
    if there is not None and not stat.S_ISREG(there.st_mode):
        return os.open(path, os.O_WRONLY | os.O_NOCTTY | os.O_CLOEXEC), None, path
    target = Path(os.path.realpath(path))
    if there is not None and not os.access(target, os.W_OK):
        raise PermissionError(13, os.strerror(13))
    temporary = target.with_name(f".bouncewise-{secrets.token_hex(8)}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    # A new file gets what the umask leaves of 0666; one that is replaced, its mode at the end.
    descriptor = os.open(temporary, flags, 0o666 if there is None else 0o600)
    try:
        if there is not None:
            _keep_owner(descriptor, there)
    except BaseException:
        os.close(descriptor)
        temporary.unlink(missing_ok=True)
        raise
    return descriptor, temporary, target


def _keep_owner(descriptor: int, there: os.stat_result) -> None:
    """Owner, group and mode of the file that is replaced. Where the group cannot be kept, another
    group gets no more than everybody.
    """
    mode = stat.S_IMODE(there.st_mode) & 0o777
    new = os.fstat(descriptor)
    if (new.st_uid, new.st_gid) != (there.st_uid, there.st_gid):
        try:
            os.fchown(descriptor, there.st_uid, there.st_gid)
        except OSError:
            try:
                os.fchown(descriptor, -1, there.st_gid)
            except OSError:
                mode &= 0o707 | (mode & 0o007) << 3
    os.fchmod(descriptor, mode)


def _settle(path: Path, descriptor: int, temporary: Path, target: Path) -> None:
    """Put the written file in its place, so that a power failure leaves the old or the new."""
    try:
        os.fsync(descriptor)
        temporary.replace(target)
    except OSError as bad:
        raise _error(path, bad) from None
    with contextlib.suppress(OSError):  # a folder that may be written but not read
        folder = os.open(target.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _own_descriptor(path: Path) -> int | None:
    """The number of a descriptor of this process, where *path* leads to one."""
    here = os.fspath(path)
    for _ in range(_MAX_LINKS):
        folder, name = os.path.split(here)
        folder = os.path.realpath(folder or ".")
        m = _DESCRIPTORS.fullmatch(folder)
        if m and name.isascii() and name.isdigit() and m[1] in (None, str(os.getpid())):
            return int(name)
        here = os.path.join(folder, name)  # noqa: PTH118 - pathlib would drop a trailing ".."
        try:
            here = os.path.join(folder, os.readlink(here))  # noqa: PTH115, PTH118
        except OSError:
            return None
    return None


def _identity(path: Path, standard: int) -> object:
    """What is equal for two paths to one file: device and inode, or the path where none is yet."""
    try:
        found = os.fstat(standard) if str(path) == "-" else path.stat()
    except (OSError, ValueError):
        return os.path.realpath(path)
    return found.st_dev, found.st_ino


def _is_file_or_missing(path: Path, standard: int) -> bool:
    try:
        found = os.fstat(standard) if str(path) == "-" else path.stat()
    except FileNotFoundError:
        return True
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(found.st_mode)


def _require_open(path: Path) -> None:
    if not str(path).strip() or "\0" in str(path):
        raise InputError(f"{str(path)!r}: not the name of a file")
    number = 1 if str(path) == "-" else _own_descriptor(path)
    if number is not None and not (number == 1 and hasattr(sys.stdout, "buffer")):
        try:
            os.fstat(number)
        except (OSError, OverflowError):
            raise OutputError(f"{path}: cannot be written: it is not open") from None


def _is_null_device(identity: object) -> bool:
    return identity == _identity(Path(os.devnull), 1)


def _error(path: Path, bad: OSError) -> OutputError:
    return OutputError(f"{path}: cannot be written: {bad.strerror or bad}")
