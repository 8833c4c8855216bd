"""The inputs that the configuration names.

Reads: the settings. Gives: sources for a Feed. Refuses with ConfigError what is not complete.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator
from pathlib import Path

from bouncewise.config.inputs import Syslog
from bouncewise.config.settings import Settings
from bouncewise.errors import ConfigError
from bouncewise.intake.follow import Chunk, Follower
from bouncewise.intake.journal import Journal
from bouncewise.intake.live import LiveLog
from bouncewise.intake.logfile import behind
from bouncewise.service.feeder import Feeder, Source
from bouncewise.service.folder import DropFolder
from bouncewise.service.line_file import first_position, line_path, remove_read
from bouncewise.service.mailboxes.mailbox import Mailbox
from bouncewise.service.syslog import called
from bouncewise.service.syslog import check as check_syslog

TIDY = 30.0
"""Seconds after which files of syslog that were read are removed."""


class LogFile:
    """A log file that is followed; *called*: in place of its path."""

    def __init__(self, path: str, called: str = "") -> None:
        self.name, self._path = f"follow {called or path}", path

    def run(self, position: str, outlet: Feeder) -> None:
        """See Source."""
        chunks = Follower(self._path, position, outlet.tell).chunks()
        LiveLog(self.name, chunks, outlet).run()

    def behind(self, position: str) -> int:
        """Octets that are not read."""
        return behind(Path(self._path), position)


class JournalUnits:
    """Units in systemd's journal; *called*: in place of their names."""

    def __init__(self, units: tuple[str, ...], called: str = "") -> None:
        self.name, self._units = f"journal {called or ' '.join(units)}".rstrip(), units

    def run(self, position: str, outlet: Feeder) -> None:
        """See Source."""
        is_once = outlet.is_once
        found = Journal(self._units, position, outlet.tell, outlet.pause, is_once=is_once)
        LiveLog(self.name, found.chunks(), outlet).run()


class SyslogLines:
    """What a server of syslog has received, in the file at *path*."""

    def __init__(self, syslog: Syslog, path: Path) -> None:
        check_syslog(syslog)
        self.name, self._path = called(syslog), path

    def run(self, position: str, outlet: Feeder) -> None:
        """See Source."""
        position = position or first_position(self._path)
        follower = Follower(str(self._path), position, outlet.tell)
        chunks = self._chunks(follower.chunks(), outlet)
        LiveLog(self.name, chunks, outlet, is_mixed=True).run()

    def behind(self, position: str) -> int:
        """Octets that are not read."""
        return behind(self._path, position)

    def _chunks(
        self, chunks: Generator[Chunk, None, None], outlet: Feeder
    ) -> Generator[Chunk, None, None]:
        looked = time.monotonic()
        with contextlib.closing(chunks):
            for chunk in chunks:
                yield chunk
                if time.monotonic() - looked > TIDY:
                    outlet.store([], "")  # (what was put before is in the ledger then)
                    remove_read(self._path, outlet.position)
                    looked = time.monotonic()


def sources(settings: Settings, spool: Path) -> list[Source]:
    """All inputs of *settings*; *spool*: the folder of the spool. Raises ConfigError."""
    found: list[Source] = []
    for tail in settings.tail:
        if bool(tail.path) == bool(tail.journal):
            raise ConfigError("[[tail]]: either path or journal is necessary")
        log = JournalUnits(tail.journal, tail.name) if tail.journal else None
        found.append(log or LogFile(tail.path, tail.name))
    for folder in settings.folder:
        if not folder.path:
            raise ConfigError("[[folder]] path: missing")
        found.append(DropFolder(folder.path))
    found += map(Mailbox, settings.fetch)
    found += (SyslogLines(syslog, line_path(spool, syslog.name)) for syslog in settings.syslog)
    names = [source.name for source in found]
    if double := next((name for name in names if names.count(name) > 1), None):
        raise ConfigError(f"two inputs are called {double!r}; give them different names")
    return found
