"""Let real mail servers produce bounces, and check that bouncewise reads them: python -m lab.run
[--keep FOLDER].

Each server gets one message per case of remote.toml. Its bounces come back through the remote; its
log is read too. Prints a line per server and source; exits 1 if anything was read differently from
what remote.toml says.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from bouncewise.classifier.classify import default_classifier
from bouncewise.intake import files
from bouncewise.model import Finding, Kind, Report
from bouncewise.readers.messages.interpret import read as read_message
from lab.remote import CASES, DOMAIN, SENDER, Remote
from lab.servers import SERVERS, Server

PATIENCE = 40
"""Seconds to wait for a server's bounces."""


def main() -> None:
    args = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    args.add_argument("--keep", type=Path, metavar="FOLDER", help="write each bounce and log there")
    options = args.parse_args()
    wrong = 0
    for server in SERVERS:
        if need := server.missing():
            print(f"{server.name}: not here; {need}")
            continue
        with tempfile.TemporaryDirectory() as folder:
            returned, log = asyncio.run(through(server, Path(folder)))
        if options.keep:
            keep(options.keep, server.name, returned, log)
        read = [
            report for i, raw in enumerate(returned) for report in read_message(raw, server.name, i)
        ]
        wrong += judge(f"{server.name}, {len(returned)} bounces", read, failures_only=True)
        if log:
            wrong += judge(f"{server.name}, log", read_log(log), failures_only=False)
    sys.exit(1 if wrong else 0)


async def through(server: Server, folder: Path) -> tuple[list[bytes], bytes]:
    """Send a message per case through *server*; its bounces and its log."""
    remote = Remote()
    listening = await remote.start()
    await asyncio.to_thread(server.start, folder, remote.port)
    try:
        for case in CASES.values():
            to = f"{case.name}@{DOMAIN}"
            header = (
                f"From: <{SENDER}>\nTo: <{to}>\nSubject: news\nMessage-ID: "
                f"<{case.name}@sender.example>\n"
            )
            await asyncio.to_thread(server.send, f"{header}\nHello\n".encode(), [to])
        for _ in range(PATIENCE):
            await asyncio.sleep(1)
            if len(remote.returned) >= len(CASES) - 1:
                break
    finally:
        await asyncio.to_thread(server.stop)
        listening.close()
    return remote.returned, server.log.read_bytes() if server.log.exists() else b""


def read_log(raw: bytes) -> list[Report]:
    """The reports of a log, as ``bouncewise read`` gives them."""
    with tempfile.NamedTemporaryFile(suffix=".log") as file:
        file.write(raw)
        file.flush()
        return [item.report for item in files.read(file.name) if isinstance(item, Finding)]


def judge(title: str, reports: Iterable[Report], *, failures_only: bool) -> int:
    """Compare with remote.toml; the number of cases that were read differently."""
    found: dict[str, set[str]] = {}
    for report in reports:
        name = report.recipient.partition("@")[0]
        verdict = (
            default_classifier().classify_report(report)
            if report.kind is not Kind.DELIVERED
            else None
        )
        found.setdefault(name, set()).add(verdict.cause if verdict else "delivered")
    wrong = []
    for case in CASES.values():
        want = {case.cause} if case.cause else set() if failures_only else {"delivered"}
        if not want <= found.get(case.name, set()) or (not want and case.name in found):
            wrong.append(f"{case.name} read as {sorted(found.get(case.name, set())) or 'nothing'}")
    strangers = set(found) - set(CASES) - {SENDER.partition("@")[0]}
    wrong += [f"{name} out of thin air" for name in sorted(strangers)]
    print(f"{title}: {'; '.join(wrong) if wrong else f'all {len(CASES)} cases read right'}")
    return len(wrong)


def keep(folder: Path, name: str, returned: list[bytes], log: bytes) -> None:
    """Write what a server produced, for inspection or as fixtures."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, raw in enumerate(returned):
        (folder / f"{name}-{i}.eml").write_bytes(raw)
    (folder / f"{name}.log").write_bytes(log)


if __name__ == "__main__":
    main()
