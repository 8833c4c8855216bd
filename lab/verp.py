"""Signed return addresses through real mail servers: python -m lab.verp.

Each server sends a mail with a signed envelope sender per refused recipient, once signed by the
sending program and, where the server can, once by itself as docs/trust.md shows. Every bounce must
be verified and name the recipient; one to the unsigned address must not be. Exits 1 otherwise.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path

from bouncewise.config.keys import create_key
from bouncewise.config.settings import Settings, Verp
from bouncewise.intake.provenance import Examiner
from bouncewise.model import Finding, Proof
from bouncewise.readers.messages.mbox import findings
from bouncewise.verp import address
from lab.remote import CASES, DOMAIN, SENDER, Remote
from lab.servers import SERVERS, Exim, Server

PATIENCE = 40
"""Seconds to wait for a server's bounces."""

OWN_DOMAIN = SENDER.partition("@")[2]
RECIPIENTS = [f"{case.name}@{DOMAIN}" for case in CASES.values() if case.reply.startswith("5")]


def main() -> None:
    wrong = 0
    for server in SERVERS:
        if need := server.missing():
            print(f"{server.name}: not here; {need}")
            continue
        for by_server in (False, True) if isinstance(server, Exim) else (False,):
            with tempfile.TemporaryDirectory() as folder:
                wrong += asyncio.run(through(server, Path(folder), by_server=by_server))
    sys.exit(1 if wrong else 0)


async def through(server: Server, folder: Path, *, by_server: bool) -> int:
    """Send and judge; how many bounces were judged wrong or are missing."""
    folder.chmod(0o755)
    (folder / "server").mkdir()
    keys = folder / "keys"
    keyring = create_key(keys)
    settings = Settings(verp=Verp(key_file=str(keys), domain=OWN_DOMAIN, since=date(2020, 1, 1)))
    if by_server and isinstance(server, Exim):
        sign_by_exim(server, folder)
    remote = Remote()
    listening = await remote.start()
    await asyncio.to_thread(server.start, folder / "server", remote.port)
    now = datetime.now(UTC)
    try:
        for number, to in enumerate(RECIPIENTS):
            sender = SENDER if by_server else address(to, OWN_DOMAIN, keyring, now)
            await asyncio.to_thread(server.send, message(to, number), [to], sender)
        if not by_server:
            await asyncio.to_thread(server.send, message(RECIPIENTS[0], 99), [RECIPIENTS[0]])
        expected = len(RECIPIENTS) + (not by_server)
        for _ in range(PATIENCE * 10):
            if len(remote.returned) >= expected:
                break
            await asyncio.sleep(0.1)
    finally:
        await asyncio.to_thread(server.stop)
        if isinstance(server, Exim):
            server.router_options = ""
        listening.close()
    return judge(server, Examiner(settings, keyring, now), remote.returned, by_server=by_server)


def judge(server: Server, examiner: Examiner, returned: list[bytes], *, by_server: bool) -> int:
    """Print what was found; how much of it is wrong."""
    reports = [
        examiner.examine(item).report
        for number, raw in enumerate(returned)
        for item in findings(raw, server.name, number)
        if isinstance(item, Finding)
    ]
    signed = {r.verp_recipient for r in reports if r.provenance.proof is Proof.VERP}
    unsigned = sum(r.provenance.proof is Proof.UNSIGNED for r in reports)
    wrong = len(set(RECIPIENTS) ^ signed) + abs(unsigned - (not by_server))
    how = "signed by the server" if by_server else "signed by the program"
    print(
        f"{server.name}, {how}: {len(returned)} bounces, {len(signed)} verified, {unsigned} "
        f"unsigned"
    )
    return wrong


def sign_by_exim(server: Exim, folder: Path) -> None:
    """The recipe of docs/trust.md. Exim's user calls this Python, or that of LAB_PYTHON."""
    shutil.chown(folder / "keys", "Debian-exim")
    config = folder / "bouncewise.toml"
    config.write_text(f'[verp]\nkey_file = "keys"\ndomain = "{OWN_DOMAIN}"\nsince = 2020-01-01\n')
    script = folder / "sign"
    path = os.environ.get("PYTHONPATH", "")
    script.write_text(
        f"#!/bin/sh\nPYTHONPATH={path} BOUNCEWISE_CONFIG={config} "
        f'exec {os.environ.get("LAB_PYTHON", sys.executable)} -m bouncewise "$@"\n'
    )
    script.chmod(0o755)
    server.router_options = (
        f"  errors_to = ${{if match_address{{$sender_address}}{{{SENDER}}} \\\n"
        f"    {{${{run{{{script} verp address -- $local_part@$domain}}{{$value}}fail}}}}fail}}\n"
    )


def message(to: str, number: int) -> bytes:
    return (
        f"From: <{SENDER}>\nTo: <{to}>\nSubject: news\nMessage-ID: <{number}@{OWN_DOMAIN}>\n"
        f"Date: {datetime.now(UTC):%a, %d %b %Y %H:%M:%S +0000}\n\nHello\n"
    ).encode()


if __name__ == "__main__":
    main()
