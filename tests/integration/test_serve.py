"""The service as processes: killed under load, with the ledger locked, configured anew."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import smtplib
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fuzz.service import Harmed, kill, lock
from fuzz.serving import SECRET, Load, Service, event, free_port

LINE = (
    "2026-11-27T10:00:00+00:00 mx postfix/smtp[9]: 4AF1D2E0{0}: to=<log{0}@gone.example>,"
    " relay=mx.gone.example[192.0.2.1]:25, delay=1, dsn=5.1.1, status=bounced"
    " (host mx.gone.example[192.0.2.1] said: 550 5.1.1 User unknown)\n"
)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Service(tmp_path) as made:
        yield made


def test_a_bounce_is_refused_by_postfix_within_seconds(service: Service) -> None:
    assert not service.refused("u1@gone.example")
    assert service.bounce(1) == 204
    service.until(lambda: service.refused("u1@gone.example"), 10)
    assert service.stop() == 0
    assert "Traceback" not in service.log.read_text()


def test_what_the_inputs_read_is_refused_by_postfix_within_seconds(tmp_path: Path) -> None:
    """Also after their process was killed, which the front process starts again."""
    log = tmp_path / "mail.log"
    log.write_text(LINE.format(1))
    service = Service(tmp_path)
    with (tmp_path / "bouncewise.toml").open("a") as stream:
        stream.write(f'[[tail]]\npath = "{log}"\n')
    service.start()
    try:
        service.until(lambda: service.refused("log1@gone.example"), 30)
        assert service.process is not None
        os.kill(child(service.process.pid, b"inputs"), signal.SIGKILL)
        with log.open("a") as stream:
            stream.write(LINE.format(2))
        service.until(lambda: service.refused("log2@gone.example"), 30)
        assert "the inputs process was ended by SIGKILL" in service.log.read_text()
        assert service.stop() == 0
        assert "Traceback" not in service.log.read_text()
    finally:
        if service.process is not None and service.process.poll() is None:
            service.process.kill()
            service.process.wait()


def test_inputs_are_those_of_the_configuration_after_sighup(tmp_path: Path) -> None:
    logs = [tmp_path / "one.log", tmp_path / "two.log"]
    for number, log in enumerate(logs):
        log.write_text(LINE.format(number))
    config = tmp_path / "bouncewise.toml"
    with Service(tmp_path) as service:
        assert service.process is not None
        without = config.read_text()

        def read_again(text: str, words: str) -> None:
            config.write_text(f"{without}{text}")
            count = service.log.read_text().count(words)
            service.process.send_signal(signal.SIGHUP)  # type: ignore[union-attr]
            service.until(lambda: service.log.read_text().count(words) > count)

        def inputs() -> dict[str, dict[str, object]]:
            found = json.loads(service.get("/statusz"))["inputs"]["inputs"]
            return {one["name"]: one for one in found}

        read_again(f'[[tail]]\npath = "{logs[0]}"\n', "is in force")
        service.until(lambda: service.refused("log0@gone.example"), 30)
        service.until(lambda: inputs()[f"follow {logs[0]}"]["reports"] == 1)
        read_again("[[tail]]\n", "either path or journal")
        read_again(f'[[tail]]\npath = "{logs[1]}"\n', "is in force")
        service.until(lambda: service.refused("log1@gone.example"), 30)
        service.until(lambda: set(inputs()) == {f"follow {logs[1]}"})
        service.until(lambda: inputs()[f"follow {logs[1]}"]["looked"])
        assert inputs()[f"follow {logs[1]}"]["behind"] == 0
        metrics = service.get("/metrics").decode()
        assert f'bouncewise_input_failing{{input="follow {logs[1]}"}} 0.0' in metrics
        assert service.stop() == 0
    assert "Traceback" not in service.log.read_text()


def child(parent: int, role: bytes) -> int:
    """The process that *parent* has started with that role."""
    for number in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        if role in Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0"):
            return int(number)
    raise AssertionError(role)


@pytest.fixture
def harmed(tmp_path: Path) -> Iterator[Harmed]:
    made = Harmed(tmp_path)
    with made.service:
        yield made


@pytest.mark.parametrize("is_front", [True, False])
def test_what_was_acknowledged_is_in_the_ledger_once_after_kills(
    harmed: Harmed, *, is_front: bool
) -> None:
    found = kill(harmed, 3, is_front=is_front, draw=random.Random(1))
    assert found.acknowledged > 50
    assert found.fault == ""


def test_a_locked_ledger_refuses_and_loses_nothing(harmed: Harmed) -> None:
    found = lock(harmed, 3)
    assert found.acknowledged > 50
    assert found.fault == ""
    assert found.slowest < 2  # (fuzz/service.py asks for 0.1 s, on a machine that is not busy)


def test_a_start_does_not_wait_for_a_locked_ledger(service: Service) -> None:
    load = Load(service, 0)
    load.start()
    with contextlib.closing(sqlite3.connect(service.db, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        time.sleep(2)
        service.stop(signal.SIGKILL)
        service.start()  # a start does not wait for it either
        time.sleep(2)
        other.execute("ROLLBACK")
    load.ends = True
    load.join()
    assert load.refused == 0
    assert load.slowest < 2
    wanted = {f"u{number}@gone.example" for number in load.acknowledged}
    service.until(lambda: wanted <= service.names(), 60)


@pytest.mark.parametrize(("key", "client"), [("listen", smtplib.SMTP), ("lmtp", smtplib.LMTP)])
def test_mail_of_the_bounce_address_is_in_the_ledger(
    tmp_path: Path, key: str, client: type[smtplib.SMTP]
) -> None:
    port = free_port()
    accept = 'accept = ["bounces+*@sender.example"]'
    with Service(tmp_path, f'[smtp]\n{key} = "127.0.0.1:{port}"\n{accept}\n') as service:
        service.until(lambda: socket.create_connection(("127.0.0.1", port), 1).close() or True)
        mail = (Path(__file__).parents[1] / "fixtures" / "messages" / "postfix.eml").read_bytes()
        with client("127.0.0.1", port) as session:
            assert not session.sendmail("", ["bounces+1@sender.example"], mail)
            with pytest.raises(smtplib.SMTPRecipientsRefused):
                session.sendmail("", ["jo@other.example"], mail)
        service.until(service.names)


def overwrite(db: Path) -> None:
    size = db.stat().st_size
    with db.open("r+b") as file:
        file.write(b"\x5a" * size)


def replace(db: Path) -> None:
    other = db.with_name("other")
    other.write_bytes(b"no database")
    other.replace(db)


@pytest.mark.parametrize("harm", [overwrite, replace, Path.unlink])
def test_a_ledger_that_is_lost_is_a_few_lines_and_stops_nothing(
    service: Service, harm: Callable[[Path], None]
) -> None:
    copy = service.folder / "copy"
    assert service.bounce(1) == 204
    service.until(lambda: service.refused("u1@gone.example"))
    with (
        contextlib.closing(sqlite3.connect(service.db)) as db,
        contextlib.closing(sqlite3.connect(copy)) as to,
    ):
        db.backup(to)
    os.truncate(service.log, 0)
    harm(service.db)
    service.until(lambda: service.status("GET", "/v1/check/u1@gone.example") == 503)
    for number in range(2, 30):
        assert service.bounce(number) == 204
        assert not service.refused("u1@gone.example")
        assert service.status("GET", "/v1/check/u1@gone.example") == 503
    assert service.status("GET", "/healthz") == service.status("GET", "/readyz") == 200
    assert 1 <= len(service.log.read_text().splitlines()) <= 4
    service.stop(signal.SIGKILL)
    service.start()  # a start with such a ledger receives as well
    assert service.bounce(30) == 204
    assert service.status("GET", "/v1/check/u1@gone.example") == 503
    service.stop()
    for end in ("-wal", "-shm"):
        Path(f"{service.db}{end}").unlink(missing_ok=True)
    copy.replace(service.db)
    service.start()
    service.until(lambda: service.names() == {f"u{number}@gone.example" for number in range(1, 31)})


def test_a_first_start_with_another_file_is_refused(tmp_path: Path) -> None:
    service = Service(tmp_path)
    service.db.write_bytes(b"no database")
    with pytest.raises(AssertionError, match="cannot be used as a ledger"):
        service.start()
    assert service.process is not None
    assert service.process.wait(30) == 2


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


def test_a_file_of_the_ledger_that_is_cut_is_said_at_the_next_start(service: Service) -> None:
    """SQLite maps its -shm file into memory: reading behind its end is SIGBUS."""
    assert service.bounce(1) == 204
    service.until(lambda: service.refused("u1@gone.example"))
    os.truncate(f"{service.db}-shm", 0)
    assert service.process is not None
    assert service.process.wait(30) == -signal.SIGBUS
    service.start()
    assert service.bounce(2) == 204
    service.until(
        lambda: "ended by a fault before this start: Bus error" in service.log.read_text()
    )
    service.until(lambda: service.refused("u2@gone.example"))
