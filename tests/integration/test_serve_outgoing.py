"""What the service sends by itself, as processes: alerts over kills, and blocked subscribers."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from fuzz.serving import TOKEN, Service
from standardwebhooks import Webhook

from support.esps import KEY, Answer, Listmonk, served

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Target:
    """A receiver of webhooks that checks them as others do, and answers with the next status."""

    def __init__(self) -> None:
        self.received: list[tuple[str, dict[str, Any]]] = []
        self.statuses: list[int] = []

    def changes(self) -> list[str]:
        return [
            f"{row['turn']} {row['part']}"
            for _, body in self.received
            for row in body["data"]["changes"]
        ]


@contextlib.contextmanager
def receiving(target: Target) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            verified = Webhook(SECRET).verify(body, dict(self.headers.items()))
            status = target.statuses.pop(0) if target.statuses else 204
            target.received.append((self.headers["webhook-id"], verified))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def child(service: Service, role: bytes) -> int:
    assert service.process is not None
    parent = service.process.pid
    found: list[int] = []

    def look() -> bool:
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        found.extend(
            int(number)
            for number in children
            if role in Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")
        )
        return bool(found)

    service.until(look)
    return found[-1]


def status(service: Service) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", service.http, timeout=20)
    with contextlib.closing(connection):
        connection.request("GET", "/statusz", headers={"Authorization": f"Bearer {TOKEN.token}"})
        return json.loads(connection.getresponse().read())


def test_an_alert_is_delivered_over_a_failing_receiver_and_kills(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERT_SECRET", SECRET)
    target = Target()
    target.statuses = [503]
    (tmp_path / "spool" / "poison").mkdir(parents=True)
    (tmp_path / "spool" / "poison" / f"{7:020d}.msgpack").write_bytes(b"")
    with receiving(target) as url:
        more = (
            f'[[alert]]\nname = "ops"\nurl = "{url}"\nsecret = "env:ALERT_SECRET"\n'
            "allow_private = true\n"
        )
        with Service(tmp_path, more) as service:
            service.until(lambda: target.received)
            service.until(lambda: status(service)["alerts"]["ops"]["waiting"] == 1)
            os.kill(child(service, b"outgoing"), signal.SIGKILL)
            service.until(lambda: len(target.received) > 1, 60)
            service.until(lambda: status(service)["alerts"]["ops"]["waiting"] == 0)
            assert service.stop() == 0
            assert "Traceback" not in service.log.read_text()
            assert "alert ops: not delivered" in service.log.read_text()
        assert target.changes() == ["began poison", "began poison"]
        assert len({number for number, _ in target.received}) == 1
        (tmp_path / "spool" / "poison" / f"{7:020d}.msgpack").unlink()
        with service:
            service.until(lambda: "ended poison" in target.changes(), 60)
            assert service.stop() == 0
    assert target.changes() == ["began poison", "began poison", "ended poison"]


def test_who_bounces_is_blocked_at_the_list_manager_within_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although the list manager has too many requests, and does things half."""
    monkeypatch.setenv(Listmonk.token, KEY)
    fake = Listmonk()
    for number in range(1, 6):
        fake.subscribe(number, f"u{number}@gone.example", blocked=False)
    with served(fake) as url:
        more = (
            f'[[sync]]\nname = "news"\nesp = "listmonk"\nurl = "{url}"\nuser = "Bouncewise"\n'
            "every = 3600\n"
        )
        with Service(tmp_path, more) as service:
            service.until(lambda: status(service)["sync"].get("news"), 60)
            fake.changes = [Answer(429, {}, (("Retry-After", "1"),)), "half", "late"]
            begun = time.monotonic()
            assert [service.bounce(number) for number in (1, 2, 3)] == [204] * 3
            service.until(lambda: len(fake.blocked()) == 3, 60)
            assert time.monotonic() - begun < 60
            assert fake.blocked() == {f"u{number}@gone.example" for number in (1, 2, 3)}
            assert status(service)["sync"]["news"]["fault"] == ""
            assert service.stop() == 0
            assert KEY not in service.log.read_text()
            assert "Traceback" not in service.log.read_text()
