"""A real rsyslog sends to ``bouncewise serve``: both framings, both forms of heads, nothing is
missing. Skipped where there is no rsyslog.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fuzz.serving import Service, free_port

PROGRAM = shutil.which("rsyslogd") or "/usr/sbin/rsyslogd"
COUNT = 1000

pytestmark = pytest.mark.skipif(not Path(PROGRAM).exists(), reason="needs rsyslog")

CONFIG = """
global(workDirectory="{folder}" maxMessageSize="64k")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{folder}/dev-log" RateLimit.Interval="0")
action(type="omfwd" target="127.0.0.1" port="{counted}" protocol="tcp"
       TCP_Framing="octet-counted" template="RSYSLOG_SyslogProtocol23Format"
       action.resumeRetryCount="-1" queue.type="LinkedList")
action(type="omfwd" target="127.0.0.1" port="{ended}" protocol="tcp"
       TCP_Framing="traditional" template="RSYSLOG_TraditionalForwardFormat"
       action.resumeRetryCount="-1" queue.type="LinkedList")
"""
SYSLOG = '[[syslog]]\nname = "{}"\nlisten = "127.0.0.1:{}"\n'


@pytest.fixture
def service(tmp_path: Path) -> Iterator[tuple[Service, socket.socket]]:
    counted, ended = free_port(), free_port()
    (tmp_path / "rsyslog.conf").write_text(
        CONFIG.format(folder=tmp_path, counted=counted, ended=ended)
    )
    with Service(tmp_path, SYSLOG.format("counted", counted) + SYSLOG.format("ended", ended)) as s:
        command = [PROGRAM, "-n", "-f", tmp_path / "rsyslog.conf", "-i", tmp_path / "pid"]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            s.until(lambda: (tmp_path / "dev-log").exists())
            s.until(lambda: sock.connect(str(tmp_path / "dev-log")) is None)
            yield s, sock
        process.kill()
        process.wait()


def test_every_line_is_in_the_ledger_once(service: tuple[Service, socket.socket]) -> None:
    served, sock = service
    for number in range(COUNT):
        line = (
            f"4AF1D2E{number:04X}: to=<dead{number}@gone.example>, relay=mx.gone.example"
            "[192.0.2.1]:25, delay=1, dsn=5.1.1, status=bounced (host mx.gone.example[192.0.2.1]"
            " said: 550 5.1.1 User unknown (in reply to RCPT TO command))"
        )
        sock.send(f"<22>{time.strftime('%b %d %H:%M:%S')} postfix/smtp[9]: {line}".encode())
    wanted = {f"dead{number}@gone.example" for number in range(COUNT)}
    folder = served.folder / "spool" / "syslog"

    def stored(name: str) -> int:
        return (folder / f"{name}.log").read_bytes().count(b"status=bounced")

    served.until(lambda: stored("counted") == stored("ended") == COUNT, 60)
    served.until(lambda: wanted <= served.names(), 60)
    served.until(lambda: served.events() == COUNT, 30)
    assert b"<22>1 " in (folder / "counted.log").read_bytes()[:10]
    assert served.stop() == 0
    assert "Traceback" not in served.log.read_text()
