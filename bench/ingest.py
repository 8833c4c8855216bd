"""A Postfix log into an SQLite ledger, in one process and in two, compared with inserting as many
rows into SQLite; and into a ledger in PostgreSQL.

Run as: python bench/ingest.py [--mails N] [--db URL]. The URL names a PostgreSQL database, in which
schema bench is made and removed; without it only SQLite is measured. The log has three lines per
mail (qmgr, smtp, qmgr), of which three, or ten, in a hundred are refused, over 500 domains and
twenty days. "No guard" leaves out the detection of incidents and what incidents and neighbours say
about a refusal. Prints events per second and ratios; exits 0.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

from bouncewise.classifier.classify import default_classifier
from bouncewise.ledger import open_store
from bouncewise.operations import decisions
from bouncewise.operations.context import Context
from bouncewise.operations.incidents import Affected
from bouncewise.operations.ingest import ingest
from bouncewise.operations.refusal_context import RefusalContexts
from bouncewise.policy.decide import NoContext
from bouncewise.policy.load import load
from bouncewise.times import Slot

SENT = "dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as {id})"
BOUNCED = (
    "dsn=5.1.1, status=bounced (host mx.d.example[192.0.2.1] said: 550 5.1.1 <{to}>: "
    "Recipient address rejected: "
    "User unknown in table {id} (in reply to RCPT TO command))"
)


def write(file: Path, mails: int, refused: float) -> None:
    """Three lines per mail."""
    draw = random.Random(1)  # noqa: S311
    with file.open("w", encoding="utf-8") as out:
        for i in range(mails):
            queue_id = f"4{i:09X}"
            when = (
                f"2026-11-{1 + i * 20 // mails:02d}T10:{i // 60 % 60:02d}:{i % 60:02d}.000000+00:00"
            )
            to = f"u{draw.randrange(mails)}@d{draw.randrange(500)}.example"
            fate = (BOUNCED if draw.random() < refused else SENT).format(id=queue_id, to=to)
            begun = "from=<list@s.example>, size=812, nrcpt=1 (queue active)"
            out.write(f"{when} out postfix/qmgr[1]: {queue_id}: {begun}\n")
            out.write(
                f"{when} out postfix/smtp[2]: {queue_id}: to=<{to}>, "
                f"relay=mx.d.example[192.0.2.9]:25, delay=1, {fate}\n"
            )
            out.write(f"{when} out postfix/qmgr[1]: {queue_id}: removed\n")


def rate(log: Path, mails: int, jobs: int, url: str = "") -> float:
    """Events per second of an ingest into a new ledger."""
    with tempfile.TemporaryDirectory() as folder:
        where = in_new_schema(url) if url else str(Path(folder) / "ledger.sqlite")
        start = time.perf_counter()
        with open_store(where, create=True) as ledger:
            ingest(
                (str(log),), Context(ledger, load(), default_classifier()), note=print, jobs=jobs
            )
        return mails / (time.perf_counter() - start)


def in_new_schema(url: str) -> str:
    """The URL of an empty schema of the database at *url*."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS bench CASCADE")
        connection.execute("CREATE SCHEMA bench")
    return f"{url}{'&' if '?' in url else '?'}options=-c%20search_path%3Dbench"


def bare(mails: int) -> float:
    """Rows per second of inserts in order, into a table of nothing but a key and three columns."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        db = sqlite3.connect(Path(folder) / "bare.sqlite")
        db.execute("CREATE TABLE event (id INTEGER PRIMARY KEY, at INTEGER, kind TEXT, words TEXT)")
        db.executemany(
            "INSERT INTO event VALUES (?, ?, 'sent', '250 2.0.0 Ok')",
            ((i, i) for i in range(mails)),
        )
        db.commit()
        return mails / (time.perf_counter() - start)


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--mails", type=int, default=500_000)
    args.add_argument("--db", default="", help="a PostgreSQL database")
    mails, url = args.parse_args().mails, args.parse_args().db
    floor = bare(mails)
    with tempfile.TemporaryDirectory() as folder:
        for refused in (0.03, 0.1):
            log = Path(folder) / f"{refused}.log"
            write(log, mails, refused)
            for jobs in (1, 2):
                ours = rate(log, mails, jobs)
                what = f"ingest of a Postfix log, {refused:3.0%} refused, processes: {jobs}"
                print(f"{what}   {ours:10,.0f} events/s   1 / {floor / ours:.0f} of bare inserts")
                if url:
                    there = rate(log, mails, jobs, url)
                    print(f"{what}   {there:10,.0f} events/s   {there / ours:.2f} of SQLite")
        nothing = patch.object(
            decisions, "detect_incidents", lambda *_: Affected(set(), Slot(0), Slot(0), False)
        )
        with nothing, patch.object(RefusalContexts, "of", lambda *_: NoContext()):
            without = rate(log, mails, 2)
        print(
            f"with the guard beside without: {ours / without:.2f} ({without:,.0f} events/s without)"
        )


if __name__ == "__main__":
    main()
