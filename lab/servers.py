"""The mail servers of the lab: each is configured in a folder of its own, sends everything to the
remote, and tries once.

Debian's packages are used as they are installed, or unpacked beside the work folder where two
exclude each other.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Protocol

from lab.remote import SENDER


class Server(Protocol):
    """A mail server: ``missing`` says what to install, ``send`` hands a message over, ``log`` is
    its log.
    """

    name: str
    log: Path

    def missing(self) -> str | None: ...
    def start(self, folder: Path, remote_port: int) -> None: ...
    def send(self, message: bytes, recipients: list[str], sender: str = SENDER) -> None: ...
    def stop(self) -> None: ...


def run(
    *command: str, feed: bytes | None = None, check: bool = True
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # noqa: S603
        command, input=feed, check=check, capture_output=True, timeout=60
    )


class Postfix:
    """Postfix in a second instance: its own configuration, queue and log."""

    name = "postfix"
    log = Path()

    def __init__(
        self, settings: dict[str, str] | None = None, services: tuple[str, ...] = ()
    ) -> None:
        """*settings*: more of main.cf; *services*: more lines of master.cf."""
        self._settings, self._services = settings or {}, services

    def missing(self) -> str | None:
        """Needs the package and root."""
        return (
            None
            if shutil.which("postfix") and os.geteuid() == 0
            else "apt-get install postfix (as root)"
        )

    def start(self, folder: Path, remote_port: int) -> None:
        """Write main.cf and master.cf, then start."""
        self.folder, self.log = folder / "etc", folder / "mail.log"
        queue, data = folder / "queue", folder / "data"
        for path in (self.folder, queue, data):
            path.mkdir(parents=True)
        shutil.chown(data, "postfix")
        folder.chmod(0o755)
        settings = {
            "compatibility_level": "3.6",
            "queue_directory": queue,
            "data_directory": data,
            "mydestination": "",
            "myhostname": "postfix.sender.example",
            "relayhost": f"[127.0.0.1]:{remote_port}",
            "inet_interfaces": "loopback-only",
            "maillog_file": self.log,
            "maillog_file_prefixes": folder,
            "maximal_queue_lifetime": 0,
            "bounce_queue_lifetime": 0,
            "smtp_tls_security_level": "none",
            "alternate_config_directories": "",
            "alias_maps": "",
            "alias_database": "",
            **self._settings,
        }
        (self.folder / "main.cf").write_text(
            "".join(f"{name} = {value}\n" for name, value in settings.items())
        )
        services = [
            "pickup unix n - n 1 1 pickup",
            "cleanup unix n - n - 0 cleanup",
            "qmgr unix n - n 1 1 qmgr",
            "rewrite unix - - n - - trivial-rewrite",
            "bounce unix - - n - 0 bounce",
            "defer unix - - n - 0 bounce",
            "trace unix - - n - 0 bounce",
            "error unix - - n - - error",
            "retry unix - - n - - error",
            "smtp unix - - n - - smtp",
            "showq unix n - n - - showq",
            "anvil unix - - n - 1 anvil",
            "flush unix n - n 1000? 0 flush",
            "postlog unix-dgram n - n - 1 postlogd",
            *self._services,
        ]
        (self.folder / "master.cf").write_text("\n".join(services) + "\n")
        run("postfix", "-c", str(self.folder), "start")

    def send(self, message: bytes, recipients: list[str], sender: str = SENDER) -> None:
        """By sendmail(1)."""
        run("sendmail", "-C", str(self.folder), "-f", sender, "-i", "--", *recipients, feed=message)

    def stop(self) -> None:
        """Stop the instance."""
        run("postfix", "-c", str(self.folder), "stop", check=False)


class Exim:
    """Exim 4, installed or unpacked (it wants its user Debian-exim): one binary, one configuration
    file, no daemon.
    """

    name = "exim"
    log = Path()
    router_options = ""

    def missing(self) -> str | None:
        """Needs the package and root."""
        self.binary = shutil.which("exim4") or os.environ.get("LAB_EXIM", "")
        ready = self.binary and os.geteuid() == 0
        return (
            None
            if ready
            else (
                "apt-get install exim4-daemon-light, or LAB_EXIM=path of an unpacked exim4 "
                "(as root)"
            )
        )

    def start(self, folder: Path, remote_port: int) -> None:
        """Write the configuration. Without a retry rule the first temporary error is the last."""
        self.config, self.log = folder / "exim.conf", folder / "log" / "main"
        folder.chmod(0o755)
        for path in (folder / "spool", folder / "log"):
            path.mkdir(parents=True)
            shutil.chown(path, "Debian-exim")
        self.config.write_text(
            f"""exim_path = {self.binary}
primary_hostname = exim.sender.example
spool_directory = {folder}/spool
log_file_path = {folder}/log/%s
exim_user = Debian-exim
exim_group = Debian-exim
never_users =
keep_environment =
log_selector = +smtp_confirmation
trusted_users = root
begin routers
all:
  driver = manualroute
  transport = remote
  route_list = * 127.0.0.1
  self = send
{self.router_options}begin transports
remote:
  driver = smtp
  port = {remote_port}
  allow_localhost
  hosts_avoid_tls = *
  max_rcpt = 1
begin retry
"""
        )

    def send(self, message: bytes, recipients: list[str], sender: str = SENDER) -> None:
        """By its own command, delivering in the foreground."""
        run(
            self.binary,
            "-C",
            str(self.config),
            "-f",
            sender,
            "-i",
            "-odf",
            "--",
            *recipients,
            feed=message,
        )

    def stop(self) -> None:
        """Deliver what is left: the bounces themselves."""
        run(self.binary, "-C", str(self.config), "-qff", check=False)


SERVERS: tuple[Server, ...] = (Postfix(), Exim())
