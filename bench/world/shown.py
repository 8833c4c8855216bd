"""The dashboard over a simulated sender: python -m bench.world.shown [--only-ledger FOLDER].

Writes a log of forty days of mail to 900 addresses, with dead addresses, an outage of a receiver's
directory, and two days on which a receiver blocks the sender; reads it into a ledger in a temporary
folder, and starts ``bouncewise dashboard``.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

HOSTS = {
    "gmail.com": "gmail-smtp-in.l.google.com",
    "outlook.com": "outlook-com.olc.protection.outlook.com",
    "yahoo.com": "mta5.am0.yahoodns.net",
    "icloud.com": "mx01.mail.icloud.com",
    "corp.example": "corp-example.mail.protection.outlook.com",
    "uni.example": "mx.uni.example",
}
GONE = "550-5.1.1 The email account that you tried to reach does not exist. - gsmtp"
UNKNOWN = "550 5.1.1 User unknown"
DENIED = "550 5.4.1 Recipient address rejected: Access denied. [DB5EUR03FT003]"
BLOCKED = (
    "550 5.7.1 Unfortunately, messages from [192.0.2.7] weren't sent. Please contact your Internet "
    "service provider since part of their network is on our block list (S3140)."
)
PEOPLE, DAYS, DEAD = 900, 40, 40


def log(now: datetime) -> str:
    """The log of Postfix for mail every second day up to *now*."""
    draw = random.Random(5)  # noqa: S311
    domains = list(HOSTS)
    people = [f"u{n}@{draw.choice(domains)}" for n in range(PEOPLE)]
    dead = set(draw.sample(people, DEAD))
    lines = []
    for day in range(DAYS, -1, -2):
        for number, name in enumerate(people):
            at = now - timedelta(days=day, hours=2) + timedelta(seconds=number)
            reply = _reply(draw, name, day, is_dead=name in dead)
            lines.append(_line(at, name, reply, f"{day:02X}{number:07X}"))
    return "".join(lines)


def _reply(draw: random.Random, name: str, day: int, *, is_dead: bool) -> str:
    domain = name.rpartition("@")[2]
    if is_dead and day < 30:
        return {"corp.example": DENIED, "gmail.com": GONE}.get(domain, UNKNOWN)
    if domain == "gmail.com" and day == 0 and draw.random() < 0.5:
        return GONE
    if domain == "outlook.com" and day in (4, 6):
        return BLOCKED
    return "552 5.2.2 Mailbox full" if draw.random() < 0.004 else ""


def _line(at: datetime, name: str, reply: str, queue: str) -> str:
    host = HOSTS[name.rpartition("@")[2]]
    said = f"host {host}[192.0.2.9] said: {reply} (in reply to RCPT TO command)"
    outcome = (
        f"dsn=5.0.0, status=bounced ({said})" if reply else "dsn=2.0.0, status=sent (250 2.0.0 Ok)"
    )
    return (
        f"{at.isoformat(timespec='microseconds')} mx postfix/smtp[7]: {queue}: to=<{name}>, "
        f"relay={host}[192.0.2.9]:25, delay=1, {outcome}\n"
    )


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--only-ledger", type=Path, metavar="FOLDER", help="keep the ledger there")
    folder = args.parse_args().only_ledger
    if folder is not None:
        fill(folder)
        return
    with tempfile.TemporaryDirectory() as name:
        ledger = fill(Path(name))
        run = [sys.executable, "-m", "bouncewise", "dashboard", "--db", str(ledger)]
        raise SystemExit(subprocess.run(run, check=False).returncode)  # noqa: S603


def fill(folder: Path) -> Path:
    """Write the log and read it; the ledger."""
    file, ledger = folder / "mail.log", folder / "ledger.sqlite"
    file.write_text(log(datetime.now(UTC)), "utf-8")
    run = [sys.executable, "-m", "bouncewise", "ingest", str(file), "--db", str(ledger)]
    subprocess.run(run, check=True)  # noqa: S603
    return ledger


if __name__ == "__main__":
    main()
