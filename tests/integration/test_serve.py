"""The service as processes: killed under load, with the ledger locked, configured anew."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bouncewise.ledger import open_store

SECRET = "a-long-secret"
CONFIG = """
[http]
listen = "127.0.0.1:{http}"
[postfix_policy]
listen = "127.0.0.1:{policy}"
[[webhook]]
name = "pm"
esp = "postmark"
secret = "env:PM_SECRET"
"""


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Service:
    """``bouncewise serve`` in a folder."""

    def __init__(self, folder: Path, db: str = "") -> None:
        self.folder, self.http, self.policy = folder, free_port(), free_port()
        (folder / "bouncewise.toml").write_text(CONFIG.format(http=self.http, policy=self.policy))
        self.db = db or str(folder / "ledger.sqlite")
        self.log = folder / "log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "bouncewise", "serve", "--db", self.db]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                env={**os.environ, "PM_SECRET": SECRET, "XDG_DATA_HOME": str(self.folder)},
            )
        self.until(lambda: self.status("GET", "/healthz") == 200)

    def until(self, is_so: object, seconds: float = 30) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if is_so():  # type: ignore[operator]
                    return
            time.sleep(0.05)
        raise AssertionError(self.log.read_text())

    def status(self, method: str, path: str, body: bytes = b"") -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=20)
        try:
            connection.request(method, path, body)
            return connection.getresponse().status
        finally:
            connection.close()

    def bounce(self, number: int) -> int:
        return self.status("POST", f"/in/pm/{SECRET}", event(number))

    def refused(self, address: str) -> bool:
        """What Postfix would be told."""
        with socket.create_connection(("127.0.0.1", self.policy), 5) as sock:
            sock.sendall(
                f"request=smtpd_access_policy\nprotocol_state=RCPT\nsender=a@s.example\n"
                f"recipient={address}\n\n".encode()
            )
            return sock.recv(4096).startswith(b"action=REJECT")

    def names(self) -> set[str]:
        with open_store(self.db, read_only=True) as ledger:
            return {name for name in ledger.names() if not name.startswith("@")}

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(30)


def event(number: int) -> bytes:
    return json.dumps(
        {
            "RecordType": "Bounce",
            "Type": "HardBounce",
            "Email": f"u{number}@gone.example",
            "ID": number,
            "BouncedAt": "2026-11-23T10:00:00Z",
            "Details": "smtp;550 5.1.1 User unknown",
        }
    ).encode()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = Service(tmp_path)
    made.start()
    yield made
    if made.process is not None and made.process.poll() is None:
        made.process.kill()
        made.process.wait()


def test_a_bounce_is_refused_by_postfix_within_seconds(service: Service) -> None:
    assert not service.refused("u1@gone.example")
    assert service.bounce(1) == 204
    service.until(lambda: service.refused("u1@gone.example"), 10)
    assert service.stop() == 0
    assert "Traceback" not in service.log.read_text()


class Load(threading.Thread):
    """Sends events without pause, and remembers which were acknowledged."""

    def __init__(self, service: Service, first: int) -> None:
        super().__init__(daemon=True)
        self.service, self.number = service, first
        self.acknowledged: set[int] = set()
        self.refused = 0
        self.slowest = 0.0
        self.ends = False

    def run(self) -> None:
        while not self.ends:
            self.number += 1
            begun = time.monotonic()
            try:
                status = self.service.bounce(self.number)
            except (OSError, http.client.HTTPException):
                time.sleep(0.02)
                continue
            self.slowest = max(self.slowest, time.monotonic() - begun)
            if status == 204:
                self.acknowledged.add(self.number)
            else:
                self.refused += 1


def test_nothing_acknowledged_is_lost_when_the_process_is_killed(service: Service) -> None:
    load = Load(service, 0)
    load.start()
    for _ in range(4):
        time.sleep(0.7)
        service.stop(signal.SIGKILL)
        service.start()
    time.sleep(0.3)
    load.ends = True
    load.join()
    wanted = {f"u{number}@gone.example" for number in load.acknowledged}
    assert len(wanted) > 50
    service.until(lambda: wanted <= service.names(), 60)
    with open_store(service.db, read_only=True) as ledger:
        events = ledger.counts()["event"]
    assert events == len(service.names())  # each once, with those that were not acknowledged


def test_a_locked_ledger_stops_nothing(service: Service) -> None:
    load = Load(service, 0)
    load.start()
    with contextlib.closing(sqlite3.connect(service.db, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        time.sleep(4)
        other.execute("ROLLBACK")
    load.ends = True
    load.join()
    assert load.refused == 0
    assert load.slowest < 2
    wanted = {f"u{number}@gone.example" for number in load.acknowledged}
    service.until(lambda: wanted <= service.names(), 60)


def test_the_ledger_process_is_started_again(service: Service) -> None:
    assert service.bounce(1) == 204
    service.until(lambda: "u1@gone.example" in service.names())
    assert service.process is not None
    children = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children")
    os.kill(int(children.read_text().split()[0]), signal.SIGKILL)
    assert service.bounce(2) == 204
    service.until(lambda: "u2@gone.example" in service.names())


def test_a_configuration_is_read_again(service: Service) -> None:
    file = service.folder / "bouncewise.toml"
    text = file.read_text()
    file.write_text(text.replace('"pm"', '"mark"'))
    assert service.process is not None
    service.process.send_signal(signal.SIGHUP)
    service.until(lambda: service.status("POST", f"/in/mark/{SECRET}", event(1)) == 204)
    file.write_text(text.replace("postmark", "nobody"))
    service.process.send_signal(signal.SIGHUP)
    service.until(lambda: "the configuration is not changed" in service.log.read_text())
    assert service.status("POST", f"/in/mark/{SECRET}", event(2)) == 204
