"""The ways of an alert beyond webhooks and chats: SMTP and Apprise; hosts that are not public; and
the command about alerts.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bouncewise.config.inputs import Security
from bouncewise.config.outgoing import AlertKind, AlertTarget
from bouncewise.errors import BouncewiseError
from bouncewise.ledger import Store, open_store
from bouncewise.net import exchange
from bouncewise.net.exchange import Server
from bouncewise.net.https import FetchError
from bouncewise.operations import outbox
from bouncewise.operations.alert_senders import send
from bouncewise.operations.outbox import deliver, test_message, waiting
from bouncewise.service.smtp import SMTP, MailServer
from support.cli import bouncewise

pytestmark = pytest.mark.sqlite  # (tests/operations/test_outbox.py runs on both databases)
NOW = datetime(2026, 11, 27, 4, tzinfo=UTC)
test_message.__test__ = False  # type: ignore[attr-defined]
MAIL = AlertTarget(
    name="mail",
    kind=AlertKind.MAIL,
    to=("postmaster@shop.example", "ops@shop.example"),
    sender="bouncewise@shop.example",
    security=Security.NONE,
)


@contextmanager
def smtp_server(accept: str = "*@shop.example") -> Iterator[tuple[int, list[Any]]]:
    """The project's own SMTP server; the port, and what it took."""
    taken: list[Any] = []
    loop = asyncio.new_event_loop()
    sock = socket.create_server(("127.0.0.1", 0))
    ready, stop = threading.Event(), asyncio.Event()

    async def store(mail: bytes, sender: str, recipients: tuple[str, ...]) -> None:
        taken.append((mail, sender, recipients))

    async def serve() -> None:
        handler = MailServer((accept,), "mx", store, SMTP)
        async with await asyncio.start_server(handler.serve, sock=sock):
            ready.set()
            await stop.wait()
        await handler.finish(1)

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    try:
        yield sock.getsockname()[1], taken
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "l", create=True) as store:
        yield store


def test_mail_goes_by_smtp_to_all_recipients() -> None:
    message = test_message(MAIL, NOW)
    with smtp_server() as (port, taken):
        send(msgspec.structs.replace(MAIL, smtp=f"127.0.0.1:{port}"), message, NOW)
    ((octets, sender, recipients),) = taken
    assert (sender, set(recipients)) == (MAIL.sender, set(MAIL.to))
    mail = message_from_bytes(octets, policy=policy.default)
    assert mail["Message-ID"] == f"<{message.id}@shop.example>"
    assert "a test" in mail.get_content()


def test_a_refusal_of_the_mail_server_is_one_fault() -> None:
    message = test_message(MAIL, NOW)
    for accept, words in (("*@other.example", "550"), ("ops@*", "refused 1 of 2 recipients")):
        with smtp_server(accept) as (port, _):
            target = msgspec.structs.replace(MAIL, smtp=f"127.0.0.1:{port}")
            with pytest.raises(BouncewiseError, match=words):
                send(target, message, NOW)
    with pytest.raises(OSError, match="refused"):
        send(msgspec.structs.replace(MAIL, smtp="127.0.0.1:9"), message, NOW)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"smtp": "mail.shop.example:25"}, "this machine only"),
        ({"smtp": "127.0.0.1:1", "user": "x"}, "secret"),
    ],
)
def test_what_would_show_a_password_is_refused(more: dict[str, Any], words: str) -> None:
    with pytest.raises(BouncewiseError, match=words):
        send(msgspec.structs.replace(MAIL, **more), test_message(MAIL, NOW), NOW)


def test_a_mail_server_without_starttls_gets_nothing() -> None:
    with smtp_server() as (port, taken):
        target = msgspec.structs.replace(MAIL, smtp=f"127.0.0.1:{port}", security=Security.STARTTLS)
        with pytest.raises(BouncewiseError, match="STARTTLS"):
            send(target, test_message(MAIL, NOW), NOW)
    assert taken == []


