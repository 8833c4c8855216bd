"""The service over a ledger in PostgreSQL: answers, kills, and a server that stops under load."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fuzz.serving import Load, Service

from bouncewise.ledger import open_store
from support import postgres


@pytest.fixture
def server() -> Iterator[postgres.Server]:
    postgres.server()  # or the test is skipped
    found = postgres.Server()
    yield found
    found.remove()


@pytest.fixture
def service(tmp_path: Path, server: postgres.Server) -> Iterator[Service]:
    made = Service(tmp_path, db=server.url())
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


def test_a_server_that_is_silent_holds_neither_answers_nor_the_stop(
    service: Service, server: postgres.Server
) -> None:
    """Its processes are stopped, and the kernel goes on to acknowledge what is sent to them."""
    assert service.bounce(1) == 204
    service.until(lambda: service.refused("u1@gone.example"))
    with server.silent():
        load = Load(service, 1)
        load.start()
        slowest = 0.0
        for _ in range(20):
            begun = time.monotonic()
            service.refused("u2@gone.example")
            slowest = max(slowest, time.monotonic() - begun)
        service.until(lambda: len(load.acknowledged) > 50)
        load.ends = True
        load.join()
        assert load.refused == 0
        assert max(load.slowest, slowest) < 15  # (a connection was given up after half a minute)
        begun = time.monotonic()
        service.stop()
        assert time.monotonic() - begun < 30
    service.start()
    wanted = {f"u{number}@gone.example" for number in load.acknowledged}
    service.until(lambda: wanted <= service.names(), 60)


def test_nothing_acknowledged_is_lost_by_kills_and_a_server_that_stops(
    service: Service, server: postgres.Server
) -> None:
    load = Load(service, 0)
    load.start()
    for _ in range(2):
        time.sleep(0.7)
        server.stop()
        time.sleep(1)
        server.start()
    assert load.refused == 0
    assert load.slowest < 2
    service.stop(signal.SIGKILL)
    service.start()
    time.sleep(0.7)
    assert service.process is not None
    children = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children")
    os.kill(int(children.read_text().split()[0]), signal.SIGKILL)
    time.sleep(0.3)
    load.ends = True
    load.join()
    wanted = {f"u{number}@gone.example" for number in load.acknowledged}
    assert len(wanted) > 50
    service.until(lambda: wanted <= service.names(), 60)
    with open_store(service.ledger, read_only=True) as ledger:
        events = ledger.counts()["event"]
    assert events == len(service.names())  # each once, with those that were not acknowledged
    assert "Traceback" not in service.log.read_text()


def test_two_services_share_a_ledger(tmp_path: Path, server: postgres.Server) -> None:
    """As on two hosts: each has its own spool and files. What one receives the other refuses; under
    load on both, with kills of one, each event and each decision is there once.
    """
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    with contextlib.ExitStack() as stack:
        services = [stack.enter_context(Service(folder, db=server.url())) for folder in folders]
        one, two = services
        assert one.bounce(1) == 204
        two.until(lambda: two.refused("u1@gone.example"), 20)  # (by NOTIFY)
        assert two.bounce(2) == 204
        one.until(lambda: one.refused("u2@gone.example"), 20)
        loads = [Load(one, 10_000), Load(two, 20_000), Load(two, 10_000)]  # the first also at both
        for load in loads:
            load.start()
        for _ in range(2):
            one.until(lambda: min(len(load.acknowledged) for load in loads) > 20)
            os.kill(two.ledger_process(), signal.SIGKILL)
            one.stop(signal.SIGKILL)
            one.start()
        for load in loads:
            load.ends = True
        for load in loads:
            load.join()
        wanted = set[str]().union(*(load.names() for load in loads))
        one.until(lambda: wanted <= one.names(), 60)
        sample = sorted(wanted)[:: max(1, len(wanted) // 20)]
        for service in services:
            service.until(lambda: all(map(service.refused, sample)), 60)  # noqa: B023
        for service in services:
            assert service.stop() == 0
            assert "Traceback" not in service.log.read_text()
    with open_store(server.url(), read_only=True) as ledger:
        counts, names = ledger.counts(), set(ledger.names())
        assert not ledger.pending
        assert counts["event"] == len({name for name in names if not name.startswith("@")})
        decided = dict(ledger.states())
    assert wanted <= decided.keys()
    assert all(len(decided[name]) == 1 for name in wanted)
