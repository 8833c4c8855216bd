"""The service beside a real Postfix: python -m lab.service.

Postfix delivers bounces to it by LMTP and asks it before it accepts recipients. Each line says what
was tried and whether it came out right; exits 1 otherwise.
"""

from __future__ import annotations

import os
import re
import smtplib
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from lab.servers import Postfix, run

BOUNCES = "bounces.sender.example"
DEAD = "dead@gone.example"
PATIENCE = 20.0
CONFIG = """
[postfix_policy]
listen = "127.0.0.1:{policy}"
[http]
listen = "off"
[smtp]
lmtp = "127.0.0.1:{lmtp}"
accept = ["b+*@{domain}"]
"""


def port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class AskingPostfix(Postfix):
    """Postfix that receives by SMTP, asks the policy server, and delivers bounces by LMTP."""

    def __init__(self, policy: int, lmtp: int) -> None:
        self.smtp = port()
        asked = (
            f"check_policy_service {{ inet:127.0.0.1:{policy}, timeout=2s, default_action=DUNNO }}"
        )
        super().__init__(
            {
                "mynetworks": "127.0.0.0/8",
                "smtpd_recipient_restrictions": f"{asked}, permit_mynetworks, reject",
                "transport_maps": f"inline:{{ {{{BOUNCES} = lmtp:inet:127.0.0.1:{lmtp}}} }}",
                "bounce_queue_lifetime": "1h",
                "maximal_queue_lifetime": "1h",
                "minimal_backoff_time": "1s",
            },
            (
                f"127.0.0.1:{self.smtp} inet n - n - - smtpd",
                "lmtp unix - - n - - lmtp",
                "proxymap unix - - n - - proxymap",
            ),
        )

    def flush(self) -> None:
        """Try what is deferred again."""
        run("postqueue", "-c", str(self.folder), "-f")

    def outcome(self, recipient: str) -> str:
        """The last status of *recipient* in the log."""
        text = self.log.read_text("utf-8", "replace") if self.log.exists() else ""
        found = re.findall(rf"to=<{re.escape(recipient)}>.*dsn=([\d.]+), status=(\w+)", text)
        return " ".join(found[-1][::-1]) if found else ""


class Serve:
    """``bouncewise serve`` in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.policy, self.lmtp = folder, port(), port()
        text = CONFIG.format(policy=self.policy, lmtp=self.lmtp, domain=BOUNCES)
        (folder / "bouncewise.toml").write_text(text)
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, *arguments: str) -> str:
        """A command on the ledger of the service; its output."""
        command = [sys.executable, "-m", "bouncewise", *arguments, "--db", "ledger.sqlite"]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, timeout=60)  # noqa: S603
        return done.stdout.decode()

    def start(self) -> None:
        """Start it, and wait until it listens."""
        command = [sys.executable, "-m", "bouncewise", "serve", "--db", "ledger.sqlite"]
        self._process = subprocess.Popen(command, cwd=self.folder, stderr=subprocess.DEVNULL)  # noqa: S603
        wait_until(lambda: listens(self.lmtp))

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)


def listens(number: int) -> bool:
    """Whether somebody listens at that port."""
    try:
        socket.create_connection(("127.0.0.1", number), 1).close()
    except OSError:
        return False
    return True


def wait_until(is_so: Callable[[], object]) -> bool:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if is_so():
            return True
        time.sleep(0.1)
    return False


def notice(recipient: str) -> bytes:
    """A bounce as Postfix writes it."""
    return (
        f"From: MAILER-DAEMON@mx.gone.example (Mail Delivery System)\nTo: b+1@{BOUNCES}\n"
        "Subject: Undelivered Mail Returned to Sender\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        f"--b\nContent-Type: text/plain\n\n<{recipient}>: host mx.gone.example said: 550 5.1.1 "
        "User unknown\n\n--b\nContent-Type: message/delivery-status\n\n"
        f"Reporting-MTA: dns; mx.gone.example\n\nFinal-Recipient: rfc822; {recipient}\n"
        "Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 User unknown\n\n--b--\n"
    ).encode()


def rcpt(smtp: int, recipient: str) -> int:
    """The code with which Postfix answers RCPT."""
    with smtplib.SMTP("127.0.0.1", smtp, timeout=30) as client:
        client.helo("web.sender.example")
        client.mail("order@sender.example")
        return client.rcpt(recipient)[0]


def main() -> None:
    if need := Postfix().missing():
        print(f"postfix: not here; {need}")
        return
    os.umask(0o022)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "service").mkdir()
        service = Serve(folder / "service")
        postfix = AskingPostfix(service.policy, service.lmtp)
        service.start()
        postfix.start(folder / "postfix", port())
        try:
            results = list(_tries(service, postfix))
        finally:
            postfix.stop()
            service.stop()
    sys.exit(0 if all(results) else 1)


def _tries(service: Serve, postfix: AskingPostfix) -> list[bool]:
    known, unknown, later = (f"{local}@{BOUNCES}" for local in ("b+1", "nobody", "b+2"))
    wait_until(lambda: listens(postfix.smtp))
    results = [tell("a good recipient is accepted", rcpt(postfix.smtp, "jo@there.example") == 250)]
    postfix.send(notice(DEAD), [known, unknown], "")
    results += [
        tell("a bounce is stored", wait_until(lambda: postfix.outcome(known) == "sent 2.0.0")),
        tell(
            "another recipient is refused",
            wait_until(lambda: postfix.outcome(unknown) == "bounced 5.1.1"),
        ),
        tell(
            "the address is suppressed",
            wait_until(lambda: '"send":false' in service.run("check", DEAD, "--json")),
        ),
        tell("Postfix refuses it", wait_until(lambda: rcpt(postfix.smtp, DEAD) == 554)),
    ]
    service.stop()
    results.append(tell("without the service mail passes", rcpt(postfix.smtp, DEAD) == 250))
    postfix.send(notice("other@gone.example"), [later], "")
    results.append(
        tell(
            "without the service a bounce waits",
            wait_until(lambda: postfix.outcome(later).startswith("deferred")),
        )
    )
    service.start()

    def delivered() -> bool:
        postfix.flush()
        time.sleep(0.5)
        return postfix.outcome(later) == "sent 2.0.0"

    results.append(tell("and is delivered afterwards", wait_until(delivered)))
    return results


def tell(what: str, is_right: bool) -> bool:
    """Print whether *what* was tried came out right."""
    print(f"service: {what}: {'right' if is_right else 'WRONG'}")
    return is_right


if __name__ == "__main__":
    main()
