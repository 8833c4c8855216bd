"""Entries of journald as they are written, by journalctl(1).

Reads: what ``journalctl --output json --follow`` writes. Gives: chunks of whole lines, each an
entry as JSON, with the position behind them: the cursor of the last entry (``__CURSOR``,
systemd.journal-fields(7)), and one of BEFORE entries earlier. After a restart entries from the
earlier one on come again: readers keep what earlier lines stated about a mail. Where journalctl
ends, it is started again. Refuses an entry of more than LONGEST octets.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import tempfile
from collections import deque
from collections.abc import Callable, Generator

import msgspec

from bouncewise.errors import InputError
from bouncewise.intake.follow import Chunk

BEFORE = 5000
"""Entries that come again after a restart."""

LONGEST = 8 << 20
"""Octets of one entry as JSON; journald's own limit of a field is 64 KiB of a line, of which each
octet may be written as a number."""

_PAGE = 1000  # entries of which the first one's cursor is kept
_AT_ONCE = 1 << 16
_STARTS = (1.0, 2.0, 5.0, 15.0, 60.0)  # seconds before journalctl is started again


class _Entry(msgspec.Struct):
    cursor: str = msgspec.field(default="", name="__CURSOR")


class _Position(msgspec.Struct, frozen=True, array_like=True):
    cursor: str
    before: str


class Journal:
    """The entries of *units*, or all where there are none. Raises InputError where there is no
    journalctl.
    """

    def __init__(
        self,
        units: tuple[str, ...],
        position: str,
        tell: Callable[[str], None],
        wait: Callable[[float], bool],
        *,
        is_once: bool = False,
    ) -> None:
        """*wait*: wait for so many seconds; True where the input is to end. *is_once*: only what
        is there already.
        """
        self._is_once = is_once
        self._program = shutil.which("journalctl") or ""
        if not self._program:
            raise InputError("journalctl: no such program; is systemd-journald used here?")
        self._units, self._tell, self._wait = units, tell, wait
        self._cursor, before = _read(position)
        self._pages = deque([before] if before else [], BEFORE // _PAGE)
        self._in_page = 0

    def chunks(self) -> Generator[Chunk, None, None]:
        """Everything that is and will be written."""
        faults = 0
        while True:
            begun = self._cursor
            with tempfile.TemporaryFile() as errors:
                code = yield from self._entries(errors.fileno())
                if self._is_once and code == 0:
                    return
                errors.seek(0)
                lines = errors.read(4096).decode("utf-8", "replace").split("\n")
            reason = next((line for line in reversed(lines) if line.strip()), "no reason given")
            faults = 0 if self._cursor != begun else faults + 1
            pause = _STARTS[min(faults, len(_STARTS) - 1)]
            self._tell(f"journalctl ended: {reason}; it is started again in {pause:g} s")
            yield Chunk(b"", "")
            if self._wait(pause):
                return

    def _arguments(self) -> list[str]:
        """``--all``: without it a field of more than 4,096 octets is null (journalctl(1)).
        ``--cursor`` and not ``--after-cursor``, which passes an entry that was never read where the
        one of the cursor was removed (systemd 252).
        """
        units = [part for unit in self._units for part in ("--unit", unit)]
        begin = self._pages[0] if self._pages else self._cursor
        return [
            *(self._program, "--output", "json", "--all", "--quiet"),
            *([] if self._is_once else ["--follow", "--no-tail"]),
            *(["--cursor", begin] if begin else []),
            *units,
        ]

    def _entries(self, errors: int) -> Generator[Chunk, None, int]:
        """The entries until journalctl ends; its exit code."""
        process = subprocess.Popen(  # noqa: S603 - no shell, and the operator's own units
            self._arguments(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors
        )
        assert process.stdout is not None
        file, begun, is_too_long = process.stdout.fileno(), b"", False
        try:
            while True:
                if not self._is_once and not select.select([file], [], [], 0)[0]:
                    yield Chunk(b"", "")
                    continue
                data = os.read(file, _AT_ONCE)
                if not data:
                    return process.wait()
                begun += data
                end = begun.rfind(b"\n") + 1
                lines, begun = begun[:end], begun[end:]
                if is_too_long and end:
                    is_too_long, lines = False, lines[lines.find(b"\n") + 1 :]
                if is_too_long:
                    begun = b""
                elif len(begun) > LONGEST:
                    self._tell(f"journald: an entry of more than {LONGEST} octets was not read")
                    is_too_long, begun = True, b""
                if lines:
                    yield Chunk(lines, self._position(lines))
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

    def _position(self, lines: bytes) -> str:
        """The position behind *lines*."""
        self._in_page += lines.count(b"\n")
        self._cursor = _cursor(lines) or self._cursor
        if not self._pages or self._in_page >= _PAGE:
            self._pages.append(self._cursor)
            self._in_page = 0
        return msgspec.json.encode(_Position(self._cursor, self._pages[0])).decode()


def _cursor(lines: bytes) -> str:
    """The cursor of the last entry."""
    try:
        return msgspec.json.decode(lines[lines.rfind(b"\n", 0, -1) + 1 :], type=_Entry).cursor
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def _read(position: str) -> tuple[str, str]:
    try:
        found = msgspec.json.decode(position, type=_Position) if position else _Position("", "")
    except msgspec.DecodeError:
        return "", ""
    return found.cursor, found.before
