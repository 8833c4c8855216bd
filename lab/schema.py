"""The HTTP API under schemathesis: ``python -m lab.schema [SECONDS]``.

Starts the service over a small ledger, and lets schemathesis send what its OpenAPI document
describes and what it does not, in sequences too. Every answer must be a described one, and none a
500; exits 1 otherwise. By default it takes a minute.
"""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bouncewise.config.service import TokenScope
from bouncewise.service.tokens import make

# Not negative_data_rejection: it takes 413 for an acceptance, and a list may be any text.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "missing_required_header",
    "ignored_auth",
    "unsupported_method",
    "allow_header_conformance",
)
_LINE = (
    "{at} mx postfix/smtp[1]: 4bAC{n}: to=<u{n}@out.example>, relay=mx.out.example[192.0.2.1]:25, "
    "delay=1, delays=0/0/0/1, {end}\n"
)
_REFUSED = (
    "dsn=5.1.1, status=bounced (host mx.out.example[192.0.2.1] said: 550 5.1.1 User unknown "
    "(in reply to RCPT TO command))"
)
_SENT = "dsn=2.0.0, status=sent (250 2.0.0 Ok: queued)"


def main() -> int:
    """Run it; the exit code."""
    seconds = sys.argv[1] if len(sys.argv) > 1 else "60"
    token = make("lab", (TokenScope.CHECK, TokenScope.READ, TokenScope.WRITE))
    port = _free_port()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = {**os.environ, "XDG_DATA_HOME": name, "XDG_CONFIG_HOME": name}
        (folder / "bouncewise.toml").write_text(
            f'[http]\nlisten = "127.0.0.1:{port}"\n[postfix_policy]\nlisten = "off"\n{token.lines}'
        )
        (folder / "mail.log").write_text("".join(_log()))
        command = [sys.executable, "-m", "bouncewise"]
        subprocess.run(  # noqa: S603
            [*command, "ingest", "mail.log", "--db", "l"], cwd=folder, env=environment, check=True
        )
        with subprocess.Popen(  # noqa: S603
            [*command, "serve", "--db", "l"],
            cwd=folder,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        ) as service:
            try:
                _wait(port)
                code = _schemathesis(port, token.token, seconds, folder)
            finally:
                service.terminate()
            assert service.stderr is not None
            defects = [line for line in service.stderr if "defect" in line or "Traceback" in line]
    print("".join(defects), end="")
    return 1 if code or defects else 0


def _schemathesis(port: int, token: str, seconds: str, folder: Path) -> int:
    arguments = [
        *(str(Path(sys.executable).with_name("schemathesis")), "run"),
        f"http://127.0.0.1:{port}/v1/openapi.json",
        *("--header", f"Authorization: Bearer {token}"),
        *("--checks", ",".join(CHECKS)),
        *("--max-time", seconds, "--seed", "1", "--continue-on-failure", "--no-color"),
        *("--suppress-health-check", "all", "--generation-database", "none"),
        *("--output-truncate", "true"),
    ]
    return subprocess.run(arguments, cwd=folder, check=False).returncode  # noqa: S603


def _log() -> list[str]:
    lately = datetime.now(UTC) - timedelta(hours=1)
    hours = ((lately - timedelta(days=8), _SENT), (lately, _REFUSED))
    return [
        _LINE.format(at=f"{at + timedelta(seconds=n):%Y-%m-%dT%H:%M:%S}+00:00", n=n, end=end)
        for at, end in hours
        for n in range(40)
    ]


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _wait(port: int) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/healthz")
            connection.getresponse().read()
            connection.close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the service did not start")


if __name__ == "__main__":
    sys.exit(main())
