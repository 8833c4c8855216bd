"""The service as processes, started, asked, loaded and ended: for tests and fuzz/service.py."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from bouncewise.config.service import TokenScope
from bouncewise.ledger import open_store
from bouncewise.service.tokens import make

SECRET = "a-long-secret"  # noqa: S105 - of the test
TOKEN = make("test", (TokenScope.CHECK, TokenScope.METRICS))
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

    def __init__(self, folder: Path, more: str = "") -> None:
        """*more*: lines of bouncewise.toml."""
        self.folder, self.http, self.policy = folder, free_port(), free_port()
        text = CONFIG.format(http=self.http, policy=self.policy)
        (folder / "bouncewise.toml").write_text(f"{text}{TOKEN.lines}{more}")
        self.db = folder / "ledger.sqlite"
        self.log = folder / "log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "bouncewise", "serve", "--db", str(self.db)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603
                command,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                env={**os.environ, "PM_SECRET": SECRET},
            )
        self.until(lambda: self.status("GET", "/healthz") == 200)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def until(self, is_so: Callable[[], object], seconds: float = 30) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if is_so():
                    return
            if self.process is not None and self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError(self.log.read_text())

    def status(self, method: str, path: str, body: bytes = b"") -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=20)
        try:
            connection.request(method, path, body, {"Authorization": f"Bearer {TOKEN.token}"})
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
