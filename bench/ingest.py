"""A Postfix log into an SQLite ledger, the whole job, beside bare inserts of as many rows into SQLite.

Run as: python bench/ingest.py [--mails N]. The log is made for it: one delivery line a mail, a tenth of them bounces, with
the qmgr lines that belong to it. Prints events per second and the ratio; exits 0.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import tempfile
import time
from pathlib import Path

from bouncewise import pipeline
from bouncewise.judge import default
from bouncewise.ledger import Ledger
from bouncewise.policy.load import load

SENT = "dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as {id})"
BOUNCED = (
    "dsn=5.1.1, status=bounced (host mx.d.example[192.0.2.1] said: 550 5.1.1 <{to}>: Recipient address rejected: "
    "User unknown in table {id} (in reply to RCPT TO command))"
)


def log(mails: int) -> str:
    """Three lines a mail."""
    draw = random.Random(1)  # noqa: S311
    out = []
    for i in range(mails):
        queue_id, when = (
            f"4{i:09X}",
            f"2026-11-{1 + i * 20 // mails:02d}T10:{i // 60 % 60:02d}:{i % 60:02d}.000000+00:00",
        )
        to = f"u{draw.randrange(mails)}@d{draw.randrange(500)}.example"
        fate = (BOUNCED if draw.random() < 0.1 else SENT).format(id=queue_id, to=to)
        out.append(f"{when} out postfix/qmgr[1]: {queue_id}: from=<list@s.example>, size=812, nrcpt=1 (queue active)\n")
        out.append(
            f"{when} out postfix/smtp[2]: {queue_id}: to=<{to}>, relay=mx.d.example[192.0.2.9]:25, delay=1, {fate}\n"
        )
        out.append(f"{when} out postfix/qmgr[1]: {queue_id}: removed\n")
    return "".join(out)


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--mails", type=int, default=200_000)
    mails = args.parse_args().mails
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "mail.log").write_text(log(mails), "utf-8")
        start = time.perf_counter()
        with Ledger(home / "ledger.sqlite") as ledger:
            pipeline.ingest((str(home / "mail.log"),), ledger, default(), load(), tell=print)
        ours = mails / (time.perf_counter() - start)
        start = time.perf_counter()
        db = sqlite3.connect(home / "bare.sqlite")
        db.execute("CREATE TABLE event (id INTEGER PRIMARY KEY, at INTEGER, kind TEXT, words TEXT)")
        db.executemany("INSERT INTO event VALUES (?, ?, 'sent', '250 2.0.0 Ok')", ((i, i) for i in range(mails)))
        db.commit()
        bare = mails / (time.perf_counter() - start)
    print(f"ingest of a Postfix log    {ours:10,.0f} events/s   1 / {bare / ours:.0f} of bare inserts ({bare:,.0f}/s)")


if __name__ == "__main__":
    main()
