"""The service is killed while it receives syslog: what it had stored is in the ledger once, and
what is sent after its start as well.
"""

from __future__ import annotations

import contextlib
import signal
import socket
from pathlib import Path

from fuzz.serving import Service, free_port

LINE = (
    "<22>1 2026-11-27T10:00:00+00:00 mx postfix/smtp 9 - - 4AF1D2E{0:05X}:"
    " to=<log{0}@gone.example>, relay=mx.gone.example[192.0.2.1]:25, delay=1, dsn=5.1.1,"
    " status=bounced (host mx.gone.example[192.0.2.1] said: 550 5.1.1 User unknown)"
)


def send(port: int, numbers: range) -> None:
    with socket.create_connection(("127.0.0.1", port), 10) as sock:
        for number in numbers:
            line = LINE.format(number).encode()
            sock.sendall(b"%d %s" % (len(line), line))


def recipients(folder: Path) -> set[str]:
    """Those of the lines in a folder that have their end."""
    found: set[str] = set()
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # (what was read is removed)
            whole = (line for line in path.read_text().splitlines() if line.endswith("unknown)"))
            found |= {line.split("to=<")[1].split(">")[0] for line in whole}
    return found


def test_lines_that_were_stored_survive_kills(tmp_path: Path) -> None:
    port = free_port()
    settings = f'[[syslog]]\nname = "mx"\nlisten = "127.0.0.1:{port}"\n'
    file = tmp_path / "spool" / "syslog" / "mx.log"
    stored: set[str] = set()
    with Service(tmp_path, settings) as service:
        for first in range(0, 3000, 1000):
            if first:
                service.start()
            before = file.stat().st_size if file.exists() else 0
            with contextlib.suppress(ConnectionError):
                send(port, range(first, first + 1000))
            service.until(lambda size=before: file.stat().st_size > size)  # type: ignore[misc]
            service.stop(signal.SIGKILL)
            stored |= recipients(file.parent)
        service.start()
        send(port, range(5000, 5010))
        stored |= {f"log{number}@gone.example" for number in range(5000, 5010)}
        service.until(lambda: stored <= service.names(), 60)
        service.until(lambda: service.events() == len(service.names()), 30)
    assert len(stored) > 10
