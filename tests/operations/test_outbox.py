"""Alerts are delivered at least once: to webhooks, Slack, Teams and by mail, and again when it
fails.
"""

from __future__ import annotations

import email
import json
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bouncewise.config.load import read
from bouncewise.config.outgoing import AlertTarget
from bouncewise.contract.watch import WatchRow
from bouncewise.errors import ConfigError
from bouncewise.ledger import Store, open_store
from bouncewise.operations import outbox
from bouncewise.operations.alert_senders import send, signature
from bouncewise.operations.outbox import Found, deliver, queue, waiting
from bouncewise.providers.keys import svix_secret
from bouncewise.sender.checks import Level
from bouncewise.sender.watching import Change, Noted, Turn
from support.cli import bouncewise
from support.nameserver import nameserver
from support.postfix import log_lines

NOW = datetime(2026, 11, 27, 4, tzinfo=UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PATH = "/services/T0/B0/s3cret"
HOSTILE = "source <!channel> & [click](https://evil.example) *now*\nSubject: x\x1b[2J"


class Receiver:
    """A server that keeps what it is sent, and answers with the next of ``statuses``, then 200."""

    def __init__(self) -> None:
        self.received: list[tuple[str, dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.url = ""

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(body) for _, _, body in self.received]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            found.received.append((self.path, headers, body))
            status = found.statuses.pop(0) if found.statuses else 200
            self.send_response(status)
            self.send_header("Location", "http://169.254.169.254/")
            self.end_headers()
            self.wfile.write(b"s3cret echoed")

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_port}"
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "l", create=True) as store:
        yield store


def change(words: str = "shop.example: no DMARC record", turn: Turn = Turn.BEGAN) -> Change:
    seconds = int(NOW.timestamp())
    part, fix = "records shop.example", "Publish one: v=DMARC1; p=none"
    return Change(turn, Noted(part, "dmarc-none", Level.ERROR, words, fix, seconds))


def put(ledger: Store, target: AlertTarget, *words: str, now: datetime = NOW) -> None:
    with ledger.change():
        queue(ledger, [change(text) for text in words or ("no DMARC",)], [target], now)


def target(
    kind: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, **more: Any
) -> AlertTarget:
    monkeypatch.setenv("ALERT_URL", receiver.url + PATH)
    monkeypatch.setenv("ALERT_SECRET", SECRET)
    given = {
        "name": "ops",
        "kind": kind,
        "url": "env:ALERT_URL",
        "secret": "env:ALERT_SECRET",
        "allow_private": True,
    }
    return msgspec.convert(given | more, AlertTarget)


