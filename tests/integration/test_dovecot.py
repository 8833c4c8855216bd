"""``bouncewise fetch`` and a real Dovecot: killed while it moves or deletes, by IMAP and POP3;
after a restart of the server, after another UIDVALIDITY, and with tokens that expire. Skipped where
there is no Dovecot, or no root to start it.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from bouncewise.errors import LedgerError
from bouncewise.ledger import open_store
from service.test_mailbox import LETTER, bounce

PROGRAM = shutil.which("dovecot") or "/usr/sbin/dovecot"

pytestmark = pytest.mark.skipif(
    not Path(PROGRAM).exists() or os.geteuid() != 0, reason="needs Dovecot and root"
)

FETCH = (sys.executable, "-m", "bouncewise", "fetch")
CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/log
protocols = imap pop3
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_failure_delay = 0
auth_mechanisms = plain {mechanism}
mail_location = maildir:{folder}/mail
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/oauth
}}
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={folder}/home
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3_port}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
"""
OAUTH = """
introspection_mode = post
introspection_url = {url}/introspect
username_attribute = username
active_attribute = active
active_value = true
"""


class TokenServer:
    """Issues tokens and is asked by Dovecot whether they are active (RFC 6749, RFC 7662)."""

    def __init__(self) -> None:
        self.active: set[str] = set()
        self.issued = self.refused = 0
        tokens = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                fields = parse_qs(body)
                if self.path == "/token":
                    tokens.issued += 1
                    tokens.active = {f"token-{tokens.issued}"}
                    found: dict[str, object] = {"access_token": f"token-{tokens.issued}"}
                else:
                    is_active = fields["token"][0] in tokens.active
                    tokens.refused += not is_active
                    found = {"active": is_active, "username": "bounces"}
                data = json.dumps(found).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Dovecot:
    """A server with a Maildir, the ledger of its bounces, and ``bouncewise fetch``."""

    def __init__(self, folder: Path) -> None:
        self.port, self.pop3_port = free_port(), free_port()
        self.folder, self.db = folder, folder / "ledger"
        self.tokens = TokenServer()
        self.configure("xoauth2")
        (folder / "oauth").write_text(OAUTH.format(url=self.tokens.url))
        self.inbox = folder / "mail"
        for name in ("run", "home", "mail", "mail/new", "mail/cur", "mail/tmp"):
            (folder / name).mkdir(mode=0o755)
        subprocess.run(
            ["chown", "-R", "nobody:nogroup", folder / "mail", folder / "home"], check=True
        )
        self.config = folder / "bouncewise.toml"
        self.config.write_text(
            f'[[fetch]]\nname = "box"\nhost = "127.0.0.1"\nport = {self.port}\nsecurity = "none"\n'
            'user = "bounces"\npassword = "env:BOX_PASSWORD"\nmove_to = "Done"\nevery = 5\n'
        )
        self.number = 0

    def configure(self, mechanism: str) -> None:
        ports = {"port": self.port, "pop3_port": self.pop3_port}
        text = CONFIG.format(folder=self.folder, mechanism=mechanism, **ports)
        (self.folder / "conf").write_text(text)

    def start(self) -> None:
        self.process = subprocess.Popen(
            [PROGRAM, "-F", "-c", self.folder / "conf"], start_new_session=True
        )
        end = time.monotonic() + 20
        while time.monotonic() < end:
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", self.port), 1),
            ):
                return
            time.sleep(0.05)
        raise AssertionError((self.folder / "log").read_text())

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)
        with contextlib.suppress(ProcessLookupError):  # sessions outlive the server
            os.killpg(self.process.pid, signal.SIGKILL)

    def deliver(self, count: int) -> None:
        for _ in range(count):
            self.number += 1
            self.write(bounce(self.number))

    def write(self, message: bytes) -> None:
        name = f"{time.time_ns()}.{os.getpid()}.mx"
        part = self.inbox / "tmp" / name
        part.write_bytes(message)
        shutil.chown(part, "nobody", "nogroup")
        part.rename(self.inbox / "new" / name)

    def fetch(self, *more: str) -> subprocess.Popen[bytes]:
        with (self.folder / "stderr").open("ab") as errors:
            return subprocess.Popen(
                [*FETCH, *more, "--config", str(self.config), "--db", str(self.db)],
                env={**os.environ, "BOX_PASSWORD": "secret", "CLIENT_SECRET": "s"},
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )

    def events(self) -> int:
        with contextlib.suppress(LedgerError), open_store(self.db, read_only=True) as ledger:
            return ledger.counts()["event"]
        return 0

    def until_read(self) -> None:
        end = time.monotonic() + 60
        while self.events() < self.number:
            assert time.monotonic() < end, (self.folder / "stderr").read_text()
            time.sleep(0.1)

    def until_moved(self) -> None:
        end = time.monotonic() + 60
        while self.messages(".Done") < self.number:  # (after they are in the ledger)
            assert time.monotonic() < end, (self.folder / "stderr").read_text()
            time.sleep(0.1)

    def messages(self, folder: str = "") -> int:
        place = self.inbox / folder
        return sum(len(list((place / name).glob("*"))) for name in ("new", "cur"))


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        made = Dovecot(Path(name))
        made.start()
        yield made
        made.stop()
        made.tokens.server.shutdown()
        made.tokens.server.server_close()


