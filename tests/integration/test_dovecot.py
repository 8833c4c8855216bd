"""``bouncewise fetch`` and a real Dovecot: killed while it moves, after a restart of the server
and after another UIDVALIDITY. Skipped where there is no Dovecot, or no root to start it.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

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
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain
mail_location = maildir:{folder}/mail
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
"""


class Dovecot:
    """A server with a Maildir, the ledger of its bounces, and ``bouncewise fetch``."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            self.port = int(sock.getsockname()[1])
        self.folder, self.db = folder, folder / "ledger"
        (folder / "conf").write_text(CONFIG.format(folder=folder, port=self.port))
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
                env={**os.environ, "BOX_PASSWORD": "secret"},
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
    finally:
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 0
    said = (dovecot.folder / "stderr").read_text()
    assert "it is tried again in" in said
    assert "UIDVALIDITY has changed" in said
    assert "Traceback" not in said
    assert dovecot.messages(".Done") == dovecot.number