def test_the_signature_is_that_of_the_specification() -> None:
    body = b'{"test": 2432232314}'
    found = signature(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("secret", ["", "whsec_AAAA", "whsec_no base64!", "x" * 200])
def test_a_secret_that_is_none_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(ConfigError) as raised:
        signature(secret, "m", 0, b"")
    assert not secret or secret not in str(raised.value)


def test_a_webhook_carries_the_changes_and_is_signed(
    ledger: Store, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    ops = target("webhook", receiver, monkeypatch)
    put(ledger, ops, "one", "two")
    assert deliver(ledger, (ops,), send, NOW) == []
    ((path, headers, body),) = receiver.received
    assert path == PATH
    payload = json.loads(body)
    assert payload["type"] == "watch.changed"
    assert [row["words"] for row in payload["data"]["changes"]] == ["one", "two"]
    assert set(payload["data"]["changes"][0]) == set(WatchRow.__struct_fields__)
    seconds = int(NOW.timestamp())
    assert headers["webhook-timestamp"] == str(seconds)
    expected = signature(SECRET, headers["webhook-id"], seconds, body)
    assert headers["webhook-signature"] == expected
    assert svix_secret(SECRET)  # the receivers of this project read the same secret


def test_what_is_delivered_is_not_delivered_again(
    ledger: Store, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    ops = target("webhook", receiver, monkeypatch)
    put(ledger, ops)
    deliver(ledger, (ops,), send, NOW)
    deliver(ledger, (ops,), send, NOW)
    assert len(receiver.received) == 1
    assert waiting(ledger) == []


@pytest.mark.parametrize("status", [500, 429, 404, 410, 302, 100])
def test_a_failed_delivery_is_tried_again_with_the_same_id_and_a_new_time(
    ledger: Store, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    ops = target("webhook", receiver, monkeypatch)
    put(ledger, ops)
    receiver.statuses = [status]
    (fault,) = deliver(ledger, (ops,), send, NOW)
    assert fault.startswith("alert ops: not delivered: ")
    assert fault.endswith("it is tried again at the next run")
    assert "s3cret" not in fault
    later = NOW + timedelta(hours=1)
    assert deliver(ledger, (ops,), send, later) == []
    (_, first, _), (_, second, body) = receiver.received
    assert first["webhook-id"] == second["webhook-id"]
    assert first["webhook-signature"] != second["webhook-signature"]
    seconds = int(later.timestamp())
    assert second["webhook-signature"] == signature(SECRET, second["webhook-id"], seconds, body)


def test_a_target_that_fails_does_not_stop_the_others_and_keeps_its_order(
    ledger: Store, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    ops = target("webhook", receiver, monkeypatch)
    gone = msgspec.structs.replace(ops, name="gone", url="http://127.0.0.1:9/x")
    for words in ("first", "second"):
        with ledger.change():
            queue(ledger, [change(words)], [gone, ops], NOW)
    (fault,) = deliver(ledger, (gone, ops), send, NOW)
    assert fault.startswith("alert gone: not delivered: http://127.0.0.1:9: ")
    assert [body["data"]["changes"][0]["words"] for body in receiver.bodies] == ["first", "second"]
    assert [m.target for m in waiting(ledger)] == ["gone", "gone"]
    back = msgspec.structs.replace(gone, url=ops.url)
    assert deliver(ledger, (back, ops), send, NOW) == []
    assert [body["data"]["changes"][0]["words"] for body in receiver.bodies[2:]] == [
        "first",
        "second",
    ]


def test_messages_are_given_up_in_the_end_and_bounded_in_number(
    ledger: Store, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    ops = target("webhook", receiver, monkeypatch)
    put(ledger, ops, now=NOW - outbox.KEPT - timedelta(hours=1))
    receiver.statuses = [500]
    (fault,) = deliver(ledger, (ops,), send, NOW)
    assert "is given up: `bouncewise alerts retry` sends it again" in fault
    assert waiting(ledger) == []
    assert [(m.tries, m.fault) for m in outbox.dead(ledger)] == [(1, outbox.dead(ledger)[0].fault)]
    monkeypatch.setattr(outbox, "MAX_WAITING", 3)
    for number in range(5):
        put(ledger, ops, str(number))
    assert [m.changes[0].words for m in waiting(ledger)] == ["2", "3", "4"]


def test_messages_for_a_target_that_was_removed_go_away(ledger: Store) -> None:
    put(ledger, AlertTarget(name="old"))
    assert deliver(ledger, (), send, NOW) == []
    assert waiting(ledger) == []


def test_slack_and_teams_get_text_without_mark_up(
    ledger: Store, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    slack = target("slack", receiver, monkeypatch)
    put(ledger, slack, HOSTILE)
    deliver(ledger, (slack,), send, NOW)
    teams = target("teams", receiver, monkeypatch)
    put(ledger, teams, HOSTILE)
    deliver(ledger, (teams,), send, NOW)
    first, second = receiver.bodies
    assert first["mrkdwn"] is False
    assert "<" not in first["text"]
    assert "&lt;!channel&gt; &amp; " in first["text"]
    assert len(first["text"].splitlines()) == 2
    (attachment,) = second["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    blocks = attachment["content"]["body"]
    assert {block["type"] for block in blocks} == {"RichTextBlock"}
    texts = [inline["text"] for block in blocks for inline in block["inlines"]]
    assert "[click](https://evil.example) *now*" in texts[0]
    assert not any("\x1b" in text or "\n" in text for text in texts)


def test_a_long_list_of_changes_is_cut(
    ledger: Store, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    slack = target("slack", receiver, monkeypatch)
    put(ledger, slack, *["x" * 200] * 100)
    assert deliver(ledger, (slack,), send, NOW) == []
    assert len(receiver.bodies[0]["text"]) < 3100


def _sendmail(folder: Path, code: int) -> AlertTarget:
    program = folder / "sendmail"
    program.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" > {folder}/args\ncat > {folder}/mail\n'
        f'echo "no route" >&2\nexit {code}\n'
    )
    program.chmod(0o755)
    return AlertTarget(
        name="mail",
        kind=msgspec.convert("mail", type(AlertTarget().kind)),
        to=("postmaster@shop.example", "ops@shop.example"),
        sender="bouncewise@shop.example",
        sendmail=str(program),
    )


def test_mail_goes_through_sendmail_and_its_message_id_repeats(
    ledger: Store, tmp_path: Path
) -> None:
    failing = _sendmail(tmp_path, 75)
    put(ledger, failing, HOSTILE, "two")
    (fault,) = deliver(ledger, (failing,), send, NOW)
    assert "ended with 75: no route" in fault
    first = email.message_from_bytes((tmp_path / "mail").read_bytes(), policy=policy.default)
    assert deliver(ledger, (_sendmail(tmp_path, 0),), send, NOW) == []
    mail = email.message_from_bytes((tmp_path / "mail").read_bytes(), policy=policy.default)
    assert mail["Message-ID"] == first["Message-ID"]
    assert mail["To"] == "postmaster@shop.example, ops@shop.example"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert len(mail.get_all("Subject")) == 1
    assert mail["Subject"].endswith(" and 1 more")
    assert "two" in mail.get_content()
    assert (tmp_path / "args").read_text().split("\n")[:-1] == [
        "-i",
        "-f",
        "bouncewise@shop.example",
        "--",
        "postmaster@shop.example",
        "ops@shop.example",
    ]


def test_a_sendmail_that_is_not_there_is_one_fault(ledger: Store, tmp_path: Path) -> None:
    missing = msgspec.structs.replace(_sendmail(tmp_path, 0), sendmail="/nowhere/sendmail")
    put(ledger, missing)
    (fault,) = deliver(ledger, (missing,), send, NOW)
    assert "No such file" in fault


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('kind = "webhook"\nurl = "https://x.example/s3cret"', "secret: missing"),
        ('kind = "slack"', "url: missing"),
        ('kind = "slack"\nurl = "http://hooks.example/s3cret"', "write https"),
        ('kind = "slack"\nurl = "https://u:s3cret@hooks.example/"', "no https URL"),
        ('kind = "slack"\nurl = "env:NOT_SET"', "NOT_SET"),
        ('kind = "mail"', "to and sender: missing"),
    ],
)
def test_settings_that_are_missing_are_named_without_secrets(
    ledger: Store, tmp_path: Path, text: str, words: str
) -> None:
    (tmp_path / "c.toml").write_text(f'[[alert]]\nname = "ops"\n{text}\n')
    (ops,) = read(tmp_path / "c.toml").alert
    put(ledger, ops)
    (fault,) = deliver(ledger, (ops,), send, NOW)
    assert words in fault
    assert "s3cret" not in fault


def test_a_url_with_spaces_or_without_https_is_refused_by_the_configuration(
    tmp_path: Path,
) -> None:
    (tmp_path / "c.toml").write_text('[[alert]]\nurl = "s3cret of mine"\n')
    with pytest.raises(ConfigError) as raised:
        read(tmp_path / "c.toml")
    assert "s3cret" not in str(raised.value)


def test_watch_delivers_what_it_prints_and_tries_again(tmp_path: Path, receiver: Receiver) -> None:
    """End to end: a source that fell silent, a receiver that fails once."""
    when = f"{datetime.now(UTC) - timedelta(days=4):%Y-%m-%dT%H:%M:%S+00:00}"
    (tmp_path / "mail.log").write_text(log_lines(when, "a@b.example"))
    assert bouncewise(tmp_path, "ingest", "mail.log", "--db", "l").returncode == 0
    (tmp_path / "bouncewise.toml").write_text(
        '[watch]\nips = ["192.0.2.10"]\n[[alert]]\nname = "ops"\n'
        f'url = "{receiver.url}{PATH}"\nsecret = "env:ALERT_SECRET"\nallow_private = true\n'
    )
    receiver.statuses = [503]
    with nameserver({}) as server:
        where = f"127.0.0.1:{server.server.port}"
        args = ("watch", "--db", "l", "--json", "--resolver", where)
        first = bouncewise(tmp_path, *args, ALERT_SECRET=SECRET)
        second = bouncewise(tmp_path, *args, ALERT_SECRET=SECRET)
        third = bouncewise(tmp_path, *args, ALERT_SECRET=SECRET)
    assert [first.returncode, second.returncode, third.returncode] == [2, 0, 0]
    assert b"answers with status 503" in first.stderr
    assert b"s3cret" not in first.stderr + first.stdout
    printed = [json.loads(line) for line in first.stdout.splitlines()]
    assert any(row["part"] == "source postfix" for row in printed)
    assert second.stdout == b""
    one, two = receiver.received
    assert one[1]["webhook-id"] == two[1]["webhook-id"]
    assert json.loads(two[2])["data"]["changes"] == printed


def test_two_targets_of_one_name_are_refused(tmp_path: Path) -> None:
    table = '[[alert]]\nname = "ops"\nurl = "https://x.example"\n'
    (tmp_path / "bouncewise.toml").write_text(f'[watch]\nips = ["192.0.2.1"]\n{table}{table}')
    done = bouncewise(tmp_path, "watch", "--db", "l")
    assert done.returncode == 2
    assert b"a name of its own" in done.stderr
    assert not (tmp_path / "l").exists()


def test_the_outbox_of_another_version_is_empty(ledger: Store) -> None:
    with ledger.change():
        ledger.remember("outbox", '[{"other": 1}]')
    assert waiting(ledger) == []
    assert set(Found.__struct_fields__) == set(WatchRow.__struct_fields__)
    assert os.environ.get("ALERT_SECRET") is None