def test_every_message_is_read_and_moved_once_over_kills(dovecot: Dovecot) -> None:
    chance = random.Random(3)
    dovecot.deliver(300)
    dovecot.write(LETTER)
    for wanted in (50, 120, 200):
        running = dovecot.fetch()
        end = time.monotonic() + 30
        while dovecot.events() < wanted and running.poll() is None:
            assert time.monotonic() < end
            time.sleep(chance.random() / 100)
        running.kill()
        running.wait()
        dovecot.deliver(30)
    assert dovecot.fetch().wait(60) == 0
    assert dovecot.events() == dovecot.number
    assert dovecot.messages(".Done") == dovecot.number
    assert dovecot.messages() == 1  # the letter


def test_messages_are_read_after_a_restart_and_another_uidvalidity(dovecot: Dovecot) -> None:
    dovecot.deliver(20)
    running = dovecot.fetch("--follow", "box")
    try:
        dovecot.until_read()
        dovecot.deliver(1)
        dovecot.until_read()
        dovecot.stop()
        time.sleep(1.1)  # (UIDVALIDITY is the time in seconds)
        for path in dovecot.inbox.glob("dovecot*"):
            path.unlink()
        dovecot.deliver(5)
        dovecot.start()
        dovecot.until_read()
        dovecot.until_moved()
    finally:
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 0
    said = (dovecot.folder / "stderr").read_text()
    assert "it is tried again in" in said
    assert "UIDVALIDITY has changed" in said
    assert "Traceback" not in said
    assert dovecot.messages(".Done") == dovecot.number


def test_every_message_is_read_and_deleted_once_by_pop3_over_kills(dovecot: Dovecot) -> None:
    text = dovecot.config.read_text().replace(f"port = {dovecot.port}", 'kind = "pop3"')
    text = text.replace('move_to = "Done"', f"delete = true\nport = {dovecot.pop3_port}")
    dovecot.config.write_text(text)
    chance = random.Random(4)
    dovecot.deliver(200)
    dovecot.write(LETTER)
    for wanted in (50, 120):
        running = dovecot.fetch()
        end = time.monotonic() + 30
        while dovecot.events() < wanted and running.poll() is None:
            assert time.monotonic() < end
            time.sleep(chance.random() / 100)
        running.kill()
        running.wait()
        dovecot.deliver(20)
    end = time.monotonic() + 60
    while dovecot.fetch().wait(60) != 0:  # (the session of the killed one may have the lock)
        assert time.monotonic() < end, (dovecot.folder / "stderr").read_text()
    assert dovecot.events() == dovecot.number
    assert dovecot.messages() == 1  # the letter


@pytest.mark.parametrize(("kind", "mechanism"), [("imap", "oauthbearer"), ("pop3", "xoauth2")])
def test_tokens_are_asked_for_anew_when_they_expire(
    dovecot: Dovecot, kind: str, mechanism: str
) -> None:
    dovecot.stop()
    dovecot.configure(mechanism)
    dovecot.start()
    text = dovecot.config.read_text().replace(
        'password = "env:BOX_PASSWORD"\nmove_to = "Done"',
        f'kind = "{kind}"\nclient_id = "c"\nclient_secret = "env:CLIENT_SECRET"\n'
        f'token_url = "{dovecot.tokens.url}/token"',
    )
    port = dovecot.pop3_port if kind == "pop3" else dovecot.port
    dovecot.config.write_text(text.replace(f"port = {dovecot.port}", f"port = {port}"))
    dovecot.deliver(2)
    running = dovecot.fetch("--follow", "box")
    try:
        dovecot.until_read()
        dovecot.tokens.active.clear()
        dovecot.stop()  # (a connection lives on without its token)
        dovecot.start()
        dovecot.deliver(2)
        dovecot.until_read()
    finally:
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 0
    assert dovecot.tokens.issued == 2
    assert dovecot.tokens.refused >= 1
