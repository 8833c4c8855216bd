"""The service's tables asked by real clients: python -m lab.tables.

Postfix's postmap asks by socketmap and tcp, and Exim by the configuration in docs/service.md, each
while the service runs and while it does not. Each line says what was tried and whether it came out
right; exits 1 otherwise.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lab.service import DEAD, listens, port, tell, wait_until

DOCS = Path(__file__).parent.parent / "docs" / "service.md"
CONFIG = """
[http]
listen = "off"
[postfix_policy]
listen = "off"
[socketmap]
listen = "127.0.0.1:{socketmap}"
[tcp_table]
listen = "127.0.0.1:{tcp}"
"""
EXIM = """
primary_hostname = exim.sender.example
spool_directory = {folder}/spool
log_file_path = {folder}/log.%s
exim_user = Debian-exim
exim_group = Debian-exim
keep_environment =
acl_smtp_rcpt = before_mail
begin acl
before_mail:
{acl}
  accept
"""


class Serve:
    """``bouncewise serve`` with a suppressed address."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.socketmap, self.tcp = folder, port(), port()
        text = CONFIG.format(socketmap=self.socketmap, tcp=self.tcp)
        (folder / "bouncewise.toml").write_text(text)
        self._command("suppressions", "add", DEAD, "--why", "the lab").wait(60)
        self._process = self._command("serve")
        wait_until(lambda: listens(self.tcp))

    def _command(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "bouncewise", *arguments, "--db", "ledger.sqlite"]
        quiet = subprocess.DEVNULL
        return subprocess.Popen(command, cwd=self.folder, stdout=quiet, stderr=quiet)  # noqa: S603

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(30)


def postmap(folder: Path, table: str, key: str) -> str:
    """What Postfix finds under *key*; ``error`` where the question failed."""
    (folder / "main.cf").write_text("compatibility_level = 3.6\n")
    done = subprocess.run(  # noqa: S603
        ["postmap", "-c", str(folder), "-q", key, table],  # noqa: S607
        capture_output=True,
        timeout=60,
    )
    return "error" if b"query error" in done.stderr else done.stdout.decode().strip()


def exim(binary: str, folder: Path, tcp: int, recipient: str) -> str:
    """The reply of Exim to RCPT."""
    found = re.search(r"```exim\n(.*?)```", DOCS.read_text("utf-8"), re.S)
    assert found, "docs/service.md has a configuration for Exim"
    acl = found[1].replace("127.0.0.1:8029", f"127.0.0.1:{tcp}")
    (folder / "exim.conf").write_text(EXIM.format(folder=folder, acl=acl))
    done = subprocess.run(  # noqa: S603
        [binary, "-C", str(folder / "exim.conf"), "-bh", "192.0.2.9"],
        input=f"HELO a.example\r\nMAIL FROM:<>\r\nRCPT TO:<{recipient}>\r\nQUIT\r\n".encode(),
        capture_output=True,
        timeout=60,
    )
    replies = re.findall(r"^\d{3} .*", done.stdout.decode(), re.M)
    return str(replies[3]).strip() if len(replies) > 3 else done.stderr.decode()


def _with_postmap(service: Serve, *, is_up: bool) -> Iterator[bool]:
    for table in (f"socketmap:inet:127.0.0.1:{service.socketmap}:marketing",
                  f"tcp:127.0.0.1:{service.tcp}"):  # fmt: skip
        name = table.partition(":")[0]
        found = postmap(service.folder, table, DEAD)
        if is_up:
            yield tell(f"{name}: the address is refused", found.startswith(f"REJECT 5.1.1 {DEAD}"))
            others = {postmap(service.folder, table, key) for key in ("jo@x.example", "postmaster")}
            yield tell(f"{name}: others are not", others == {""})
        else:
            yield tell(f"{name}: without the service the question fails", found == "error")


def _with_exim(service: Serve, binary: str, *, is_up: bool) -> Iterator[bool]:
    said = exim(binary, service.folder, service.tcp, DEAD)
    if is_up:
        yield tell("Exim: the address is refused", said.startswith(f"550 5.1.1 {DEAD}"))
        said = exim(binary, service.folder, service.tcp, "jo@x.example")
        yield tell("Exim: others are not", said.startswith("250"))
    else:
        yield tell("Exim: without the service mail passes", said.startswith("250"))


def main() -> None:
    binary = shutil.which("exim4") or os.environ.get("LAB_EXIM", "")
    if not shutil.which("postmap"):
        print("tables: Postfix is not here; apt-get install postfix")
    if not binary:
        print("tables: Exim is not here; apt-get install exim4-daemon-light, or LAB_EXIM=path")
    results: list[bool] = []
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        service = Serve(Path(name))
        for is_up in (True, False):
            if not is_up:
                service.stop()
            results += _with_postmap(service, is_up=is_up) if shutil.which("postmap") else ()
            results += _with_exim(service, binary, is_up=is_up) if binary else ()
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
