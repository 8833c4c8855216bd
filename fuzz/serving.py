"""The service as processes, started, asked, loaded and ended: for tests and fuzz/service.py."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import smtplib
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

    def __init__(self, folder: Path, more: str = "", db: str = "") -> None:
        """*more*: lines of bouncewise.toml; *db*: the ledger, by default a file in *folder*."""
        self.folder, self.http, self.policy = folder, free_port(), free_port()
        text = CONFIG.format(http=self.http, policy=self.policy)
        (folder / "bouncewise.toml").write_text(f"{text}{TOKEN.lines}{more}")
        self.db = folder / "ledger.sqlite"
        self.ledger = db or str(self.db)
        self.log = folder / "log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "bouncewise", "serve", "--db", self.ledger]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603
                command,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                env={**os.environ, "PM_SECRET": SECRET, "XDG_DATA_HOME": str(self.folder)},
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

    def get(self, path: str) -> bytes:
        """The body at *path*."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=20)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {TOKEN.token}"})
            return connection.getresponse().read()
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
        with open_store(self.ledger, read_only=True) as ledger:
            return {name for name in ledger.names() if not name.startswith("@")}

    def events(self) -> int:
        """The events in the ledger."""
        with open_store(self.ledger, read_only=True) as ledger:
            return ledger.counts()["event"]

    def ledger_process(self) -> int:
        """The process id of the ledger process, as soon as there is one."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        found: list[str] = []
        self.until(lambda: found.extend(children.read_text().split()) or found)
        return int(found[0])

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
    """Sends what bounced without pause, each about an address of its own, and remembers which were
    acknowledged, how many were refused, and how long the slowest took, in seconds.
    """

    prefix = "u"

    def __init__(self, service: Service, first: int = 0) -> None:
        super().__init__(daemon=True)
        self.service, self.number = service, first
        self.acknowledged: set[int] = set()
        self.refused = 0
        self.slowest = 0.0
        self.ends = False

    def send(self, number: int) -> bool:
        """Send one; whether it was acknowledged."""
        return self.service.bounce(number) == 204

    def run(self) -> None:
        """Send, until ``ends``."""
        while not self.ends:
            self.number += 1
            begun = time.monotonic()
            try:
                is_acknowledged = self.send(self.number)
            except (OSError, http.client.HTTPException, smtplib.SMTPServerDisconnected):
                time.sleep(0.02)  # the service is down
                continue
            except smtplib.SMTPException:
                is_acknowledged = False
            self.slowest = max(self.slowest, time.monotonic() - begun)
            if is_acknowledged:
                self.acknowledged.add(self.number)
            else:
                self.refused += 1

    def names(self) -> set[str]:
        """The addresses that must be in the ledger."""
        return {f"{self.prefix}{number}@gone.example" for number in self.acknowledged}


class MailLoad(Load):
    """The same by mail, over one session as long as it lasts."""

    def __init__(self, service: Service, port: int, client: type[smtplib.SMTP]) -> None:
        super().__init__(service)
        self.prefix = "l" if client is smtplib.LMTP else "s"
        self._port, self._client = port, client
        self._session: smtplib.SMTP | None = None

    def run(self) -> None:
        """Send, until ``ends``; then end the session."""
        super().run()
        if self._session is not None:
            self._session.close()

    def send(self, number: int) -> bool:
        """Send one notice; whether it was acknowledged."""
        if self._session is None:
            self._session = self._client("127.0.0.1", self._port, timeout=20)
        try:
            mail = notice(f"{self.prefix}{number}@gone.example")
            return not self._session.sendmail("", ["bounces+1@sender.example"], mail)
        except BaseException:
            self._session.close()
            self._session = None
            raise


def notice(recipient: str) -> bytes:
    """A bounce as Postfix writes it."""
    return (
        "From: MAILER-DAEMON@mx.gone.example (Mail Delivery System)\n"
        "To: bounces+1@sender.example\nDate: Mon, 23 Nov 2026 10:00:00 +0000\n"
        "Subject: Undelivered Mail Returned to Sender\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        f"--b\nContent-Type: text/plain\n\n<{recipient}>: host mx.gone.example said: 550 5.1.1 "
        "User unknown\n\n--b\nContent-Type: message/delivery-status\n\n"
        f"Reporting-MTA: dns; mx.gone.example\n\nFinal-Recipient: rfc822; {recipient}\n"
        "Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 User unknown\n\n--b--\n"
    ).encode()