# ── hosts that are not public ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "192.168.0.1",
        "100.64.0.1",
        "::1",
        "fd00::1",
        "fe80::1%eth0",
        "::ffff:10.0.0.1",
        "0.0.0.0",
    ],
)
def test_a_host_with_any_address_that_is_not_public_is_not_connected_to(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    connected: list[Any] = []

    def found(*_: Any, **__: Any) -> list[Any]:
        return [(0, 0, 0, "", (name, 443)) for name in ("93.184.216.34", address)]

    monkeypatch.setattr(exchange.socket, "getaddrinfo", found)
    monkeypatch.setattr(exchange.socket, "create_connection", lambda *a: connected.append(a))
    with (
        Server("https://hooks.example", public_only=True) as server,
        pytest.raises(FetchError, match="allow_private = true"),
    ):
        server.send("POST", f"{server.origin}/x", {}, b"", 100)
    assert connected == []


def test_the_address_that_was_checked_is_the_one_that_is_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """DNS that answers otherwise a moment later changes nothing; the certificate is the host's."""
    answers = iter([["93.184.216.34"], ["127.0.0.1"]])
    connected: list[Any] = []
    names: list[Any] = []

    def found(*_: Any, **__: Any) -> list[Any]:
        return [(0, 0, 0, "", (name, 443)) for name in next(answers)]

    def connect(address: Any, *_: Any) -> socket.socket:
        connected.append(address)
        return socket.socket()

    def wrap(self: ssl.SSLContext, sock: socket.socket, **more: Any) -> None:
        names.append(more["server_hostname"])
        sock.close()
        raise ssl.SSLError("not today")

    monkeypatch.setattr(exchange.socket, "getaddrinfo", found)
    monkeypatch.setattr(exchange.socket, "create_connection", connect)
    monkeypatch.setattr(ssl.SSLContext, "wrap_socket", wrap)
    server = Server("https://hooks.example", public_only=True)
    with server, pytest.raises(FetchError, match="not today"):
        server.send("POST", f"{server.origin}/x", {}, b"", 100)
    assert connected == [("93.184.216.34", 443)]
    assert names == ["hooks.example"]


def test_an_alert_is_for_public_hosts_unless_it_says_otherwise() -> None:
    target = AlertTarget(name="chat", kind=AlertKind.SLACK, url="http://127.0.0.1:9/x")
    with pytest.raises(FetchError, match="not a public host"):
        send(target, test_message(target, NOW), NOW)


# ── Apprise ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # (of what Apprise loads)
def test_apprise_gets_the_words(monkeypatch: pytest.MonkeyPatch) -> None:
    apprise = pytest.importorskip("apprise")
    sent: list[Any] = []

    def notify(self: Any, **given: Any) -> bool:
        sent.append(given)
        return len(sent) > 1

    monkeypatch.setattr(apprise.Apprise, "notify", notify)
    monkeypatch.setenv("APPRISE_URL", "json://localhost/s3cret")
    target = AlertTarget(name="phone", kind=AlertKind.APPRISE, url="env:APPRISE_URL")
    message = test_message(target, NOW)
    with pytest.raises(BouncewiseError, match="could not deliver"):
        send(target, message, NOW)
    send(target, message, NOW)
    assert sent[1]["title"].startswith("bouncewise: began") and "a test" in sent[1]["body"]
    monkeypatch.setenv("APPRISE_URL", "nonsense://s3cret")
    with pytest.raises(BouncewiseError) as raised:
        send(target, message, NOW)
    assert "s3cret" not in str(raised.value)


# ── back-off and dead letters ───────────────────────────────────────────────────────────────────


def test_tries_are_further_and_further_apart_until_it_is_a_dead_letter(ledger: Store) -> None:
    target = AlertTarget(name="ops")
    with ledger.change():
        ledger.remember("outbox", msgspec.json.encode([test_message(target, NOW)]).decode())
    tries: list[datetime] = []

    def failing(*given: Any) -> None:
        tries.append(given[2])
        raise OSError(111, "refused")

    at = NOW
    while waiting(ledger):
        deliver(ledger, (target,), failing, at, is_patient=True)
        at += timedelta(seconds=5)
        if waiting(ledger) and waiting(ledger)[0].due > at.timestamp():
            at = datetime.fromtimestamp(waiting(ledger)[0].due, UTC)
    gaps = [b - a for a, b in itertools.pairwise(tries)]
    assert gaps == list(outbox.WAITS)
    (dead,) = outbox.dead(ledger)
    assert dead.tries == len(outbox.WAITS) + 1 and dead.fault == "refused"
    assert outbox.counts(ledger)["ops"] == (0, 1, "refused")
    outbox.revive(ledger, (), at)
    assert deliver(ledger, (target,), lambda *_: None, at, is_patient=True) == []
    assert (waiting(ledger), outbox.dead(ledger)) == ([], [])


def test_the_command_shows_dead_letters_and_sends_them_again(
    ledger: Store, tmp_path: Path, databases: Any
) -> None:
    message = test_message(AlertTarget(name="ops"), NOW)
    with ledger.change():
        ledger.remember("outbox-dead", msgspec.json.encode([message]).decode())
    db = databases.db(tmp_path / "l")
    listed = bouncewise(tmp_path, "alerts", "list", "--json", "--db", db)
    row = json.loads(listed.stdout)
    assert (listed.returncode, row["id"], row["dead"]) == (1, message.id, True)
    unknown = bouncewise(tmp_path, "alerts", "retry", "msg_other", "--db", db)
    assert unknown.returncode == 2 and b"no such dead letter" in unknown.stderr
    assert bouncewise(tmp_path, "alerts", "retry", "--db", db).returncode == 0
    after = bouncewise(tmp_path, "alerts", "list", "--db", db)
    assert after.returncode == 0 and b"waiting" in after.stdout


def test_the_command_tries_a_target(tmp_path: Path) -> None:
    with smtp_server() as (port, taken):
        (tmp_path / "bouncewise.toml").write_text(
            '[[alert]]\nname = "mail"\nkind = "mail"\nsender = "b@shop.example"\n'
            f'to = ["ops@shop.example"]\nsmtp = "127.0.0.1:{port}"\nsecurity = "none"\n'
        )
        done = bouncewise(tmp_path, "alerts", "test", "mail")
        assert (done.returncode, len(taken)) == (0, 1)
        unknown = bouncewise(tmp_path, "alerts", "test", "chat")
    assert unknown.returncode == 2 and b"there are: mail" in unknown.stderr
    failed = bouncewise(tmp_path, "alerts", "test", "mail")
    assert failed.returncode == 2 and b"refused" in failed.stderr
    assert b"Traceback" not in failed.stderr
